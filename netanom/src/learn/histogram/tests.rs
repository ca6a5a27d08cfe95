//! The histogram trainer against what can be worked out without it.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;
use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::learn::test_support::{accuracy, data, synthetic};
use crate::model::Step;

fn train(data: &DataSet, settings: &ForestSettings) -> Vec<Tree> {
    HistogramTrainer.train(data, settings, &|_| ()).unwrap()
}

fn few(trees: usize) -> ForestSettings {
    ForestSettings {
        trees,
        ..ForestSettings::default()
    }
}

#[test]
fn a_separable_set_is_learnt() {
    let trees = train(&synthetic(1500, 0, 7), &few(20));
    assert!(accuracy(&trees, &synthetic(1000, 0, 8)) > 0.97);
}

#[test]
fn the_trees_are_the_same_whatever_the_number_of_threads() {
    let set = synthetic(400, 5, 1);
    let grown = |threads, seed| {
        let settings = ForestSettings {
            threads,
            seed,
            ..few(9)
        };
        train(&set, &settings)
    };
    let alone = grown(1, 5);
    assert_eq!(alone, grown(3, 5));
    assert_eq!(alone, grown(16, 5));
    assert_ne!(alone, grown(1, 6));
    assert_ne!(alone[0], alone[1]);
}

#[test]
fn progress_counts_to_the_number_of_trees() {
    let most = AtomicUsize::new(0);
    let calls = AtomicUsize::new(0);
    let heard = |done| {
        most.fetch_max(done, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let set = synthetic(50, 0, 1);
    HistogramTrainer.train(&set, &few(6), &heard).unwrap();
    assert_eq!((most.into_inner(), calls.into_inner()), (6, 6));
}

#[test]
fn rows_without_weight_are_not_learnt() {
    let mut set = synthetic(400, 0, 3);
    for row in 200..400 {
        set.labels[row] = 2 - set.labels[row];
        set.weights[row] = 0.0;
    }
    let trees = train(&set, &few(20));
    assert!(accuracy(&trees, &synthetic(1000, 0, 8)) > 0.9);
}

#[test]
fn ranks_sort_as_the_values_do() {
    let values = [
        f32::NEG_INFINITY,
        -2.5,
        -f32::MIN_POSITIVE,
        0.0,
        1e-40,
        3.0,
        f32::INFINITY,
    ];
    assert!(values.is_sorted_by(|a, b| rank(*a) < rank(*b)));
    assert!(values.iter().all(|value| of_rank(rank(*value)) == *value));
}

#[test]
fn bins_are_cut_where_the_weight_is() {
    let values: Vec<f32> = (0..1000).map(|value| value as f32).collect();
    let even = thresholds(&values, &[1.0; 1000], 4);
    assert_eq!(even, [249.5, 499.5, 749.5]);
    // The last hundred weigh as much as all before, and rows that weigh nothing are not there.
    let mut weights = [1.0; 1000];
    weights[900..].fill(9.0);
    weights[..100].fill(0.0);
    let cuts = thresholds(&values, &weights, 4);
    assert_eq!(cuts, [524.5, 905.5, 952.5]);
}

/// How often each row is drawn for the first tree.
fn draws(rows: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(0);
    let mut draws = vec![0.0; rows];
    (0..rows).for_each(|_| draws[random.random_range(0..rows)] += 1.0);
    draws
}

/// How much a split lowers weight × Gini impurity, or nothing where a side is empty.
fn gain(data: &DataSet, weights: &[f64], rows: &[usize], feature: usize, at: f32) -> Option<f64> {
    let mut sides = [[0.0; 3]; 2];
    for &row in rows {
        let side = usize::from(data.rows[[row, feature]] > at);
        sides[side][usize::from(data.labels[row])] += weights[row];
    }
    let purity = |side: [f64; 3]| {
        side.iter().map(|weight| weight * weight).sum::<f64>() / side.iter().sum::<f64>()
    };
    let whole = [0, 1, 2].map(|class| sides[0][class] + sides[1][class]);
    let gain = purity(sides[0]) + purity(sides[1]) - purity(whole);
    gain.is_finite().then_some(gain)
}

/// Follows the rows through the tree and compares each split with the best of all.
fn compare(data: &DataSet, weights: &[f64], tree: &Tree, at: usize, rows: &[usize]) {
    let candidates = (0..data.features.len()).flat_map(|feature| {
        rows.iter()
            .map(move |&row| (feature, data.rows[[row, feature]]))
    });
    let best = candidates
        .filter_map(|(feature, value)| gain(data, weights, rows, feature, value))
        .fold(0.0, f64::max);
    let cover: f64 = rows.iter().map(|&row| weights[row]).sum();
    assert!((f64::from(tree.nodes[at].cover) - cover).abs() < 1e-4);
    match &tree.nodes[at].step {
        Step::Leaf { distribution } => {
            assert!(best < 1e-6, "a split that gains {best} was missed");
            for (class, share) in distribution.iter().enumerate() {
                let of_class = rows
                    .iter()
                    .filter(|&&row| usize::from(data.labels[row]) == class);
                let weight: f64 = of_class.map(|&row| weights[row]).sum();
                assert!((f64::from(*share) - weight / cover).abs() < 1e-5);
            }
        }
        &Step::Split {
            feature,
            threshold,
            left,
            right,
        } => {
            let feature = usize::from(feature);
            let found =
                gain(data, weights, rows, feature, threshold).expect("both sides have rows");
            assert!((found - best).abs() < 1e-6, "{found} is not {best}");
            let (low, high): (Vec<usize>, Vec<usize>) = rows
                .iter()
                .partition(|&&row| data.rows[[row, feature]] <= threshold);
            compare(data, weights, tree, left as usize, &low);
            compare(data, weights, tree, right as usize, &high);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_split_is_the_best_of_all(
        values in prop::collection::vec(0u8..6, 24 * 3),
        labels in prop::collection::vec(0u8..3, 24),
        weights in prop::collection::vec(1u8..5, 24),
        seed: u64,
    ) {
        prop_assume!(labels.contains(&2) && labels.contains(&0));
        let values = values.into_iter().map(f32::from).collect();
        let mut set = data(Array2::from_shape_vec((24, 3), values).unwrap(), &labels);
        set.weights = weights.into_iter().map(|weight| f32::from(weight) * 0.3).collect();
        let settings = ForestSettings {
            min_leaf: 1e-3,
            features_per_split: Some(3),
            seed,
            ..few(1)
        };
        let trees = train(&set, &settings);
        let drawn = draws(24, seed).into_iter().zip(&set.weights);
        let weights: Vec<f64> = drawn.map(|(times, &weight)| times * f64::from(weight)).collect();
        let rows: Vec<usize> = (0..24).filter(|&row| weights[row] > 0.0).collect();
        compare(&set, &weights, &trees[0], 0, &rows);
    }
}
