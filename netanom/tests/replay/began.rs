//! Who began a flow, from a capture to its export: what other tools' users reported to be told the wrong way round.

use std::fs;
use std::net::Ipv6Addr;

use etherparse::{Icmpv6Type, PacketBuilder, PacketBuilderStep, icmpv4};
use serde_json::Value;

use crate::craft::{Frame, pcap};
use crate::report_on;

const BEGIN: u64 = 1_700_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;
const HERE: [u8; 4] = [192, 0, 2, 10];
const THERE: [u8; 4] = [198, 51, 100, 5];

fn ipv4(from: [u8; 4], to: [u8; 4]) -> PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64)
}

/// What a capture of these frames comes to: the report, and the exported flows.
fn replayed(frames: &[Frame]) -> (Value, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let (capture, flows) = (folder.path().join("a.pcap"), folder.path().join("a.jsonl"));
    fs::write(&capture, pcap(frames)).unwrap();
    let report = report_on(&capture, &["--flows", flows.to_str().unwrap()]);
    let text = fs::read_to_string(flows).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sum = |name: &str| -> u64 { rows.iter().map(|row| row[name].as_u64().unwrap()).sum() };
    let counted = ["packets_fwd", "packets_bwd", "errors_fwd", "errors_bwd"].map(sum);
    assert_eq!(
        counted.iter().sum::<u64>(),
        frames.len() as u64,
        "each packet once"
    );
    (report, rows)
}

fn sources(report: &Value) -> Vec<&str> {
    let alerts = report["alerts"].as_array().unwrap();
    alerts
        .iter()
        .filter_map(|alert| alert["source"]["ip"].as_str())
        .collect()
}

#[test]
fn a_flood_of_echoes_is_told_by_its_requests_when_the_first_one_is_missing() {
    let frame = |n: u64| {
        let mut frame = Vec::new();
        let step = if n.is_multiple_of(2) {
            ipv4(THERE, HERE).icmpv4_echo_reply(1, (n / 2) as u16)
        } else {
            ipv4(HERE, THERE).icmpv4_echo_request(1, (n / 2) as u16)
        };
        step.write(&mut frame, &[0; 56]).unwrap();
        (BEGIN + n * MILLISECOND / 4, frame)
    };
    let (report, rows) = replayed(&(0..4000).map(frame).collect::<Vec<_>>());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["initiator_ip"], "192.0.2.10");
    assert_eq!(sources(&report), ["192.0.2.10"]);
}

#[test]
fn the_discovery_of_neighbours_says_nothing_of_who_asks_for_echoes() {
    let [asking, asked] = ["2001:db8:1::66", "2001:db8:1::10"]
        .map(|address| address.parse::<Ipv6Addr>().unwrap().octets());
    let frame = |at: u64, from, to, kind: Icmpv6Type| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv6(from, to, 64)
            .icmpv6(kind)
            .write(&mut frame, &[0; 56])
            .unwrap();
        (BEGIN + at * MILLISECOND / 2, frame)
    };
    let advertisement = Icmpv6Type::Unknown {
        type_u8: 136,
        code_u8: 0,
        bytes5to8: [0x60, 0, 0, 0],
    };
    let mut frames = vec![frame(0, asked, asking, advertisement)];
    frames.extend((1..4000).map(|n| {
        let echo = etherparse::IcmpEchoHeader {
            id: 1,
            seq: n as u16,
        };
        frame(n, asking, asked, Icmpv6Type::EchoRequest(echo))
    }));
    let (report, rows) = replayed(&frames);
    let began: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["initiator_ip"].as_str().unwrap(),
                row["packets_fwd"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(began.len(), 2);
    assert!(began.contains(&("2001:db8:1::66", 3999)), "{began:?}");
    assert_eq!(sources(&report), ["2001:db8:1::66"]);
}

