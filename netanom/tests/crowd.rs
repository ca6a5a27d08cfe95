//! A flood that overflows the kernel's flow table, as user space sees it: one alert on the victim, with its sources
//! counted, whether or not some of its flows found room.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use netanom::alert::{Alert, Class};
use netanom::config::Config;
use netanom::detect;
use netanom::flow::{Timestamp, Window};
use netanom::model::Model;
use netanom::pipeline::Pipeline;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use netanom_common::packet::{Fragment, Packet, RawAddress, protocol, tcp};

const TICK: u64 = 250_000_000;
const BEGIN: u64 = 1_700_000_000_000_000_000;
const WINDOWS: u32 = 8;
/// Spoofed sources a window, each of which sends one SYN.
const SOURCES: u32 = 20_000;

#[test]
fn a_flood_that_overflows_is_one_alert_with_its_sources_counted() {
    // As a shard of 1,024 places would have it.
    let alerts = flood(1024);
    check(&alerts);
}

#[test]
fn a_flood_that_found_no_room_at_all_is_one_alert_too() {
    check(&flood(0));
}

#[test]
fn what_was_counted_by_destination_counts_for_the_alert() {
    let last = flood(1024).pop().unwrap();
    assert_eq!(last.packets, u64::from(WINDOWS * SOURCES));
    assert_eq!(last.flows, u64::from(WINDOWS * SOURCES));
    assert_eq!(last.bytes, 60 * u64::from(WINDOWS * SOURCES));
}

#[test]
fn a_few_packets_without_room_raise_nothing() {
    let mut pipeline = pipeline();
    let mut alerts = Vec::new();
    for number in 0..WINDOWS {
        alerts.extend(pipeline.step(&window(number, 0, 40)));
    }
    alerts.extend(pipeline.end());
    assert_eq!(alerts, []);
}

#[test]
fn a_flood_that_was_counted_by_network_is_told() {
    let mut pipeline = pipeline();
    let mut alerts = Vec::new();
    for number in 0..WINDOWS {
        let mut window = window(number, 0, SOURCES);
        for (key, _) in &mut window.overflow {
            *key = key.prefix();
        }
        alerts.extend(pipeline.step(&window));
    }
    alerts.extend(pipeline.end());
    let last = alerts.last().unwrap();
    assert_eq!((last.class, last.source.ip), (Class::SynFlood, None));
    assert_eq!(last.packets, u64::from(WINDOWS * SOURCES));
}

#[test]
fn a_rehearsal_changes_nothing_that_comes_later() {
    let mut rehearsed = pipeline();
    rehearsed.rehearse();
    assert_eq!((rehearsed.open_flows(), rehearsed.evicted()), (0, 0));
    assert_eq!(flood_through(rehearsed, 1024), flood(1024));
}

fn check(alerts: &[Alert]) {
    let ids: BTreeSet<_> = alerts.iter().map(|alert| &alert.id).collect();
    assert_eq!(ids.len(), 1, "{alerts:#?}");
    let first = &alerts[0];
    let delay = first.last_seen.since(Timestamp::from_nanos(BEGIN));
    assert!(delay.as_secs_f64() < 1.0, "{delay:?}");
    let last = alerts.last().unwrap();
    assert_eq!(last.class, Class::SynFlood);
    assert_eq!(last.target.ip.unwrap().to_string(), "10.0.0.2");
    assert_eq!((last.target.port, last.source.ip), (Some(80), None));
    let share = last.source.count as f64 / f64::from(WINDOWS * SOURCES);
    assert!((0.7..1.3).contains(&share), "{share} of the sources");
}

/// The alerts of a flood of which `placed` flows find room in each window.
fn flood(placed: u32) -> Vec<Alert> {
    flood_through(pipeline(), placed)
}

fn flood_through(mut pipeline: Pipeline, placed: u32) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for number in 0..WINDOWS {
        alerts.extend(pipeline.step(&window(number, placed, SOURCES)));
    }
    alerts.extend(pipeline.end());
    alerts
}

fn pipeline() -> Pipeline {
    let model = Model::built_in().unwrap();
    let settings = Config::default().pipeline().unwrap();
    Pipeline::new(
        settings,
        detect::all(model.into()),
        [(3, "eth0".to_owned())].into(),
    )
}

fn window(number: u32, placed: u32, sources: u32) -> Window {
    let start = BEGIN + u64::from(number) * TICK;
    let mut window = Window {
        start: Timestamp::from_nanos(start),
        end: Timestamp::from_nanos(start + TICK),
        ..Window::default()
    };
    let mut overflow = OverflowCounters::default();
    for n in 0..sources {
        let packet = syn(number * sources + n);
        let seen = Observation {
            now: start + u64::from(n) * (TICK / u64::from(sources)),
            segments: NonZeroU32::MIN,
            egress: false,
        };
        if n < placed {
            let (key, side) = FlowKey::of(&packet, 3);
            let mut counters = FlowCounters::default();
            counters.account(side, &packet, seen);
            window.flows.push((key, counters));
        } else {
            overflow.account(&packet, seen);
        }
    }
    window.overflow = vec![(OverflowKey::of(&syn(0), 3), overflow)];
    window
}

fn syn(source: u32) -> Packet {
    Packet {
        // An odd factor: every source once, in no order.
        source: ipv4(source.wrapping_mul(0x9e37_79b1).to_be_bytes()),
        destination: ipv4([10, 0, 0, 2]),
        source_port: 1024 + (source % 60_000) as u16,
        destination_port: 80,
        protocol: protocol::TCP,
        flags: tcp::SYN,
        outer_vlan: 0,
        inner_vlan: 0,
        fragment: Fragment::default(),
        error: 0,
        window: 64_240,
        payload: 0,
        length: 60,
    }
}

fn ipv4(bytes: [u8; 4]) -> RawAddress {
    [
        0,
        0,
        u32::from_ne_bytes([0, 0, 0xff, 0xff]),
        u32::from_ne_bytes(bytes),
    ]
}
