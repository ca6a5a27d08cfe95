//! Features of the recent past of the flow's hosts: its initiator, and its responder.
//!
//! Blind spot: an attack from many sources on many targets, where no host stands out.

use super::news::Sum;
use super::past::{INSTANT, LONG, Lately, SHORT, SLOW};
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
        "initiator_flows_1s",
        "flows",
        "flows that the initiator opened in 1 s",
        |s| initiator(s, Sum::Flows, INSTANT)
    ),
    measure!(
        "initiator_peers_300s",
        "hosts",
        "distinct hosts that the initiator asked in 300 s",
        |s| f64::from(s.context.initiator.peers(SLOW))
    ),
    measure!(
        "initiator_ports_300s",
        "ports",
        "distinct ports that the initiator asked for in 300 s",
        |s| f64::from(s.context.initiator.ports(SLOW))
    ),
    measure!(
        "initiator_silent_peers_60s",
        "hosts",
        "distinct hosts that the initiator asked and that did not answer, 60 s",
        |s| f64::from(s.context.initiator.silent_peers(LONG))
    ),
    measure!(
        "initiator_silent_peers_300s",
        "hosts",
        "distinct hosts that the initiator asked and that did not answer, 300 s",
        |s| f64::from(s.context.initiator.silent_peers(SLOW))
    ),
    measure!(
        "initiator_requests_10s",
        "flows",
        "flows of the initiator in which it sent payload, 10 s",
        |s| initiator(s, Sum::Asked, SHORT)
    ),
    measure!(
        "initiator_asked_60s",
        "",
        "share of the initiator's flows in which it sent payload, 60 s",
        |s| initiator_share(s, Sum::Asked, LONG)
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
        "responder_packets_in_1s",
        "packets",
        "packets to the responder in 1 s",
        |s| responder(s, Sum::PacketsFwd, INSTANT)
    ),
    measure!(
        "responder_syns_10s",
        "packets",
        "SYNs to the responder in 10 s",
        |s| responder(s, Sum::Syns, SHORT)
    ),
    measure!(
        "responder_icmp_10s",
        "packets",
        "ICMP messages to the responder in 10 s",
        |s| responder(s, Sum::Icmp, SHORT)
    ),
    measure!(
        "responder_udp_10s",
        "packets",
        "UDP datagrams to the responder in 10 s",
        |s| responder(s, Sum::Udp, SHORT)
    ),
    measure!(
        "responder_asked_60s",
        "",
        "share of the responder's flows in which payload was sent to it, 60 s",
        |s| responder_share(s, Sum::Asked, LONG)
    ),
    measure!(
        "responder_unreplied_60s",
        "flows",
        "flows in which the responder was sent payload and has sent none back, 60 s",
        |s| unreplied(s.context.responder)
    ),
    measure!(
        "responder_out_share_10s",
        "",
        "share of the responder's frame bytes that it sent, 10 s",
        |s| out_share(s.context.responder)
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

fn out_share(lately: &Lately) -> f64 {
    let out = lately.sum(Sum::BytesBwd, SHORT);
    let all = out + lately.sum(Sum::BytesFwd, SHORT);
    if all > 0.0 { f64::from(out / all) } else { 0.0 }
}

/// Over at least one flow: an old flow's packets may be all that the window holds.
pub(super) fn per_flow(lately: &Lately, amount: f32) -> f64 {
    f64::from(amount / lately.sum(Sum::Flows, LONG).max(1.0))
}

pub(super) fn flow_size(lately: &Lately) -> f64 {
    let packets = lately.sum(Sum::PacketsFwd, LONG) + lately.sum(Sum::PacketsBwd, LONG);
    per_flow(lately, packets)
}

pub(super) fn unreplied(lately: &Lately) -> f64 {
    f64::from((lately.sum(Sum::Asked, LONG) - lately.sum(Sum::Replied, LONG)).max(0.0))
}

/// The features of one flow, in the order of [`FEATURES`]. It stands beside the table, which the compiler then sees
/// through: it lays the loop out and calls no function by its pointer.
pub(super) fn fill(values: &mut [f32], subject: &Subject<'_>) {
    for (value, feature) in values.iter_mut().zip(&FEATURES) {
        *value = feature.of(subject);
    }
}
