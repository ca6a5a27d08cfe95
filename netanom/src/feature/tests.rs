//! Every feature by hand-computed values, over small conversations.

use std::collections::{HashMap, HashSet};

use netanom_common::packet::{Packet, icmp, protocol, tcp};

use super::{Context, Seen, Subject, names, vector};
use crate::flow::test_support::{address, counters_of, packet, reply, unreachable};
use crate::flow::{Flow, Timestamp};

const SECOND: u64 = 1_000_000_000;
/// A whole multiple of both windows, so that no sum has begun to fade.
const START: u64 = 1_200 * SECOND;

/// A packet with payload on top of a 54-byte header.
fn with_payload(packet: Packet, payload: u32) -> Packet {
    Packet {
        payload,
        length: 54 + payload,
        ..packet
    }
}

fn flow(packets: &[(u64, Packet)]) -> Flow {
    let (key, counters) = counters_of(packets);
    Flow {
        key,
        initiator: counters.initiator(&key),
        counters,
    }
}

/// The features of the last of `flows`, after all of them were taken in.
fn features_of(flows: &[Flow]) -> HashMap<&'static str, f32> {
    let now = Timestamp::from_nanos(START + 5 * SECOND);
    let mut context = Context::default();
    let mut records = None;
    for flow in flows {
        records = Some(context.take_in(flow, &mut Seen::default(), now));
    }
    let flow = flows.last().unwrap();
    let subject = Subject {
        flow,
        context: context.of(flow, records.unwrap(), now),
        now,
    };
    names().into_iter().zip(vector(&subject)).collect()
}

fn check(flows: &[Flow], expected: &[(&str, f32)]) {
    let features = features_of(flows);
    for (name, value) in expected {
        let found = features[name];
        assert!(
            (found - value).abs() <= value.abs() * 1e-5 + 1e-6,
            "{name} is {found}, not {value}"
        );
    }
}

/// SYN, SYN-ACK, ACK, a request of 100 bytes after 10 ms, an answer of 1,000 bytes after 30 ms, FIN from both sides.
fn request() -> Flow {
    let syn = packet(protocol::TCP, 40_000, 80, tcp::SYN);
    let of = |flags| Packet { flags, ..syn };
    flow(&[
        (START, syn),
        (START + 1_000_000, reply(&of(tcp::SYN | tcp::ACK))),
        (START + 2_000_000, of(tcp::ACK)),
        (
            START + 10_000_000,
            with_payload(of(tcp::PSH | tcp::ACK), 100),
        ),
        (
            START + 30_000_000,
            with_payload(reply(&of(tcp::PSH | tcp::ACK)), 1000),
        ),
        (START + 40_000_000, reply(&of(tcp::FIN | tcp::ACK))),
        (START + 50_000_000, of(tcp::FIN | tcp::ACK)),
    ])
}

#[test]
fn sizes_and_shares_of_a_request() {
    check(
        &[request()],
        &[
            ("is_tcp", 1.0),
            ("is_udp", 0.0),
            ("is_icmp", 0.0),
            ("packets_fwd", 4.0),
            ("packets_bwd", 3.0),
            ("bytes_fwd", 60.0 + 60.0 + 154.0 + 60.0),
            ("bytes_bwd", 60.0 + 1054.0 + 60.0),
            ("payload_fwd", 100.0),
            ("payload_bwd", 1000.0),
            ("payload_packets_fwd", 1.0),
            ("payload_packets_bwd", 1.0),
            ("payload_mean_fwd", 100.0),
            ("payload_mean_bwd", 1000.0),
            ("length_mean_fwd", 83.5),
            ("length_mean_bwd", 1174.0 / 3.0),
            ("length_min_fwd", 60.0),
            ("length_min_bwd", 60.0),
            ("length_max_fwd", 154.0),
            ("length_max_bwd", 1054.0),
            // Lengths 60, 60, 154, 60: deviations 23.5 three times and 70.5.
            (
                "length_std_fwd",
                ((3.0 * 23.5_f32.powi(2) + 70.5_f32.powi(2)) / 4.0).sqrt(),
            ),
            // Lengths 60, 1054, 60: deviations 331.33 twice and 662.67.
            ("length_std_bwd", 468.576_1),
            ("bwd_share", 3.0 / 7.0),
            ("bwd_byte_share", 1174.0 / 1508.0),
        ],
    );
}

