//! The sensor as it is shipped: built once, for the tasks that run it.

use std::env;
use std::path::PathBuf;

use crate::{command, setup};

/// Builds netanom with all that makes it fast, and returns where it is.
pub(crate) fn release() -> anyhow::Result<PathBuf> {
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
