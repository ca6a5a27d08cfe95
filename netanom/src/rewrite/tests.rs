//! Hand-made captures of a few packets.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::PacketBuilder;
use netanom_common::packet::tcp;
use serde_json::json;

use super::view::View;
use super::*;
use crate::alert::Class;

const CLIENT: [u8; 4] = [10, 0, 0, 7];
const SERVER: [u8; 4] = [10, 0, 0, 1];
const MILLI: u64 = 1_000_000;

#[test]
fn the_table_has_the_order_of_the_enum() {
    for (index, kind) in Kind::all().enumerate() {
        assert_eq!(kind as usize, index, "{kind}");
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(KINDS.len(), Kind::Direction as usize + 1);
}

/// A segment from (true) or to the client's port.
fn segment(
    at: u64,
    port: u16,
    forth: bool,
    flags: u8,
    numbers: (u32, u32),
    payload: usize,
) -> Packet {
    let (from, to) = if forth {
        (CLIENT, SERVER)
    } else {
        (SERVER, CLIENT)
    };
    let (source, destination) = if forth { (port, 22) } else { (22, port) };
    let mut frame = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(from, to, 64)
        .tcp(source, destination, numbers.0, 500);
    if flags & tcp::SYN != 0 {
        frame = frame.syn();
    }
    if flags & tcp::ACK != 0 {
        frame = frame.ack(numbers.1);
    }
    if flags & tcp::FIN != 0 {
        frame = frame.fin();
    }
    let mut bytes = Vec::new();
    frame.write(&mut bytes, &vec![0; payload]).unwrap();
    Packet {
        at,
        wire: bytes.len() as u32,
        view: View::of(&bytes),
        bytes,
        is_again: false,
    }
}

/// A connection: handshake, a question, an answer, an end; a millisecond from packet to packet.
fn connection(start: u64, port: u16) -> Vec<Packet> {
    let steps = [
        (true, tcp::SYN, (100, 0), 0),
        (false, tcp::SYN | tcp::ACK, (900, 101), 0),
        (true, tcp::ACK, (101, 901), 0),
        (true, tcp::ACK, (101, 901), 20),
        (false, tcp::ACK, (901, 121), 30),
        (true, tcp::FIN | tcp::ACK, (121, 931), 0),
        (false, tcp::FIN | tcp::ACK, (931, 122), 0),
        (true, tcp::ACK, (122, 932), 0),
    ];
    let times = (0..).map(|number| start + number * MILLI);
    let packets = steps.into_iter().zip(times);
    packets
        .map(|((forth, flags, numbers, payload), at)| {
            segment(at, port, forth, flags, numbers, payload)
        })
        .collect()
}

/// Two connections, the second one 6 ms after the last word of the first.
fn two() -> Vec<Packet> {
    let mut packets = connection(0, 40_000);
    packets.extend(connection(10 * MILLI, 40_001));
    packets
}

fn played(mut packets: Vec<Packet>, conditions: &Conditions) -> Vec<Packet> {
    let all = conversations(&packets);
    schedule::schedule(&mut packets, &all, conditions, &mut draws(1, 1));
    packets
}

/// When the packets of that client's port are, in milliseconds.
fn times(packets: &[Packet], port: u16) -> Vec<u64> {
    let of = packets.iter().filter(|packet| {
        let view = packet.view.unwrap();
        view.from.1 == port || view.to.1 == port
    });
    of.map(|packet| packet.at / MILLI).collect()
}

fn far(host: [u8; 4]) -> Conditions {
    Conditions {
        distance: BTreeMap::from([(Ipv4Addr::from(host).into(), 100 * MILLI)]),
        ..Conditions::default()
    }
}

#[test]
fn a_farther_server_delays_each_answer_and_all_that_waits_for_it() {
    let packets = played(two(), &far(SERVER));
    let first = times(&packets, 40_000);
    // SYN | SYN-ACK, ACK, question | answer, FIN | FIN, ACK: three answers, 100 ms each.
    assert_eq!(first, [0, 101, 102, 103, 204, 205, 306, 307]);
    // The client began its next connection 6 ms after the answer, and does so still.
    assert_eq!(times(&packets, 40_001)[0], 210);
}

#[test]
fn a_farther_client_shows_in_the_gaps_before_what_it_says() {
    let packets = played(two(), &far(CLIENT));
    let first = times(&packets, 40_000);
    assert_eq!(first, [0, 1, 102, 103, 104, 205, 206, 307]);
}

#[test]
fn clients_that_wait_longer_begin_later() {
    let conditions = Conditions {
        stretch: 5.0,
        ..Conditions::default()
    };
    let packets = played(two(), &conditions);
    // What systems do at once stays; 6 ms between the connections are 30.
    assert_eq!(times(&packets, 40_000), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(times(&packets, 40_001)[0], 34);
}

#[test]
fn what_is_lost_is_sent_again_and_its_answer_waits_for_that() {
    let conditions = Conditions {
        loss: 1.0,
        ..Conditions::default()
    };
    let packets = played(connection(0, 40_000), &conditions);
    // SYN, SYN-ACK, question and answer.
    assert_eq!(packets.iter().filter(|packet| packet.is_again).count(), 4);
    let sent: Vec<u64> = times(&packets, 40_000);
    // The SYN after a second, and only then its answer.
    assert_eq!(sent[..3], [0, 1000, 1001]);
}

#[test]
fn merged_segments_are_one_packet_as_long_as_all() {
    let mut packets = connection(0, 40_000);
    let more = segment(5 * MILLI + 1000, 40_000, false, tcp::ACK, (931, 121), 50);
    packets[4].at = 5 * MILLI;
    packets.insert(5, more);
    let bytes: u32 = packets
        .iter()
        .map(|packet| packet.view.unwrap().payload)
        .sum();
    let said = shape::merged(&mut packets, &mut draws(1, 2)).unwrap();
    assert_eq!((said.as_str(), packets.len()), ("1 segments merged", 8));
    assert_eq!(packets[4].view.unwrap().payload, 80);
    assert_eq!(packets[4].wire, 14 + 20 + 20 + 80);
    let now: u32 = packets
        .iter()
        .map(|packet| packet.view.unwrap().payload)
        .sum();
    assert_eq!(bytes, now);
}

#[test]
fn over_ipv6_the_same_ports_talk_and_labels_follow() {
    let mut packets = connection(0, 40_000);
    let rules = json!([{ "host": "10.0.0.7", "proto": 1, "class": "icmp_flood" }]);
    let mut labels = CarriedRules::new(json!({ "default": "normal", "rules": rules }));
    shape::over_ipv6(&mut packets, &mut labels);
    let view = packets[3].view.unwrap();
    let client: IpAddr = "2001:db8:64::a00:7".parse().unwrap();
    assert_eq!((view.from, view.payload), ((client, 40_000), 20));
    assert_eq!(packets[3].wire, 14 + 40 + 20 + 20);
    let rule = &labels.into_value()["rules"][0];
    assert_eq!(rule["host"], json!(client));
    assert_eq!(rule["proto"], json!([1, 58]));
}

#[test]
fn behind_one_address_two_clients_keep_apart() {
    let mut packets = connection(0, 40_000);
    for mut packet in connection(MILLI, 40_000) {
        let other = IpAddr::from([10, 0, 0, 8]);
        let new = |(ip, port): view::End| {
            let is_client = ip == IpAddr::from(CLIENT);
            (if is_client { other } else { ip }, port)
        };
        view::rename(&mut packet.bytes, &packet.view.unwrap(), &new);
        packet.look_again();
        packets.push(packet);
    }
    packets.sort_by_key(|packet| packet.at);
    let all = conversations(&packets);
    assert_eq!(all.len(), 2);
    let classes = [Class::Normal; 2];
    let mut labels = CarriedRules::unknown();
    shape::behind_one_address(&mut packets, &all, &classes, &mut labels).unwrap();
    let now = conversations(&packets);
    assert_eq!(now.len(), 2);
    assert_eq!(now[0].client.0, now[1].client.0);
    assert_ne!(now[0].client.1, now[1].client.1);
}
