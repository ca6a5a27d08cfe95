//! Calibrations of made-up shares of which it is known what they are worth.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;

/// Rows of two classes in three folds. The second has a share drawn evenly, and is true as often as `worth` says.
fn held(rows: usize, worth: impl Fn(f32) -> f32) -> HeldOut {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut draw = || random.next_u32() as f32 / u32::MAX as f32;
    let mut held = HeldOut {
        classes: vec!["normal".to_owned(), "port_scan".to_owned()],
        shares: Array2::zeros((rows, 2)),
        labels: Vec::new(),
        weights: vec![1.0; rows],
        folds: (0..rows).map(|row| row % 3).collect(),
    };
    for mut row in held.shares.rows_mut() {
        let share = draw();
        row[0] = 1.0 - share;
        row[1] = share;
        held.labels.push(u8::from(draw() < worth(share)));
    }
    held
}

/// The odds of `share`, to a power.
fn of_power(share: f32, power: f32) -> f32 {
    let (share, other) = (share.powf(power), (1.0 - share).powf(power));
    share / (share + other)
}

fn judged(calibration: &Calibration, share: f32) -> f32 {
    let mut row = [1.0 - share, share];
    calibration.apply(&mut row);
    row[1]
}

#[test]
fn shares_that_are_true_are_left_alone_or_nearly() {
    let held = held(20_000, |share| share);
    for method in [Method::Power, Method::Platt, Method::Isotonic] {
        let calibration = fit(method, &held).unwrap();
        for share in [0.1, 0.3, 0.5, 0.8] {
            let said = judged(&calibration, share);
            assert!((said - share).abs() < 0.05, "{method:?} {share}: {said}");
        }
    }
    let measured = measure(&held);
    assert!(measured[0].calibration_error < 0.02, "{measured:?}");
    assert_eq!(fit(Method::None, &held), None);
}

#[test]
fn a_forest_that_is_too_timid_is_made_surer_by_the_power_that_it_lacks() {
    let held = held(20_000, |share| of_power(share, 2.0));
    let calibration = fit(Method::Power, &held).unwrap();
    for share in [0.2, 0.5, 0.7, 0.9] {
        let (said, is) = (judged(&calibration, share), of_power(share, 2.0));
        assert!((said - is).abs() < 0.02, "{share}: {said}, {is}");
    }
    let measured = measure(&held);
    assert!(measured[1].brier < measured[0].brier, "{measured:?}");
    assert!(
        measured[1].calibration_error < 0.3 * measured[0].calibration_error,
        "{measured:?}"
    );
}

#[test]
fn every_way_finds_a_worth_that_it_can_express() {
    let held = held(50_000, |share| of_power(share, 3.0));
    for method in [Method::Power, Method::Platt, Method::Isotonic] {
        let calibration = fit(method, &held).unwrap();
        for share in [0.25, 0.5, 0.75] {
            let (said, is) = (judged(&calibration, share), of_power(share, 3.0));
            assert!((said - is).abs() < 0.05, "{method:?} {share}: {said}, {is}");
        }
    }
}

#[test]
fn what_no_sigmoid_can_express_the_steps_do() {
    let held = held(50_000, |share| if share < 0.3 { 0.1 } else { 0.6 });
    let measured = measure(&held);
    let best = measured.iter().min_by(|a, b| a.brier.total_cmp(&b.brier));
    assert_eq!(best.unwrap().method, Method::Isotonic, "{measured:?}");
    let calibration = fit(Method::Isotonic, &held).unwrap();
    assert!((judged(&calibration, 0.2) - 0.1).abs() < 0.1);
    assert!((judged(&calibration, 0.8) - 0.6).abs() < 0.1);
}

#[test]
fn neighbours_that_fall_become_one_step() {
    let bin = |share: f64, weight: f64, positive: f64| Bin {
        weight,
        shares: weight * share,
        positive,
    };
    let mut bins = Bins([Bin::default(); CALIBRATION_POINTS]);
    // By hand: 0.0 → 0; 0.25 → 0.6 and 0.5 → 0.2 fall and become 0.375 → 0.4; 1.0 → 0.9.
    bins.0[0] = bin(0.0, 1.0, 0.0);
    bins.0[16] = bin(0.25, 10.0, 6.0);
    bins.0[32] = bin(0.5, 10.0, 2.0);
    bins.0[64] = bin(1.0, 10.0, 9.0);
    let table = bins.isotonic();
    for (at, value) in [(0, 0.0), (24, 0.4), (12, 0.2), (44, 0.65), (64, 0.9)] {
        assert!((table[at] - value).abs() < 1e-6, "{at}: {}", table[at]);
    }
}

#[test]
fn a_class_without_rows_keeps_its_shares() {
    let mut held = held(1000, |_| 0.0);
    held.labels.fill(0);
    for method in [Method::Platt, Method::Isotonic] {
        let calibration = fit(method, &held).unwrap();
        assert!((judged(&calibration, 0.3) - 0.3).abs() < 1e-6);
    }
}

#[test]
fn rows_of_one_fold_measure_nothing_and_no_rows_fit_nothing() {
    let mut held = held(1000, |share| share);
    held.folds.fill(4);
    assert!(measure(&held).is_empty());
    let none = HeldOut::new(&held.classes);
    assert_eq!(fit(Method::Power, &none), None);
}
