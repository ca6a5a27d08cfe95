//! `cargo xtask run`: builds the sensor and becomes it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::{command, setup};

/// Questions about the sensor; answering them takes no privilege.
const QUESTIONS: [&str; 4] = ["--help", "-h", "--version", "--print-config"];

/// Capabilities by their number in linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

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

/// Whether this process may load and attach the programs.
pub(crate) fn may_attach() -> anyhow::Result<bool> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    Ok(suffices(&status))
}

/// Whether the effective capabilities in a `/proc/PID/status` suffice to load and attach the programs.
fn suffices(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
    else {
        return false;
    };
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(CAP_NET_ADMIN) && (has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(effective: u64, expected: bool) {
        let status = format!("Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t{effective:016x}\n");
        assert_eq!(suffices(&status), expected, "{effective:x}");
    }

    #[test]
    fn root_may_attach() {
        check(0x1ff_ffff_ffff, true);
    }

    #[test]
    fn the_three_capabilities_suffice() {
        check(1 << CAP_BPF | 1 << CAP_PERFMON | 1 << CAP_NET_ADMIN, true);
    }

    #[test]
    fn without_net_admin_nothing_is_attached() {
        check(1 << CAP_BPF | 1 << CAP_PERFMON | 1 << CAP_SYS_ADMIN, false);
    }

    #[test]
    fn an_ordinary_user_may_not() {
        check(0, false);
    }
}
