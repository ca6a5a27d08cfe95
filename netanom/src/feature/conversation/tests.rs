//! Which flows are a conversation, when it is judged, and the values of its columns, computed by hand.

use std::time::Duration;

use netanom_common::packet::{Packet, tcp};

use super::*;
use crate::flow::test_support::{counters_of, packet, reply};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn flow_of(packets: &[(u64, Packet)]) -> Flow {
    let (key, counters) = counters_of(packets);
    Flow {
        key,
        initiator: counters.initiator(&key),
        counters,
    }
}

fn with_payload(bytes: u16, of: Packet) -> Packet {
    Packet {
        payload: bytes.into(),
        length: u32::from(bytes) + 60,
        ..of
    }
}

/// A log-in attempt from `port` that begins at `start`: shaken hands, greeted after 20 ms, asked after 30 ms, answered after
/// 50 ms and closed by both after 60 ms.
fn attempt(port: u16, start: u64, asked: u16, answered: u16) -> Flow {
    let ask = |flags| packet(protocol::TCP, port, 21, flags);
    let answer = |flags| reply(&ask(flags));
    let after = |millis: u64| start + millis * MILLISECOND;
    flow_of(&[
        (start, ask(tcp::SYN)),
        (after(10), answer(tcp::SYN | tcp::ACK)),
        (after(11), ask(tcp::ACK)),
        (after(20), with_payload(20, answer(tcp::ACK))),
        (after(30), with_payload(asked, ask(tcp::ACK))),
        (after(50), with_payload(answered, answer(tcp::ACK))),
        (after(59), ask(tcp::ACK | tcp::FIN)),
        (after(60), answer(tcp::ACK | tcp::FIN)),
    ])
}

/// The value of a column in the only conversation that is due.
fn value(due: &[DueConversation], name: &str) -> f32 {
    let [talk] = due else {
        panic!("{} conversations are due", due.len());
    };
    let place = COLUMNS.iter().position(|column| column.name == name);
    talk.row[place.unwrap()]
}

#[test]
fn alike_attempts_once_a_second_have_the_values_that_a_hand_computes() {
    let mut talks = Conversations::<()>::default();
    let mut now = at(0);
    for number in 0..8_u16 {
        let start = u64::from(number) * SECOND;
        now = at(start + SECOND / 10);
        talks.take_in(&attempt(5000 + number, start, 30, 40), now);
    }
    let due = talks.take_due(now);
    let is = |name: &str, expected: f32| {
        let found = value(&due, name);
        assert!(
            (found - expected).abs() < 1e-4,
            "{name}: {found}, not {expected}"
        );
    };
    is("flow_rate", 1.0);
    is("start_gap", 1.0);
    is("start_gap_cv", 0.0);
    is("pause", 0.94);
    is("open_at_once", 8.0 * 0.06 / 7.06);
    for all in [
        "asked",
        "answered",
        "greeted",
        "established",
        "finished",
        "copies_fwd",
    ] {
        is(all, 1.0);
    }
    for none in [
        "still_open",
        "reset_fwd",
        "reset_bwd",
        "lasted",
        "unanswered_for",
    ] {
        is(none, 0.0);
    }
    is("same_payload_bwd", 1.0);
    is("distinct_payload_fwd", 1.0 / 8.0);
    is("duration", 0.06);
    is("payload_fwd", 30.0);
    is("payload_bwd", 60.0);
    is("payload_packets_bwd", 2.0);
    is("payload_mean_bwd", 30.0);
    is("first_payload_fwd", 0.03);
    is("first_payload_bwd", 0.02);
    is("answer_slowing", 1.0);
    // Eight flows, each a second older than the next, fading to a half in a minute.
    let fading: f32 = (0..8).map(|age| (-(age as f32) / 60.0).exp2()).sum();
    is("flows", fading);
}

#[test]
fn answers_of_which_half_differ_are_half_copies() {
    let mut talks = Conversations::<()>::default();
    let answers = [100, 100, 100, 500, 900, 1300];
    for (number, answered) in answers.into_iter().enumerate() {
        let flow = attempt(6000 + number as u16, number as u64 * SECOND, 30, answered);
        talks.take_in(&flow, at(6 * SECOND));
    }
    let due = talks.take_due(at(6 * SECOND));
    // Of five pairs of neighbours two are alike, of six answers three.
    assert!((value(&due, "copies_bwd") - 0.4).abs() < 1e-6);
    assert!((value(&due, "same_payload_bwd") - 0.5).abs() < 1e-6);
    assert!((value(&due, "distinct_payload_bwd") - 4.0 / 6.0).abs() < 1e-6);
    assert!((value(&due, "payload_bwd_most") - 1320.0).abs() < 1e-3);
}

