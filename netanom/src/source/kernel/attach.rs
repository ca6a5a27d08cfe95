//! Attaches the programs to interfaces: XDP for what comes in, TCX for what leaves.

use std::path::PathBuf;
use std::{fs, io};

use aya::Ebpf;
use aya::programs::links::{FdLink, LinkError, PinnedLink};
use aya::programs::tc::{TcAttachOptions, TcAttachType};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, Xdp, XdpMode as AyaMode};

use super::load::{EGRESS, XDP, chain, is_refusal, pin_error, program};
use super::pin::{Folder, Found, Hook, Place};
use crate::source::netlink::{self, XdpProgram};
use crate::source::{Direction, Interface, SourceError, XdpMode, bpf};

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

/// Programs that are attached to an interface. Dropping it detaches them.
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    _links: Vec<Link>,
}

/// What keeps a program attached.
enum Link {
    /// A name on the BPF file system.
    Pinned(PathBuf),
    /// This descriptor: closing it detaches.
    Held { _link: FdLink },
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Self::Pinned(path) = self {
            // Where this fails, removing the name detaches it too; what is left then the folder's end removes.
            let _ = bpf::detach(path);
            let _ = fs::remove_file(path);
        }
    }
}

/// What attaching needs beside the interface.
pub(super) struct Attaching<'a> {
    pub(super) ebpf: &'a mut Ebpf,
    pub(super) mode: XdpMode,
    pub(super) direction: Direction,
    /// Where links are pinned. Without it they belong to the programs and go with them.
    pub(super) folder: Option<&'a Folder>,
    /// What killed sensors have left: its links are taken over.
    pub(super) leftovers: &'a mut [Found],
    /// Why the driver refused native XDP, where generic mode came in its place.
    pub(super) not_native: Option<io::Error>,
}

impl Attaching<'_> {
    /// Attaches to one interface.
    pub(super) fn attach(&mut self, interface: &Interface) -> Result<Attached, SourceError> {
        let (hook, link) = match self.take_over_xdp(interface) {
            Some(taken) => taken,
            None => self.attach_xdp(interface)?,
        };
        let mut links = vec![link];
        let egress = self.direction == Direction::Both;
        if egress {
            links.push(match self.take_over_egress(interface) {
                Some(link) => link,
                None => self.attach_egress(interface)?,
            });
        }
        let mode = if hook == Hook::Native {
            "native"
        } else {
            "generic"
        };
        if let Some(reason) = &self.not_native {
            log::warn!(
                "`{}` has no native XDP ({reason}): generic mode, which is slower",
                interface.name
            );
        }
        Ok(Attached {
            attachment: Attachment {
                interface: interface.clone(),
                mode,
                egress,
            },
            _links: links,
        })
    }

    fn attach_xdp(&mut self, interface: &Interface) -> Result<(Hook, Link), SourceError> {
        let xdp: &mut Xdp = program(self.ebpf, XDP)?;
        let (hook, id) = match self.mode {
            XdpMode::Native => attach_native(xdp, interface)?,
            XdpMode::Generic => attach_generic(xdp, interface)?,
            XdpMode::Auto => match attach_native(xdp, interface) {
                Err(SourceError::NativeRefused { source, .. }) => {
                    self.not_native = Some(source);
                    attach_generic(xdp, interface)?
                }
                other => other?,
            },
        };
        let link = xdp
            .take_link(id)
            .map_err(|error| attach_error(interface, &error))?;
        let link = self.keep(hook, interface, link.try_into())?;
        Ok((hook, link))
    }

    fn attach_egress(&mut self, interface: &Interface) -> Result<Link, SourceError> {
        let classifier: &mut SchedClassifier = program(self.ebpf, EGRESS)?;
        let order = TcAttachOptions::TcxOrder(LinkOrder::last());
        let failed = |error: ProgramError| attach_error(interface, &error);
        let id = classifier
            .attach_with_options(&interface.name, TcAttachType::Egress, order)
            .map_err(failed)?;
        let link = classifier.take_link(id).map_err(failed)?;
        self.keep(Hook::Egress, interface, link.try_into())
    }

    /// Pins a link where there is a folder for it.
    fn keep(
        &self,
        hook: Hook,
        interface: &Interface,
        link: Result<FdLink, LinkError>,
    ) -> Result<Link, SourceError> {
        let link = link.map_err(|error| SourceError::Attach {
            interface: interface.name.clone(),
            detail: chain(&error),
        })?;
        let Some(folder) = self.folder else {
            return Ok(Link::Held { _link: link });
        };
        let place = Place {
            hook,
            interface: interface.index,
        };
        let path = folder.join(&place.to_string());
        let pinned = link.pin(&path);
        pinned.map_err(|error| pin_error(&path, &error))?;
        Ok(Link::Pinned(path))
    }

    /// Puts our program in the place of a killed sensor's, between one packet and the next.
    fn take_over_xdp(&mut self, interface: &Interface) -> Option<(Hook, Link)> {
        let hooks: &[Hook] = match self.mode {
            XdpMode::Auto => &[Hook::Native, Hook::Generic],
            XdpMode::Native => &[Hook::Native],
            XdpMode::Generic => &[Hook::Generic],
        };
        let taken = hooks.iter().find_map(|&hook| {
            let link = self.take_over(hook, interface, |ebpf, link| {
                let xdp: &mut Xdp = program(ebpf, XDP).ok()?;
                let id = xdp.attach_to_link(link.try_into().ok()?).ok()?;
                xdp.take_link(id).ok()?.try_into().ok()
            })?;
            Some((hook, link))
        });
        if taken.is_none() {
            // One in another mode, or of which the interface is gone, would be in the way.
            self.detach_old(interface, &[Hook::Native, Hook::Generic]);
        }
        taken
    }

    fn take_over_egress(&mut self, interface: &Interface) -> Option<Link> {
        let taken = self.take_over(Hook::Egress, interface, |ebpf, link| {
            let classifier: &mut SchedClassifier = program(ebpf, EGRESS).ok()?;
            let id = classifier.attach_to_link(link.try_into().ok()?).ok()?;
            classifier.take_link(id).ok()?.try_into().ok()
        });
        if taken.is_none() {
            self.detach_old(interface, &[Hook::Egress]);
        }
        taken
    }

    fn take_over(
        &mut self,
        hook: Hook,
        interface: &Interface,
        mut replace: impl FnMut(&mut Ebpf, FdLink) -> Option<FdLink>,
    ) -> Option<Link> {
        let place = Place {
            hook,
            interface: interface.index,
        };
        let path = self.folder?.join(&place.to_string());
        for old in self.leftovers.iter_mut() {
            if !old.links.contains(&place) {
                continue;
            }
            let Ok(link) = PinnedLink::from_pin(old.link(place)) else {
                continue;
            };
            let is_taken = replace(self.ebpf, link.into())
                .is_some_and(|link| link.pin(&path).is_ok())
                && old.give_away(place).is_ok();
            if is_taken {
                return Some(Link::Pinned(path));
            }
        }
        None
    }

    fn detach_old(&mut self, interface: &Interface, hooks: &[Hook]) {
        for old in self.leftovers.iter() {
            for place in &old.links {
                if place.interface == interface.index && hooks.contains(&place.hook) {
                    // What is still in the way then is told by the attaching.
                    let _ = bpf::detach(&old.link(*place));
                }
            }
        }
    }
}

