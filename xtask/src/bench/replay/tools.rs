//! The programs that are measured, and how each is called.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use xtask::command;

/// The version that the tables are about.
const NFSTREAM: &str = "6.6.0";

/// nfstream as its manual shows it: every flow is made and looked at, none is printed.
const COUNT_FLOWS: &str = "\
import sys
from nfstream import NFStreamer

if __name__ == \"__main__\":
    print(sum(1 for flow in NFStreamer(source=sys.argv[1], n_meters=1)))
";

/// A program with its arguments; the capture comes last.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) version: String,
    /// What it does with a packet.
    pub(super) does: &'static str,
    /// As one would type it.
    pub(super) shown: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// A folder that it writes to, emptied before each run.
    pub(super) output: Option<PathBuf>,
}

/// netanom with and without verdicts, and those beside it.
pub(super) fn all(netanom: &Path, work: &Path) -> anyhow::Result<Vec<Tool>> {
    let flows = work.join("nfpcapd");
    let pid = work.join("softflowd.pid");
    let script = work.join("count_flows.py");
    fs::write(&script, COUNT_FLOWS).context("cannot write a script")?;
    let version = |text: String| text.rsplit(' ').next().unwrap_or_default().to_owned();
    let of_netanom = version(first_line(netanom, "--version")?);
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    Ok(vec![
        Tool {
            name: "netanom",
            version: of_netanom.clone(),
            does: "flows, features, verdicts, alerts",
            shown: "netanom replay --format json FILE",
            program: netanom.to_owned(),
            arguments: words(&["replay", "--format", "json"]),
            output: None,
        },
        Tool {
            name: "netanom, no verdicts",
            version: of_netanom,
            does: "flows",
            shown: "netanom replay --no-verdicts --format json FILE",
            program: netanom.to_owned(),
            arguments: words(&["replay", "--no-verdicts", "--format", "json"]),
            output: None,
        },
        Tool {
            name: "nfpcapd",
            version: package_version("nfdump")?,
            does: "flows, written to a file; two threads",
            shown: "nfpcapd -w FOLDER -r FILE",
            program: "nfpcapd".into(),
            arguments: vec!["-w".into(), flows.clone().into(), "-r".into()],
            output: Some(flows),
        },
        Tool {
            name: "softflowd",
            version: package_version("softflowd")?,
            does: "flows, at most 8,192 at a time",
            shown: "softflowd -d -c none -p PIDFILE -r FILE",
            program: "softflowd".into(),
            arguments: [
                words(&["-d", "-c", "none", "-p"]),
                vec![pid.into(), "-r".into()],
            ]
            .concat(),
            output: None,
        },
        Tool {
            name: "nfstream",
            version: NFSTREAM.to_owned(),
            does: "flows and applications (nDPI); its defaults, one meter",
            shown: "python count_flows.py FILE",
            program: nfstream()?,
            arguments: vec![script.into()],
            output: None,
        },
        Tool {
            name: "tshark",
            version: package_version("tshark")?,
            does: "every protocol, and TCP and UDP conversations",
            shown: "tshark -n -q -z conv,tcp -z conv,udp -r FILE",
            program: "tshark".into(),
            arguments: words(&["-n", "-q", "-z", "conv,tcp", "-z", "conv,udp", "-r"]),
            output: None,
        },
    ])
}

/// A Python of its own with nfstream, made once in the target folder.
fn nfstream() -> anyhow::Result<PathBuf> {
    let folder = command::target_dir()?
        .join("python")
        .join(format!("nfstream-{NFSTREAM}"));
    let python = folder.join("bin/python");
    let done = folder.join("installed");
    if !done.is_file() {
        if !command::exists("python3") {
            bail!(
                "there is no python3, which nfstream needs (`sudo apt-get install python3-venv`)"
            );
        }
        command::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("Python's venv is missing, perhaps: `sudo apt-get install python3-venv`")?;
        let package = format!("nfstream=={NFSTREAM}");
        command::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
        fs::write(&done, "").with_context(|| format!("cannot write `{}`", done.display()))?;
    }
    Ok(python)
}

fn first_line(program: &Path, argument: &str) -> anyhow::Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .with_context(|| format!("cannot run `{}`", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Which of Debian's versions is installed.
fn package_version(package: &str) -> anyhow::Result<String> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Version}", package])
        .output()
        .context("cannot run dpkg-query")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