#[test]
fn times_and_rates_of_a_request() {
    check(
        &[request()],
        &[
            ("duration", 0.05),
            // Forward gaps: 2, 8 and 40 ms.
            ("gap_mean_fwd", 0.05 / 3.0),
            ("gap_std_fwd", 0.016_679_99),
            ("gap_min_fwd", 0.002),
            ("gap_max_fwd", 0.04),
            // Backward gaps: 29 and 10 ms.
            ("gap_mean_bwd", 0.0195),
            ("gap_std_bwd", 0.0095),
            ("gap_max_bwd", 0.029),
            ("packet_rate", 7.0 / 0.05),
            ("byte_rate", 1508.0 / 0.05),
            ("first_payload_fwd", 0.01),
            ("first_payload_bwd", 0.03),
            ("responder_speaks_first", 0.0),
        ],
    );
}

#[test]
fn flags_of_a_request() {
    check(
        &[request()],
        &[
            ("syn_fwd", 1.0),
            ("syn_bwd", 1.0),
            ("fin_fwd", 1.0),
            ("fin_bwd", 1.0),
            ("rst_fwd", 0.0),
            ("rst_bwd", 0.0),
            ("psh_share_fwd", 0.25),
            ("ack_share_fwd", 0.75),
            ("urg_share_fwd", 0.0),
            ("echo_request", 0.0),
            ("unreachable", 0.0),
        ],
    );
}

#[test]
fn a_server_that_greets_speaks_first() {
    let syn = packet(protocol::TCP, 40_000, 22, tcp::SYN);
    let greeting = with_payload(
        reply(&Packet {
            flags: tcp::PSH | tcp::ACK,
            ..syn
        }),
        40,
    );
    let flow = flow(&[(START, syn), (START + 1_000_000, greeting)]);
    check(
        &[flow],
        &[
            ("responder_speaks_first", 1.0),
            ("first_payload_bwd", 0.001),
            ("first_payload_fwd", 0.0),
        ],
    );
}

#[test]
fn icmp_messages_are_told_apart_and_are_no_tcp_flags() {
    let echo = packet(protocol::ICMP, 0, 0, icmp::ECHO_REQUEST);
    let flow = flow(&[(START, echo), (START + 1_000_000, echo)]);
    check(
        &[flow],
        &[
            ("is_icmp", 1.0),
            ("echo_request", 2.0),
            ("unreachable", 0.0),
            ("syn_fwd", 0.0),
            ("fin_fwd", 0.0),
        ],
    );
}

#[test]
fn a_single_packet_has_no_gaps_and_a_finite_rate() {
    let flow = flow(&[(START, packet(protocol::UDP, 5000, 53, 0))]);
    check(
        &[flow],
        &[
            ("duration", 0.0),
            ("gap_mean_fwd", 0.0),
            ("gap_std_fwd", 0.0),
            ("packet_rate", 1000.0),
            ("is_udp", 1.0),
        ],
    );
}

/// `count` refused connection requests from 10.0.0.1 to 10.0.0.2, each to another port from `port` on.
fn refused(count: u16, port: u16) -> Vec<Flow> {
    let one = |n: u16| {
        let syn = packet(protocol::TCP, 50_000, port + n, tcp::SYN);
        let reset = reply(&Packet {
            flags: tcp::RST | tcp::ACK,
            ..syn
        });
        flow(&[(START, syn), (START + 1000, reset)])
    };
    (0..count).map(one).collect()
}

