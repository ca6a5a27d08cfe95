//! What the eBPF build needs beside cargo: a rustc that has its library's source, and bpf-linker.
//!
//! `core` comes precompiled for no BPF target, so `-Z build-std=core` compiles it from that source. This file uses
//! nothing but std: netanom's build script includes it by path, and `cargo xtask setup` installs what it misses.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's `rust-version`: an older rustc cannot compile the crates.
const OLDEST_RUSTC: (u32, u32) = (1, 95);
/// Older ones write type information (BTF) that the kernel refuses.
const OLDEST_LINKER: (u32, u32) = (0, 13);
/// The LLVM that bpf-linker 0.13 is built with: it cannot read the bitcode of a newer one.
const NEWEST_LLVM: u32 = 22;

/// The programs that build the eBPF object.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// A rustc whose sysroot has the library's source.
    pub(crate) rustc: PathBuf,
    /// The cargo that builds the workspace; it may belong to another toolchain than `rustc`.
    pub(crate) cargo: PathBuf,
    /// bpf-linker 0.13 or newer.
    pub(crate) bpf_linker: PathBuf,
}

/// What could not be found, with every place that was tried and why it would not do.
#[derive(Debug)]
pub(crate) struct Missing {
    /// `None` when there is one.
    pub(crate) rustc: Option<Vec<String>>,
    /// `None` when there is one.
    pub(crate) bpf_linker: Option<Vec<String>>,
}

/// Where to look. Read from the environment once, so that tests can look elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Places {
    chosen_rustc: Option<PathBuf>,
    cargo: Option<PathBuf>,
    rustup_home: Option<PathBuf>,
    active_toolchain: Option<OsString>,
    cargo_home: Option<PathBuf>,
    path: Vec<PathBuf>,
}

impl Places {
    /// `NETANOM_BPF_RUSTC`, rustup's and cargo's homes, `PATH`.
    pub(crate) fn from_environment() -> Self {
        let home = env::home_dir();
        let in_home = |variable: &str, folder: &str| {
            env::var_os(variable)
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(folder)))
        };
        Self {
            chosen_rustc: env::var_os("NETANOM_BPF_RUSTC").map(PathBuf::from),
            cargo: env::var_os("CARGO").map(PathBuf::from),
            rustup_home: in_home("RUSTUP_HOME", ".rustup"),
            active_toolchain: env::var_os("RUSTUP_TOOLCHAIN"),
            cargo_home: in_home("CARGO_HOME", ".cargo"),
            path: env::var_os("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
        }
    }

    /// Finds the toolchain, or says all that is missing at once.
    pub(crate) fn find(&self) -> Result<Toolchain, Missing> {
        let rustc = first_that_will_do(self.rustcs(), |rustc| {
            check_rustc(rustc, self.chosen_rustc.is_some())
        });
        let linker = first_that_will_do(self.linkers(), check_linker);
        match (rustc, linker) {
            (Ok(rustc), Ok(bpf_linker)) => {
                let cargo = self.cargo.clone().unwrap_or_else(|| PathBuf::from("cargo"));
                Ok(Toolchain {
                    rustc,
                    cargo,
                    bpf_linker,
                })
            }
            (rustc, linker) => Err(Missing {
                rustc: rustc.err(),
                bpf_linker: linker.err(),
            }),
        }
    }

    /// Every rustc to try: the one that was chosen and no other, or rustup's (the active first), then the system's.
    fn rustcs(&self) -> Vec<PathBuf> {
        if let Some(chosen) = &self.chosen_rustc {
            return vec![chosen.clone()];
        }
        let mut found: Vec<PathBuf> = Vec::new();
        if let Some(toolchains) = self
            .rustup_home
            .as_ref()
            .map(|home| home.join("toolchains"))
        {
            found.extend(
                self.active_toolchain
                    .iter()
                    .map(|active| toolchains.join(active)),
            );
            let mut others: Vec<PathBuf> = toolchains
                .read_dir()
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            others.sort();
            found.extend(others);
        }
        let mut found: Vec<PathBuf> = found
            .into_iter()
            .map(|toolchain| toolchain.join("bin/rustc"))
            .collect();
        // In cargo's home rustc is rustup's proxy, which stands for a toolchain that is in the list already.
        let proxies = self.cargo_home.as_ref().map(|home| home.join("bin"));
        found.extend(
            self.path
                .iter()
                .filter(|folder| Some(*folder) != proxies.as_ref())
                .map(|folder| folder.join("rustc")),
        );
        existing(found)
    }

    fn linkers(&self) -> Vec<PathBuf> {
        let cargo_bin = self.cargo_home.iter().map(|home| home.join("bin"));
        existing(
            self.path
                .iter()
                .cloned()
                .chain(cargo_bin)
                .map(|folder| folder.join("bpf-linker"))
                .collect(),
        )
    }
}

