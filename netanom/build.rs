//! Builds the eBPF object that the daemon embeds.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=NETANOM_EBPF_OBJECT");
    println!("cargo:rerun-if-changed=../netanom-ebpf");
    println!("cargo:rerun-if-changed=../netanom-common");
    if env::var_os("CARGO_FEATURE_LIVE").is_none() {
        return;
    }
    let object = env::var_os("NETANOM_EBPF_OBJECT").map_or_else(build, PathBuf::from);
    println!("cargo:rustc-env=NETANOM_EBPF_OBJECT={}", object.display());
}

fn build() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("ebpf");
    let flags = [
        "--cfg",
        "bpf_target_arch=\"x86_64\"",
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
        "-Ctarget-cpu=v3",
        "-Clinker=bpf-linker",
    ];
    let status = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"))
        .args(["build", "-p", "netanom-ebpf", "--target", "bpfel-unknown-none", "-Zbuild-std=core", "--release"])
        .current_dir("..")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &out)
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status();
    assert!(status.is_ok_and(|status| status.success()), "building netanom-ebpf failed");
    out.join("bpfel-unknown-none/release/netanom")
}
