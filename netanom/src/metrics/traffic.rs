//! The series of interfaces, which come and go; the packets and bytes of a window by interface and direction, in
//! whichever table they were counted.

use std::collections::{BTreeMap, BTreeSet};

use netanom_common::counter::Tally;
use prometheus::{IntCounter, IntGauge};

use super::labels::{DIRECTIONS, MAX_INTERFACES, OTHER, XdpMode};
use super::{Metrics, lock};
use crate::flow::Window;

/// What came in and what left, in the order of [`DIRECTIONS`], by the index of the interface.
pub(super) fn by_interface(window: &Window) -> BTreeMap<u32, [Tally; DIRECTIONS.len()]> {
    let flows = window.flows.iter().map(|(key, counters)| {
        let all = Tally {
            packets: counters.packets(),
            bytes: counters.bytes(),
        };
        (key.interface(), all, counters.egress)
    });
    let overflow = window
        .overflow
        .iter()
        .map(|(key, counters)| (key.interface(), counters.total, counters.egress));
    let mut sums: BTreeMap<u32, [Tally; DIRECTIONS.len()]> = BTreeMap::new();
    for (index, all, out) in flows.chain(overflow) {
        let [ingress, egress] = sums.entry(index).or_default();
        ingress.add(
            all.packets.saturating_sub(out.packets),
            all.bytes.saturating_sub(out.bytes),
        );
        egress.add(out.packets, out.bytes);
    }
    sums
}

#[derive(Default)]
pub(super) struct Interfaces {
    pub(super) names: BTreeSet<String>,
    pub(super) by_index: BTreeMap<u32, Interface>,
}

pub(super) struct Interface {
    /// The label's value.
    pub(super) label: String,
    /// Packets and bytes, in the order of [`DIRECTIONS`].
    pub(super) traffic: [(IntCounter, IntCounter); DIRECTIONS.len()],
    /// In the order of [`XdpMode::ALL`].
    pub(super) xdp: [IntGauge; XdpMode::ALL.len()],
}

impl Metrics {
    /// Gives the interface with this index its series, at 0. An index that comes again with another name is a new
    /// interface; a name that comes again with another index goes on with its old series.
    pub fn add_interface(&self, index: u32, name: &str) {
        let mut interfaces = lock(&self.interfaces);
        let is_known = interfaces.names.contains(name);
        let label = if is_known || interfaces.names.len() < MAX_INTERFACES {
            name
        } else {
            OTHER
        };
        interfaces
            .names
            .extend((label != OTHER).then(|| label.to_owned()));
        // Without cells of its own it is counted under those of `other`.
        interfaces.by_index.remove(&index);
        if label != OTHER {
            interfaces.by_index.insert(index, self.interface(label));
        }
    }

    /// Says that an interface is not there: as not attached where it is missed, else without a word on that.
    pub fn interface_left(&self, name: &str, is_missed: bool) {
        let interfaces = lock(&self.interfaces);
        let cells = interfaces.by_index.values().find(|one| one.label == name);
        for (gauge, mode) in cells
            .iter()
            .flat_map(|one| one.xdp.iter().zip(XdpMode::ALL))
        {
            gauge.set(0);
            if !is_missed {
                // There is one, as there are cells.
                let _ = self.xdp_attached.remove_label_values(&[name, mode.name()]);
            }
        }
    }

    /// Forgets an interface that left under this name. Where no other has the name, its series go from the page and make
    /// room for another's, unless they are to stay.
    pub fn forget_interface(&self, index: u32, name: &str, series_stay: bool) {
        let mut interfaces = lock(&self.interfaces);
        let is_name = |one: &Interface| one.label == name;
        if interfaces.by_index.get(&index).is_some_and(is_name) {
            interfaces.by_index.remove(&index);
        }
        if series_stay || interfaces.by_index.values().any(is_name) {
            return;
        }
        if interfaces.names.remove(name) {
            for direction in DIRECTIONS {
                // There is one, as there was a name.
                let _ = self.packets.remove_label_values(&[name, direction]);
                let _ = self.bytes.remove_label_values(&[name, direction]);
            }
        }
    }

    /// Says how the XDP program is attached to the interface; `None` when it is not.
    pub fn set_xdp_mode(&self, index: u32, mode: Option<XdpMode>) {
        let mut interfaces = lock(&self.interfaces);
        let interface = self.known_or_other(&mut interfaces, index);
        for (gauge, candidate) in interface.xdp.iter().zip(XdpMode::ALL) {
            gauge.set((mode == Some(candidate)).into());
        }
    }

    fn interface(&self, label: &str) -> Interface {
        Interface {
            label: label.to_owned(),
            traffic: DIRECTIONS.map(|direction| {
                let labels = [label, direction];
                (
                    self.packets.with_label_values(&labels),
                    self.bytes.with_label_values(&labels),
                )
            }),
            xdp: XdpMode::ALL
                .map(|mode| self.xdp_attached.with_label_values(&[label, mode.name()])),
        }
    }

    pub(super) fn known_or_other<'a>(
        &self,
        interfaces: &'a mut Interfaces,
        index: u32,
    ) -> &'a Interface {
        /// No interface has this index.
        const NONE: u32 = u32::MAX;
        let is_known = interfaces.by_index.contains_key(&index);
        let index = if is_known { index } else { NONE };
        interfaces
            .by_index
            .entry(index)
            .or_insert_with(|| self.interface(OTHER))
    }
}