/// The files that exist, each once even when it is reached by several names.
fn existing(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    let is_new = |file: &PathBuf| match file.canonicalize() {
        Ok(real) if !seen.contains(&real) => {
            seen.push(real);
            true
        }
        _ => false,
    };
    files.into_iter().filter(is_new).collect()
}

/// The first file that passes, or the reasons why none did.
fn first_that_will_do(
    files: Vec<PathBuf>,
    check: impl Fn(&Path) -> Result<(), String>,
) -> Result<PathBuf, Vec<String>> {
    let mut refused = Vec::new();
    for file in files {
        match check(&file) {
            Ok(()) => return Ok(file),
            Err(reason) => refused.push(format!("{}: {reason}", file.display())),
        }
    }
    Err(refused)
}

/// Whether a rustc can build `core` for BPF. One that was chosen by name may bring a newer LLVM: its linker may too.
fn check_rustc(rustc: &Path, chosen: bool) -> Result<(), String> {
    let sysroot = answer(rustc, &["--print", "sysroot"])?;
    // cargo looks for this very file when it gets `-Z build-std`.
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if !source.is_file() {
        return Err("has no library source".to_owned());
    }
    let about = answer(rustc, &["--version", "--verbose"])?;
    let version = version_after(&about, "rustc ").ok_or("its version cannot be read")?;
    if version < OLDEST_RUSTC {
        return Err(format!(
            "is version {}, older than {}",
            dotted(version),
            dotted(OLDEST_RUSTC)
        ));
    }
    match version_after(&about, "LLVM version: ") {
        Some((llvm, _)) if llvm > NEWEST_LLVM && !chosen => Err(format!(
            "writes bitcode of LLVM {llvm}, newer than bpf-linker's {NEWEST_LLVM}"
        )),
        _ => Ok(()),
    }
}

fn check_linker(linker: &Path) -> Result<(), String> {
    let about = answer(linker, &["--version"])?;
    let version = version_after(&about, "bpf-linker ").ok_or("its version cannot be read")?;
    if version < OLDEST_LINKER {
        return Err(format!(
            "is version {}, older than {}",
            dotted(version),
            dotted(OLDEST_LINKER)
        ));
    }
    Ok(())
}