fn attach_native(xdp: &mut Xdp, interface: &Interface) -> Result<(Hook, XdpLinkId), SourceError> {
    match xdp.attach_to_if_index(interface.index, AyaMode::Driver) {
        Ok(id) => Ok((Hook::Native, id)),
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

fn attach_generic(xdp: &mut Xdp, interface: &Interface) -> Result<(Hook, XdpLinkId), SourceError> {
    let attached = xdp.attach_to_if_index(interface.index, AyaMode::Skb);
    let id = attached.map_err(|error| attach_error(interface, &error))?;
    Ok((Hook::Generic, id))
}

fn attach_error(interface: &Interface, error: &ProgramError) -> SourceError {
    match cause(error) {
        Some(io) if is_refusal(&io) => SourceError::NoPrivilege {
            what: format!("attach to interface `{}`", interface.name),
        },
        Some(io) if matches!(io.raw_os_error(), Some(libc::EBUSY | libc::EEXIST)) => {
            occupied(interface)
        }
        _ => SourceError::Attach {
            interface: interface.name.clone(),
            detail: chain(error),
        },
    }
}

/// Another XDP program is there: its name and id, as far as the kernel tells.
fn occupied(interface: &Interface) -> SourceError {
    let occupied = |program, place| SourceError::Occupied {
        interface: interface.name.clone(),
        program,
        place,
    };
    let Ok(Some(XdpProgram { id, place })) = netlink::xdp_program(interface.index) else {
        return occupied("an XDP program".to_owned(), "xdp");
    };
    let named = aya::programs::loaded_programs()
        .flatten()
        .find(|program| program.id() == id);
    let program = match named.as_ref().and_then(|program| program.name_as_str()) {
        Some(name) if !name.is_empty() => format!("the XDP program `{name}` (id {id})"),
        _ => format!("the XDP program with id {id}"),
    };
    occupied(program, place)
}

/// What the kernel answered, from whichever depth of the error.
fn cause(error: &ProgramError) -> Option<io::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            // Where the kernel answers EINVAL, aya asks again over netlink, which needs a privilege: without it that
            // answer hides the first one.
            let is_hidden = matches!(error, ProgramError::XdpError(_)) && is_refusal(io);
            let errno = io
                .raw_os_error()
                .map(|errno| if is_hidden { libc::EINVAL } else { errno });
            return errno.map(io::Error::from_raw_os_error);
        }
        next = current.source();
    }
    None
}
