//! The loaded kernel programs and the same code in user space: one frame, one count.
//!
//! Frames reach the programs by `BPF_PROG_TEST_RUN`, which itself refuses those shorter than an Ethernet header, and for
//! TCX those of IP without a whole IP header; what is made of these stands in netanom-common's tests alone.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "../../netanom-common/tests/parser/frames/mod.rs"]
mod frames;
#[path = "../../netanom-common/tests/parser/mutated.rs"]
mod mutated;

#[path = "kernel/began.rs"]
mod began;
#[path = "kernel/counted.rs"]
mod counted;
#[path = "kernel/generated.rs"]
mod generated;
#[path = "kernel/millions.rs"]
mod millions;

use std::cell::RefCell;

use netanom::source::SourceError;
use netanom::source::kernel::{Injector, Wire, verified_instructions};
use netanom_common::encapsulation::Encapsulation;
use netanom_common::flow::{FlowCounters, FlowKey, Side};
use netanom_common::packet::Tunnels;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::counted::{Counted, Pair, SHORTEST, Step, XDP_PASS, both_ways, count};
use crate::frames::crafted;
use crate::mutated::mutated;

/// More than any test here counts between two drains, even when all of it lands on one CPU.
const CAPACITY: u32 = 65_536;

#[test]
fn each_crafted_frame_is_counted_as_in_user_space() {
    let Some(mut injector) = injector("each_crafted_frame_is_counted_as_in_user_space") else {
        return;
    };
    for (name, frame) in crafted::all() {
        for step in both_ways(&frame) {
            let (kernel, user) = count(&mut injector, &[step]);
            assert_eq!(kernel, user, "{name}: {step:?}");
        }
    }
}

#[test]
fn all_crafted_frames_together_are_counted_as_in_user_space() {
    let Some(mut injector) = injector("all_crafted_frames_together_are_counted_as_in_user_space")
    else {
        return;
    };
    let frames = crafted::all();
    let steps: Vec<_> = frames
        .iter()
        .flat_map(|(_, frame)| both_ways(frame))
        .collect();
    let (kernel, user) = count(&mut injector, &steps);
    assert_eq!(kernel, user);
    assert_eq!(user.packets(), steps.len() as u64);
}

#[test]
fn every_truncation_is_counted_as_in_user_space() {
    let Some(mut injector) = injector("every_truncation_is_counted_as_in_user_space") else {
        return;
    };
    for (name, frame) in crafted::all() {
        let steps: Vec<_> = (SHORTEST..frame.len())
            .flat_map(|end| both_ways(&frame[..end]))
            .collect();
        let (kernel, user) = count(&mut injector, &steps);
        assert_eq!(kernel, user, "{name}");
    }
}

