//! Features of the recent past of the flow's hosts: its initiator, its responder, and the two as a pair.
//!
//! Blind spot: an attack from many sources on many targets, where no host and no pair stands out.

use super::context::{LONG, Lately, SHORT, Sum};
use super::{Feature, Subject, measure};

pub(super) static FEATURES: [Feature; 43] = [
    measure!(
        "initiator_flows_10s",
        "flows",
        "flows that the initiator opened in 10 s",
        |s| initiator(s, Sum::Flows, SHORT)
    ),
    measure!(
        "initiator_flows_60s",
        "flows",
        "flows that the initiator opened in 60 s",
        |s| initiator(s, Sum::Flows, LONG)
    ),
    measure!(
        "initiator_answered_10s",
        "",
        "share of these that were answered, 10 s",
        |s| initiator_share(s, Sum::Answered, SHORT)
    ),
    measure!(
        "initiator_answered_60s",
        "",
        "share of these that were answered, 60 s",
        |s| initiator_share(s, Sum::Answered, LONG)
    ),
    measure!(
        "initiator_refused_60s",
        "",
        "share of these that were reset or told unreachable without an answer, 60 s",
        |s| initiator_share(s, Sum::Refused, LONG)
    ),
    measure!(
        "initiator_errors_60s",
        "",
        "share of these that ICMP errors came back for, 60 s",
        |s| initiator_share(s, Sum::Errors, LONG)
    ),
    measure!(
        "initiator_established_60s",
        "",
        "share of these whose handshake was completed, 60 s",
        |s| initiator_share(s, Sum::Established, LONG)
    ),
    measure!(
        "initiator_peers_10s",
        "hosts",
        "distinct hosts that the initiator asked in 10 s",
        |s| f64::from(s.context.initiator.peers(SHORT))
    ),
    measure!(
        "initiator_peers_60s",
        "hosts",
        "distinct hosts that the initiator asked in 60 s",
        |s| f64::from(s.context.initiator.peers(LONG))
    ),
    measure!(
        "initiator_ports_10s",
        "ports",
        "distinct ports that the initiator asked for in 10 s",
        |s| f64::from(s.context.initiator.ports(SHORT))
    ),
    measure!(
        "initiator_ports_60s",
        "ports",
        "distinct ports that the initiator asked for in 60 s",
        |s| f64::from(s.context.initiator.ports(LONG))
    ),
    measure!(
        "initiator_packets_10s",
        "packets",
        "packets that the initiator sent in 10 s",
        |s| initiator(s, Sum::PacketsFwd, SHORT)
    ),
    measure!(
        "initiator_flow_size_60s",
        "packets",
        "packets a flow of the initiator, both directions, 60 s",
        |s| flow_size(s.context.initiator)
    ),
    measure!(
        "responder_flows_10s",
        "flows",
        "flows opened to the responder in 10 s",
        |s| responder(s, Sum::Flows, SHORT)
    ),
    measure!(
        "responder_flows_60s",
        "flows",
        "flows opened to the responder in 60 s",
        |s| responder(s, Sum::Flows, LONG)
    ),
    measure!(
        "responder_answered_10s",
        "",
        "share of these that it answered, 10 s",
        |s| responder_share(s, Sum::Answered, SHORT)
    ),
    measure!(
        "responder_answered_60s",
        "",
        "share of these that it answered, 60 s",
        |s| responder_share(s, Sum::Answered, LONG)
    ),
    measure!(
        "responder_refused_60s",
        "",
        "share of these that it reset or that were told unreachable, without an answer, 60 s",
        |s| responder_share(s, Sum::Refused, LONG)
    ),
    measure!(
        "responder_errors_60s",
        "",
        "share of these that ICMP errors came back for, 60 s",
        |s| responder_share(s, Sum::Errors, LONG)
    ),
    measure!(
        "responder_established_10s",
        "",
        "share of these whose handshake was completed, 10 s",
        |s| responder_share(s, Sum::Established, SHORT)
    ),
    measure!(
        "responder_established_60s",
        "",
        "share of these whose handshake was completed, 60 s",
        |s| responder_share(s, Sum::Established, LONG)
    ),
    measure!(
        "responder_peers_10s",
        "hosts",
        "distinct hosts that asked the responder in 10 s",
        |s| f64::from(s.context.responder.peers(SHORT))
    ),
    measure!(
        "responder_peers_60s",
        "hosts",
        "distinct hosts that asked the responder in 60 s",
        |s| f64::from(s.context.responder.peers(LONG))
    ),
    measure!(
        "responder_ports_10s",
        "ports",
        "distinct ports of the responder that were asked for in 10 s",
        |s| f64::from(s.context.responder.ports(SHORT))
    ),
    measure!(
        "responder_ports_60s",
        "ports",
        "distinct ports of the responder that were asked for in 60 s",
        |s| f64::from(s.context.responder.ports(LONG))
    ),
    measure!(
        "responder_packets_in_10s",
        "packets",
        "packets to the responder in 10 s",
        |s| responder(s, Sum::PacketsFwd, SHORT)
    ),
    measure!(
        "responder_bytes_in_10s",
        "bytes",
        "frame bytes to the responder in 10 s",
        |s| responder(s, Sum::BytesFwd, SHORT)
    ),
    measure!(
        "responder_bytes_out_10s",
        "bytes",
        "frame bytes from the responder in 10 s",
        |s| responder(s, Sum::BytesBwd, SHORT)
    ),
    measure!(
        "responder_flow_size_60s",
        "packets",
        "packets a flow of the responder, both directions, 60 s",
        |s| flow_size(s.context.responder)
    ),
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
];

fn initiator(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.initiator.sum(sum, seconds))
}

fn initiator_share(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.initiator.share(sum, seconds))
}

fn responder(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.responder.sum(sum, seconds))
}

fn responder_share(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.responder.share(sum, seconds))
}

fn pair(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.pair.sum(sum, seconds))
}

fn pair_share(s: &Subject<'_>, sum: Sum, seconds: u64) -> f64 {
    f64::from(s.context.pair.share(sum, seconds))
}

/// Over at least one flow: an old flow's packets may be all that the window holds.
fn per_flow(lately: &Lately, amount: f32) -> f64 {
    f64::from(amount / lately.sum(Sum::Flows, LONG).max(1.0))
}

fn flow_size(lately: &Lately) -> f64 {
    let packets = lately.sum(Sum::PacketsFwd, LONG) + lately.sum(Sum::PacketsBwd, LONG);
    per_flow(lately, packets)
}

fn bytes_per_flow(s: &Subject<'_>) -> f64 {
    per_flow(s.context.pair, s.context.pair.sum(Sum::BytesFwd, LONG))
}

fn flows_per_port(s: &Subject<'_>) -> f64 {
    pair(s, Sum::Flows, LONG) / f64::from(s.context.pair.ports(LONG)).max(1.0)
}

/// The features of one flow, in the order of [`FEATURES`]. It stands beside the table, which the compiler then sees
/// through: it lays the loop out and calls no function by its pointer.
pub(super) fn fill(values: &mut [f32], subject: &Subject<'_>) {
    for (value, feature) in values.iter_mut().zip(&FEATURES) {
        *value = feature.of(subject);
    }
}
