//! The commands of netanom-testbed: built by cargo when they are asked for, as they are made of netanom itself.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use xtask::{command, debian};

/// Those that are of no use without root; the others say by themselves what they lack.
const FOR_ROOT: [&str; 2] = ["lab", "range"];

/// What is passed on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Options of the command; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Comes back only when it failed: the command takes this process's place, so that every signal reaches it.
pub(crate) fn run(name: &[&str], arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let asks = arguments
        .arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h");
    if let [name] = name
        && FOR_ROOT.contains(name)
        && !asks
        && !debian::is_root()?
    {
        bail!(
            "`{name}` makes network namespaces, which takes root; nothing was built\n\
             \x20 as root: sudo env PATH=\"$PATH\" cargo xtask {name} ..."
        );
    }
    let mut cargo = cargo(name)?;
    cargo.args(&arguments.arguments);
    Err(cargo.exec()).context("cannot run cargo")
}

/// Whether the built-in model is as good as it was; where that cannot be tried, a line in `skip_log` says why.
pub(crate) fn quality_gate(skip_log: &Path) -> anyhow::Result<bool> {
    let mut cargo = cargo(&["quality"])?;
    cargo.env("NETANOM_SKIP_LOG", skip_log);
    eprintln!("$ {}", command::shown(&cargo));
    let status = cargo.status().context("cannot run cargo")?;
    Ok(status.success())
}

/// Optimised, since they judge traffic by the million packets; what they depend on is what the sensor does.
fn cargo(name: &[&str]) -> anyhow::Result<Command> {
    let mut cargo = command::cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "netanom-testbed",
        "--",
    ])?;
    cargo.args(name);
    Ok(cargo)
}
