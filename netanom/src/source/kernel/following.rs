//! The interfaces that are watched, while they come and go.
//!
//! Attaching programs that are loaded already needs no capability (since Linux 5.19 only loading them and making maps
//! does: kernel/bpf/syscall.c, `map_create` and `bpf_prog_load`), so the sensor follows after it has dropped its own.

use std::collections::BTreeMap;

use aya::Ebpf;
use aya::programs::Xdp;

use super::attach::{Attached, Attaching, Attachment};
use super::departed::{Departed, Gone};
use super::frames::Frames;
use super::load::{XDP, program};
use super::map_error;
use super::pin::{Folder, Found, network_namespace};
use super::settings::KernelSettings;
use crate::flow::Timestamp;
use crate::source::netlink::LinkEvents;
use crate::source::{Direction, Interface, SourceError, Watchlist, XdpMode};

/// Interfaces that one look attaches to; the next look goes on. Each takes the kernel about 10 ms, in which no window is
/// looked at.
const AT_ONCE: usize = 16;

/// An interface came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its packets are counted from now on.
    Came(Attachment),
    /// Its packets are no longer counted. What was counted comes with the next window.
    Left(Gone),
    /// It left five minutes ago, or many others have since.
    Forgotten(Gone),
}

/// Keeps the programs attached to every interface that is to be watched.
pub(super) struct Following {
    list: Watchlist,
    mode: XdpMode,
    direction: Direction,
    events: LinkEvents,
    /// The network namespace in which names and indices mean what they do.
    namespace: u64,
    /// The kernel's number of the XDP program.
    program: u32,
    attached: Vec<Attached>,
    /// Why one is not attached, so that it is told once.
    refused: BTreeMap<u32, String>,
    /// Whether the last look left some for the next one.
    is_behind: bool,
    departed: Departed,
    changes: Vec<Change>,
}

impl Following {
    /// Attaches to all that are there. What is left goes on counting until all else has gone well.
    pub(super) fn start(
        settings: &KernelSettings,
        present: &[Interface],
        ebpf: &mut Ebpf,
        folder: Option<&Folder>,
        leftovers: &mut [Found],
    ) -> Result<Self, SourceError> {
        let unheard = |error: std::io::Error| SourceError::Netlink {
            detail: error.to_string(),
        };
        let xdp: &mut Xdp = program(ebpf, XDP)?;
        let mut following = Self {
            program: xdp.info().map_err(map_error)?.id(),
            list: settings.interfaces.clone(),
            mode: settings.mode,
            direction: settings.direction,
            // Before the first look, so that nothing comes unseen between the two.
            events: LinkEvents::listen().map_err(unheard)?,
            namespace: network_namespace().map_err(unheard)?,
            attached: Vec::new(),
            refused: BTreeMap::new(),
            is_behind: false,
            departed: Departed::default(),
            changes: Vec::new(),
        };
        for pattern in following.list.without_any_of(present) {
            log::warn!("no interface matches `{pattern}` yet; one that comes is watched");
        }
        let mut interfaces: Vec<_> = present.iter().collect();
        interfaces.sort_by_key(|one| leftovers.iter().any(|old| old.is_on(one)));
        for interface in interfaces {
            match following.attach(interface, ebpf, folder, leftovers) {
                // One that a pattern matched may have gone meanwhile.
                Err(_) if !following.list.is_by_name(&interface.name) && is_gone(interface) => {}
                // What a pattern matches need not be a network's interface.
                Err(error @ SourceError::LinkLayer { .. })
                    if !following.list.is_by_name(&interface.name) =>
                {
                    following.refuse(interface, &error);
                }
                outcome => outcome?,
            }
        }
        Ok(following)
    }

    /// Looks at what came and went since the last look.
    pub(super) fn follow(&mut self, ebpf: &mut Ebpf, folder: Option<&Folder>, now: Timestamp) {
        let is_due = self.events.any() || self.is_behind;
        if is_due && network_namespace().is_ok_and(|here| here == self.namespace) {
            self.let_go(now);
            self.pick_up(ebpf, folder);
        }
        let forgotten = self.departed.forget(now).into_iter();
        self.changes.extend(forgotten.map(Change::Forgotten));
    }

