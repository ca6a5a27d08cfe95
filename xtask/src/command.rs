//! Running other programs: always shown, and an error names the whole command.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The workspace's folder.
///
/// # Errors
/// When it is not run by cargo.
pub fn workspace() -> anyhow::Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").context("start it by `cargo xtask`")?;
    let package = PathBuf::from(package);
    let workspace = package
        .parent()
        .context("this package is not in a workspace")?;
    Ok(workspace.to_owned())
}

/// The folder of what cargo builds, where this very program is (`target/debug/xtask`).
///
/// # Errors
/// When the program is in no such folder.
pub fn target_dir() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program itself is")?;
    let folder = program.ancestors().nth(2);
    Ok(folder
        .context("this program is not in a target folder")?
        .to_owned())
}

/// The cargo that runs this program, in the workspace's folder.
///
/// # Errors
/// As [`workspace`].
pub fn cargo(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()?).args(arguments);
    Ok(command)
}

/// Shows a command and runs it; `Ok` when it succeeds.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = shown(command);
    eprintln!("$ {text}");
    let status = command
        .status()
        .with_context(|| format!("cannot run `{text}`"))?;
    if !status.success() {
        bail!("`{text}` failed: {status}");
    }
    Ok(())
}

/// The command as one would type it.
#[must_use]
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // cargo's own path is long and says nothing.
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = [program]
        .into_iter()
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

/// Whether a program of this name is in PATH.
#[must_use]
pub fn exists(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
