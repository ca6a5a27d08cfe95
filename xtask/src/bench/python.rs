//! Programs of others in Python: an environment with the versions that a page names, and what they print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use xtask::{command, debian};

/// The Python of an environment below `folder` that has these packages (`name==version`); made once.
pub(super) fn environment(folder: &Path, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let environment = folder.join("python");
    let python = environment.join("bin/python");
    let installed = folder.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&environment);
        if !command::exists("python3") || command::run(&mut make).is_err() {
            debian::install(&["python3", "python3-venv"])?;
            command::run(&mut make)?;
        }
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"]).args(packages);
        command::run(&mut pip)?;
        fs::write(&installed, wanted).context("cannot note what is installed")?;
    }
    Ok(python)
}

/// What a command prints.
pub(super) fn output(command: &mut Command) -> anyhow::Result<String> {
    let text = command::shown(command);
    eprintln!("$ {text}");
    command.stderr(Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("cannot run `{text}`"))?;
    ensure!(
        output.status.success(),
        "`{text}` failed: {}",
        output.status
    );
    String::from_utf8(output.stdout).context("the result is no text")
}