    /// What has changed since the last call; the first one brings what was there at the start.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = &Attachment> {
        self.attached.iter().map(|one| &one.attachment)
    }

    fn attach(
        &mut self,
        interface: &Interface,
        ebpf: &mut Ebpf,
        folder: Option<&Folder>,
        leftovers: &mut [Found],
    ) -> Result<(), SourceError> {
        let mut attaching = Attaching {
            ebpf,
            mode: self.mode,
            direction: self.direction,
            folder,
            leftovers,
            not_native: None,
        };
        let attached = attaching.attach(interface)?;
        self.came(attached.attachment.clone());
        self.attached.push(attached);
        Ok(())
    }

    fn came(&mut self, attachment: Attachment) {
        self.departed.came(&attachment.interface);
        self.changes.push(Change::Came(attachment));
    }

    /// Detaches from those that are gone. One that is watched under its new name too keeps its programs.
    ///
    /// Each is asked for by its index: a list of all may lack some while many come and go.
    fn let_go(&mut self, now: Timestamp) {
        let mut renamed = Vec::new();
        let mut attached = std::mem::take(&mut self.attached);
        attached.retain_mut(|one| {
            let before = &one.attachment.interface;
            let Ok(mut there) = Interface::with_index(before.index) else {
                return true;
            };
            if !one.is_there(self.program) {
                // Another interface of this index, or somebody took the program off.
                there = None;
            }
            let is_as_before = there
                .as_ref()
                .is_none_or(|there| self.is_as_before(one, there));
            let before = &one.attachment.interface;
            if there.as_ref() == Some(before) && is_as_before {
                return true;
            }
            let gone = Gone {
                is_missed: self.list.is_by_name(&before.name),
                interface: before.clone(),
            };
            self.departed.push(now, gone.clone());
            self.changes.push(Change::Left(gone));
            let there = there.filter(|there| is_as_before && self.list.takes(&there.name));
            let Some(there) = there else {
                return false;
            };
            one.attachment.interface = there;
            renamed.push(one.attachment.clone());
            true
        });
        self.attached = attached;
        // Two may have swapped their names: both have left by now.
        for attachment in renamed {
            self.came(attachment);
        }
    }

    /// Whether the programs that an interface has are still those that it should have: `ethtool` may have changed what
    /// its driver does with VLAN tags.
    fn is_as_before(&self, one: &Attached, there: &Interface) -> bool {
        let by_xdp = |frames: Frames| frames.by_xdp(self.mode);
        Frames::of(there).map_or(true, |frames| by_xdp(frames) == by_xdp(one.frames))
    }

    fn pick_up(&mut self, ebpf: &mut Ebpf, folder: Option<&Folder>) {
        let present = self.list.present();
        self.refused
            .retain(|index, _| present.iter().any(|one| one.index == *index));
        self.is_behind = false;
        let mut new = 0;
        for interface in &present {
            if self.attached().any(|one| one.interface == *interface) {
                continue;
            }
            if new == AT_ONCE {
                self.is_behind = true;
                break;
            }
            match self.attach(interface, ebpf, folder, &mut []) {
                Ok(()) => {
                    self.refused.remove(&interface.index);
                    new += 1;
                }
                Err(error) if !is_gone(interface) => self.refuse(interface, &error),
                Err(_) => {}
            }
        }
    }

    /// Tells once why an interface is not watched. It is tried again whenever something changes about an interface.
    fn refuse(&mut self, interface: &Interface, error: &SourceError) {
        let why = error.to_string();
        let before = self.refused.insert(interface.index, why.clone());
        if before.as_ref() != Some(&why) {
            log::warn!("`{}` came and is not watched: {why}", interface.name);
        }
    }
}

/// Whether there is no interface of this index and name any more.
fn is_gone(interface: &Interface) -> bool {
    Interface::with_index(interface.index).is_ok_and(|there| there.as_ref() != Some(interface))
}
