//! Who began a flow: the kernel's counters say what the packets say in the order in which they arrived.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use etherparse::PacketBuilder;
use netanom_common::flow::{FlowCounters, FlowKey, Observation, Side};
use netanom_common::packet::{Frame, tcp};
use netanom_common::parse::parse;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::counted::OneCpu;
use crate::injector;

/// What the kernel takes for the interface of an injected frame: the loopback.
const LOOPBACK: u32 = 1;
const CLIENT: [u8; 4] = [192, 0, 2, 10];
const SERVER: [u8; 4] = [198, 51, 100, 5];

/// A packet of the `number`th conversation, of which all have the same two hosts.
fn segment(number: u16, service: u16, from_client: bool, flags: u8) -> Vec<u8> {
    let (ends, ports) = if from_client {
        ((CLIENT, SERVER), (40_000 + number, service))
    } else {
        ((SERVER, CLIENT), (service, 40_000 + number))
    };
    let headers = PacketBuilder::ethernet2([2; 6], [3; 6])
        .ipv4(ends.0, ends.1, 64)
        .tcp(ports.0, ports.1, 1, 1024);
    let mut frame = Vec::new();
    headers.write(&mut frame, &[]).unwrap();
    frame[47] = flags;
    frame
}

fn echo(host: u8, is_request: bool, from_client: bool) -> Vec<u8> {
    let server = [198, 51, 100, host];
    let ends = if from_client {
        (CLIENT, server)
    } else {
        (server, CLIENT)
    };
    let headers = PacketBuilder::ethernet2([2; 6], [3; 6]).ipv4(ends.0, ends.1, 64);
    let headers = if is_request {
        headers.icmpv4_echo_request(1, 1)
    } else {
        headers.icmpv4_echo_reply(1, 1)
    };
    let mut frame = Vec::new();
    headers.write(&mut frame, &[0; 16]).unwrap();
    frame
}

#[test]
fn who_began_is_what_the_packets_say_in_the_order_of_their_arrival() {
    let test = "who_began_is_what_the_packets_say_in_the_order_of_their_arrival";
    let Some(mut injector) = injector(test) else {
        return;
    };
    const SYN_ACK: u8 = tcp::SYN | tcp::ACK;
    const REFUSAL: u8 = tcp::RST | tcp::ACK;
    let kinds = [tcp::SYN, SYN_ACK, tcp::ACK, tcp::RST, REFUSAL, tcp::FIN, 0];
    // A tenth of a second of frames, on one CPU so that each flow is in one shard.
    let _here = OneCpu::stay();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut expected: BTreeMap<FlowKey, FlowCounters> = BTreeMap::new();
    for now in 1..=3000 {
        let mut below = |end: u64| random.next_u64() % end;
        let from_client = below(2) == 0;
        let frame = if below(8) == 0 {
            echo(below(20) as u8, below(2) == 0, from_client)
        } else {
            let service = [80, 8080, 50_000][below(3) as usize];
            let flags = kinds[below(kinds.len() as u64) as usize];
            segment(below(400) as u16, service, from_client, flags)
        };
        injector.receive(&frame).unwrap();
        let packet = parse(&Frame::whole(&frame)).unwrap();
        let (key, side) = FlowKey::of(&packet, LOOPBACK);
        let seen = Observation {
            now,
            segments: NonZeroU32::MIN,
            egress: false,
        };
        expected
            .entry(key)
            .or_default()
            .account(side, &packet, seen);
    }
    let window = injector.drain().unwrap();
    assert_eq!(window.flows.len(), expected.len());
    let mut sides = [0; 2];
    for (key, counters) in &window.flows {
        let began = expected[key].initiator(key);
        assert_eq!(counters.initiator(key), began, "{key:?}: {counters:?}");
        sides[usize::from(began == Side::High)] += 1;
    }
    assert!(sides.iter().all(|&flows| flows > 100), "{sides:?}");
}