#[test]
fn a_scan_shows_as_many_ports_and_refusals_of_a_pair() {
    check(
        &refused(20, 1000),
        &[
            ("initiator_flows_10s", 20.0),
            ("initiator_flows_60s", 20.0),
            ("initiator_flows_1s", 20.0),
            ("initiator_requests_10s", 0.0),
            ("initiator_asked_60s", 0.0),
            ("initiator_peers_300s", 1.0),
            ("initiator_silent_peers_60s", 1.0),
            ("initiator_silent_peers_300s", 1.0),
            ("pair_asked_60s", 0.0),
            ("pair_closed_60s", 1.0),
            ("pair_payload_closed_60s", 0.0),
            ("pair_payload_variation_60s", 0.0),
            ("pair_flows_1s", 20.0),
            ("pair_packets_fwd_1s", 20.0),
            ("pair_syns_per_flow_60s", 1.0),
            ("initiator_answered_10s", 0.0),
            ("initiator_answered_60s", 0.0),
            ("initiator_refused_60s", 1.0),
            ("initiator_established_60s", 0.0),
            ("initiator_peers_10s", 1.0),
            ("initiator_peers_60s", 1.0),
            ("initiator_packets_10s", 20.0),
            ("initiator_flow_size_60s", 2.0),
            ("pair_flows_10s", 20.0),
            ("pair_flows_60s", 20.0),
            ("pair_refused_60s", 1.0),
            ("pair_answered_60s", 0.0),
            ("pair_established_60s", 0.0),
            ("pair_packets_fwd_10s", 20.0),
            ("pair_packets_fwd_60s", 20.0),
            ("pair_packets_bwd_60s", 20.0),
            ("pair_flow_size_60s", 2.0),
            ("pair_bytes_per_flow_60s", 60.0),
        ],
    );
    let features = features_of(&refused(20, 1000));
    for ports in [
        "initiator_ports_10s",
        "initiator_ports_60s",
        "pair_ports_10s",
        "pair_ports_60s",
        "initiator_ports_300s",
        "pair_ports_300s",
    ] {
        assert!(
            (17.0..=23.0).contains(&features[ports]),
            "{ports}: {}",
            features[ports]
        );
    }
    assert!((0.8..=1.2).contains(&features["pair_flows_per_port_60s"]));
}

/// `count` datagrams from 10.0.0.1 to 10.0.0.2, each to another port; the first `closed` of these are told closed.
fn datagrams(count: u16, closed: u16) -> Vec<Flow> {
    let one = |n: u16| {
        let datagram = packet(protocol::UDP, 50_000, 1000 + n, 0);
        let mut packets = vec![(START, datagram)];
        if n < closed {
            packets.push((START + 1000, unreachable(&datagram)));
        }
        flow(&packets)
    };
    (0..count).rev().map(one).collect()
}

#[test]
fn closed_ports_of_udp_are_refused_and_not_answered() {
    check(
        &datagrams(20, 5),
        &[
            ("icmp_errors_bwd", 1.0),
            ("packets_bwd", 0.0),
            ("bytes_bwd", 0.0),
            ("bwd_share", 0.0),
            ("unreachable", 0.0),
            ("packet_rate", 1000.0),
            ("initiator_errors_60s", 0.25),
            ("initiator_refused_60s", 0.25),
            ("initiator_answered_60s", 0.0),
            ("responder_errors_60s", 0.25),
            ("responder_refused_60s", 0.25),
            ("responder_packets_in_10s", 20.0),
            ("responder_bytes_out_10s", 0.0),
            ("pair_errors_60s", 0.25),
            ("pair_refused_60s", 0.25),
            ("pair_answered_60s", 0.0),
            ("pair_packets_bwd_60s", 0.0),
            ("pair_flow_size_60s", 1.0),
        ],
    );
}

