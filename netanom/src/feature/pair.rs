//! Features of the recent past of the two hosts of a flow: what its initiator did to its responder.
//!
//! Blind spot: an attack that is spread over many pairs of hosts.

use super::host::{flow_size, per_flow, unreplied};
use super::news::Sum;
use super::past::{INSTANT, LONG, Lately, SHORT, SLOW};
use super::{Feature, Subject, measure};

pub(super) static FEATURES: [Feature; 24] = [
    measure!(
        "pair_flows_10s",
        "flows",
        "flows from this initiator to this responder in 10 s",
        |s| pair(s, Sum::Flows, SHORT)
    ),
    measure!(
        "pair_flows_60s",
        "flows",
        "flows from this initiator to this responder in 60 s",
        |s| pair(s, Sum::Flows, LONG)
    ),
    measure!(
        "pair_answered_60s",
        "",
        "share of these that were answered, 60 s",
        |s| pair_share(s, Sum::Answered, LONG)
    ),
    measure!(
        "pair_refused_60s",
        "",
        "share of these that were reset or told unreachable without an answer, 60 s",
        |s| pair_share(s, Sum::Refused, LONG)
    ),
    measure!(
        "pair_errors_60s",
        "",
        "share of these that ICMP errors came back for, 60 s",
        |s| pair_share(s, Sum::Errors, LONG)
    ),
    measure!(
        "pair_established_60s",
        "",
        "share of these whose handshake was completed, 60 s",
        |s| pair_share(s, Sum::Established, LONG)
    ),
    measure!(
        "pair_ports_10s",
        "ports",
        "distinct ports in these, 10 s",
        |s| f64::from(s.context.pair.ports(SHORT))
    ),
    measure!(
        "pair_ports_60s",
        "ports",
        "distinct ports in these, 60 s",
        |s| f64::from(s.context.pair.ports(LONG))
    ),
    measure!(
        "pair_flows_per_port_60s",
        "flows",
        "flows a distinct port in these, 60 s: high for a flood, about 1 for a scan",
        flows_per_port
    ),
    measure!(
        "pair_packets_fwd_10s",
        "packets",
        "packets from this initiator to this responder in 10 s",
        |s| pair(s, Sum::PacketsFwd, SHORT)
    ),
    measure!(
        "pair_packets_fwd_60s",
        "packets",
        "packets from this initiator to this responder in 60 s",
        |s| pair(s, Sum::PacketsFwd, LONG)
    ),
    measure!(
        "pair_packets_bwd_60s",
        "packets",
        "packets from this responder to this initiator in 60 s",
        |s| pair(s, Sum::PacketsBwd, LONG)
    ),
    measure!(
        "pair_flow_size_60s",
        "packets",
        "packets a flow of the pair, both directions, 60 s",
        |s| flow_size(s.context.pair)
    ),
    measure!(
        "pair_bytes_per_flow_60s",
        "bytes",
        "forward bytes a flow of the pair, 60 s",
        bytes_per_flow
    ),
    measure!(
        "pair_flows_1s",
        "flows",
        "flows from this initiator to this responder in 1 s",
        |s| pair(s, Sum::Flows, INSTANT)
    ),
    measure!(
        "pair_packets_fwd_1s",
        "packets",
        "packets from this initiator to this responder in 1 s",
        |s| pair(s, Sum::PacketsFwd, INSTANT)
    ),
    measure!(
        "pair_ports_300s",
        "ports",
        "distinct ports in the pair's flows, 300 s",
        |s| f64::from(s.context.pair.ports(SLOW))
    ),
    measure!(
        "pair_asked_60s",
        "",
        "share of the pair's flows in which the initiator sent payload, 60 s",
        |s| pair_share(s, Sum::Asked, LONG)
    ),
    measure!(
        "pair_unreplied_60s",
        "flows",
        "flows of the pair with payload forward and none back, 60 s",
        |s| unreplied(s.context.pair)
    ),
    measure!(
        "pair_greeted_60s",
        "",
        "share of the pair's flows in which the responder spoke first, 60 s",
        |s| pair_share(s, Sum::Greeted, LONG)
    ),
    measure!(
        "pair_closed_60s",
        "",
        "share of the pair's flows that are TCP and have ended, 60 s",
        |s| pair_share(s, Sum::Closed, LONG)
    ),
    measure!(
        "pair_payload_closed_60s",
        "bytes",
        "mean forward payload of the pair's TCP flows that have ended, 60 s",
        |s| payload_closed(s.context.pair)
    ),
    measure!(
        "pair_payload_variation_60s",
        "",
        "standard deviation over mean of the same: near 0 when one thing is tried again and again",
        |s| payload_variation(s.context.pair)
    ),
    measure!(
        "pair_syns_per_flow_60s",
        "packets",
        "SYNs a flow of the pair, 60 s",
        |s| per_flow(s.context.pair, s.context.pair.sum(Sum::Syns, LONG))
    ),
];

fn pair(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.pair.sum(sum, seconds))
}

fn pair_share(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.pair.share(sum, seconds))
}

fn bytes_per_flow(s: &Subject<'_>) -> f64 {
    per_flow(s.context.pair, s.context.pair.sum(Sum::BytesFwd, LONG))
}

fn flows_per_port(s: &Subject<'_>) -> f64 {
    pair(s, Sum::Flows, LONG) / f64::from(s.context.pair.ports(LONG)).max(1.0)
}

fn payload_closed(lately: &Lately) -> f64 {
    let closed = lately.sum(Sum::Closed, LONG);
    if closed > 0.0 {
        f64::from(1024.0 * lately.sum(Sum::ClosedPayload, LONG) / closed)
    } else {
        0.0
    }
}

/// 0 for fewer than two flows: nothing has varied.
fn payload_variation(lately: &Lately) -> f64 {
    let closed = lately.sum(Sum::Closed, LONG);
    if closed < 2.0 {
        return 0.0;
    }
    let mean = lately.sum(Sum::ClosedPayload, LONG) / closed;
    let variance = (lately.sum(Sum::ClosedSquares, LONG) / closed - mean * mean).max(0.0);
    if mean > 0.0 {
        f64::from(variance.sqrt() / mean)
    } else {
        0.0
    }
}

/// The features of one flow, in the order of [`FEATURES`]. It stands beside the table, which the compiler then sees
/// through: it lays the loop out and calls no function by its pointer.
pub(super) fn fill(values: &mut [f32], subject: &Subject<'_>) {
    for (value, feature) in values.iter_mut().zip(&FEATURES) {
        *value = feature.of(subject);
    }
}
