//! The interfaces that are watched, while they come and go.
//!
//! Attaching programs that are loaded already needs no capability (since Linux 5.19 only loading them and making maps
//! does: kernel/bpf/syscall.c, `map_create` and `bpf_prog_load`), so the sensor follows after it has dropped its own.

use std::collections::{BTreeMap, VecDeque};

use aya::Ebpf;

use super::attach::{Attached, Attaching, Attachment};
use super::pin::{Folder, Found, network_namespace};
use super::settings::KernelSettings;
use crate::flow::Timestamp;
use crate::source::netlink::LinkEvents;
use crate::source::{Direction, Interface, SourceError, Watchlist, XdpMode};

/// How long an interface that left is remembered: whoever reads the counters once a minute has seen the last ones then.
const REMEMBERED: u64 = 300_000_000_000;
/// Interfaces that left and are remembered; further ones push out the oldest.
const MOST_REMEMBERED: usize = 64;

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

/// An interface that left, under the name that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The interface.
    pub interface: Interface,
    /// Whether it was asked for by its whole name.
    pub is_missed: bool,
}

/// Keeps the programs attached to every interface that is to be watched.
pub(super) struct Following {
    list: Watchlist,
    mode: XdpMode,
    direction: Direction,
    events: LinkEvents,
    /// The network namespace in which names and indices mean what they do.
    namespace: u64,
    attached: Vec<Attached>,
    /// Why one is not attached, so that it is told once.
    refused: BTreeMap<u32, String>,
    left: VecDeque<(Timestamp, Gone)>,
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
        let mut following = Self {
            list: settings.interfaces.clone(),
            mode: settings.mode,
            direction: settings.direction,
            // Before the first look, so that nothing comes unseen between the two.
            events: LinkEvents::listen().map_err(unheard)?,
            namespace: network_namespace().map_err(unheard)?,
            attached: Vec::new(),
            refused: BTreeMap::new(),
            left: VecDeque::new(),
            changes: Vec::new(),
        };
        let mut interfaces: Vec<_> = present.iter().collect();
        interfaces.sort_by_key(|one| leftovers.iter().any(|old| old.is_on(one)));
        for interface in interfaces {
            following.attach(interface, ebpf, folder, leftovers)?;
        }
        Ok(following)
    }

    /// Looks at what came and went since the last look.
    pub(super) fn follow(&mut self, ebpf: &mut Ebpf, folder: Option<&Folder>, now: Timestamp) {
        if self.events.any() && network_namespace().is_ok_and(|here| here == self.namespace) {
            let present = self.list.present();
            self.let_go(&present, now);
            self.pick_up(&present, ebpf, folder);
        }
        self.forget(now);
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
        };
        let attached = attaching.attach(interface)?;
        self.changes.push(Change::Came(attached.attachment.clone()));
        self.attached.push(attached);
        Ok(())
    }

    /// Detaches from those that are gone. One that is watched under its new name too keeps its programs.
    fn let_go(&mut self, present: &[Interface], now: Timestamp) {
        let mut attached = std::mem::take(&mut self.attached);
        attached.retain_mut(|one| {
            let interface = &one.attachment.interface;
            let same = present.iter().find(|there| there.index == interface.index);
            if same == Some(interface) {
                return true;
            }
            let gone = Gone {
                is_missed: self.list.is_by_name(&interface.name),
                interface: interface.clone(),
            };
            self.left.push_back((now, gone.clone()));
            self.changes.push(Change::Left(gone));
            if let Some(renamed) = same {
                one.attachment.interface = renamed.clone();
                self.changes.push(Change::Came(one.attachment.clone()));
            }
            same.is_some()
        });
        self.attached = attached;
    }

    fn pick_up(&mut self, present: &[Interface], ebpf: &mut Ebpf, folder: Option<&Folder>) {
        self.refused
            .retain(|index, _| present.iter().any(|one| one.index == *index));
        for interface in present {
            if self.attached().any(|one| one.interface == *interface) {
                continue;
            }
            match self.attach(interface, ebpf, folder, &mut []) {
                Ok(()) => {
                    self.refused.remove(&interface.index);
                }
                // Tried again whenever something changes about an interface.
                Err(error) => {
                    let why = error.to_string();
                    let before = self.refused.insert(interface.index, why.clone());
                    if before.as_ref() != Some(&why) {
                        log::warn!("`{}` came and is not watched: {why}", interface.name);
                    }
                }
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while self.left.len() > MOST_REMEMBERED
            || self
                .left
                .front()
                .is_some_and(|(when, _)| now.as_nanos() > when.as_nanos() + REMEMBERED)
        {
            if let Some((_, gone)) = self.left.pop_front() {
                self.changes.push(Change::Forgotten(gone));
            }
        }
    }
}
