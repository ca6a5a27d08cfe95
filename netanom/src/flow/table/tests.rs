//! The flow table, one window at a time.

use std::time::Duration;

use netanom_common::counter::Tally;
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::packet::{Packet, icmp, protocol, tcp};

use super::*;
use crate::flow::MOST_UNANSWERED;
use crate::flow::test_support::{address, counters_of, packet, reply, unreachable};

fn timeouts() -> FlowTimeouts {
    FlowTimeouts {
        tcp: Duration::from_secs(100),
        tcp_opening: Duration::from_secs(20),
        tcp_closed: Duration::from_secs(2),
        udp: Duration::from_secs(10),
        icmp: Duration::from_secs(10),
        other: Duration::from_secs(10),
        active: Duration::from_secs(1000),
    }
}

fn window(end: u64, packets: &[(u64, Packet)]) -> Window {
    let mut flows: Vec<(FlowKey, FlowCounters)> = Vec::new();
    for (second, packet) in packets {
        flows.push(counters_of(&[(second * 1_000_000_000, *packet)]));
    }
    Window {
        end: Timestamp::from_nanos(end * 1_000_000_000),
        flows,
        ..Window::default()
    }
}

fn udp(source_port: u16) -> Packet {
    packet(protocol::UDP, source_port, 53, 0)
}

#[test]
fn windows_of_one_flow_add_up() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    table.merge(&window(1, &[(1, udp(1000))]));
    let merged = table.merge(&window(2, &[(2, udp(1000))]));
    assert_eq!(merged.changed.len(), 1);
    let entry = table.get(merged.changed[0]).unwrap();
    assert_eq!(entry.flow.counters.packets(), 2);
    assert_eq!(entry.flow.fwd().gap_sum, 1_000_000);
}

#[test]
fn an_error_counts_in_the_flow_that_it_quotes_wherever_it_stands_in_the_window() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    let error = unreachable(&udp(1000));
    let merged = table.merge(&window(1, &[(1, error), (1, udp(1000)), (1, error)]));
    assert_eq!(merged.changed.len(), 1);
    table.merge(&window(2, &[(2, error)]));
    let flow = &table.get(merged.changed[0]).unwrap().flow;
    assert_eq!(flow.initiator().port, 1000);
    assert_eq!(
        (flow.errors_bwd().packets, flow.errors_fwd().packets),
        (3, 0)
    );
    assert_eq!(flow.last_seen(), Timestamp::from_nanos(1_000_000_000));
}

#[test]
fn errors_that_quote_what_nobody_sent_are_a_flow_of_the_hosts_that_exchange_them() {
    let mut table = FlowTable::<()>::new(3, timeouts());
    table.merge(&window(1, &[(1, udp(1)), (1, udp(2)), (1, udp(3))]));
    let forged: Vec<_> = (10..30).map(|port| (2, unreachable(&udp(port)))).collect();
    for (second, packets) in [(2, 20), (3, 40)] {
        let merged = table.merge(&window(second, &forged));
        assert_eq!(merged.changed.len(), 1);
        let flow = &table.get(merged.changed[0]).unwrap().flow;
        assert_eq!(
            (flow.protocol(), flow.bwd().total.packets),
            (protocol::ICMP, packets)
        );
    }
    assert_eq!((table.len(), table.evicted()), (3, 1));
}

#[test]
fn forged_errors_of_very_many_hosts_take_one_place() {
    let mut table = FlowTable::<()>::new(3, timeouts());
    table.merge(&window(1, &[(1, udp(1)), (1, udp(2)), (1, udp(3))]));
    let forged: Vec<_> = (0..100)
        .map(|n| {
            let quoted = Packet {
                destination: address(n + 10),
                ..udp(9)
            };
            (2, unreachable(&quoted))
        })
        .collect();
    let merged = table.merge(&window(2, &forged));
    assert_eq!(merged.changed.len(), 1);
    assert_eq!((table.len(), table.evicted()), (3, 1));
}

#[test]
fn an_error_about_an_echo_counts_in_the_flow_of_the_echoes() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    let echo = |flags| packet(protocol::ICMP, 0, 0, flags);
    table.merge(&window(1, &[(1, echo(icmp::ECHO_REQUEST))]));
    // The other host's answers, of which the first one's requests were not seen.
    let answer = Packet {
        source: address(3),
        ..echo(icmp::ECHO_REPLY)
    };
    table.merge(&window(1, &[(1, answer)]));
    for asked in [echo(icmp::ECHO_REQUEST), answer] {
        let merged = table.merge(&window(2, &[(2, unreachable(&asked))]));
        let flow = &table.get(merged.changed[0]).unwrap().flow;
        assert_eq!((table.len(), flow.counters.packets()), (2, 2));
    }
}

#[test]
fn a_flow_is_turned_when_a_later_window_tells_better_who_began_it() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    let answer = packet(protocol::TCP, 40_000, 50_000, tcp::SYN | tcp::ACK);
    let merged = table.merge(&window(1, &[(1, answer)]));
    let began = |table: &FlowTable<()>| table.get(merged.changed[0]).unwrap().flow.initiator().port;
    assert_eq!(began(&table), 50_000);
    table.merge(&window(
        2,
        &[(
            2,
            Packet {
                flags: tcp::RST,
                ..reply(&answer)
            },
        )],
    ));
    assert_eq!(began(&table), 40_000, "a SYN-ACK scan");
    table.merge(&window(
        3,
        &[(
            3,
            Packet {
                flags: tcp::SYN,
                ..reply(&answer)
            },
        )],
    ));
    assert_eq!(began(&table), 50_000);
}

