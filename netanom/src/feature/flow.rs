//! Features of the flow itself: sizes, times and flags in both directions. `fwd` is initiator to responder.
//!
//! Blind spot: a single request of a flood or a scan has the very numbers of an honest one.

use netanom_common::flow::DirectionCounters;
use netanom_common::packet::{icmp, protocol, tcp};

use super::news::speaks_first;
use super::{Feature, Subject, measure};

pub(super) static FEATURES: [Feature; 49] = [
    measure!("is_tcp", "", "1 for TCP, else 0", |s| flag(
        s.flow.protocol() == protocol::TCP
    )),
    measure!("is_udp", "", "1 for UDP, else 0", |s| flag(
        s.flow.protocol() == protocol::UDP
    )),
    measure!("is_icmp", "", "1 for ICMP and ICMPv6, else 0", |s| flag(
        is_icmp(s)
    )),
    measure!("duration", "s", "first to last packet", duration),
    measure!(
        "packets_fwd",
        "packets",
        "packets from initiator to responder",
        |s| packets(s.flow.fwd())
    ),
    measure!(
        "packets_bwd",
        "packets",
        "packets from responder to initiator",
        |s| packets(s.flow.bwd())
    ),
    measure!(
        "bytes_fwd",
        "bytes",
        "frame bytes from initiator to responder",
        |s| bytes(s.flow.fwd())
    ),
    measure!(
        "bytes_bwd",
        "bytes",
        "frame bytes from responder to initiator",
        |s| bytes(s.flow.bwd())
    ),
    measure!(
        "payload_fwd",
        "bytes",
        "bytes above the transport header, forward",
        |s| payload(s.flow.fwd())
    ),
    measure!(
        "payload_bwd",
        "bytes",
        "bytes above the transport header, backward",
        |s| payload(s.flow.bwd())
    ),
    measure!(
        "payload_packets_fwd",
        "packets",
        "forward packets that carry payload",
        |s| payload_packets(s.flow.fwd())
    ),
    measure!(
        "payload_packets_bwd",
        "packets",
        "backward packets that carry payload",
        |s| payload_packets(s.flow.bwd())
    ),
    measure!(
        "payload_mean_fwd",
        "bytes",
        "mean payload of forward packets that carry some",
        |s| payload_mean(s.flow.fwd())
    ),
    measure!(
        "payload_mean_bwd",
        "bytes",
        "mean payload of backward packets that carry some",
        |s| payload_mean(s.flow.bwd())
    ),
    measure!(
        "length_mean_fwd",
        "bytes",
        "mean frame length, forward",
        |s| length_mean(s.flow.fwd())
    ),
    measure!(
        "length_mean_bwd",
        "bytes",
        "mean frame length, backward",
        |s| length_mean(s.flow.bwd())
    ),
    measure!(
        "length_std_fwd",
        "bytes",
        "standard deviation of the frame length, forward",
        |s| length_std(s.flow.fwd())
    ),
    measure!(
        "length_std_bwd",
        "bytes",
        "standard deviation of the frame length, backward",
        |s| length_std(s.flow.bwd())
    ),
    measure!("length_min_fwd", "bytes", "shortest frame, forward", |s| {
        f64::from(s.flow.fwd().length_min)
    }),
    measure!("length_min_bwd", "bytes", "shortest frame, backward", |s| {
        f64::from(s.flow.bwd().length_min)
    }),
    measure!("length_max_fwd", "bytes", "longest frame, forward", |s| {
        f64::from(s.flow.fwd().length_max)
    }),
    measure!("length_max_bwd", "bytes", "longest frame, backward", |s| {
        f64::from(s.flow.bwd().length_max)
    }),
    measure!(
        "gap_mean_fwd",
        "s",
        "mean time between forward packets",
        |s| gap_mean(s.flow.fwd())
    ),
    measure!(
        "gap_mean_bwd",
        "s",
        "mean time between backward packets",
        |s| gap_mean(s.flow.bwd())
    ),
    measure!(
        "gap_std_fwd",
        "s",
        "standard deviation of the time between forward packets",
        |s| gap_std(s.flow.fwd())
    ),
    measure!(
        "gap_std_bwd",
        "s",
        "standard deviation of the time between backward packets",
        |s| gap_std(s.flow.bwd())
    ),
    measure!(
        "gap_min_fwd",
        "s",
        "shortest time between forward packets",
        |s| micros(s.flow.fwd().gap_min)
    ),
    measure!(
        "gap_max_fwd",
        "s",
        "longest time between forward packets",
        |s| micros(s.flow.fwd().gap_max)
    ),
    measure!(
        "gap_max_bwd",
        "s",
        "longest time between backward packets",
        |s| micros(s.flow.bwd().gap_max)
    ),
    measure!(
        "packet_rate",
        "packets/s",
        "packets of both directions over the duration, at least 1 ms",
        packet_rate
    ),
    measure!(
        "byte_rate",
        "bytes/s",
        "frame bytes of both directions over the duration, at least 1 ms",
        byte_rate
    ),
    measure!(
        "bwd_share",
        "",
        "share of the packets that come from the responder",
        |s| { share(packets(s.flow.bwd()), s.flow.counters.packets() as f64) }
    ),
    measure!(
        "bwd_byte_share",
        "",
        "share of the frame bytes that come from the responder",
        |s| { share(bytes(s.flow.bwd()), s.flow.counters.bytes() as f64) }
    ),
    measure!("syn_fwd", "packets", "forward packets with SYN", |s| {
        tcp_flag(s, s.flow.fwd(), tcp::SYN)
    }),
    measure!(
        "syn_bwd",
        "packets",
        "backward packets with SYN: the answer SYN-ACK",
        |s| tcp_flag(s, s.flow.bwd(), tcp::SYN)
    ),
    measure!("fin_fwd", "packets", "forward packets with FIN", |s| {
        tcp_flag(s, s.flow.fwd(), tcp::FIN)
    }),
    measure!("fin_bwd", "packets", "backward packets with FIN", |s| {
        tcp_flag(s, s.flow.bwd(), tcp::FIN)
    }),
    measure!("rst_fwd", "packets", "forward packets with RST", |s| {
        tcp_flag(s, s.flow.fwd(), tcp::RST)
    }),
    measure!("rst_bwd", "packets", "backward packets with RST", |s| {
        tcp_flag(s, s.flow.bwd(), tcp::RST)
    }),
    measure!(
        "psh_share_fwd",
        "",
        "share of forward packets with PSH",
        |s| flag_share(s, s.flow.fwd(), tcp::PSH)
    ),
    measure!(
        "ack_share_fwd",
        "",
        "share of forward packets with ACK",
        |s| flag_share(s, s.flow.fwd(), tcp::ACK)
    ),
    measure!(
        "urg_share_fwd",
        "",
        "share of forward packets with URG",
        |s| flag_share(s, s.flow.fwd(), tcp::URG)
    ),
    measure!(
        "echo_request",
        "packets",
        "ICMP echo requests, forward",
        |s| icmp_kind(s, icmp::ECHO_REQUEST)
    ),
    measure!(
        "unreachable",
        "packets",
        "ICMP destination unreachable, forward",
        |s| icmp_kind(s, icmp::UNREACHABLE)
    ),
    measure!(
        "icmp_errors_bwd",
        "packets",
        "ICMP errors that came back for what the initiator sent",
        |s| f64::from(s.flow.errors_bwd().packets)
    ),
    measure!(
        "first_payload_fwd",
        "s",
        "first packet to the first forward payload; 0 without one",
        |s| { first_payload(s, s.flow.fwd()) }
    ),
    measure!(
        "first_payload_bwd",
        "s",
        "first packet to the first backward payload; 0 without one",
        |s| { first_payload(s, s.flow.bwd()) }
    ),
    measure!(
        "responder_speaks_first",
        "",
        "1 when the responder sent payload before the initiator did",
        responder_speaks_first
    ),
    measure!(
        "unanswered_for",
        "s",
        "time since the first forward payload when none came back; 0 when some did",
        unanswered_for
    ),
];

fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn micros(micros: u32) -> f64 {
    f64::from(micros) / 1e6
}

fn is_icmp(s: &Subject<'_>) -> bool {
    matches!(s.flow.protocol(), protocol::ICMP | protocol::ICMPV6)
}

fn duration(s: &Subject<'_>) -> f64 {
    s.flow.last_seen().since(s.flow.first_seen()).as_secs_f64()
}

fn packets(sent: &DirectionCounters) -> f64 {
    sent.total.packets as f64
}

fn bytes(sent: &DirectionCounters) -> f64 {
    sent.total.bytes as f64
}

fn payload(sent: &DirectionCounters) -> f64 {
    sent.payload_bytes as f64
}

fn payload_packets(sent: &DirectionCounters) -> f64 {
    f64::from(sent.payload_packets)
}

fn payload_mean(sent: &DirectionCounters) -> f64 {
    share(payload(sent), payload_packets(sent))
}

fn length_mean(sent: &DirectionCounters) -> f64 {
    share(bytes(sent), packets(sent))
}

fn length_std(sent: &DirectionCounters) -> f64 {
    deviation(bytes(sent), sent.length_squares as f64, packets(sent))
}

/// Between `n` packets there are `n − 1` gaps.
fn gaps(sent: &DirectionCounters) -> f64 {
    sent.total.packets.saturating_sub(1) as f64
}

