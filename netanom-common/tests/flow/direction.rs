//! Who began a flow: by the messages that each kind of flow has, and over any order of them against a plain rule.

use netanom_common::flow::{FlowCounters, FlowKey, Observation, Side};
use netanom_common::fragment::{FragmentFlow, FragmentKey, FragmentTable, join};
use netanom_common::packet::{Fragment, Packet, Portion, icmp, protocol, tcp as bit};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proptest::prop_assert_eq;
use proptest::sample::{Index, select};

use crate::packets::{HIGH, LOW, at, counted, tcp};

const ANSWER: u8 = bit::SYN | bit::ACK;
const REFUSAL: u8 = bit::RST | bit::ACK;

/// A TCP packet between two ports, the low endpoint's first.
fn between(ports: [u16; 2], from: u8, flags: u8) -> Packet {
    let [low, high] = ports;
    let (source_port, destination_port) = if from == LOW {
        (low, high)
    } else {
        (high, low)
    };
    Packet {
        source_port,
        destination_port,
        ..tcp(from, flags)
    }
}

/// Who began the flow of these packets, each a nanosecond after the one before.
fn began(packets: &[Packet]) -> Side {
    let timed: Vec<_> = (0..)
        .map(at)
        .zip(packets)
        .map(|(seen, &packet)| (packet, seen))
        .collect();
    counted(&timed).initiator(&FlowKey::of(&packets[0], 0).0)
}

/// Neither port is a service's.
const USERS: [u16; 2] = [40_000, 50_000];
/// The low endpoint is at the service's port.
const WEB: [u16; 2] = [80, 50_000];

fn check(ports: [u16; 2], packets: &[(u8, u8)], expected: Side) {
    let packets: Vec<_> = packets
        .iter()
        .map(|&(from, flags)| between(ports, from, flags))
        .collect();
    assert_eq!(began(&packets), expected, "{packets:?}");
}

#[test]
fn the_sender_of_the_first_syn_began_it_however_late_it_is_seen() {
    check(USERS, &[(LOW, bit::SYN)], Side::Low);
    check(USERS, &[(HIGH, bit::SYN), (LOW, bit::SYN)], Side::High);
    check(WEB, &[(LOW, bit::SYN)], Side::Low);
    check(
        WEB,
        &[
            (HIGH, bit::ACK),
            (HIGH, REFUSAL),
            (HIGH, ANSWER),
            (LOW, bit::SYN),
        ],
        Side::Low,
    );
}

#[test]
fn a_syn_with_ack_tells_that_the_other_side_began() {
    check(USERS, &[(LOW, ANSWER)], Side::High);
    check(
        USERS,
        &[(HIGH, ANSWER), (LOW, bit::ACK), (LOW, bit::RST)],
        Side::Low,
    );
}

#[test]
fn a_syn_with_ack_that_is_refused_was_the_beginning() {
    // A SYN-ACK scan.
    check([22, 40_000], &[(HIGH, ANSWER), (LOW, bit::RST)], Side::High);
    check(USERS, &[(LOW, ANSWER), (HIGH, bit::RST)], Side::Low);
}

#[test]
fn a_service_that_answers_forged_requests_began_nothing() {
    check(WEB, &[(LOW, ANSWER)], Side::High);
    check(WEB, &[(LOW, ANSWER), (HIGH, bit::RST)], Side::High);
}

#[test]
fn a_refusal_first_points_at_its_receiver() {
    check(USERS, &[(LOW, REFUSAL)], Side::High);
    check(WEB, &[(HIGH, REFUSAL), (HIGH, REFUSAL)], Side::Low);
    check(USERS, &[(HIGH, bit::ACK), (LOW, REFUSAL)], Side::High);
}

