//! `cargo xtask check`: what a change must pass beside the tests. All of it is tried before it gives up.

use std::process::{Command, ExitCode};

use anyhow::bail;

use xtask::{command, setup};

use crate::tidy;

/// Format, lints, house rules.
pub(crate) fn check() -> anyhow::Result<ExitCode> {
    // clippy runs netanom's build script, which builds the kernel programs.
    setup::ensure()?;
    let mut failed = Vec::new();
    for mut step in [format()?, lint()?, lint_kernel_side()?] {
        if let Err(error) = command::run(&mut step) {
            failed.push(format!("{error:#}"));
        }
    }
    if tidy::tidy()? != ExitCode::SUCCESS {
        failed.push("the house rules are broken: see above".to_owned());
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{}", failed.join("\n       "))
}

fn format() -> anyhow::Result<Command> {
    command::cargo(&["fmt", "--all", "--check"])
}

fn lint() -> anyhow::Result<Command> {
    let arguments = [
        "clippy",
        "--workspace",
        "--exclude",
        "netanom-ebpf",
        "--all-targets",
    ];
    let mut clippy = command::cargo(&arguments)?;
    clippy.args(["--", "--deny", "warnings"]);
    Ok(clippy)
}

/// The kernel's crate is linted as if for this machine: clippy has no `core` for the BPF target.
fn lint_kernel_side() -> anyhow::Result<Command> {
    let mut clippy = command::cargo(&["clippy", "--package", "netanom-ebpf", "--profile", "bpf"])?;
    clippy
        .arg("--target-dir")
        .arg(command::target_dir()?.join("bpf"));
    clippy
        .args(["--", "--deny", "warnings"])
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(clippy)
}
