//! `cargo xtask run`: builds the sensor and becomes it.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use xtask::privileges::may_attach;
use xtask::{command, setup};

/// Questions about the sensor; answering them takes no privilege.
const QUESTIONS: [&str; 4] = ["--help", "-h", "--version", "--print-config"];

/// What is passed on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments of `netanom run`, for example `-i eth0`; `-- --help` lists them
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Comes back only when it failed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let asks = arguments
        .arguments
        .iter()
        .any(|argument| QUESTIONS.iter().any(|question| argument == question));
    if !asks && !may_attach()? {
        bail!(
            "attaching programs to an interface takes root, or the capabilities cap_bpf, cap_perfmon and cap_net_admin; \
             nothing was built\n\
             \x20 as root:              sudo env PATH=\"$PATH\" cargo xtask run -- ...\n\
             \x20 build as yourself:    cargo build --release -p netanom && sudo target/release/netanom run ...\n\
             \x20 or grant it for good: sudo setcap cap_bpf,cap_perfmon,cap_net_admin+ep target/release/netanom"
        );
    }
    if env::var_os("NETANOM_EBPF_OBJECT").is_none() {
        setup::ensure()?;
    }
    command::run(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "netanom",
    ])?)?;
    let mut sensor = Command::new(command::target_dir()?.join("release/netanom"));
    sensor.arg("run").args(&arguments.arguments);
    eprintln!("$ {}", command::shown(&sensor));
    // The sensor takes this process's place, so that every signal reaches it.
    Err(sensor.exec()).context("cannot run the sensor that was just built")
}