fn gap_mean(sent: &DirectionCounters) -> f64 {
    share(sent.gap_sum as f64, gaps(sent)) / 1e6
}

fn gap_std(sent: &DirectionCounters) -> f64 {
    deviation(sent.gap_sum as f64, sent.gap_squares as f64, gaps(sent)) / 1e6
}

/// Population standard deviation from a sum and a sum of squares.
fn deviation(sum: f64, squares: f64, count: f64) -> f64 {
    if count < 2.0 {
        return 0.0;
    }
    let mean = sum / count;
    (squares / count - mean * mean).max(0.0).sqrt()
}

fn packet_rate(s: &Subject<'_>) -> f64 {
    (packets(s.flow.fwd()) + packets(s.flow.bwd())) / duration(s).max(0.001)
}

fn byte_rate(s: &Subject<'_>) -> f64 {
    (bytes(s.flow.fwd()) + bytes(s.flow.bwd())) / duration(s).max(0.001)
}

fn tcp_flag(s: &Subject<'_>, sent: &DirectionCounters, bit: u8) -> f64 {
    if s.flow.protocol() == protocol::TCP {
        f64::from(sent.flag(bit))
    } else {
        0.0
    }
}

fn flag_share(s: &Subject<'_>, sent: &DirectionCounters, bit: u8) -> f64 {
    share(tcp_flag(s, sent, bit), packets(sent))
}

fn icmp_kind(s: &Subject<'_>, kind: u8) -> f64 {
    if is_icmp(s) {
        f64::from(s.flow.fwd().flag(kind))
    } else {
        0.0
    }
}

fn first_payload(s: &Subject<'_>, sent: &DirectionCounters) -> f64 {
    if sent.payload_packets == 0 {
        return 0.0;
    }
    sent.first_payload
        .saturating_sub(s.flow.first_seen().as_nanos()) as f64
        / 1e9
}

fn responder_speaks_first(s: &Subject<'_>) -> f64 {
    let (fwd, bwd) = (s.flow.fwd(), s.flow.bwd());
    flag(speaks_first(bwd, fwd))
}

fn unanswered_for(s: &Subject<'_>) -> f64 {
    let (fwd, bwd) = (s.flow.fwd(), s.flow.bwd());
    if fwd.payload_packets == 0 || bwd.payload_packets > 0 {
        return 0.0;
    }
    s.now.as_nanos().saturating_sub(fwd.first_payload) as f64 / 1e9
}

/// The features of one flow, in the order of [`FEATURES`]. It stands beside the table, which the compiler then sees
/// through: it lays the loop out and calls no function by its pointer.
pub(super) fn fill(values: &mut [f32], subject: &Subject<'_>) {
    for (value, feature) in values.iter_mut().zip(&FEATURES) {
        *value = feature.of(subject);
    }
}
