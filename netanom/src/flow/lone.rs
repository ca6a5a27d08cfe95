//! Windows of packets that belong to no others: what a flood from forged sources is made of.

use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::{Fragment, Packet, RawAddress, error, protocol, tcp};

use super::{Timestamp, Window};

/// A connection request to port 80, as Linux sends it: 74 bytes on Ethernet over IPv4, with options.
#[must_use]
pub fn request(source: RawAddress, target: RawAddress, source_port: u16) -> Packet {
    Packet {
        source,
        destination: target,
        source_port,
        destination_port: 80,
        protocol: protocol::TCP,
        flags: tcp::SYN,
        outer_vlan: 0,
        inner_vlan: 0,
        fragment: Fragment::default(),
        error: error::NONE,
        window: 64_240,
        payload: 0,
        length: 74,
    }
}

impl Window {
    /// A window in which each of `packets` is a flow of its own; they come evenly spread over it.
    #[must_use]
    pub fn of_lone(
        start: Timestamp,
        end: Timestamp,
        packets: impl ExactSizeIterator<Item = Packet>,
    ) -> Self {
        let length = end.as_nanos().saturating_sub(start.as_nanos());
        let step = length / (packets.len() as u64).max(1);
        let flow = |(n, packet): (u64, Packet)| {
            let seen = Observation {
                now: start.as_nanos() + n * step,
                segments: NonZeroU32::MIN,
                egress: false,
            };
            let (key, side) = FlowKey::of(&packet, 0);
            let mut counters = FlowCounters::default();
            counters.account(side, &packet, seen);
            (key, counters)
        };
        Self {
            start,
            end,
            flows: (0..).zip(packets).map(flow).collect(),
            ..Self::default()
        }
    }
}
