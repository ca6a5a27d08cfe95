//! What no file may bring in, and what is nearest.

use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;

/// One detector over two columns.
fn small() -> Anomaly {
    let rows = array![[0.0_f32, 1.0], [2.0, 3.0], [1.0, 0.0]];
    let detector = KMeans::new(array![[0.0_f32, 0.0], [1.0, 1.0]]).unwrap();
    let member = Member {
        detector: Detector::KMeans(detector),
        ranks: Ranks::of(vec![0.1, 0.2, 0.3]),
        weight: 1.0,
    };
    let joined = member.ranks.clone();
    Anomaly::new(
        Scaling::fit(rows.view(), &[0, 0]),
        vec![member],
        joined,
        0.1,
    )
    .unwrap()
}

#[test]
fn numbers_that_are_no_model_are_refused_by_name() {
    let told = |change: &dyn Fn(&mut NamedArrays)| {
        let mut arrays = NamedArrays::default();
        small().store(&mut arrays);
        change(&mut arrays);
        Anomaly::load(&mut arrays).unwrap_err().to_string()
    };
    assert_eq!(
        told(&|arrays| drop(arrays.take("0.ranks.scores"))),
        "its numbers lack `0.ranks.scores`"
    );
    assert_eq!(
        told(&|arrays| arrays.put_one("joined.spread", 0.0)),
        "`joined` are no ranks"
    );
    assert_eq!(
        told(&|arrays| arrays.put_one("0.weight", -1.0)),
        "a detector's weight is no number above 0"
    );
    assert_eq!(
        told(&|arrays| arrays.put("0.k-means.centres", array![[1.0]])),
        "a detector takes another number of columns"
    );
    assert_eq!(
        told(&|arrays| arrays.put("0.k-means.centres", array![[1.0, f32::NAN]])),
        "`0.k-means.centres` has what is no number"
    );
    assert_eq!(
        told(&|arrays| arrays.put_row("scaling.deviations", [1.0, 0.0])),
        "its scaling is none"
    );
    assert_eq!(
        told(&|arrays| arrays.put_one("false_alarms", 2.0)),
        "its share of false alarms is none"
    );
}

#[test]
fn isolation_trees_that_run_in_a_circle_are_refused() {
    let node = |left| IsolationNode {
        feature: 0,
        threshold: 0.0,
        left,
        depth: 1.0,
    };
    for left in [1, 2, u32::MAX] {
        let nodes = vec![node(0), node(left), node(0)];
        assert!(
            IsolationForest::new(1, vec![0], nodes, 2).is_err(),
            "{left}"
        );
    }
    let nodes = vec![node(1), node(0), node(0)];
    assert!(IsolationForest::new(1, vec![0], nodes, 2).is_ok());
}

#[test]
fn the_tangent_is_near_and_bounded() {
    for step in -1000..=1000_i16 {
        let x = f32::from(step) / 50.0;
        assert!(
            (tanh(x) - x.tanh()).abs() < 2e-4 && tanh(x).abs() <= 1.0,
            "{x}"
        );
    }
}

#[test]
fn gaps_and_rows_that_are_too_short_are_judged() {
    let anomaly = small();
    for row in [array![[f32::NAN, f32::INFINITY]], array![[f32::MIN, -1e38]]] {
        let shares = anomaly.shares(row.view());
        assert!((shares.sum() - 1.0).abs() < 1e-6, "{shares}");
    }
    assert_eq!(anomaly.shares(Array2::zeros((3, 0)).view()).nrows(), 3);
    assert_eq!(anomaly.contributions(&[], 1).features.len(), 2);
}

proptest! {
    #[test]
    fn the_nearest_are_those_of_looking_at_all(
        values in prop::collection::vec(-3_i8..3, 30..300), row in prop::collection::vec(-3_i8..3, 3), count in 1_usize..8,
    ) {
        // Small whole numbers, so that many are equally far.
        let rows = values.len() / 3;
        let values = values[..rows * 3].iter().map(|value| f32::from(*value)).collect();
        let rows = Array2::from_shape_vec((rows, 3), values).unwrap();
        let row: Vec<f32> = row.into_iter().map(f32::from).collect();
        let (balls, order) = Balls::of(rows.view());
        prop_assert_eq!(balls.rows(), &rows.select(Axis(0), &order));
        let distance = |other: ndarray::ArrayView1<'_, f32>| -> f32 {
            other.iter().zip(&row).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
        };
        let mut expected: Vec<f32> = rows.outer_iter().map(distance).collect();
        expected.sort_by(f32::total_cmp);
        expected.truncate(count);
        let found: Vec<f32> = balls.nearest(&row, count, None).iter().map(|near| near.distance).collect();
        prop_assert_eq!(found, expected);
    }
}
