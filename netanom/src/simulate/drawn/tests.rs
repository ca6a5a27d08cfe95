//! Every kind, drawn a few times.

use super::*;
use crate::flow::Timestamp;

/// Seed of these tests; none of training.
const SEED: u64 = 7;

fn each() -> impl Iterator<Item = Drawn> {
    let numbered = kinds().zip(3..);
    numbered.map(|(kind, number)| draw_kind(kind, SEED, number).expect("it is in the table"))
}

#[test]
fn every_kind_plans_packets_in_the_order_of_time_and_within_a_minute() {
    for drawn in each() {
        let kind = drawn.kind;
        let times: Vec<Timestamp> = drawn.frames.map(|frame| frame.at).collect();
        assert!(times.len() >= 3, "{kind}: {} frames", times.len());
        assert!(times.len() <= scene::MOST * 2, "{kind}: {}", times.len());
        assert!(times.is_sorted(), "{kind}");
        let lasted = times[times.len() - 1].since(times[0]);
        assert!(lasted <= LONGEST, "{kind}: {lasted:?}");
    }
}

#[test]
fn attacks_have_a_rule_and_benign_captures_none() {
    for drawn in each() {
        let kind = all().find(|kind| kind.name == drawn.kind).unwrap();
        let attacks = drawn.rules.iter().any(|rule| !rule.is_harmless());
        assert_eq!(attacks, kind.what == Attack, "{}", kind.name);
    }
}

#[test]
fn a_seed_and_a_number_give_the_same_frames() {
    for number in 0..20 {
        let bytes = |seed| -> Vec<_> { draw(seed, number).frames.take(500).collect() };
        assert_eq!(bytes(SEED), bytes(SEED), "{number}");
        assert_ne!(bytes(SEED), bytes(SEED + 1), "{number}");
    }
}

#[test]
fn a_hundred_captures_hold_most_kinds() {
    let drawn: std::collections::BTreeSet<_> =
        (0..100).map(|number| draw(SEED, number).kind).collect();
    assert!(drawn.len() > 40, "{drawn:?}");
}

#[test]
fn a_name_that_no_kind_has_gives_nothing() {
    assert!(draw_kind("gues", SEED, 1).is_none());
}
