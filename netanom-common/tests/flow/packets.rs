//! Packets to account, without frames.

use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::{Fragment, Packet, RawAddress, error, protocol};

pub(crate) const MICROSECOND: u64 = 1000;
pub(crate) const SECOND: u64 = 1_000_000 * MICROSECOND;

/// 10.0.0.1, which sorts before 10.0.0.2 on any machine.
pub(crate) const LOW: u8 = 1;
pub(crate) const HIGH: u8 = 2;

/// A TCP packet without payload from 10.0.0.`from` to the other of the two: 54 bytes.
pub(crate) fn tcp(from: u8, flags: u8) -> Packet {
    Packet {
        source: address(from),
        destination: address(LOW + HIGH - from),
        source_port: 443,
        destination_port: 443,
        protocol: protocol::TCP,
        flags,
        outer_vlan: 0,
        inner_vlan: 0,
        window: 0,
        payload: 0,
        length: 54,
        fragment: Fragment::default(),
        error: error::NONE,
    }
}

/// The same with payload.
pub(crate) fn tcp_with(from: u8, payload: u32) -> Packet {
    Packet {
        payload,
        length: 54 + payload,
        ..tcp(from, 0x10)
    }
}

pub(crate) fn address(last: u8) -> RawAddress {
    let ipv4 = u32::from_ne_bytes([10, 0, 0, last]);
    [0, 0, u32::from_ne_bytes([0, 0, 0xff, 0xff]), ipv4]
}

/// One packet that came in.
pub(crate) fn at(now: u64) -> Observation {
    Observation {
        now,
        segments: NonZeroU32::MIN,
        egress: false,
    }
}

/// What the flow of these packets counts.
pub(crate) fn counted(packets: &[(Packet, Observation)]) -> FlowCounters {
    let mut counters = FlowCounters::default();
    for (packet, seen) in packets {
        counters.account(FlowKey::of(packet, 0).1, packet, *seen);
    }
    counters
}