#[test]
fn an_error_about_an_answered_flow_is_no_refusal() {
    let query = packet(protocol::UDP, 50_000, 53, 0);
    let answered = flow(&[
        (START, query),
        (START + 1000, reply(&query)),
        (START + 2000, unreachable(&query)),
        // The asker was gone when the answer came: nothing that came back to it.
        (START + 3000, unreachable(&reply(&query))),
    ]);
    check(
        &[answered],
        &[
            ("icmp_errors_bwd", 1.0),
            ("packets_bwd", 1.0),
            ("pair_errors_60s", 1.0),
            ("pair_refused_60s", 0.0),
            ("pair_answered_60s", 1.0),
        ],
    );
}

#[test]
fn a_flood_shows_as_many_hosts_that_ask_one() {
    let one = |n: u8| {
        let syn = Packet {
            source: address(100 + n),
            ..packet(protocol::TCP, 50_000, 80, tcp::SYN)
        };
        flow(&[(START, syn)])
    };
    let flows: Vec<Flow> = (0..10).map(one).collect();
    check(
        &flows,
        &[
            ("responder_flows_10s", 10.0),
            ("responder_flows_60s", 10.0),
            ("responder_answered_10s", 0.0),
            ("responder_answered_60s", 0.0),
            ("responder_refused_60s", 0.0),
            ("responder_established_10s", 0.0),
            ("responder_established_60s", 0.0),
            ("responder_peers_10s", 10.0),
            ("responder_peers_60s", 10.0),
            ("responder_ports_10s", 1.0),
            ("responder_ports_60s", 1.0),
            ("responder_packets_in_10s", 10.0),
            ("responder_bytes_in_10s", 600.0),
            ("responder_bytes_out_10s", 0.0),
            ("responder_flow_size_60s", 1.0),
            ("responder_packets_in_1s", 10.0),
            ("responder_syns_10s", 10.0),
            ("responder_udp_10s", 0.0),
            ("responder_asked_60s", 0.0),
            ("responder_out_share_10s", 0.0),
            ("initiator_flows_10s", 1.0),
            ("pair_flows_10s", 1.0),
            ("pair_flows_per_port_60s", 1.0),
        ],
    );
}

#[test]
fn a_request_is_an_answered_and_established_flow_of_its_hosts() {
    check(
        &[request()],
        &[
            ("initiator_answered_10s", 1.0),
            ("initiator_established_60s", 1.0),
            ("responder_answered_60s", 1.0),
            ("responder_established_10s", 1.0),
            ("pair_answered_60s", 1.0),
            ("pair_established_60s", 1.0),
            ("responder_bytes_out_10s", 1174.0),
            ("responder_out_share_10s", 1174.0 / 1508.0),
            ("responder_asked_60s", 1.0),
            ("responder_unreplied_60s", 0.0),
            ("initiator_silent_peers_60s", 0.0),
            ("initiator_requests_10s", 1.0),
            ("initiator_asked_60s", 1.0),
            ("pair_asked_60s", 1.0),
            ("pair_greeted_60s", 0.0),
            ("pair_closed_60s", 1.0),
            ("pair_payload_closed_60s", 100.0),
            ("pair_payload_variation_60s", 0.0),
            ("unanswered_for", 0.0),
        ],
    );
}

/// A log-in attempt: the server greets, the client sends `payload` bytes, the server answers, the client resets.
fn attempt(port: u16, payload: u32) -> Flow {
    let syn = packet(protocol::TCP, port, 22, tcp::SYN);
    let data = Packet {
        flags: tcp::PSH | tcp::ACK,
        ..syn
    };
    flow(&[
        (START, syn),
        (START + 1_000_000, with_payload(reply(&data), 40)),
        (START + 2_000_000, with_payload(data, payload)),
        (START + 3_000_000, with_payload(reply(&data), 60)),
        (
            START + 4_000_000,
            Packet {
                flags: tcp::RST,
                ..syn
            },
        ),
    ])
}

#[test]
fn log_in_attempts_are_greeted_and_alike() {
    // Payloads of 100 and 300 bytes: mean 200, standard deviation 100.
    check(
        &[attempt(50_001, 100), attempt(50_002, 300)],
        &[
            ("pair_greeted_60s", 1.0),
            ("pair_closed_60s", 1.0),
            ("pair_payload_closed_60s", 200.0),
            ("pair_payload_variation_60s", 0.5),
            ("pair_unreplied_60s", 0.0),
            ("initiator_requests_10s", 2.0),
        ],
    );
}

