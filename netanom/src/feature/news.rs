//! What a flow adds to the recent past of its hosts.

use netanom_common::flow::{DirectionCounters, Side};
use netanom_common::packet::{protocol, tcp};

use crate::flow::Flow;

/// What is summed of the flows of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Flows opened.
    Flows,
    /// Flows in which the responder sent something else than a refusal.
    Answered,
    /// Flows that were refused: TCP that the responder reset without having sent data, and what nothing but ICMP's
    /// "destination unreachable" came back for, as for a closed port of UDP (RFC 1122 4.1.3.1).
    Refused,
    /// Flows that an ICMP error came back for.
    Errors,
    /// TCP flows whose handshake the initiator completed.
    Established,
    /// Packets from initiator to responder.
    PacketsFwd,
    /// Packets from responder to initiator.
    PacketsBwd,
    /// Frame bytes from initiator to responder.
    BytesFwd,
    /// Frame bytes from responder to initiator.
    BytesBwd,
    /// Flows in which the initiator sent payload.
    Asked,
    /// Flows in which the responder sent payload in return.
    Replied,
    /// Flows in which the responder sent payload before the initiator did.
    Greeted,
    /// TCP flows that both sides have ended, or one has reset.
    Closed,
    /// Forward payload of the flows that have ended, in KiB, and its square.
    ClosedPayload,
    /// See [`Self::ClosedPayload`].
    ClosedSquares,
    /// Forward packets with SYN.
    Syns,
    /// ICMP messages, forward.
    Icmp,
    /// UDP datagrams, forward.
    Udp,
}

pub(super) const SUMS: usize = 18;

/// How much of a flow was already taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Who had begun it, as far as was known.
    initiator: Option<Side>,
    opened: bool,
    answered: bool,
    refused: bool,
    errors: bool,
    established: bool,
    packets_fwd: u64,
    packets_bwd: u64,
    bytes_fwd: u64,
    bytes_bwd: u64,
    asked: bool,
    replied: bool,
    greeted: bool,
    closed: bool,
    syns: u64,
}

impl Seen {
    /// Whether the responder has answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }
}

/// What happened in a flow since it was last taken in, in the order of [`Sum`].
pub(super) fn news(flow: &Flow, seen: &mut Seen) -> [f32; SUMS] {
    // Known better now: all of it is news of these hosts. What was taken for the others' fades.
    if seen.initiator != Some(flow.initiator) {
        *seen = Seen {
            initiator: Some(flow.initiator),
            ..Seen::default()
        };
    }
    let (fwd, bwd) = (flow.fwd(), flow.bwd());
    let once = |flag: &mut bool, holds: bool| {
        let first = holds && !*flag;
        *flag |= holds;
        if first { 1.0 } else { 0.0 }
    };
    let since = |before: &mut u64, total: u64| {
        let more = total.saturating_sub(*before);
        *before = total;
        more as f32
    };
    let is_tcp = flow.protocol() == protocol::TCP;
    let reset =
        is_tcp && bwd.flag(tcp::RST) > 0 && bwd.payload_packets == 0 && bwd.flag(tcp::SYN) == 0;
    let errors = flow.errors_bwd();
    let refused = reset || (errors.unreachable > 0 && bwd.total.packets == 0);
    let answered = bwd.total.packets > 0 && !refused;
    let established = is_tcp && bwd.flag(tcp::SYN) > 0 && fwd.flag(tcp::ACK) > fwd.flag(tcp::RST);
    let asked = fwd.payload_packets > 0;
    let greeted = speaks_first(bwd, fwd);
    // A greeting is no reply: what comes after it is.
    let replied = asked && bwd.payload_packets > u32::from(greeted);
    let closed = once(&mut seen.closed, is_tcp && is_closed(fwd, bwd));
    let closed_payload = closed * (fwd.payload_bytes as f32 / 1024.0);
    let packets_fwd = since(&mut seen.packets_fwd, fwd.total.packets);
    let packets_of = |holds: bool| if holds { packets_fwd } else { 0.0 };
    let is_icmp = matches!(flow.protocol(), protocol::ICMP | protocol::ICMPV6);
    let syns = if is_tcp { fwd.flag(tcp::SYN) } else { 0 };
    [
        once(&mut seen.opened, true),
        once(&mut seen.answered, answered),
        once(&mut seen.refused, refused),
        once(&mut seen.errors, errors.packets > 0),
        once(&mut seen.established, established),
        packets_fwd,
        since(&mut seen.packets_bwd, bwd.total.packets),
        since(&mut seen.bytes_fwd, fwd.total.bytes),
        since(&mut seen.bytes_bwd, bwd.total.bytes),
        once(&mut seen.asked, asked),
        once(&mut seen.replied, replied),
        once(&mut seen.greeted, greeted),
        closed,
        closed_payload,
        closed_payload * closed_payload,
        since(&mut seen.syns, u64::from(syns)),
        packets_of(is_icmp),
        packets_of(flow.protocol() == protocol::UDP),
    ]
}

/// Whether `one` sent payload before `other` did.
pub(super) fn speaks_first(one: &DirectionCounters, other: &DirectionCounters) -> bool {
    one.payload_packets > 0
        && (other.payload_packets == 0 || one.first_payload < other.first_payload)
}

pub(super) fn is_closed(fwd: &DirectionCounters, bwd: &DirectionCounters) -> bool {
    let either = |flag| fwd.flag(flag) > 0 || bwd.flag(flag) > 0;
    let both = |flag| fwd.flag(flag) > 0 && bwd.flag(flag) > 0;
    either(tcp::RST) || both(tcp::FIN)
}

/// What flows without an answer add up to.
pub(super) fn opened(flow: &Flow, flows: f32, packets: f32, bytes: f32) -> [f32; SUMS] {
    let mut amounts = [0.0; SUMS];
    let mut set = |sum: Sum, amount| amounts[sum as usize] = amount;
    set(Sum::Flows, flows);
    set(Sum::PacketsFwd, packets);
    set(Sum::BytesFwd, bytes);
    match flow.protocol() {
        protocol::ICMP | protocol::ICMPV6 => set(Sum::Icmp, packets),
        protocol::UDP => {
            set(Sum::Udp, packets);
            set(Sum::Asked, flows);
        }
        _ => set(Sum::Syns, packets),
    }
    amounts
}