#[test]
fn closed_ports_whose_refusals_alone_are_seen_accuse_nobody_of_having_asked() {
    let frame = |port: u16| {
        let mut frame = Vec::new();
        ipv4(THERE, HERE)
            .tcp(port, 40_000, 0, 0)
            .rst()
            .ack(1)
            .write(&mut frame, &[])
            .unwrap();
        (BEGIN + u64::from(port) * 2 * MILLISECOND, frame)
    };
    let (report, rows) = replayed(&(1..=200).map(frame).collect::<Vec<_>>());
    assert_eq!(rows.len(), 200);
    assert!(rows.iter().all(|row| row["initiator_ip"] == "192.0.2.10"));
    assert!(!sources(&report).contains(&"198.51.100.5"), "{report}");
}

#[test]
fn of_packets_with_the_same_time_the_first_in_the_file_began() {
    let ends = [([192, 0, 2, 23], 41_424), ([192, 0, 2, 1], 53)];
    for [(from, port), (to, other)] in [ends, [ends[1], ends[0]]] {
        let datagram = |from, to, port, other| {
            let mut frame = Vec::new();
            ipv4(from, to)
                .udp(port, other)
                .write(&mut frame, &[0; 30])
                .unwrap();
            (BEGIN, frame)
        };
        let (_, rows) = replayed(&[
            datagram(from, to, port, other),
            datagram(to, from, other, port),
        ]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["initiator_port"], port);
    }
}

/// "Port unreachable" from there to here, about a datagram from here to `to`.
fn unreachable(to: [u8; 4], port: u16) -> Vec<u8> {
    let mut quoted = Vec::new();
    ipv4(HERE, to)
        .udp(port, 53)
        .write(&mut quoted, &[0; 20])
        .unwrap();
    let mut frame = Vec::new();
    ipv4(THERE, HERE)
        .icmpv4(etherparse::Icmpv4Type::DestinationUnreachable(
            icmpv4::DestUnreachableHeader::Port,
        ))
        .write(&mut frame, &quoted[14..])
        .unwrap();
    frame
}

/// Ten thousand errors a tenth of a second for a second, each about what nobody sent: BlackNurse (TDC, 2016).
fn flood_of_errors(to: fn(u32) -> [u8; 4]) -> Vec<Frame> {
    let frame = |n: u32| {
        (
            BEGIN + u64::from(n) * 10_000,
            unreachable(to(n), 1000 + (n % 60_000) as u16),
        )
    };
    (0..100_000).map(frame).collect()
}

#[test]
fn a_flood_of_errors_about_what_nobody_sent_is_seen() {
    let (report, rows) = replayed(&flood_of_errors(|_| THERE));
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["protocol"], &rows[0]["initiator_ip"]),
        (&"icmp".into(), &"198.51.100.5".into())
    );
    assert_eq!(rows[0]["packets_fwd"], 100_000);
    let alerts = report["alerts"].as_array().unwrap();
    let told: Vec<_> = alerts
        .iter()
        .map(|alert| (&alert["class"], &alert["target"]["ip"]))
        .collect();
    assert_eq!(
        told,
        [(&"icmp_flood".into(), &"192.0.2.10".into())],
        "{report}"
    );
}

#[test]
fn a_flood_of_errors_with_forged_quotes_is_one_flow_and_names_none_of_the_quoted() {
    let (_, rows) = replayed(&flood_of_errors(|n| {
        (0x0a00_0000 | n.wrapping_mul(0x9e37_79b1) >> 8).to_be_bytes()
    }));
    assert_eq!(rows.len(), 1);
    let ends = ["initiator_ip", "responder_ip"].map(|end| rows[0][end].as_str().unwrap());
    assert_eq!(ends, ["0.0.0.0", "192.0.2.10"]);
}

#[test]
fn a_few_errors_about_what_was_not_seen_point_at_their_receiver() {
    let frame = |n: u16| {
        (
            BEGIN + u64::from(n) * 100 * MILLISECOND,
            unreachable(THERE, n),
        )
    };
    let (report, rows) = replayed(&(0..50).map(frame).collect::<Vec<_>>());
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["initiator_ip"], &rows[0]["packets_bwd"]),
        (&"192.0.2.10".into(), &50.into())
    );
    assert_eq!(report["alerts"], Value::Array(Vec::new()));
}
