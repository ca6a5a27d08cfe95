//! Gives up every privilege once all is opened and attached: reading the maps needs none.
//!
//! Capabilities belong to threads, so this must come before any other thread is started.

use caps::CapSet;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::SourceError;

/// Drops all capabilities of this thread, for good.
///
/// # Errors
/// When the kernel keeps one; the sensor does not go on then.
pub fn drop_all() -> Result<(), SourceError> {
    // Without CAP_SETPCAP the bounding set stays; it gives nothing that execve of a privileged file would not.
    let _ = caps::clear(None, CapSet::Bounding);
    for set in [
        CapSet::Ambient,
        CapSet::Inheritable,
        CapSet::Effective,
        CapSet::Permitted,
    ] {
        caps::clear(None, set).map_err(|error| SourceError::Privileges {
            detail: error.to_string(),
        })?;
    }
    Ok(())
}

/// Lets this process open as many files as it may: the flow maps take four for each CPU, and the usual limit is 1024.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where this fails, what finds no descriptor says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
