//! Traffic that hides in fragments or in encapsulations is counted in the flows that it is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, PacketBuilder};
use netanom_common::encapsulation::Encapsulation;
use netanom_common::flow::{FlowCounters, FlowKey, Side};
use netanom_common::packet::tcp;

use crate::craft::{Frame, pcap};
use crate::{source, windows};

const SCANNER: [u8; 4] = [192, 0, 2, 10];
const TARGET: [u8; 4] = [198, 51, 100, 5];
const SCANNER_PORT: u16 = 40_000;
const PORTS: std::ops::RangeInclusive<u16> = 1..=100;

/// Frames a millisecond apart.
fn timed(frames: Vec<Vec<u8>>) -> Vec<Frame> {
    let times = (1_700_000_000_000_000_000..).step_by(1_000_000);
    times.zip(frames).collect()
}

/// What comes of a capture: the flows, and nothing else.
fn flows(frames: Vec<Vec<u8>>) -> BTreeMap<FlowKey, FlowCounters> {
    let mut flows: BTreeMap<FlowKey, FlowCounters> = BTreeMap::new();
    for window in windows(pcap(&timed(frames))) {
        assert_eq!(window.ignored.packets(), 0);
        for (key, counters) in window.flows {
            flows.entry(key).or_default().merge(&counters);
        }
    }
    flows
}

/// The scanner's side of a flow.
fn scanner(key: &FlowKey) -> Side {
    let is_low = key.address(Side::Low) == Ipv4Addr::from(SCANNER);
    if is_low { Side::Low } else { Side::High }
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    let header = Ethernet2Header {
        source: [2, 0, 0, 0, 0, 1],
        destination: [2, 0, 0, 0, 0, 2],
        ether_type: EtherType::IPV4,
    };
    [&header.to_bytes()[..], packet].concat()
}

/// A connection request with an option, 24 bytes of TCP, and its refusal.
fn scan(port: u16) -> [Vec<u8>; 2] {
    let (mut ask, mut refuse) = (Vec::new(), Vec::new());
    PacketBuilder::ipv4(SCANNER, TARGET, 64)
        .tcp(SCANNER_PORT, port, 1, 1024)
        .syn()
        .options_raw(&[2, 4, 5, 0xb4])
        .unwrap()
        .write(&mut ask, &[])
        .unwrap();
    PacketBuilder::ipv4(TARGET, SCANNER, 64)
        .tcp(port, SCANNER_PORT, 1, 0)
        .rst()
        .ack(2)
        .write(&mut refuse, &[])
        .unwrap();
    [ask, refuse]
}

/// The packet in fragments of eight bytes, as `nmap -f` sends it.
fn in_eights(packet: &[u8], identification: u16) -> Vec<Vec<u8>> {
    let (header, carried) = Ipv4Header::from_slice(packet).unwrap();
    let parts: Vec<_> = carried.chunks(8).collect();
    let fragment = |(number, part): (usize, &&[u8])| {
        let mut header = header.clone();
        header.identification = identification;
        header.dont_fragment = false;
        header.more_fragments = number + 1 < parts.len();
        header.fragment_offset = (number as u16).try_into().unwrap();
        header.set_payload_len(part.len()).unwrap();
        header.header_checksum = header.calc_header_checksum();
        ethernet(&[&header.to_bytes()[..], part].concat())
    };
    parts.iter().enumerate().map(fragment).collect()
}

#[test]
fn a_scan_in_fragments_of_eight_bytes_is_counted_port_by_port_with_its_flags() {
    let mut frames = Vec::new();
    for port in PORTS {
        let [ask, refuse] = scan(port);
        frames.extend(in_eights(&ask, port));
        frames.push(ethernet(&refuse));
    }
    let flows = flows(frames);
    assert_eq!(flows.len(), PORTS.count());
    for (key, counters) in &flows {
        let side = scanner(key);
        let (asked, refused) = (counters.sent_by(side), counters.sent_by(side.other()));
        assert_eq!(key.port(side), SCANNER_PORT);
        assert!(PORTS.contains(&key.port(side.other())));
        assert_eq!((asked.total.packets, refused.total.packets), (3, 1));
        assert_eq!((asked.flag(tcp::SYN), asked.payload_bytes), (1, 0));
        assert_eq!(counters.initiator(key), side);
    }
}

/// Frames in a tunnel from 10.0.0.1 to 10.0.0.2, under this IP protocol behind these headers.
fn tunnelled(protocol: u8, headers: &[u8], inside: &[u8]) -> Vec<u8> {
    let carried = [headers, inside].concat();
    let length = carried.len() as u16;
    let header = Ipv4Header::new(length, 64, IpNumber(protocol), [10, 0, 0, 1], [10, 0, 0, 2]);
    ethernet(&[&header.unwrap().to_bytes()[..], &carried].concat())
}

#[track_caller]
fn check_scan_in(protocol: u8, headers: impl Fn(usize) -> Vec<u8>) {
    let inside = PORTS.flat_map(scan).map(|packet| ethernet(&packet));
    let frames = inside.map(|frame| tunnelled(protocol, &headers(frame.len()), &frame));
    let flows = flows(frames.collect());
    assert_eq!(flows.len(), PORTS.count());
    for (key, counters) in flows {
        assert_eq!(key.port(scanner(&key)), SCANNER_PORT);
        assert_eq!(counters.packets(), 2);
    }
}

#[test]
fn a_scan_in_vxlan_on_the_port_of_linux_is_counted_inside() {
    check_scan_in(17, |length| {
        let [high, low] = (16 + length as u16).to_be_bytes();
        let [a, b] = 8472_u16.to_be_bytes();
        vec![0xc0, 0, a, b, high, low, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0]
    });
}

#[test]
fn a_mirrored_scan_in_erspan_2_is_counted_inside() {
    check_scan_in(47, |_| {
        vec![0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 1]
    });
}

#[test]
fn what_is_not_looked_into_is_counted_by_kind_and_in_its_flow() {
    let macsec = [&[2; 12][..], &[0x88, 0xe5], &[0; 60]].concat();
    let frames = vec![
        tunnelled(50, &[0; 8], &[0; 64]),
        tunnelled(50, &[0; 8], &[0; 64]),
        tunnelled(17, &[0xc0, 0, 0xca, 0x6c, 0, 40, 0, 0], &[4; 32]),
        // An answer to a client that has drawn the port of WireGuard.
        tunnelled(17, &[0, 53, 0xca, 0x6c, 0, 40, 0, 0], &[4; 32]),
        macsec,
    ];
    let mut source = source(pcap(&timed(frames)));
    let mut counted = 0;
    while let Some(window) = netanom::source::FlowSource::next_window(&mut source).unwrap() {
        counted += window.ignored.packets();
        counted += window
            .flows
            .iter()
            .map(|(_, flow)| flow.packets())
            .sum::<u64>();
    }
    assert_eq!(counted, 5);
    let told: Vec<_> = source
        .encapsulated()
        .iter()
        .filter(|(_, packets)| *packets > 0)
        .collect();
    let expected = [
        (Encapsulation::Macsec, 1),
        (Encapsulation::Esp, 2),
        (Encapsulation::WireGuard, 1),
    ];
    assert_eq!(told, expected);
}
