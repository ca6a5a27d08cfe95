//! A kernel table that is full: known flows keep their places, and every other packet is counted by its destination.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::IpAddr;
use std::num::NonZeroU32;

use etherparse::PacketBuilder;
use netanom::flow::{Crowd, Window, distinct};
use netanom::source::SourceError;
use netanom::source::kernel::{Injector, Wire};
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::overflow::{Kind, Sources, Width};
use netanom_common::packet::{Frame, protocol, tcp};
use netanom_common::parse::parse;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// What the kernel takes for the interface of an injected frame: the loopback.
const LOOPBACK: u32 = 1;
/// Less than a shard holds at least: 1,024 places for all and 256 for known flows.
const CAPACITY: u32 = 1;
const PLACES: usize = 1024;
/// More than four times the places.
const FLOOD: u32 = 5000;

#[test]
fn packets_without_room_are_counted_by_destination_and_kind() {
    let Some(mut injector) = injector("packets_without_room_are_counted_by_destination_and_kind")
    else {
        return;
    };
    for n in 0..FLOOD {
        injector.receive(&spoofed(n, tcp::SYN)).unwrap();
    }
    let window = injector.drain().unwrap();
    assert_eq!(window.flows.len(), PLACES);
    assert_eq!(window.ignored.packets(), 0);
    let [(key, counters)] = &window.overflow[..] else {
        panic!("{:?}", window.overflow);
    };
    assert_eq!((key.protocol(), key.kind()), (protocol::TCP, Kind::Syn));
    assert_eq!(key.interface(), LOOPBACK);
    let frame = spoofed(0, tcp::SYN);
    let packet = parse(&Frame::whole(&frame)).unwrap();
    assert_eq!(key.raw_destination(), packet.destination);
    assert_eq!(counters.port, u32::from(packet.destination_port));
    let rest = u64::from(FLOOD) - PLACES as u64;
    let bytes = rest * frame.len() as u64;
    assert_eq!(
        (counters.total.packets, counters.total.bytes),
        (rest, bytes)
    );
    assert!((window.start.as_nanos()..=window.end.as_nanos()).contains(&counters.first));
    let sources = distinct(&counters.sources) as f64 / rest as f64;
    assert!((0.7..1.3).contains(&sources), "{sources} of the sources");
    assert_eq!(packets(&window), u64::from(FLOOD));
}

#[test]
fn the_kernels_sketch_is_that_of_user_space() {
    let Some(mut injector) = injector("the_kernels_sketch_is_that_of_user_space") else {
        return;
    };
    let mut sources = Sources::default();
    let seed = injector.sketch_seed();
    for n in 0..FLOOD {
        let frame = spoofed(n, tcp::SYN);
        injector.receive(&frame).unwrap();
        if n >= PLACES as u32 {
            sources.note_by(seed, &parse(&Frame::whole(&frame)).unwrap().source);
        }
    }
    assert_eq!(injector.drain().unwrap().overflow[0].1.sources, sources);
}

#[test]
fn a_known_flow_is_counted_exactly_through_a_flood_in_the_same_tick() {
    let test = "a_known_flow_is_counted_exactly_through_a_flood_in_the_same_tick";
    let Some(mut injector) = injector(test) else {
        return;
    };
    let (asked, answer) = (established(), answer());
    injector.receive(&asked).unwrap();
    injector.send(&answer, Wire::of(&answer)).unwrap();
    injector.drain().unwrap();

    let mut expected = FlowCounters::default();
    for round in 0..4 {
        for n in 0..FLOOD {
            injector
                .receive(&spoofed(round * FLOOD + n, tcp::SYN))
                .unwrap();
        }
        injector.receive(&asked).unwrap();
        injector.send(&answer, Wire::of(&answer)).unwrap();
        account(&mut expected, &asked, false);
        account(&mut expected, &answer, true);
    }
    let window = injector.drain().unwrap();
    assert_eq!(window.flows.len(), PLACES + 1);
    let counters = of_flow(&window, &asked);
    let timed = |sent: netanom_common::flow::DirectionCounters| {
        (sent.total, sent.flags, sent.payload_bytes)
    };
    assert_eq!(
        (timed(counters.low), timed(counters.high), counters.egress),
        (timed(expected.low), timed(expected.high), expected.egress)
    );
    assert_eq!(packets(&window), u64::from(4 * FLOOD + 8));
}

