//! Attaches the programs to interfaces: XDP for what comes in, TCX for what leaves.

use std::path::PathBuf;
use std::{fs, io};

use aya::Ebpf;
use aya::programs::links::{FdLink, LinkError, PinnedLink};
use aya::programs::tc::{TcAttachOptions, TcAttachType};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, Xdp, XdpMode as AyaMode};

use super::frames::Frames;
use super::load::{XDP, chain, is_refusal, pin_error, program};
use super::pin::{Folder, Found, Hook, LinkName};
use crate::source::netlink::{self, XdpProgram};
use crate::source::{Direction, Interface, SourceError, XdpMode, bpf};

/// The programs on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The interface.
    pub interface: Interface,
    /// Where what comes in is counted: `native` or `generic` for XDP, or `tcx`.
    pub mode: &'static str,
    /// Whether TCX counts what leaves.
    pub egress: bool,
}

/// Programs that are attached to an interface. Dropping it detaches them.
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    pub(super) frames: Frames,
    links: Vec<Link>,
}

impl Attached {
    /// Whether the first of its programs, which counts what comes in, is still on its interface; yes where that is not
    /// known. `xdp` is the kernel's number of the XDP program.
    pub(super) fn is_there(&self, xdp: u32) -> bool {
        let index = self.attachment.interface.index;
        match self.links.first() {
            Some(Link::Pinned(path)) if self.attachment.mode == "tcx" => {
                bpf::interface_of(path).map_or(true, |there| there == index)
            }
            _ if self.attachment.mode == "tcx" => true,
            _ => netlink::xdp_program(index)
                .map_or(true, |there| there.is_some_and(|there| there.id == xdp)),
        }
    }
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
        let frames = Frames::of(interface)?;
        let (hook, link) = if frames.by_xdp(self.mode) {
            self.detach_old(interface, &[Hook::Ingress]);
            match self.take_over_xdp(interface) {
                Some(taken) => taken,
                None => self.attach_xdp(interface)?,
            }
        } else {
            self.detach_old(interface, &[Hook::Native, Hook::Generic]);
            (Hook::Ingress, self.tcx(Hook::Ingress, frames, interface)?)
        };
        let mut links = vec![link];
        let egress = self.direction == Direction::Both;
        if egress {
            links.push(self.tcx(Hook::Egress, frames, interface)?);
        }
        let mode = match hook {
            Hook::Native => "native",
            Hook::Generic => "generic",
            Hook::Ingress | Hook::Egress => "tcx",
        };
        self.tell(interface, frames);
        Ok(Attached {
            attachment: Attachment {
                interface: interface.clone(),
                mode,
                egress,
            },
            frames,
            links,
        })
    }

    /// Why it is counted otherwise than asked for, or less exactly than it could be.
    fn tell(&self, interface: &Interface, frames: Frames) {
        let name = &interface.name;
        match frames {
            Frames::TagsBeside if self.mode == XdpMode::Auto => log::info!(
                "`{name}` may keep VLAN tags beside the frames that come in, where XDP does not see them: TCX counts \
                 these; `ethtool -K {name} rxvlan off` makes room for XDP"
            ),
            Frames::TagsBeside => log::warn!(
                "`{name}` may keep VLAN tags beside the frames that come in, where XDP does not see them: on a VLAN each \
                 direction is a flow of its own; leave out --xdp-mode, or `ethtool -K {name} rxvlan off`"
            ),
            Frames::Ip => log::info!("`{name}` has no Ethernet header: TCX counts what comes in"),
            Frames::Ethernet => {}
        }
        if let Some(reason) = &self.not_native {
            log::warn!("`{name}` has no native XDP ({reason}): generic mode, which is slower");
        }
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

    /// TCX for one direction: in the place of a killed sensor's, or anew.
    fn tcx(
        &mut self,
        hook: Hook,
        frames: Frames,
        interface: &Interface,
    ) -> Result<Link, SourceError> {
        let (name, way, order) = match hook {
            // Before others, who may take packets away; what they change of those that leave has to be seen.
            Hook::Ingress => (frames.ingress(), TcAttachType::Ingress, LinkOrder::first()),
            _ => (frames.egress(), TcAttachType::Egress, LinkOrder::last()),
        };
        if let Some(link) = self.take_over_tcx(hook, name, interface) {
            return Ok(link);
        }
        let classifier: &mut SchedClassifier = program(self.ebpf, name)?;
        let order = TcAttachOptions::TcxOrder(order);
        let failed = |error: ProgramError| attach_error(interface, &error);
        let id = classifier
            .attach_with_options(&interface.name, way, order)
            .map_err(failed)?;
        let link = classifier.take_link(id).map_err(failed)?;
        self.keep(hook, interface, link.try_into())
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
        let place = LinkName {
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

    fn take_over_tcx(&mut self, hook: Hook, name: &str, interface: &Interface) -> Option<Link> {
        let taken = self.take_over(hook, interface, |ebpf, link| {
            let classifier: &mut SchedClassifier = program(ebpf, name).ok()?;
            let id = classifier.attach_to_link(link.try_into().ok()?).ok()?;
            classifier.take_link(id).ok()?.try_into().ok()
        });
        if taken.is_none() {
            self.detach_old(interface, &[hook]);
        }
        taken
    }

    fn take_over(
        &mut self,
        hook: Hook,
        interface: &Interface,
        mut replace: impl FnMut(&mut Ebpf, FdLink) -> Option<FdLink>,
    ) -> Option<Link> {
        let place = LinkName {
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
            other @ (SourceError::NoPrivilege { .. }
            | SourceError::Occupied { .. }
            | SourceError::WatchedElsewhere { .. }) => Err(other),
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
        // One with pins here was found before.
        Some(XDP) => {
            return SourceError::WatchedElsewhere {
                interface: interface.name.clone(),
                id,
            };
        }
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
