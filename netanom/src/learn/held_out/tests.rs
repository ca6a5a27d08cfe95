//! Captures of rows that are easy to tell apart: who judges what, and what is left out.

use std::path::PathBuf;

use super::*;
use crate::alert::Class;
use crate::feature;
use crate::learn::corpus::{ClassRows, Labelled};
use crate::learn::histogram::HistogramTrainer;
use crate::learn::labels::Labels;

/// Captures of these names, each with forty rows of each class that it has: 0 in all features for normal traffic,
/// 9 for scans, 99 for floods.
fn gathered<'a>(labels: &'a Labels, captures: &[(&str, &[Class])]) -> Vec<Gathered<'a>> {
    let rows = |class: &Class| {
        let value = match class {
            Class::Normal => 0.0,
            Class::PortScan => 9.0,
            _ => 99.0,
        };
        ClassRows {
            rows: vec![vec![value; feature::COUNT]; 40],
            seen: 40,
        }
    };
    let one = |(name, classes): &(&str, &[Class])| Gathered {
        capture: Labelled {
            name: (*name).to_owned(),
            path: PathBuf::new(),
            rules: labels.rules("any").unwrap(),
        },
        is_made: false,
        rows: classes.iter().map(|class| (*class, rows(class))).collect(),
        talks: BTreeMap::new(),
    };
    captures.iter().map(one).collect()
}

fn labels() -> Labels {
    Labels::parse(r#"{"any": {"default": "normal"}}"#, "labels.json").unwrap()
}

const BOTH: &[Class] = &[Class::Normal, Class::PortScan];

fn held(captures: &[(&str, &[Class])], always: &[(&str, &[Class])], folds: usize) -> HeldOut {
    let labels = labels();
    let (captures, always) = (gathered(&labels, captures), gathered(&labels, always));
    let (captures, always): (Vec<_>, Vec<_>) = (captures.iter().collect(), always.iter().collect());
    let settings = ForestSettings {
        trees: 5,
        ..ForestSettings::default()
    };
    let plan = Plan {
        captures: &captures,
        always: &always,
        keeps: &|_, _| true,
        folds,
    };
    let classes = ["normal", "port_scan", "syn_flood"].map(str::to_owned);
    judge(plan, &classes, &HistogramTrainer, &settings, &|_, _| ()).unwrap()
}

/// Rows of each class, all of which were judged to be what they are.
fn rows(held: &HeldOut) -> [usize; 3] {
    let mut rows = [0; 3];
    for (row, &label) in held.shares.rows().into_iter().zip(&held.labels) {
        assert!(row[usize::from(label)] > 0.99, "{row} {label}");
        rows[usize::from(label)] += 1;
    }
    rows
}

#[test]
fn captures_of_one_source_share_a_fold() {
    let labels = labels();
    let names = ["a_1", "b_1", "a_2", "c_1", "d_1", "a_3"].map(|name| (name, BOTH));
    let gathered = gathered(&labels, &names);
    let folds = folds(&gathered.iter().collect::<Vec<_>>(), 2);
    assert_eq!(folds[0], folds[2]);
    assert_eq!(folds[0], folds[5]);
    // Three captures of source `a`, and the three others.
    assert_eq!(folds.iter().filter(|fold| **fold == folds[0]).count(), 3);
}

#[test]
fn with_too_few_sources_captures_are_dealt_one_by_one() {
    let labels = labels();
    let names = ["a_1", "a_2", "a_3", "b_1"].map(|name| (name, BOTH));
    let gathered = gathered(&labels, &names);
    let mut folds = folds(&gathered.iter().collect::<Vec<_>>(), 20);
    folds.sort_unstable();
    assert_eq!(folds, [0, 1, 2, 3]);
}

#[test]
fn every_row_is_judged_once_and_by_its_own_columns() {
    let held = held(&[("a_1", BOTH), ("b_1", BOTH), ("c_1", BOTH)], &[], 3);
    assert_eq!(rows(&held), [120, 120, 0]);
    assert_eq!((held.folds[0], held.folds.last()), (0, Some(&2)));
    assert!(held.brier(&held.shares) < 1e-3);
    // Each row is one away from the truth in both of its columns.
    let wrong = held
        .shares
        .mapv(|share| if share > 0.5 { 0.0 } else { 1.0 });
    let two = held.brier(&wrong.slice_move(ndarray::s![.., ..2]));
    assert!((two - 2.0).abs() < 1e-6, "{two}");
}

#[test]
fn what_a_fold_alone_has_is_left_out() {
    // The forest of fold `a` knows no floods and has no column for them; what it says stands in the right ones.
    let flood: &[Class] = &[Class::Normal, Class::SynFlood];
    let held = held(&[("a_1", flood), ("b_1", BOTH), ("c_1", BOTH)], &[], 3);
    assert_eq!(rows(&held), [120, 80, 0]);
}

#[test]
fn what_is_always_trained_on_is_known_and_not_judged() {
    let flood: &[Class] = &[Class::Normal, Class::SynFlood];
    let held = held(
        &[("a_1", flood), ("b_1", BOTH), ("c_1", BOTH)],
        &[("d_1", flood)],
        3,
    );
    assert_eq!(rows(&held), [120, 80, 40]);
}

#[test]
fn a_fold_without_which_one_class_is_left_is_not_judged() {
    let held = held(&[("a_1", BOTH), ("b_1", &[Class::Normal])], &[], 2);
    assert_eq!(rows(&held), [40, 0, 0]);
}

#[test]
fn one_capture_leaves_nothing_to_hold_out() {
    assert_eq!(rows(&held(&[("a_1", BOTH)], &[], 5)), [0, 0, 0]);
}

#[test]
fn a_part_has_other_folds_alone_and_the_columns_that_are_asked_for() {
    let flood: &[Class] = &[Class::Normal, Class::SynFlood];
    let held = held(
        &[("a_1", flood), ("b_1", flood), ("c_1", BOTH), ("d_1", BOTH)],
        &[],
        4,
    );
    assert_eq!(rows(&held), [160, 80, 80]);
    let part = held.without(0, &["syn_flood", "normal"].map(str::to_owned));
    assert_eq!(part.shares.ncols(), 2);
    assert!(part.folds.iter().all(|fold| *fold != 0));
    // Rows of `syn_flood` and `normal` of three folds; one of those has floods.
    let of = |label| part.labels.iter().filter(|other| **other == label).count();
    assert_eq!([of(0), of(1)], [40, 120]);
    for (row, &label) in part.shares.rows().into_iter().zip(&part.labels) {
        assert!(row[usize::from(label)] > 0.99, "{row} {label}");
    }
}