#[test]
fn a_flow_that_is_not_known_loses_its_place_and_no_packet() {
    let test = "a_flow_that_is_not_known_loses_its_place_and_no_packet";
    let Some(mut injector) = injector(test) else {
        return;
    };
    // A request and its answer, as a victim answers a spoofed source: no sign of a conversation.
    let (syn, answer) = (spoofed(7, tcp::SYN), back(&spoofed(7, tcp::SYN | tcp::ACK)));
    injector.receive(&syn).unwrap();
    injector.send(&answer, Wire::of(&answer)).unwrap();
    injector.drain().unwrap();
    for n in 100..100 + FLOOD {
        injector.receive(&spoofed(n, tcp::SYN)).unwrap();
    }
    injector.receive(&syn).unwrap();
    injector.send(&answer, Wire::of(&answer)).unwrap();
    let window = injector.drain().unwrap();
    assert_eq!(window.flows.len(), PLACES);
    let kinds: Vec<_> = window.overflow.iter().map(|(key, _)| key.kind()).collect();
    assert!(kinds.contains(&Kind::SynAck), "{kinds:?}");
    let egress: u64 = window
        .overflow
        .iter()
        .map(|(_, counters)| counters.egress.packets)
        .sum();
    assert_eq!(egress, 1);
    assert_eq!(packets(&window), u64::from(FLOOD) + 2);
}

#[test]
fn every_generation_begins_with_all_places() {
    let Some(mut injector) = injector("every_generation_begins_with_all_places") else {
        return;
    };
    for _ in 0..4 {
        for n in 0..FLOOD {
            injector.receive(&spoofed(n, tcp::SYN)).unwrap();
        }
        let window = injector.drain().unwrap();
        assert_eq!(window.flows.len(), PLACES);
        assert_eq!(packets(&window), u64::from(FLOOD));
    }
}

#[test]
fn two_sensors_seed_their_sketches_differently() {
    let Some(one) = injector("two_sensors_seed_their_sketches_differently") else {
        return;
    };
    let other = Injector::load(CAPACITY).unwrap();
    assert_ne!(one.sketch_seed(), other.sketch_seed());
}

#[test]
fn destinations_without_room_are_counted_by_network_and_no_packet_goes_under() {
    let test = "destinations_without_room_are_counted_by_network_and_no_packet_goes_under";
    let Some(mut injector) = injector(test) else {
        return;
    };
    // Random sources, and destinations all over 10.7.0.0/16.
    let frame = |n: u32| {
        to(
            &spoofed(n, tcp::SYN),
            0x0a07_0000 | n.wrapping_mul(40_503) & 0xffff,
        )
    };
    for round in 0..3 {
        for n in 0..4 * FLOOD {
            injector.receive(&frame(round * 4 * FLOOD + n)).unwrap();
        }
        let window = injector.drain().unwrap();
        assert_eq!(window.ignored.packets(), 0);
        assert_eq!(packets(&window), u64::from(4 * FLOOD));
        let of = |width| {
            window
                .overflow
                .iter()
                .filter(move |(key, _)| key.width() == width)
        };
        assert_eq!(
            (of(Width::Prefix).count(), of(Width::Anywhere).count()),
            (256, 0)
        );
        assert!(of(Width::Host).count() >= 128);
        let crowds = Crowd::all(&window);
        let networks = crowds
            .iter()
            .filter(|crowd| crowd.key.prefix_length() == 24);
        let told: u64 = networks.map(|crowd| crowd.flows).sum();
        assert!(told > u64::from(3 * FLOOD), "{told} of {}", 4 * FLOOD);
    }
}

