//! The sensor as it is shipped: built once, for the tasks that run it.

use std::env;
use std::path::PathBuf;

use crate::{command, setup};

/// Builds netanom with all that makes it fast, and returns where it is.
///
/// # Errors
/// When something that it is built with cannot be had, or it does not compile.
pub fn release() -> anyhow::Result<PathBuf> {
    if env::var_os("NETANOM_EBPF_OBJECT").is_none() {
        setup::ensure()?;
    }
    command::run(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "netanom",
    ])?)?;
    Ok(command::target_dir()?.join("release/netanom"))
}
