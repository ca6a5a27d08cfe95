//! Flows as a source would count them.

use std::num::NonZero;

use netanom_common::flow::{FlowCounters, FlowKey, Observation, Side};
use netanom_common::packet::{Fragment, Packet, RawAddress, protocol};

/// A flow of UDP from 192.0.2.`from` to 198.51.100.1 at `interface`: `asked` frames of 100 bytes came in and
/// `answered` ones left.
pub(crate) fn flow(interface: u32, from: u8, asked: u32, answered: u32) -> (FlowKey, FlowCounters) {
    let packet = packet(from);
    let (key, asking) = FlowKey::of(&packet, interface);
    let answering = if asking == Side::Low {
        Side::High
    } else {
        Side::Low
    };
    let mut counters = FlowCounters::default();
    for (side, count, egress) in [(asking, asked, false), (answering, answered, true)] {
        for packet_number in 0..count {
            let seen = Observation {
                now: 1 + u64::from(packet_number),
                segments: NonZero::<u32>::MIN,
                egress,
            };
            counters.account(side, &packet, seen);
        }
    }
    (key, counters)
}

/// The request that [`flow`] counts.
pub(crate) fn packet(from: u8) -> Packet {
    Packet {
        source: ipv4([192, 0, 2, from]),
        destination: ipv4([198, 51, 100, 1]),
        source_port: 40_000,
        destination_port: 53,
        protocol: protocol::UDP,
        flags: 0,
        outer_vlan: 0,
        inner_vlan: 0,
        window: 0,
        payload: 58,
        length: 100,
        fragment: Fragment::default(),
        error: 0,
    }
}

fn ipv4(bytes: [u8; 4]) -> RawAddress {
    [
        0,
        0,
        u32::from_ne_bytes([0, 0, 0xff, 0xff]),
        u32::from_ne_bytes(bytes),
    ]
}
