//! Shapley values against their definition, and against the `shap` package.

use serde_json::Value;

use super::*;
use crate::model::Model;
use crate::model::forest::tests::{random_trees, three_classes};

/// What the trees expect of a class when the features in `known` are known, and the others are not.
fn worth(forest: &Forest, row: &[f32], class: usize, known: u32) -> f64 {
    let of_tree = |span: &Span| {
        let tree = forest.tree(*span);
        let mut pending = vec![(0, 1.0)];
        let mut sum = 0.0;
        while let Some((at, share)) = pending.pop() {
            let node = tree[at];
            if node.is_leaf() {
                sum += share * f64::from(forest.distribution(node.distribution())[class]);
            } else if known >> node.feature() & 1 == 1 {
                pending.push((node.next(row[node.feature()]) as usize, share));
            } else {
                let left = node.left() as usize;
                let left_share = forest.left_share(*span, left);
                pending.push((left, share * left_share));
                pending.push((left + 1, share * (1.0 - left_share)));
            }
        }
        sum
    };
    forest.spans.iter().map(of_tree).sum::<f64>() / forest.trees() as f64
}

/// Shapley's formula, over all coalitions.
fn by_definition(forest: &Forest, row: &[f32], class: usize) -> Vec<f64> {
    let count = forest.features() as u32;
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let of_feature = |feature: u32| {
        let others = (0..1 << count).filter(|known| known >> feature & 1 == 0);
        let parts = others.map(|known: u32| {
            let size = known.count_ones();
            let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
            let more = worth(forest, row, class, known | 1 << feature);
            weight * (more - worth(forest, row, class, known))
        });
        parts.sum()
    };
    (0..count).map(of_feature).collect()
}

#[test]
fn a_tree_worked_out_by_hand() {
    let forest = Forest::new(&[three_classes()], 3, 2).unwrap();
    // Third class: 3/8 when nothing is known, 3/4 with x0, 1/2 with x1, 1 with both.
    let third = forest.contributions(&[2.0, 6.0], 2);
    assert_eq!(third.base, 0.375);
    assert!((third.features[0] - (0.375 + 0.5) / 2.0).abs() < 1e-12);
    assert!((third.features[1] - (0.125 + 0.25) / 2.0).abs() < 1e-12);
    // x1 says nothing of the first class.
    let first = forest.contributions(&[0.0, 6.0], 0);
    assert_eq!((first.base, first.features[1]), (0.5, 0.0));
}

#[test]
fn contributions_are_shapley_values() {
    for seed in 0..20 {
        let forest = Forest::new(&random_trees(seed, 5, 3, 4), 3, 4).unwrap();
        let row = [0.9, 0.2, 0.5, (seed as f32) / 20.0];
        for class in 0..3 {
            let found = forest.contributions(&row, class).features;
            let expected = by_definition(&forest, &row, class);
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-7, "{found} is not {expected}");
            }
        }
    }
}

#[test]
fn contributions_are_those_of_the_shap_package() {
    let fixture = include_str!("../../onnx/tests/sklearn.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let file = include_bytes!("../../onnx/tests/sklearn.onnx");
    let names: Vec<String> = (0..5).map(|number| format!("f{number}")).collect();
    let model = Model::read_onnx(file, Some(&names)).unwrap();
    let forest = model.scorer.forest().unwrap();
    let rows: Vec<Vec<f32>> = serde_json::from_value(fixture["rows"].clone()).unwrap();
    let base: Vec<f64> = serde_json::from_value(fixture["base"].clone()).unwrap();
    let values: Vec<Vec<Vec<f64>>> = serde_json::from_value(fixture["shap"].clone()).unwrap();
    assert_eq!(rows.len(), 12);
    for (row, values) in rows.iter().zip(&values) {
        for class in 0..3 {
            let found = forest.contributions(row, class);
            assert!((found.base - base[class]).abs() < 1e-5);
            for (found, expected) in found.features.iter().zip(values) {
                let expected = expected[class];
                assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
            }
        }
    }
}

#[test]
fn a_child_that_no_training_row_reached_takes_part_when_the_row_goes_there() {
    let mut tree = three_classes();
    tree.nodes[0].cover = 4.0;
    tree.nodes[1].cover = 0.0;
    tree.nodes[2].cover = 0.0;
    tree.nodes[3].cover = 0.0;
    tree.nodes[4].cover = 4.0;
    let forest = Forest::new(&[tree], 3, 2).unwrap();
    let why = forest.contributions(&[2.0, 6.0], 2);
    assert_eq!(why.base, 0.0);
    assert!((why.features.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let expected = by_definition(&forest, &[2.0, 6.0], 2);
    let both = why.features.iter().zip(&expected);
    assert!(
        both.into_iter().all(|(a, b)| (a - b).abs() < 1e-9),
        "{why:?}, {expected:?}"
    );
}