fn answer(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Major and minor number of the version that follows `label`.
fn version_after(text: &str, label: &str) -> Option<(u32, u32)> {
    let rest = text.split_once(label)?.1;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn dotted((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the kernel programs cannot be built")?;
        if let Some(tried) = &self.rustc {
            writeln!(
                f,
                "missing: rustc {} or newer with its library's source",
                dotted(OLDEST_RUSTC)
            )?;
            list(f, tried)?;
            writeln!(f, "  with rustup: rustup component add rust-src")?;
            writeln!(
                f,
                "  on Debian, as root: apt-get install --no-install-recommends rustc-web rust-web-src"
            )?;
            writeln!(f, "  one that is elsewhere: NETANOM_BPF_RUSTC=FILE")?;
        }
        if let Some(tried) = &self.bpf_linker {
            writeln!(f, "missing: bpf-linker {} or newer", dotted(OLDEST_LINKER))?;
            list(f, tried)?;
            writeln!(
                f,
                "  with LLVM {NEWEST_LLVM} (Debian: llvm-{NEWEST_LLVM}-dev) and its llvm-config first in PATH:"
            )?;
            writeln!(f, "  {INSTALL_LINKER}")?;
        }
        write!(
            f,
            "`cargo xtask setup` does this; or give a built object by NETANOM_EBPF_OBJECT=FILE; \
             or build without live capture by --no-default-features"
        )
    }
}

/// The command that installs bpf-linker, as `cargo xtask setup` runs it.
pub(crate) const INSTALL_LINKER: &str =
    "cargo install --locked bpf-linker --version 0.13.0 --no-default-features --features llvm-22";

fn list(f: &mut fmt::Formatter<'_>, tried: &[String]) -> fmt::Result {
    if tried.is_empty() {
        return writeln!(f, "  none was found");
    }
    tried
        .iter()
        .try_for_each(|line| writeln!(f, "  tried {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const GOOD: &str = "rustc 1.96.0 (ac68faa20 2026-05-25)\nLLVM version: 22.1.8";

    /// A machine in a folder: what is installed on it are scripts that answer as the real programs do.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn script(&self, file: &str, body: &str) -> PathBuf {
            let file = self.0.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            file
        }

        fn rustc(&self, sysroot: &str, version: &str, with_source: bool) -> PathBuf {
            let root = self.0.path().join(sysroot);
            if with_source {
                let library = root.join("lib/rustlib/src/rust/library");
                fs::create_dir_all(&library).unwrap();
                fs::write(library.join("Cargo.lock"), "").unwrap();
            }
            let body = format!(
                "case $1 in --print) echo '{}';; *) echo '{version}';; esac",
                root.display()
            );
            self.script(&format!("{sysroot}/bin/rustc"), &body)
        }

        fn linker(&self, version: &str) -> PathBuf {
            self.script(
                "cargo/bin/bpf-linker",
                &format!("echo bpf-linker {version}"),
            )
        }

        fn places(&self) -> Places {
            Places {
                rustup_home: Some(self.0.path().join("rustup")),
                cargo_home: Some(self.0.path().join("cargo")),
                path: vec![
                    self.0.path().join("cargo/bin"),
                    self.0.path().join("usr/bin"),
                ],
                ..Places::default()
            }
        }
    }

    #[test]
    fn rustup_is_preferred_to_the_system() {
        let machine = Machine::new();
        machine.rustc("usr", GOOD, true);
        let with_source = machine.rustc("rustup/toolchains/stable", GOOD, true);
        machine.linker("0.13.0");
        assert_eq!(machine.places().find().unwrap().rustc, with_source);
    }

    #[test]
    fn the_active_toolchain_is_preferred_to_another() {
        let machine = Machine::new();
        machine.rustc("rustup/toolchains/a", GOOD, true);
        let active = machine.rustc("rustup/toolchains/b", GOOD, true);
        machine.linker("0.13.0");
        let places = Places {
            active_toolchain: Some("b".into()),
            ..machine.places()
        };
        assert_eq!(places.find().unwrap().rustc, active);
    }

    #[test]
    fn the_system_is_taken_when_rustup_has_no_source() {
        let machine = Machine::new();
        machine.rustc("rustup/toolchains/stable", GOOD, false);
        let system = machine.rustc("usr", GOOD, true);
        machine.linker("0.13.0");
        assert_eq!(machine.places().find().unwrap().rustc, system);
    }

    #[test]
    fn a_chosen_rustc_is_the_only_one_tried() {
        let machine = Machine::new();
        machine.rustc("usr", GOOD, true);
        machine.linker("0.13.0");
        let chosen = machine.rustc("elsewhere", GOOD, false);
        let missing = Places {
            chosen_rustc: Some(chosen.clone()),
            ..machine.places()
        }
        .find()
        .unwrap_err();
        assert_eq!(
            missing.rustc.unwrap(),
            [format!("{}: has no library source", chosen.display())]
        );
    }

    #[test]
    fn rustcs_that_are_too_old_or_too_new_are_refused_with_the_reason() {
        let machine = Machine::new();
        machine.rustc(
            "rustup/toolchains/new",
            "rustc 1.99.0\nLLVM version: 23.1.0",
            true,
        );
        machine.rustc("usr", "rustc 1.63.0\nLLVM version: 14.0.6", true);
        machine.linker("0.13.0");
        let text = machine.places().find().unwrap_err().to_string();
        assert!(
            text.contains("new/bin/rustc: writes bitcode of LLVM 23, newer than bpf-linker's 22"),
            "{text}"
        );
        assert!(
            text.contains("usr/bin/rustc: is version 1.63, older than 1.95"),
            "{text}"
        );
    }

    #[test]
    fn an_old_linker_is_missing_and_the_rustc_is_not() {
        let machine = Machine::new();
        machine.rustc("usr", GOOD, true);
        machine.linker("0.10.0");
        let missing = machine.places().find().unwrap_err();
        assert!(missing.rustc.is_none());
        assert!(
            missing
                .to_string()
                .contains("is version 0.10, older than 0.13"),
            "{missing}"
        );
    }

    #[test]
    fn an_empty_machine_gets_every_remedy_at_once() {
        let text = Machine::new().places().find().unwrap_err().to_string();
        for remedy in [
            "rustup component add rust-src",
            "rustc-web rust-web-src",
            INSTALL_LINKER,
            "cargo xtask setup",
        ] {
            assert!(text.contains(remedy), "`{remedy}` is not in:\n{text}");
        }
    }
}
