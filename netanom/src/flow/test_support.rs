//! Small packets and counters for tests.

use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::{Fragment, Packet, error};

/// A 60-byte packet from 10.0.0.1 to 10.0.0.2 without payload.
pub(crate) fn packet(protocol: u8, source_port: u16, destination_port: u16, flags: u8) -> Packet {
    Packet {
        source: address(1),
        destination: address(2),
        source_port,
        destination_port,
        protocol,
        flags,
        outer_vlan: 0,
        inner_vlan: 0,
        window: 0,
        payload: 0,
        length: 60,
        fragment: Fragment::default(),
        error: error::NONE,
    }
}

/// 10.0.0.`last` as packets carry it.
pub(crate) fn address(last: u8) -> [u32; 4] {
    [
        0,
        0,
        0xffff_u32.to_be(),
        u32::from_be_bytes([10, 0, 0, last]).to_be(),
    ]
}

/// The sender and receiver swapped.
pub(crate) fn reply(packet: &Packet) -> Packet {
    Packet {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        ..*packet
    }
}

/// A router's or the receiver's "destination unreachable" about a packet: 70 bytes.
pub(crate) fn unreachable(packet: &Packet) -> Packet {
    Packet {
        error: error::UNREACHABLE,
        flags: 0,
        length: 70,
        ..reply(packet)
    }
}

/// The counters of one flow's packets, each with its time in nanoseconds.
pub(crate) fn counters_of(packets: &[(u64, Packet)]) -> (FlowKey, FlowCounters) {
    let mut counters = FlowCounters::default();
    let (key, _) = FlowKey::of(&packets[0].1, 0);
    for (now, packet) in packets {
        let (_, side) = FlowKey::of(packet, 0);
        counters.account(
            side,
            packet,
            Observation {
                now: *now,
                segments: NonZeroU32::MIN,
                egress: false,
            },
        );
    }
    (key, counters)
}
