//! `cargo xtask setup`: finds or installs what the kernel programs are built with.
//!
//! What is needed, and how it is recognised, is in `toolchain.rs`; here is how to get it.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::toolchain::{INSTALL_LINKER, Missing, Places, Toolchain};
use crate::{command, debian};

/// Where Debian puts the programs of the LLVM that bpf-linker is built with.
const DEBIAN_LLVM: &str = "/usr/lib/llvm-22/bin";

/// Installs what is missing and says where everything is.
///
/// # Errors
/// As [`ensure`].
pub fn setup() -> anyhow::Result<ExitCode> {
    let Toolchain {
        rustc,
        cargo,
        bpf_linker,
    } = toolchain()?;
    eprintln!(
        "setup: rustc with its library's source: {}",
        rustc.display()
    );
    eprintln!("setup: cargo: {}", cargo.display());
    eprintln!("setup: bpf-linker: {}", bpf_linker.display());
    Ok(ExitCode::SUCCESS)
}

/// Installs what is missing; silent when nothing is.
///
/// # Errors
/// When something is missing and cannot be installed: says what, and how to get it.
pub fn ensure() -> anyhow::Result<()> {
    toolchain().map(drop)
}

fn toolchain() -> anyhow::Result<Toolchain> {
    let missing = match find() {
        Ok(toolchain) => return Ok(toolchain),
        Err(missing) => missing,
    };
    let mut failures = Vec::new();
    if missing.rustc.is_some() {
        failures.extend(install_rustc());
    }
    if missing.bpf_linker.is_some() {
        failures.extend(install_linker().err().map(|error| format!("{error:#}")));
    }
    find().or_else(|missing| {
        for failure in &failures {
            eprintln!("setup: {failure}");
        }
        bail!("{missing}")
    })
}

fn find() -> Result<Toolchain, Missing> {
    // An object that was built elsewhere needs no toolchain, but who calls setup wants one: no exception here.
    Places::from_environment().find()
}

/// Tries rustup, then Debian; returns why either did not help.
fn install_rustc() -> Vec<String> {
    eprintln!(
        "setup: no rustc has its library's source, from which `core` is built for the kernel"
    );
    let mut failures = Vec::new();
    for way in [with_rustup, with_debian] {
        if let Err(error) = way() {
            failures.push(format!("{error:#}"));
        } else if !find().is_err_and(|missing| missing.rustc.is_some()) {
            return failures;
        }
    }
    failures
}

fn with_rustup() -> anyhow::Result<()> {
    if !command::exists("rustup") {
        bail!("cannot add rust-src: there is no rustup here");
    }
    command::run(Command::new("rustup").args(["component", "add", "rust-src"]))
}

fn with_debian() -> anyhow::Result<()> {
    debian::install(&["rustc-web", "rust-web-src"])
}

fn install_linker() -> anyhow::Result<()> {
    eprintln!(
        "setup: no bpf-linker that can link the kernel programs; building one takes about two minutes"
    );
    let mut path = env::var_os("PATH").unwrap_or_default();
    if !is_llvm_22(Path::new("llvm-config")) {
        let config = Path::new(DEBIAN_LLVM).join("llvm-config");
        if !is_llvm_22(&config) {
            debian::install(&["llvm-22-dev"])?;
        }
        let folders = [DEBIAN_LLVM.into()]
            .into_iter()
            .chain(env::split_paths(&path));
        path = env::join_paths(folders).context("PATH cannot be extended")?;
    }
    let arguments: Vec<&str> = INSTALL_LINKER.split(' ').skip(1).collect();
    // Not in the workspace's folder: its settings are not for this build.
    command::run(
        command::cargo(&arguments)?
            .current_dir("/")
            .env("PATH", path),
    )
}

/// Whether this llvm-config is of LLVM 22 with its headers: Debian has a package of the program without them.
fn is_llvm_22(config: &Path) -> bool {
    let ask = |question: &str| {
        let output = Command::new(config).arg(question).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let is_22 = ask("--version").is_some_and(|version| version.starts_with("22."));
    is_22
        && ask("--includedir")
            .is_some_and(|folder| Path::new(folder.trim()).join("llvm-c").is_dir())
}