#[test]
fn a_request_that_waits_for_its_answer_waits_longer_as_time_goes_on() {
    let mut talks = Conversations::<()>::default();
    for port in 1..=5 {
        let ask = |flags| packet(protocol::TCP, port, 80, flags);
        let flow = flow_of(&[
            (0, ask(tcp::SYN)),
            (MILLISECOND, reply(&ask(tcp::SYN | tcp::ACK))),
            (SECOND, with_payload(100, ask(tcp::ACK))),
        ]);
        talks.take_in(&flow, at(2 * SECOND));
    }
    assert_eq!(
        value(&talks.take_due(at(4 * SECOND)), "unanswered_for"),
        3.0
    );
}

#[test]
fn four_flows_are_no_conversation_and_five_are() {
    let mut talks = Conversations::<()>::default();
    for number in 0..4 {
        talks.take_in(&attempt(number, 0, 30, 40), at(SECOND));
    }
    assert_eq!(talks.take_due(at(SECOND)), []);
    talks.take_in(&attempt(4, 0, 30, 40), at(SECOND));
    assert_eq!(talks.take_due(at(SECOND)).len(), 1);
}

#[test]
fn a_flow_that_goes_on_is_one_flow_as_it_is_now() {
    let mut talks = Conversations::<()>::default();
    for answered in [40, 140] {
        for number in 0..5 {
            talks.take_in(&attempt(number, 0, 30, answered), at(SECOND));
        }
    }
    let due = talks.take_due(at(SECOND));
    assert_eq!(value(&due, "flows"), 5.0);
    assert_eq!(value(&due, "payload_bwd"), 160.0);
}

#[test]
fn connection_requests_without_payload_are_no_part_of_one() {
    let mut talks = Conversations::<()>::default();
    for port in 0..100 {
        let request = packet(protocol::TCP, port, 80, tcp::SYN);
        talks.take_in(&flow_of(&[(0, request)]), at(SECOND));
    }
    assert_eq!(talks.take_due(at(SECOND)), []);
    assert_eq!(talks.all.len(), 0);
}

#[test]
fn flows_that_were_quiet_for_five_minutes_are_left_out() {
    let mut talks = Conversations::<()>::default();
    for number in 0..5 {
        talks.take_in(&attempt(number, 0, 30, 40), at(SECOND));
    }
    talks.take_due(at(SECOND));
    let later = 301 * SECOND;
    talks.take_in(&attempt(9, later, 30, 40), at(later + SECOND));
    assert_eq!(talks.take_due(at(later + SECOND)), []);
}

#[test]
fn a_conversation_is_judged_each_second_or_with_a_quarter_more_flows() {
    let mut talks = Conversations::<()>::default();
    let mut judged = Vec::new();
    for number in 0..12_u64 {
        let now = at(SECOND + number * MILLISECOND);
        talks.take_in(&attempt(number as u16, 0, 30, 40), now);
        if !talks.take_due(now).is_empty() {
            judged.push(number + 1);
        }
    }
    assert_eq!(judged, [5, 7, 10]);
    let later = at(SECOND).plus(Duration::from_millis(1011));
    talks.take_in(&attempt(11, 0, 30, 90), later);
    assert_eq!(talks.take_due(later).len(), 1);
}

#[test]
fn conversations_and_their_flows_are_bounded() {
    let mut talks = Conversations::<()>::default();
    for number in 0..1000_u16 {
        talks.take_in(&attempt(number, u64::from(number), 30, 40), at(SECOND));
    }
    let place = talks.take_due(at(SECOND))[0].place;
    assert_eq!(talks.all.at(place).members.len(), MAX_MEMBERS);
    for service in 0..20_000_u16 {
        let ask = packet(protocol::TCP, 1, service, tcp::ACK);
        talks.take_in(&flow_of(&[(0, with_payload(1, ask))]), at(SECOND));
    }
    assert!(talks.all.len() <= MAX_CONVERSATIONS + 1);
}

#[test]
fn no_column_is_an_address_or_a_port_and_no_name_is_there_twice() {
    let mut names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
    let forbidden = ["address", "port", "ttl", "date", "vlan"];
    assert!(names.iter().all(|name| {
        !forbidden
            .iter()
            .any(|word| name.split('_').any(|part| part == *word))
    }));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COLUMNS.len());
}