#[test]
fn changed_frames_are_counted_as_in_user_space() {
    let Some(injector) = injector("changed_frames_are_counted_as_in_user_space") else {
        return;
    };
    let injector = RefCell::new(injector);
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(config.rng_algorithm);
    // A batch, because a drain waits for all CPUs: 64 batches are some ten thousand frames, twice.
    let outcome = TestRunner::new_with_rng(config, random).run(&vec(mutated(), 0..400), |frames| {
        let steps: Vec<_> = frames.iter().flat_map(|frame| both_ways(frame)).collect();
        let (kernel, user) = count(&mut injector.borrow_mut(), &steps);
        proptest::prop_assert_eq!(kernel, user);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn later_fragments_join_the_flow_of_their_first_one() {
    let Some(mut injector) = injector("later_fragments_join_the_flow_of_their_first_one") else {
        return;
    };
    let pairs = [
        (crafted::first_fragment(), crafted::later_fragment()),
        (
            crafted::ipv6_first_fragment(),
            crafted::ipv6_later_fragment(),
        ),
    ];
    for (first, later) in pairs {
        // One that comes before the first is counted under port 0.
        let steps = [
            Step::In(&later),
            Step::In(&first),
            Step::Out(&later, Wire::of(&later)),
        ];
        let (kernel, user) = count(&mut injector, &steps);
        assert_eq!(kernel, user);
        let ports = |(key, flow): (&FlowKey, &FlowCounters)| {
            (key.port(Side::Low), key.port(Side::High), flow.packets())
        };
        let mut counted: Vec<_> = kernel.flows.iter().map(ports).collect();
        counted.sort_unstable();
        assert_eq!(counted, [(0, 0, 1), (40_000, 53, 2)]);
    }
}

#[test]
fn a_tunnel_is_the_flow_of_its_ends_where_that_is_wanted() {
    const NAME: &str = "a_tunnel_is_the_flow_of_its_ends_where_that_is_wanted";
    let injector = match Injector::load_for(CAPACITY, Tunnels::Outer) {
        Ok(injector) => injector,
        Err(error) => return refused(NAME, &error),
    };
    let mut injector = Pair::new(injector, Tunnels::Outer);
    let frames = crafted::all();
    let steps: Vec<_> = frames
        .iter()
        .flat_map(|(_, frame)| both_ways(frame))
        .collect();
    let (kernel, user) = count(&mut injector, &steps);
    assert_eq!(kernel, user);
    let vxlan = crafted::vxlan();
    let (kernel, _) = count(&mut injector, &[Step::In(&vxlan)]);
    let ports = |key: &FlowKey| [key.port(Side::Low), key.port(Side::High)];
    let ports: Vec<_> = kernel.flows.keys().map(ports).collect();
    assert!(ports.len() == 1 && ports[0].contains(&4789), "{ports:?}");
}

#[test]
fn frames_that_are_not_looked_into_are_counted_by_kind_at_each_hook() {
    let Some(mut injector) =
        injector("frames_that_are_not_looked_into_are_counted_by_kind_at_each_hook")
    else {
        return;
    };
    let told = [
        crafted::pseudowire(),
        crafted::macsec(),
        crafted::tagged_macsec(),
        crafted::pppoe_compressed(),
    ];
    let others = [
        crafted::arp(),
        crafted::pppoe_link_control(),
        crafted::pppoe_ipv4(),
        crafted::short_802_2(),
    ];
    let frames = told.iter().chain(&others);
    let steps: Vec<_> = frames.flat_map(|frame| both_ways(frame)).collect();
    let (kernel, user) = count(&mut injector, &steps);
    assert_eq!(kernel, user);
    // XDP, and TCX both ways.
    let expected = [
        (Encapsulation::Pppoe, 3),
        (Encapsulation::Pseudowire, 3),
        (Encapsulation::Macsec, 6),
    ];
    let counted = injector.encapsulated();
    let counted: Vec<_> = counted.iter().filter(|(_, packets)| *packets > 0).collect();
    assert_eq!(counted, expected);
}

#[test]
fn a_segmented_frame_is_counted_as_its_segments() {
    let Some(mut injector) = injector("a_segmented_frame_is_counted_as_its_segments") else {
        return;
    };
    let frame = crafted::ipv4_tcp();
    let wire = Wire {
        length: 4506,
        segments: 3,
    };
    let (kernel, user) = count(&mut injector, &[Step::Out(&frame, wire)]);
    assert_eq!(kernel, user);
    assert_eq!((user.packets(), user.bytes()), (3, 4506));
}

#[test]
fn a_flow_that_moves_between_cpus_stays_one_flow() {
    let Some(mut injector) = injector("a_flow_that_moves_between_cpus_stays_one_flow") else {
        return;
    };
    let frame = crafted::ipv4_tcp();
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread).unwrap();
    let cpus: Vec<_> = (0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap())
        .collect();
    let mut verdicts = Vec::new();
    for cpu in &cpus {
        let mut one = CpuSet::new();
        one.set(*cpu).unwrap();
        sched_setaffinity(this_thread, &one).unwrap();
        verdicts.push(injector.receive(&frame).unwrap());
    }
    let window = injector.drain().unwrap();
    sched_setaffinity(this_thread, &allowed).unwrap();

    assert_eq!(window.flows.len(), cpus.len(), "a part on each CPU");
    let counted = Counted::of(window);
    assert_eq!(counted.flows.len(), 1);
    assert_eq!(counted.packets(), cpus.len() as u64);
    assert!(verdicts.iter().all(|verdict| *verdict == XDP_PASS));
}

#[test]
fn a_drain_takes_what_was_counted_once() {
    let Some(mut injector) = injector("a_drain_takes_what_was_counted_once") else {
        return;
    };
    let (frame, arp) = (crafted::ipv4_tcp(), crafted::arp());
    count(&mut injector, &[Step::In(&frame), Step::In(&arp)]);
    assert_eq!(Counted::of(injector.drain().unwrap()), Counted::default());
}

#[test]
fn a_frame_shorter_than_an_ethernet_header_is_refused_with_its_length() {
    let Some(mut injector) =
        injector("a_frame_shorter_than_an_ethernet_header_is_refused_with_its_length")
    else {
        return;
    };
    let frame = [0; SHORTEST - 1];
    let refusals = [
        injector.receive(&frame).unwrap_err(),
        injector.send(&frame, Wire::of(&frame)).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(refusal.to_string().contains("13 bytes"), "{refusal}");
    }
}

#[test]
fn the_verifier_walks_through_at_most_100_000_instructions() {
    let counts = match verified_instructions() {
        Ok(counts) => counts,
        Err(error) => {
            return refused(
                "the_verifier_walks_through_at_most_100_000_instructions",
                &error,
            );
        }
    };
    assert_eq!(counts.len(), 5, "{counts:?}");
    for (program, instructions) in counts {
        println!("{program}: {instructions} instructions verified");
        assert!(
            (1..=100_000).contains(&instructions),
            "{program}: {instructions}"
        );
    }
}

fn injector(test: &str) -> Option<Pair> {
    injector_with(test, CAPACITY)
}

fn injector_with(test: &str, capacity: u32) -> Option<Pair> {
    let injector = Injector::load(capacity)
        .map_err(|error| refused(test, &error))
        .ok()?;
    Some(Pair::new(injector, Tunnels::Inner))
}

/// Only a machine that does not let us use BPF excuses a test.
fn refused(test: &str, error: &SourceError) {
    assert!(matches!(error, SourceError::NoPrivilege { .. }), "{error}");
    common::skip(test, &error.to_string());
}