#[test]
fn requests_that_are_not_answered_are_counted_and_timed() {
    let unfinished = |port| {
        let syn = packet(protocol::TCP, port, 80, tcp::SYN);
        let data = Packet {
            flags: tcp::PSH | tcp::ACK,
            ..syn
        };
        flow(&[(START, syn), (START + 2 * SECOND, with_payload(data, 20))])
    };
    // The window ends 5 s after the start.
    check(
        &[unfinished(50_001), unfinished(50_002), request()],
        &[
            ("pair_unreplied_60s", 2.0),
            ("responder_unreplied_60s", 2.0),
        ],
    );
    check(
        &[unfinished(50_001)],
        &[("unanswered_for", 3.0), ("pair_closed_60s", 0.0)],
    );
}

#[test]
fn datagrams_and_icmp_to_a_host_are_counted_apart() {
    let echo = packet(protocol::ICMP, 0, 0, icmp::ECHO_REQUEST);
    let pings = flow(&[(START, echo), (START + 1_000_000, echo)]);
    let mut flows = datagrams(3, 0);
    flows.push(pings);
    check(
        &flows,
        &[
            ("responder_udp_10s", 3.0),
            ("responder_icmp_10s", 2.0),
            ("responder_syns_10s", 0.0),
        ],
    );
}

#[test]
fn a_flow_that_goes_on_counts_once_and_its_packets_as_they_come() {
    let now = Timestamp::from_nanos(START + 5 * SECOND);
    let mut context = Context::default();
    let mut seen = Seen::default();
    let datagram = packet(protocol::UDP, 5000, 53, 0);
    let mut flow = flow(&[(START, datagram)]);
    context.take_in(&flow, &mut seen, now);
    flow.counters
        .merge(&counters_of(&[(START + SECOND, datagram), (START + 2 * SECOND, datagram)]).1);
    let records = context.take_in(&flow, &mut seen, now);
    let subject = Subject {
        flow: &flow,
        context: context.of(&flow, records, now),
        now,
    };
    let features: HashMap<_, _> = names().into_iter().zip(vector(&subject)).collect();
    assert_eq!(
        (features["pair_flows_60s"], features["pair_packets_fwd_60s"]),
        (1.0, 3.0)
    );
}

#[test]
fn a_flow_that_was_turned_counts_for_who_began_it() {
    let now = Timestamp::from_nanos(START + 5 * SECOND);
    let mut context = Context::default();
    let mut seen = Seen::default();
    let segment = packet(protocol::TCP, 40_000, 50_000, tcp::ACK);
    let mut flow = flow(&[(START, segment), (START + SECOND, segment)]);
    context.take_in(&flow, &mut seen, now);
    flow.initiator = flow.initiator.other();
    let records = context.take_in(&flow, &mut seen, now);
    let subject = Subject {
        flow: &flow,
        context: context.of(&flow, records, now),
        now,
    };
    let features: HashMap<_, _> = names().into_iter().zip(vector(&subject)).collect();
    let told = [
        "pair_flows_60s",
        "pair_packets_bwd_60s",
        "pair_packets_fwd_60s",
    ];
    assert_eq!(told.map(|name| features[name]), [1.0, 2.0, 0.0]);
}

#[test]
fn no_feature_is_left_untested() {
    let source = include_str!("tests.rs");
    let untested: Vec<_> = names()
        .into_iter()
        .filter(|name| !source.contains(&format!("\"{name}\"")))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn every_feature_has_a_name_of_its_own() {
    let names = names();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

#[test]
fn no_feature_is_an_address_a_port_a_ttl_or_a_date() {
    for name in names() {
        for banned in ["address", "port_number", "ttl", "date", "_ip", "hour"] {
            assert!(!name.contains(banned), "{name}");
        }
    }
}
