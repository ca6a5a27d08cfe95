//! Removes what netanom has left on this machine, and nothing else.

use std::io;

use super::pin::{Found, Hook, LinkName, Root, network_namespace};
use crate::source::{Interface, SourceError, Stop};

/// What was found: the folder of one sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Process id of the sensor.
    pub owner: u32,
    /// Its programs, as in `native XDP on eth0`.
    pub programs: Vec<String>,
    /// Whether the sensor runs; it was left alone then. Else all of it was removed.
    pub is_in_use: bool,
}

/// Detaches and unpins what killed sensors have left, in every network namespace and of every layout.
///
/// # Errors
/// When the BPF file system cannot be read, or something on it cannot be removed.
pub fn detach() -> Result<Vec<Remains>, SourceError> {
    let Some(root) = Root::existing(&Stop::default()).map_err(refusal)? else {
        return Ok(Vec::new());
    };
    let mut remains = Vec::new();
    for found in root.folders().map_err(refusal)? {
        remains.push(describe(&found).map_err(refusal)?);
        if !found.is_in_use() {
            found.remove().map_err(refusal)?;
        }
    }
    root.tidy();
    Ok(remains)
}

fn describe(found: &Found) -> io::Result<Remains> {
    let here = found.namespace == network_namespace()?;
    let present = Interface::all();
    let name = |place: &LinkName| {
        let program = match place.hook {
            Hook::Native => "native XDP",
            Hook::Generic => "generic XDP",
            Hook::Egress => "TCX egress",
            Hook::Ingress => "TCX ingress",
        };
        let interface = present.iter().find(|one| one.index == place.interface);
        match interface {
            Some(interface) if here => format!("{program} on {}", interface.name),
            _ if here => format!("{program} on interface {}, which is gone", place.interface),
            _ => format!(
                "{program} on interface {} of network namespace {}",
                place.interface, found.namespace
            ),
        }
    };
    Ok(Remains {
        owner: found.owner,
        programs: found.links.iter().map(name).collect(),
        is_in_use: found.is_in_use(),
    })
}

fn refusal(error: io::Error) -> SourceError {
    // The folder belongs to the sensor's user, and no capability of a program's file opens it.
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as root, or as the user whose sensor it was",
        _ => "",
    };
    SourceError::Pin {
        what: "remove what a netanom has left".to_owned(),
        detail: format!("{error}{remedy}"),
    }
}