#[test]
fn what_is_met_in_its_middle_was_begun_by_who_is_not_at_the_services_port() {
    check(WEB, &[(LOW, bit::ACK), (HIGH, bit::ACK)], Side::High);
    check([443, 22], &[(HIGH, bit::ACK | bit::PSH)], Side::Low);
    check(WEB, &[(LOW, bit::FIN | bit::ACK)], Side::High);
    check(WEB, &[(LOW, bit::RST)], Side::High);
    check(USERS, &[(HIGH, bit::ACK), (LOW, bit::ACK)], Side::High);
    // A later fragment without its first one has port 0, which is no service's.
    check([0, 50_000], &[(LOW, bit::ACK)], Side::Low);
}

#[test]
fn a_scan_without_ack_was_begun_by_who_sends_it_from_whatever_port() {
    for flags in [0, bit::FIN, bit::FIN | bit::PSH | bit::URG] {
        check([53, 8080], &[(LOW, flags), (HIGH, REFUSAL)], Side::Low);
    }
}

#[test]
fn of_equal_times_the_packet_that_was_counted_first_decides() {
    let datagram = |from| Packet {
        protocol: protocol::UDP,
        ..between([53, 41_424], from, 0)
    };
    for (first, side) in [(LOW, Side::Low), (HIGH, Side::High)] {
        let (one, other) = (datagram(first), datagram(LOW + HIGH - first));
        let (key, _) = FlowKey::of(&one, 0);
        assert_eq!(
            counted(&[(one, at(7)), (other, at(7))]).initiator(&key),
            side
        );
        // A time that is earlier outweighs the order.
        assert_eq!(
            counted(&[(other, at(8)), (one, at(7))]).initiator(&key),
            side
        );
    }
}

fn message(from: u8, kind: u8) -> Packet {
    Packet {
        protocol: protocol::ICMP,
        source_port: 0,
        destination_port: 0,
        ..tcp(from, kind)
    }
}

#[test]
fn echoes_are_a_flow_of_who_asks_for_them_whichever_is_seen_first() {
    let (ask, answer) = (icmp::ECHO_REQUEST, icmp::ECHO_REPLY);
    let (key, _) = FlowKey::of(&message(LOW, ask), 0);
    assert_eq!(FlowKey::of(&message(HIGH, answer), 0).0, key);
    assert_ne!(FlowKey::of(&message(HIGH, ask), 0).0, key);
    assert_eq!(
        began(&[message(HIGH, answer), message(LOW, ask)]),
        Side::Low
    );
    assert_eq!(began(&[message(LOW, answer)]), Side::High);
    assert_eq!((key.port(Side::Low), key.port(Side::High)), (0, 0));
}

#[test]
fn discovery_is_apart_from_echoes_and_begun_by_who_sent_first() {
    let both = |from| FlowKey::of(&message(from, icmp::DISCOVERY), 0).0;
    assert_eq!(both(LOW), both(HIGH));
    assert_ne!(
        both(LOW),
        FlowKey::of(&message(LOW, icmp::ECHO_REQUEST), 0).0
    );
    let packets = [
        message(HIGH, icmp::DISCOVERY),
        message(LOW, icmp::DISCOVERY),
    ];
    assert_eq!(began(&packets), Side::High);
}

#[test]
fn errors_that_quote_no_flow_point_at_their_receiver_until_they_are_a_flood() {
    for kind in [icmp::UNREACHABLE, icmp::TIME_EXCEEDED] {
        let error = message(LOW, kind);
        assert_eq!(began(&[error]), Side::High);
        let (key, sender) = FlowKey::of(&error, 0);
        assert_eq!(key.error_sender(), Some(sender));
        assert_eq!(key.as_flood(sender).icmp_initiator(), Some(sender));
        assert_eq!(key.errors_of(sender), key);
    }
    assert_eq!(
        FlowKey::of(&tcp(LOW, icmp::UNREACHABLE), 0)
            .0
            .error_sender(),
        None
    );
}

