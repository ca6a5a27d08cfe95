//! The packets and bytes of a window by interface and direction, in whichever table they were counted.

use std::collections::{BTreeMap, BTreeSet};

use netanom_common::counter::Tally;
use prometheus::{IntCounter, IntGauge};

use super::labels::{DIRECTIONS, XdpMode};
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
    /// Packets and bytes, in the order of [`DIRECTIONS`].
    pub(super) traffic: [(IntCounter, IntCounter); DIRECTIONS.len()],
    /// In the order of [`XdpMode::ALL`].
    pub(super) xdp: [IntGauge; XdpMode::ALL.len()],
}
