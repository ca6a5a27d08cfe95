//! Debian packages: installed only by root, only when something needs them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command;

/// Installs packages without asking, after fetching the lists of packages when they do not have one.
///
/// # Errors
/// Not Debian, not root, or apt-get failed: says which.
pub fn install(packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    if !command::exists("apt-get") {
        bail!("cannot install {names}: there is no apt-get here");
    }
    if !is_root()? {
        bail!("cannot install {names}: that takes root (`sudo apt-get install {names}`)");
    }
    know(packages)?;
    command::run(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Asked by the scripts of packages before they start a service; 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs those of the packages that are missing, and keeps their services from being started.
///
/// # Errors
/// As [`install`].
pub fn install_quietly(packages: &[&str]) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if Path::new(POLICY).exists() {
        // Whose it is knows what it does.
        return install(&missing);
    }
    std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")
        .and_then(|()| std::fs::set_permissions(POLICY, PermissionsExt::from_mode(0o755)))
        .with_context(|| format!("cannot write `{POLICY}`, which keeps services from starting"))?;
    let installed = install(&missing);
    std::fs::remove_file(POLICY).with_context(|| format!("cannot remove `{POLICY}`"))?;
    installed
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

/// Unpacks a package into a folder and installs nothing: a daemon in it is not started, and root is not needed.
///
/// # Errors
/// Not Debian, or apt-get or dpkg-deb failed.
pub fn unpack(package: &str, folder: &Path) -> anyhow::Result<()> {
    if !command::exists("apt-get") {
        bail!("cannot fetch {package}: there is no apt-get here");
    }
    if is_root()? {
        know(&[package])?;
    }
    let download = tempfile::tempdir().context("cannot make a folder for a download")?;
    // The unprivileged user that apt-get downloads as cannot write to a folder of root.
    command::run(
        apt_get(&["download", "-o", "APT::Sandbox::User=root", package])
            .current_dir(download.path()),
    )?;
    let file = download
        .path()
        .read_dir()?
        .next()
        .context("apt-get downloaded nothing")??
        .path();
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    command::run(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(file)
            .arg(folder),
    )
}

/// Fetches the lists of packages when one is in none of them, as on a new machine.
fn know(packages: &[&str]) -> anyhow::Result<()> {
    let mut show = Command::new("apt-cache");
    show.args(["show", "--quiet=2"])
        .args(packages)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if show
        .status()
        .context("cannot run `apt-cache show`")?
        .success()
    {
        return Ok(());
    }
    command::run(&mut apt_get(&["update"]))
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get
        .arg("--quiet=2")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    apt_get
}

/// Whether this process may do what root may.
///
/// # Errors
/// When the kernel does not say.
pub fn is_root() -> anyhow::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    // A process's folder belongs to its effective user.
    Ok(std::fs::metadata("/proc/self")
        .context("cannot read /proc/self")?
        .uid()
        == 0)
}
