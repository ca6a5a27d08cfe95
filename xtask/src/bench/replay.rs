//! `cargo xtask bench replay`: how fast captures become flows, beside programs that others wrote, in one run.

mod captures;
mod measure;
mod page;
mod tools;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use self::captures::Capture;
use self::measure::Best;
use super::machine;
use xtask::{build, command, debian};

const COMMAND: &str = "cargo xtask bench replay";
const PAGE: &str = "docs/benchmarks-replay.md";

/// Programs that are needed, with the Debian package of each.
const NEEDED: [(&str, &str); 7] = [
    ("capinfos", "wireshark-common"),
    ("editcap", "wireshark-common"),
    ("mergecap", "wireshark-common"),
    ("tshark", "tshark"),
    ("nfpcapd", "nfdump"),
    ("softflowd", "softflowd"),
    ("time", "time"),
];

/// A program that takes more than so many seconds is run [`FEW`] times only.
const LONG: f64 = 8.0;
/// See [`LONG`].
const FEW: usize = 3;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of captures
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Runs of each program on each capture, of which the fastest counts; one that takes over 8 s has at most 3
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// A netanom that is built already, in place of building one
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Measures and writes the page.
pub(super) fn replay(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut missing: Vec<_> = NEEDED
        .iter()
        .filter(|(program, _)| !command::exists(program))
        .map(|(_, package)| *package)
        .collect();
    missing.dedup();
    if !missing.is_empty() {
        debian::install(&missing)?;
    }
    let netanom = match &arguments.program {
        Some(program) => program.clone(),
        None => build::release()?,
    };
    let work = tempfile::tempdir().context("cannot make a working folder")?;
    let captures = captures::choose(&arguments.data, &netanom, work.path())?;
    let tools = tools::all(&netanom, work.path())?;
    let mut results = Vec::new();
    for capture in captures {
        let best = measure::alternately(&tools, &capture, arguments.runs.max(1))?;
        results.push((capture, best));
    }
    let load = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load: Vec<_> = load.split(' ').take(3).collect();
    let text = page::of(
        &machine()?,
        &load.join(", "),
        arguments.runs,
        &tools,
        &results,
    );
    let path = command::workspace()?.join(PAGE);
    fs::write(&path, &text).with_context(|| format!("cannot write `{}`", path.display()))?;
    eprintln!("{text}\nwritten to {PAGE}");
    Ok(ExitCode::SUCCESS)
}

/// What was measured of a capture: a result for each tool, in their order.
type Results = [(Capture, Vec<Best>)];
