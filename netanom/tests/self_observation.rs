//! What the kernel programs tell of themselves, where it really happens: refused entries, lost messages, runs.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "../../netanom-common/tests/parser/frames/mod.rs"]
#[expect(dead_code, reason = "other tests craft more frames")]
mod frames;

use std::time::Duration;

use log::LevelFilter;
use netanom::source::SourceError;
use netanom::source::kernel::{Injector, RunStatistics, Wire};
use netanom_common::counter::{Ignored, Refusal};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use crate::frames::crafted;

/// Less than a shard holds at least: 1,024 places for flows that are not known and 256 for known ones.
const CAPACITY: u32 = 1;
const PLACES: u32 = 1024;
const PLACES_FOR_KNOWN: u32 = 256;

/// A page holds fewer messages than this test has the programs send.
const SMALL_RING: u32 = 4096;
/// As many as are sent when each packet doubles the number of those before.
const MESSAGES: u64 = 17;

#[test]
fn a_known_flow_for_which_a_shard_has_no_room_is_a_refusal_with_its_errno() {
    let test = "a_known_flow_for_which_a_shard_has_no_room_is_a_refusal_with_its_errno";
    let Some(mut injector) = loaded(test, Injector::load(CAPACITY)) else {
        return;
    };
    // With eight packets in a tick a flow is known from then on.
    let known = 2 * PLACES_FOR_KNOWN;
    for n in 0..known {
        for _ in 0..8 {
            injector.receive(&from(n)).unwrap();
        }
    }
    injector.drain().unwrap();
    assert_eq!(injector.self_observation().refused, [0; 4]);

    for n in 0..PLACES {
        injector.receive(&from(1_000_000 + n)).unwrap();
    }
    for n in 0..known {
        injector.receive(&from(n)).unwrap();
    }
    let window = injector.drain().unwrap();
    let [full, others @ ..] = injector.self_observation().refused;
    let overflown = window.overflow.iter().map(|(_, one)| one.total.packets);
    let overflown: u64 = overflown.sum();
    assert_eq!(overflown, u64::from(known - PLACES_FOR_KNOWN));
    // Two known flows may have the same place in the programs' memory: one of them is then like any other.
    assert!((overflown - 10..=overflown).contains(&full), "{full}");
    assert_eq!((Refusal::Full as usize, others), (0, [0; 3]));
    assert_eq!(window.flows.len() as u32, PLACES + PLACES_FOR_KNOWN);
}

#[test]
fn a_refusal_has_the_name_of_its_errno() {
    let refusals = [
        (Errno::E2BIG, "E2BIG"),
        (Errno::ENOMEM, "ENOMEM"),
        (Errno::EBUSY, "EBUSY"),
        (Errno::EDEADLK, "other"),
    ];
    for (errno, name) in refusals {
        assert_eq!(Refusal::of(-(errno as i32)).name(), name);
    }
}

#[test]
fn messages_that_find_no_room_in_the_ring_are_counted_as_lost() {
    let test = "messages_that_find_no_room_in_the_ring_are_counted_as_lost";
    log::set_max_level(LevelFilter::Debug);
    let Some(mut injector) = loaded(test, Injector::load_with_ring(CAPACITY, SMALL_RING)) else {
        return;
    };
    send_messages(&mut injector);
    let lost = injector.self_observation().messages_lost;
    assert!((1..MESSAGES).contains(&lost), "{lost} of {MESSAGES}");
    // Those that come when there is room again change nothing.
    for _ in 0..10 {
        injector.drain().unwrap();
    }
    assert_eq!(injector.self_observation().messages_lost, lost);

    let Some(mut injector) = loaded(test, Injector::load(CAPACITY)) else {
        return;
    };
    send_messages(&mut injector);
    assert_eq!(injector.self_observation().messages_lost, 0);
}

/// Has the programs tell of malformed packets, at the 1st, 2nd, 4th, …, without a drain between.
fn send_messages(injector: &mut Injector) {
    let malformed = crafted::ipv4_header_of_16_bytes();
    let mut sent = 0;
    for _ in 0..MESSAGES {
        let segments = u32::max(sent, 1);
        let wire = Wire {
            length: malformed.len() as u32,
            segments,
        };
        injector.send(&malformed, wire).unwrap();
        sent += segments;
    }
    let ignored = injector.drain().unwrap().ignored;
    let counted = ignored.0[Ignored::BadHeader as usize].packets;
    assert_eq!(
        (counted, u64::from(sent)),
        (1 << (MESSAGES - 1), 1 << (MESSAGES - 1))
    );
}

#[test]
fn each_run_of_a_program_is_counted_while_statistics_are_on() {
    let test = "each_run_of_a_program_is_counted_while_statistics_are_on";
    let statistics = match RunStatistics::on() {
        Ok(statistics) => statistics,
        Err(error) => {
            assert!(!nix::unistd::geteuid().is_root(), "{error}");
            return common::skip(test, &error.to_string());
        }
    };
    let Some(mut injector) = loaded(test, Injector::load(CAPACITY)) else {
        return;
    };
    let frame = crafted::ipv4_tcp();
    for _ in 0..1000 {
        injector.receive(&frame).unwrap();
    }
    for _ in 0..300 {
        injector.send(&frame, Wire::of(&frame)).unwrap();
    }
    injector.drain().unwrap();
    let [xdp, _, egress] = injector.self_observation().runs;
    assert_eq!((xdp.count, egress.count), (1000, 300));
    for runs in [xdp, egress] {
        // A program looks up a flow, which no machine does in a nanosecond.
        assert!(runs.time > Duration::from_nanos(runs.count), "{runs:?}");
    }
    drop(statistics);
}

/// A packet of the flow with this number.
fn from(n: u32) -> Vec<u8> {
    let mut frame = crafted::ipv4_tcp();
    frame[26..30].copy_from_slice(&(0x0b00_0000 + n).to_be_bytes());
    frame
}

/// On one CPU, so that one shard takes it all. Only a machine that does not let us use BPF excuses a test.
fn loaded(test: &str, injector: Result<Injector, SourceError>) -> Option<Injector> {
    let mut one = CpuSet::new();
    one.set(sched_getcpu().unwrap()).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
    match injector {
        Ok(injector) => Some(injector),
        Err(error @ SourceError::NoPrivilege { .. }) => {
            common::skip(test, &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}