#[test]
fn destinations_all_over_the_world_are_counted_together() {
    let Some(mut injector) = injector("destinations_all_over_the_world_are_counted_together")
    else {
        return;
    };
    // Each to another network.
    for n in 0..4 * FLOOD {
        injector.receive(&back(&spoofed(n, tcp::SYN))).unwrap();
    }
    let window = injector.drain().unwrap();
    assert_eq!(window.ignored.packets(), 0);
    assert_eq!(packets(&window), u64::from(4 * FLOOD));
    let anywhere: Vec<_> = window
        .overflow
        .iter()
        .filter(|(key, _)| key.width() == Width::Anywhere)
        .collect();
    let [(key, counters)] = anywhere[..] else {
        panic!("{anywhere:?}");
    };
    assert_eq!(
        (key.kind(), key.destination()),
        (Kind::Syn, IpAddr::from([0, 0, 0, 0]))
    );
    assert!(counters.total.packets > u64::from(2 * FLOOD));
    assert!(window.overflow.len() > 240, "{}", window.overflow.len());
}

/// All packets of a window, wherever they were counted.
fn packets(window: &Window) -> u64 {
    let flows = window.flows.iter().map(|(_, flow)| flow.packets());
    let overflow = window
        .overflow
        .iter()
        .map(|(_, counters)| counters.total.packets);
    flows.chain(overflow).sum::<u64>() + window.ignored.packets()
}

/// A TCP packet from the `n`th spoofed source.
fn spoofed(n: u32, flags: u8) -> Vec<u8> {
    // An odd factor: every source once, in no order.
    tcp_from(n.wrapping_mul(0x9e37_79b1) | 1 << 31, flags)
}

fn established() -> Vec<u8> {
    tcp_from(0x0a00_0001, tcp::ACK)
}

fn answer() -> Vec<u8> {
    back(&established())
}

fn tcp_from(source: u32, flags: u8) -> Vec<u8> {
    let headers = PacketBuilder::ethernet2([2; 6], [3; 6])
        .ipv4(source.to_be_bytes(), [10, 0, 0, 2], 64)
        .tcp(40_000, 443, 1, 1024);
    let mut frame = Vec::new();
    headers.write(&mut frame, &[]).unwrap();
    frame[47] = flags;
    frame
}

/// The same packet to another destination.
fn to(frame: &[u8], destination: u32) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[30..34].copy_from_slice(&destination.to_be_bytes());
    frame
}

/// The same packet with its endpoints swapped.
fn back(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let (left, right) = frame[26..34].split_at_mut(4);
    left.swap_with_slice(right);
    let (left, right) = frame[34..38].split_at_mut(2);
    left.swap_with_slice(right);
    frame
}

fn of_flow(window: &Window, frame: &[u8]) -> FlowCounters {
    let packet = parse(&Frame::whole(frame)).unwrap();
    let (wanted, _) = FlowKey::of(&packet, LOOPBACK);
    let mut counters = FlowCounters::default();
    for (key, part) in &window.flows {
        if *key == wanted {
            counters.merge(part);
        }
    }
    counters
}

fn account(counters: &mut FlowCounters, frame: &[u8], egress: bool) {
    let packet = parse(&Frame::whole(frame)).unwrap();
    let (_, side) = FlowKey::of(&packet, LOOPBACK);
    let seen = Observation {
        now: 1,
        segments: NonZeroU32::MIN,
        egress,
    };
    counters.account(side, &packet, seen);
}

/// On one CPU, so that one shard takes it all.
fn injector(test: &str) -> Option<Injector> {
    let mut one = CpuSet::new();
    one.set(sched_getcpu().unwrap()).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
    match Injector::load(CAPACITY) {
        Ok(injector) => Some(injector),
        // Only a machine that does not let us use BPF excuses a test.
        Err(error @ SourceError::NoPrivilege { .. }) => {
            common::skip(test, &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}
