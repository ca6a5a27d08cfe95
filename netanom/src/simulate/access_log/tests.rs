//! Simulated logs: as long as asked for, in order, and of every kind.

use std::collections::BTreeSet;

use super::super::DEFAULT_START;
use super::*;

fn log(rows: u64, anomalies: f64, seed: u64) -> Vec<LogLine> {
    SimulatedLog::new(rows, anomalies, seed, DEFAULT_START).collect()
}

#[test]
fn a_log_has_as_many_lines_as_asked_for_in_the_order_of_time() {
    let lines = log(5000, 0.1, 1);
    assert_eq!(lines.len(), 5000);
    assert!(lines.is_sorted_by_key(|line| line.request.at));
    assert!(lines[0].request.at >= DEFAULT_START);
}

#[test]
fn a_share_of_the_lines_is_attackers_and_none_where_none_is_wanted() {
    let bad = |lines: &[LogLine]| {
        lines
            .iter()
            .filter(|line| line.class != Class::Normal)
            .count()
    };
    assert_eq!(bad(&log(5000, 0.0, 2)), 0);
    let some = bad(&log(40_000, 0.2, 2));
    // A sixth of them is one attacker's.
    assert!((6000..9600).contains(&some), "{some}");
}

#[test]
fn the_same_seed_gives_the_same_log_and_another_one_another() {
    assert_eq!(log(500, 0.3, 3), log(500, 0.3, 3));
    assert_ne!(log(500, 0.3, 3), log(500, 0.3, 4));
}

#[test]
fn every_kind_acts_and_attackers_do_what_they_are_called() {
    let mut actors = Actors::of_many_sites(5);
    let mut classes = BTreeSet::new();
    for kind in NORMAL.iter().chain(ATTACKS) {
        let actor = actors.draw(*kind, DEFAULT_START, Duration::from_mins(5));
        assert!(!actor.lines.is_empty(), "{kind}");
        let is_attack = ATTACKS.contains(kind);
        assert_eq!(
            actor.lines.iter().any(|line| line.class != Class::Normal),
            is_attack,
            "{kind}"
        );
        classes.extend(actor.lines.iter().map(|line| line.class));
    }
    let expected = [
        Class::Normal,
        Class::WebScan,
        Class::BruteForce,
        Class::HttpFlood,
    ];
    assert_eq!(classes, BTreeSet::from(expected));
}
