//! Builds the kernel programs that the daemon embeds, and notes the revision that it is built from.
//!
//! Sets for the crate: `NETANOM_REVISION`, and with feature `live` also `NETANOM_EBPF_OBJECT`, the object's path.

// Shared with `cargo xtask setup`, so that both agree on what is missing. It uses nothing but std.
#[path = "../xtask/src/toolchain.rs"]
mod toolchain;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use toolchain::{Places, Toolchain};

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";

/// The kernel loads unaligned words as they are on these (HAVE_EFFICIENT_UNALIGNED_ACCESS), so that reading a header
/// takes one load and not one for each byte: a tenth fewer instructions.
const UNALIGNED_LOADS: [&str; 4] = ["x86_64", "aarch64", "powerpc64", "s390x"];

fn main() {
    say("rustc-env", &format!("NETANOM_REVISION={}", revision()));
    if env::var_os("CARGO_FEATURE_LIVE").is_none() {
        return;
    }
    match ebpf_object() {
        Ok(object) => say(
            "rustc-env",
            &format!("NETANOM_EBPF_OBJECT={}", object.display()),
        ),
        Err(error) => error.lines().for_each(|line| say("error", line)),
    }
}

/// Tells cargo something: it reads what a build script prints.
fn say(what: &str, value: &str) {
    println!("cargo::{what}={value}");
}

fn ebpf_object() -> Result<PathBuf, String> {
    for variable in ["NETANOM_EBPF_OBJECT", "NETANOM_BPF_RUSTC"] {
        say("rerun-if-env-changed", variable);
    }
    match env::var_os("NETANOM_EBPF_OBJECT").map(PathBuf::from) {
        Some(given) => check_given(&given),
        None => build(
            &Places::from_environment()
                .find()
                .map_err(|missing| missing.to_string())?,
        ),
    }
}

fn check_given(object: &Path) -> Result<PathBuf, String> {
    let unusable = |error| {
        format!(
            "cannot use the object that NETANOM_EBPF_OBJECT names, `{}`: {error}; \
             give an absolute path, or unset it to build the object here",
            object.display()
        )
    };
    let absolute = object
        .canonicalize()
        .map_err(|error| unusable(error.to_string()))?;
    if !absolute.is_file() {
        return Err(unusable("not a file".to_owned()));
    }
    say("rerun-if-changed", &absolute.display().to_string());
    Ok(absolute)
}

fn build(toolchain: &Toolchain) -> Result<PathBuf, String> {
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    for part in ["netanom-ebpf/src", "netanom-common/src"] {
        say(
            "rerun-if-changed",
            &workspace.join(part).display().to_string(),
        );
    }
    for part in [
        "Cargo.toml",
        "Cargo.lock",
        "netanom-ebpf/Cargo.toml",
        "netanom-common/Cargo.toml",
    ] {
        say(
            "rerun-if-changed",
            &workspace.join(part).display().to_string(),
        );
    }
    say("rerun-if-changed", "../xtask/src/toolchain.rs");
    say("rerun-if-changed", "build.rs");

    let target = match variable("CARGO_CFG_TARGET_ENDIAN").as_str() {
        "big" => "bpfeb-unknown-none",
        _ => "bpfel-unknown-none",
    };
    let target_dir = target_dir();
    let features = match env::var_os("CARGO_FEATURE_BENCH") {
        Some(_) => "bench",
        None => "",
    };
    let output = Command::new(&toolchain.cargo)
        .current_dir(&workspace)
        .args([
            "build",
            "--quiet",
            "--package",
            "netanom-ebpf",
            "--profile",
            "bpf",
            "--features",
            features,
        ])
        .args(["--target", target, "-Z", "build-std=core", "--target-dir"])
        .arg(&target_dir)
        .env("RUSTC", &toolchain.rustc)
        // -Z and aya-ebpf's inline assembly are unstable: this makes a stable compiler accept them.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain))
        // clippy and coverage tools come in through these; they belong to another compiler.
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .output()
        .map_err(|error| format!("cannot run `{}`: {error}", toolchain.cargo.display()))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "the kernel programs do not compile with `{}`:\n{messages}",
            toolchain.rustc.display()
        ));
    }
    messages.lines().for_each(|line| say("warning", line));
    keep(&target_dir.join(target).join("bpf/netanom"))
}

fn flags(toolchain: &Toolchain) -> String {
    let arch = variable("CARGO_CFG_TARGET_ARCH");
    // aya-ebpf lays out registers by it. Its name for 64-bit RISC-V leaves out the extensions.
    let arch = if arch.starts_with("riscv64") {
        "riscv64"
    } else {
        &arch
    };
    let mut flags = vec![
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        format!("-Clinker={}", toolchain.bpf_linker.display()),
        // v3 (kernel 5.12) has atomics that give the old value back. A `--cpu` among the link arguments is refused,
        // because rustc passes one itself.
        "-Ctarget-cpu=v3".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ];
    if UNALIGNED_LOADS.contains(&arch) {
        flags.push("-Clink-arg=--cpu-features=+allows-misaligned-mem-access".to_owned());
    }
    flags.join(FLAG_SEPARATOR)
}

/// Beside the profiles' folders (`target/bpf`), so that debug, release and clippy share one build of `core`; cargo
/// locks it. It is not inside OUT_DIR, of which each of them has its own.
fn target_dir() -> PathBuf {
    let out_dir = PathBuf::from(variable("OUT_DIR"));
    // target/debug/build/netanom-0123456789abcdef/out
    out_dir.ancestors().nth(4).unwrap_or(&out_dir).join("bpf")
}

/// Copies the object to where no later build, with other flags, changes it.
fn keep(built: &Path) -> Result<PathBuf, String> {
    let kept = PathBuf::from(variable("OUT_DIR")).join("netanom.bpf.o");
    std::fs::copy(built, &kept).map_err(|error| {
        format!(
            "cannot copy `{}` to `{}`: {error}",
            built.display(),
            kept.display()
        )
    })?;
    Ok(kept)
}

/// The commit that is checked out, or `unknown` outside of a repository.
fn revision() -> String {
    // Every commit and checkout adds a line to it.
    if let Some(log) =
        git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists())
    {
        say("rerun-if-changed", &log);
    }
    git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// A variable that cargo always sets for a build script.
fn variable(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|error| panic!("`{name}`: {error}: build.rs is run by cargo only"))
}
