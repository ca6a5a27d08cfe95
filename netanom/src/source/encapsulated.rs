//! Counts what carries packets that are not looked into, and tells of each kind once.

use netanom_common::encapsulation::Encapsulation;
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::packet::{TunnelSettings, Tunnels};

/// Packets so far, in the order of [`Encapsulation::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncapsulatedPackets(pub [u64; Encapsulation::ALL.len()]);

impl EncapsulatedPackets {
    /// Every kind with its packets.
    pub fn iter(&self) -> impl Iterator<Item = (Encapsulation, u64)> + '_ {
        Encapsulation::ALL.into_iter().zip(self.0)
    }
}

/// Follows a source.
#[derive(Debug)]
pub(super) struct Encapsulated {
    tunnels: TunnelSettings,
    packets: EncapsulatedPackets,
}

impl Encapsulated {
    pub(super) fn new(tunnels: TunnelSettings) -> Self {
        Self {
            tunnels,
            packets: EncapsulatedPackets::default(),
        }
    }

    /// Adds a window's flows; `frames` are those counted by their frame, since the begin.
    pub(super) fn add(
        &mut self,
        flows: &[(FlowKey, FlowCounters)],
        frames: [u64; Encapsulation::OF_FRAMES],
    ) {
        let before = self.packets;
        self.packets.0[..frames.len()].copy_from_slice(&frames);
        for (key, counters) in flows {
            let found = Encapsulation::of_flow(key, counters, self.tunnels.vxlan_ports);
            if let Some((kind, packets)) = found {
                self.packets.0[kind as usize] += packets;
            }
        }
        // Who asked for the flows between a tunnel's ends knows.
        if self.tunnels.follow == Tunnels::Outer {
            return;
        }
        for ((kind, packets), before) in self.packets.iter().zip(before.0) {
            if before == 0 && packets > 0 {
                log::info!(
                    "packets in {} are not looked into: they count as the flow between its ends, or as not_ip \
                     (docs/compatibility.md)",
                    kind.name()
                );
            }
        }
    }

    pub(super) fn packets(&self) -> EncapsulatedPackets {
        self.packets
    }
}
