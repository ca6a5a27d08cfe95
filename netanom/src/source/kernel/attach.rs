//! Attaches the programs to interfaces: XDP for what comes in, TCX for what leaves.

use aya::Ebpf;
use aya::programs::tc::{TcAttachOptions, TcAttachType};
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, Xdp, XdpMode as AyaMode};

use super::load::{EGRESS, XDP, chain, is_refusal, program};
use crate::source::{Direction, Interface, SourceError, XdpMode};

/// The programs on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The interface.
    pub interface: Interface,
    /// Where XDP runs: `native` or `generic`.
    pub mode: &'static str,
    /// Whether TCX counts what leaves.
    pub egress: bool,
}

/// Attaches to one interface. The links belong to the programs and go with them.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    interface: &Interface,
    mode: XdpMode,
    direction: Direction,
) -> Result<Attachment, SourceError> {
    let xdp: &mut Xdp = program(ebpf, XDP)?;
    let mode = match mode {
        XdpMode::Native => attach_native(xdp, interface)?,
        XdpMode::Generic => attach_generic(xdp, interface)?,
        XdpMode::Auto => match attach_native(xdp, interface) {
            Err(SourceError::NativeRefused { source, .. }) => {
                log::warn!(
                    "`{}` has no native XDP ({source}): generic mode, which is slower",
                    interface.name
                );
                attach_generic(xdp, interface)?
            }
            other => other?,
        },
    };
    let egress = direction == Direction::Both;
    if egress {
        let classifier: &mut SchedClassifier = program(ebpf, EGRESS)?;
        let order = TcAttachOptions::TcxOrder(LinkOrder::last());
        classifier
            .attach_with_options(&interface.name, TcAttachType::Egress, order)
            .map_err(|error| attach_error(interface, &error))?;
    }
    Ok(Attachment {
        interface: interface.clone(),
        mode,
        egress,
    })
}

fn attach_native(xdp: &mut Xdp, interface: &Interface) -> Result<&'static str, SourceError> {
    match xdp.attach_to_if_index(interface.index, AyaMode::Driver) {
        Ok(_) => Ok("native"),
        Err(error) => match attach_error(interface, &error) {
            other @ (SourceError::NoPrivilege { .. } | SourceError::Occupied { .. }) => Err(other),
            other => Err(match cause(&error) {
                Some(source) => SourceError::NativeRefused {
                    interface: interface.name.clone(),
                    source,
                },
                None => other,
            }),
        },
    }
}

fn attach_generic(xdp: &mut Xdp, interface: &Interface) -> Result<&'static str, SourceError> {
    let attached = xdp.attach_to_if_index(interface.index, AyaMode::Skb);
    attached.map_err(|error| attach_error(interface, &error))?;
    Ok("generic")
}

fn attach_error(interface: &Interface, error: &ProgramError) -> SourceError {
    match cause(error) {
        Some(io) if is_refusal(&io) => SourceError::NoPrivilege {
            what: format!("attach to interface `{}`", interface.name),
        },
        Some(io) if matches!(io.raw_os_error(), Some(libc::EBUSY | libc::EEXIST)) => {
            SourceError::Occupied {
                interface: interface.name.clone(),
            }
        }
        _ => SourceError::Attach {
            interface: interface.name.clone(),
            detail: chain(error),
        },
    }
}

/// What the kernel answered, from whichever depth of the error.
fn cause(error: &ProgramError) -> Option<std::io::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io.raw_os_error().map(std::io::Error::from_raw_os_error);
        }
        next = current.source();
    }
    None
}