#[test]
fn what_the_table_has_no_room_for_is_not_counted_as_too_many_unanswered() {
    let ports =
        |which: std::ops::Range<u16>| -> Vec<_> { which.map(|port| (1, udp(port))).collect() };
    let mut table = FlowTable::<()>::new(20, timeouts()).with_most_unanswered(15);
    table.merge(&window(1, &ports(0..10)));
    table.merge(&window(1, &ports(10..20)));
    assert_eq!((table.evicted(), table.evicted_unanswered()), (5, 5));
    let mut table = FlowTable::<()>::new(15, timeouts()).with_most_unanswered(100);
    table.merge(&window(1, &ports(0..10)));
    table.merge(&window(1, &ports(10..20)));
    assert_eq!((table.evicted(), table.evicted_unanswered()), (5, 0));
}

#[test]
fn unanswered_flows_end_early_when_they_are_too_many_and_others_stay() {
    let ports =
        |which: std::ops::Range<u16>| -> Vec<_> { which.map(|port| (1, udp(port))).collect() };
    let mut table = FlowTable::<()>::new(100_000, timeouts());
    let answer = Packet {
        source: udp(1).destination,
        destination: udp(1).source,
        source_port: 53,
        destination_port: 1,
        ..udp(1)
    };
    let talkative: Vec<_> = (0..8).map(|_| (1, udp(2))).collect();
    table.merge(&window(
        1,
        &[&[(1, udp(1)), (1, answer)], &talkative[..]].concat(),
    ));
    let most = MOST_UNANSWERED as u16;
    table.merge(&window(1, &ports(10..10 + most)));
    assert_eq!((table.len(), table.evicted()), (2 + usize::from(most), 0));
    let merged = table.merge(&window(1, &ports(50_000..50_100)));
    assert_eq!((merged.changed.len(), merged.ended.len()), (100, 100));
    assert_eq!((table.len(), table.evicted()), (2 + usize::from(most), 100));
    let ended: Vec<_> = merged
        .ended
        .iter()
        .map(|one| one.flow.initiator().port)
        .collect();
    assert_eq!(ended, (10..110).collect::<Vec<_>>());
    assert_eq!(table.evicted_unanswered(), 100);
    // A window larger than that is taken whole.
    table.merge(&window(1, &ports(20_000..20_000 + most + 50)));
    assert_eq!(table.len(), 2 + usize::from(most) + 50);
    let (answered, many) = (counters_of(&[(0, udp(1))]).0, counters_of(&[(0, udp(2))]).0);
    assert!(table.index.contains_key(&answered) && table.index.contains_key(&many));
}

#[test]
fn a_quiet_flow_ends_after_its_protocols_timeout() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    table.merge(&window(1, &[(1, udp(1000))]));
    assert!(table.merge(&window(10, &[])).ended.is_empty());
    assert_eq!(table.merge(&window(11, &[])).ended.len(), 1);
    assert!(table.is_empty());
}

#[test]
fn a_reset_connection_ends_soon() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    let syn = packet(protocol::TCP, 1000, 80, tcp::SYN);
    let reset = packet(protocol::TCP, 1000, 80, tcp::RST);
    table.merge(&window(1, &[(1, syn), (1, reset)]));
    assert_eq!(table.merge(&window(4, &[])).ended.len(), 1);
}

#[test]
fn a_flow_that_goes_on_is_not_ended() {
    let mut table = FlowTable::<()>::new(10, timeouts());
    for second in 1..50 {
        assert!(
            table
                .merge(&window(second, &[(second, udp(1000))]))
                .ended
                .is_empty()
        );
    }
    assert_eq!(table.len(), 1);
}

#[test]
fn a_full_table_makes_room_and_counts_it() {
    let mut table = FlowTable::<()>::new(3, timeouts());
    let packets: Vec<_> = (0..5).map(|n| (n, udp(1000 + n as u16))).collect();
    table.merge(&window(3, &packets[..3]));
    let merged = table.merge(&window(5, &packets[3..]));
    assert_eq!(
        (
            table.len(),
            table.evicted(),
            merged.ended.len(),
            merged.changed.len()
        ),
        (3, 2, 2, 2)
    );
}

#[test]
fn a_flow_that_goes_on_is_not_the_one_to_make_room() {
    let mut table = FlowTable::<()>::new(3, timeouts());
    table.merge(&window(1, &[(1, udp(999))]));
    for second in 2..9 {
        table.merge(&window(
            second,
            &[(second, udp(999)), (second, udp(1000 + second as u16))],
        ));
    }
    let ended = table.end_all();
    let longest = ended
        .iter()
        .map(|entry| entry.flow.counters.packets())
        .max();
    assert_eq!(longest, Some(8));
}

#[test]
fn no_packet_is_lost_between_open_and_ended_flows() {
    let mut table = FlowTable::<()>::new(7, timeouts());
    let mut ended = Tally::default();
    for second in 0..200 {
        let packets: Vec<_> = (0..3)
            .map(|port| (second, udp(1000 + (second as u16 * 7 + port) % 40)))
            .collect();
        for entry in table.merge(&window(second, &packets)).ended {
            ended.add(entry.flow.counters.packets(), 0);
        }
    }
    ended.add(
        table
            .end_all()
            .iter()
            .map(|entry| entry.flow.counters.packets())
            .sum(),
        0,
    );
    assert_eq!(ended.packets, 600);
}
