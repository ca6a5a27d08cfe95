//! Single packets: what no whole connection is made of.

use netanom_common::packet::tcp;
use rand::RngExt;

use super::super::chance::Rng;
use super::super::host::Host;
use super::super::packet::{Body, Options, Packet, Payload, Planned, Segment};
use crate::flow::Timestamp;

/// One end: a host and its port.
pub(super) type End = (Host, u16);

/// A TCP segment out of nowhere.
pub(super) fn segment(
    rng: &mut Rng,
    at: Timestamp,
    from: End,
    to: End,
    flags: u8,
    length: u32,
) -> Planned {
    let segment = Segment {
        source_port: from.1,
        destination_port: to.1,
        sequence: rng.random(),
        acknowledgment: if flags & tcp::ACK == 0 {
            0
        } else {
            rng.random()
        },
        flags,
        window: 512,
        options: if flags & tcp::SYN == 0 {
            Options::None
        } else {
            Options::SegmentSize
        },
    };
    let payload = Payload::noise(length);
    planned(rng, at, from.0, to.0, Body::Tcp { segment, payload })
}

/// A UDP datagram.
pub(super) fn datagram(
    rng: &mut Rng,
    at: Timestamp,
    from: End,
    to: End,
    payload: Payload,
) -> Planned {
    let body = Body::Udp {
        source_port: from.1,
        destination_port: to.1,
        payload,
    };
    planned(rng, at, from.0, to.0, body)
}

/// An echo request or its reply.
pub(super) fn echo(
    rng: &mut Rng,
    at: Timestamp,
    (from, to): (Host, Host),
    request: bool,
    (id, sequence): (u16, u16),
    length: u32,
) -> Planned {
    let payload = Payload::noise(length);
    let body = Body::Echo {
        request,
        id,
        sequence,
        payload,
    };
    planned(rng, at, from, to, body)
}

/// A packet of any kind.
pub(super) fn planned(rng: &mut Rng, at: Timestamp, from: Host, to: Host, body: Body) -> Planned {
    let packet = Packet {
        from,
        to,
        body,
        salt: rng.random(),
    };
    Planned { at, packet }
}