#[test]
fn a_later_fragment_of_an_echo_is_in_the_flow_of_the_first_one() {
    #[derive(Default)]
    struct Table(Option<(FragmentKey, FragmentFlow)>);
    impl FragmentTable for Table {
        fn remember(&mut self, key: &FragmentKey, flow: &FragmentFlow) {
            self.0 = Some((*key, *flow));
        }
        fn recall(&self, key: &FragmentKey) -> Option<FragmentFlow> {
            self.0
                .filter(|(known, _)| known == key)
                .map(|(_, flow)| flow)
        }
    }
    for kind in [icmp::ECHO_REQUEST, icmp::ECHO_REPLY, icmp::DISCOVERY] {
        let part = |portion, flags| Packet {
            fragment: Fragment {
                portion,
                protocol: protocol::ICMP,
                offset: u16::from(portion != Portion::First),
                identification: 7,
            },
            ..message(HIGH, flags)
        };
        let mut table = Table::default();
        let (mut first, mut later) = (part(Portion::First, kind), part(Portion::Later, 0));
        join(&mut first, &mut table);
        join(&mut later, &mut table);
        assert_eq!(FlowKey::of(&later, 0), FlowKey::of(&first, 0));
    }
}

/// The rules of `flow::opener`, written over the packets themselves.
fn plain_rule(packets: &[(Packet, Observation)]) -> Side {
    let side = |packet: &Packet| FlowKey::of(packet, 0).1;
    let port = |wanted: Side| {
        let (packet, _) = &packets[0];
        if side(packet) == wanted {
            packet.source_port
        } else {
            packet.destination_port
        }
    };
    let service = [Side::Low, Side::High].into_iter().find(|&end| {
        let (own, other) = (port(end), port(end.other()));
        (1..1024).contains(&own) && own < other
    });
    let first_with = |wanted: u8| {
        let is_wanted =
            |packet: &&(Packet, Observation)| packet.0.flags & (ANSWER | bit::RST) == wanted;
        packets
            .iter()
            .find(is_wanted)
            .map(|(packet, _)| side(packet))
    };
    if let Some(asking) = first_with(bit::SYN) {
        return asking;
    }
    if let Some(answering) = first_with(ANSWER) {
        let came_back: Vec<_> = packets
            .iter()
            .filter(|(packet, _)| side(packet) != answering)
            .collect();
        let is_refused = !came_back.is_empty()
            && came_back
                .iter()
                .all(|(packet, _)| packet.flags & bit::RST != 0);
        return if is_refused && service != Some(answering) {
            answering
        } else {
            answering.other()
        };
    }
    let (first, _) = &packets[0];
    let sender = side(first);
    if first.flags & bit::RST != 0 && first.flags & bit::ACK != 0 {
        return sender.other();
    }
    match service {
        Some(end) if first.flags & (bit::RST | bit::ACK) != 0 => end.other(),
        _ => sender,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_initiator_is_that_of_the_plain_rule(packets in conversation(), swap in any::<Index>()) {
        let (key, _) = FlowKey::of(&packets[0].0, 0);
        prop_assert_eq!(counted(&packets).initiator(&key), plain_rule(&packets));
        // Wherever a swap of generations falls.
        let (before, after) = packets.split_at(swap.index(packets.len() + 1));
        let mut merged = FlowCounters::default();
        merged.merge(&counted(before));
        merged.merge(&counted(after));
        prop_assert_eq!(merged.initiator(&key), plain_rule(&packets));
    }
}

/// Packets of both endpoints in any order, some at the same time.
fn conversation() -> impl Strategy<Value = Vec<(Packet, Observation)>> {
    let ports = select(vec![
        [80, 50_000],
        [50_000, 22],
        [443, 80],
        USERS,
        [0, 50_000],
        [80, 80],
    ]);
    let flags = select(vec![
        0,
        bit::SYN,
        ANSWER,
        bit::ACK,
        bit::ACK | bit::PSH,
        bit::FIN | bit::ACK,
        bit::RST,
        REFUSAL,
    ]);
    let packet = (select(vec![LOW, HIGH]), flags, 0..2_u64);
    (ports, vec(packet, 1..8)).prop_map(|(ports, steps)| {
        let mut now = 5;
        let each = steps.into_iter().map(|(from, flags, pause)| {
            now += pause;
            (between(ports, from, flags), at(now))
        });
        each.collect()
    })
}
