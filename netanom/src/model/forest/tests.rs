//! The flat forest against the plain reading of its trees.

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::model::tree::{Node, Step};

pub(in crate::model) fn leaf(cover: f32, distribution: &[f32]) -> Node {
    Node {
        cover,
        step: Step::Leaf {
            distribution: distribution.to_vec(),
        },
    }
}

pub(in crate::model) fn split(
    cover: f32,
    feature: u16,
    threshold: f32,
    children: [u32; 2],
) -> Node {
    Node {
        cover,
        step: Step::Split {
            feature,
            threshold,
            left: children[0],
            right: children[1],
        },
    }
}

/// `x0 <= 1` is the first class, else `x1 <= 5` the second, else the third.
pub(in crate::model) fn three_classes() -> Tree {
    Tree {
        nodes: vec![
            split(8.0, 0, 1.0, [4, 1]),
            split(4.0, 1, 5.0, [3, 2]),
            leaf(3.0, &[0.0, 0.0, 1.0]),
            leaf(1.0, &[0.0, 1.0, 0.0]),
            leaf(4.0, &[1.0, 0.0, 0.0]),
        ],
    }
}

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0.next_u32() % limit
    }

    fn unit(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 20) as f32
    }

    /// Grows a random tree, depth first, so that the order differs from the flat one.
    fn grow(&mut self, tree: &mut Tree, classes: usize, features: u16, depth: u32) -> f32 {
        let at = tree.nodes.len();
        tree.nodes.push(leaf(0.0, &[]));
        if depth == 0 || self.below(4) == 0 {
            let raw: Vec<f32> = (0..classes).map(|_| self.unit() + 0.001).collect();
            let total: f32 = raw.iter().sum();
            let distribution: Vec<f32> = raw.iter().map(|share| share / total).collect();
            let cover = 1.0 + self.unit();
            tree.nodes[at] = leaf(cover, &distribution);
            return cover;
        }
        let feature = self.below(u32::from(features)) as u16;
        let threshold = self.unit();
        let left = tree.nodes.len() as u32;
        let left_cover = self.grow(tree, classes, features, depth - 1);
        let right = tree.nodes.len() as u32;
        let cover = left_cover + self.grow(tree, classes, features, depth - 1);
        tree.nodes[at] = split(cover, feature, threshold, [left, right]);
        cover
    }
}

pub(in crate::model) fn random_trees(
    seed: u64,
    trees: usize,
    classes: usize,
    features: u16,
) -> Vec<Tree> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
    (0..trees)
        .map(|_| {
            let mut tree = Tree::default();
            random.grow(&mut tree, classes, features, 7);
            tree
        })
        .collect()
}

fn mean_by_hand(trees: &[Tree], row: &[f32], classes: usize) -> Vec<f64> {
    let mut sums = vec![0.0; classes];
    for tree in trees {
        for (sum, share) in sums.iter_mut().zip(tree.distribution(row).unwrap()) {
            *sum += f64::from(*share) / trees.len() as f64;
        }
    }
    sums
}

#[test]
fn a_row_goes_left_when_it_equals_the_threshold() {
    let forest = Forest::new(&[three_classes()], 3, 2).unwrap();
    let rows = ndarray::array![[1.0, 9.0], [1.1, 5.0], [1.1, 5.1]];
    assert_eq!(
        forest.predict(rows.view()),
        ndarray::array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    );
}

#[test]
fn a_number_that_is_none_goes_left() {
    let forest = Forest::new(&[three_classes()], 3, 2).unwrap();
    let mut out = [0.0; 3];
    forest.predict_one(&[f32::NAN, 9.0], &mut out);
    assert_eq!(out, [1.0, 0.0, 0.0]);
    forest.predict_one(&[f32::INFINITY, f32::NAN], &mut out);
    assert_eq!(out, [0.0, 1.0, 0.0]);
}

#[test]
fn a_tree_of_one_leaf_says_the_same_of_every_row() {
    let tree = Tree {
        nodes: vec![leaf(2.0, &[0.25, 0.75])],
    };
    let forest = Forest::new(&[tree], 2, 1).unwrap();
    assert_eq!(
        forest.predict(ndarray::array![[3.0], [-3.0]].view()),
        ndarray::array![[0.25, 0.75], [0.25, 0.75]]
    );
    assert_eq!(forest.predict(Array2::zeros((0, 1)).view()).dim(), (0, 2));
}

#[test]
fn rows_of_another_width_and_unknown_classes_are_no_reason_to_panic() {
    let forest = Forest::new(&random_trees(1, 20, 3, 5), 3, 5).unwrap();
    let (mut short, mut long) = ([7.0; 1], [7.0; 11]);
    forest.predict_one(&[], &mut short);
    forest.predict_one(&[0.5; 300], &mut long);
    assert_eq!(long[3..], [0.0; 8]);
    assert_eq!(forest.predict(Array2::zeros((3, 0)).view()).dim(), (3, 3));
    assert_eq!(forest.predict(Array2::zeros((3, 900)).view()).dim(), (3, 3));
    assert_eq!(forest.contributions(&[0.5], 3).features, [0.0; 5]);
    assert_eq!(forest.contributions(&[], 0).features.len(), 5);
}

#[test]
fn a_batch_of_any_layout_gives_the_same_bits() {
    let forest = Forest::new(&random_trees(2, 3, 4, 6), 4, 6).unwrap();
    let mut random = Random(ChaCha8Rng::seed_from_u64(3));
    // More than two tiles, and not a multiple of anything.
    let rows = Array2::from_shape_simple_fn((4133, 6), || random.unit());
    let columns_first = rows.t().as_standard_layout().into_owned();
    let together = forest.predict(rows.view());
    assert_eq!(together, forest.predict(columns_first.t()));
    let mut alone = [0.0; 4];
    for (row, probabilities) in rows.rows().into_iter().zip(together.rows()) {
        forest.predict_one(row.as_slice().unwrap(), &mut alone);
        assert_eq!(probabilities.as_slice().unwrap(), alone);
    }
    assert!(
        together
            .sum_axis(Axis(1))
            .iter()
            .all(|total| (total - 1.0).abs() < 1e-5)
    );
}

#[test]
fn all_instructions_give_the_same_bits() {
    // Gathers walk 64 or 128 rows or trees in step, and hold a row by 32 values: one more and one less than such numbers.
    for (trees, classes, features) in [
        (1, 2, 1),
        (130, 8, 32),
        (63, 7, 33),
        (17, 3, 65),
        (20, 2, 96),
        (33, 6, 128),
        (16, 5, 129),
        (65, 9, 256),
    ] {
        let forest = Forest::new(
            &random_trees(4, trees, classes, features),
            classes,
            usize::from(features),
        );
        let forest = forest.unwrap();
        let mut random = Random(ChaCha8Rng::seed_from_u64(5));
        let special = [
            f32::NAN,
            -f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
        ];
        let rows = Array2::from_shape_simple_fn((2303, usize::from(features)), || {
            match special.get(random.below(60) as usize) {
                Some(special) => *special,
                None => random.unit(),
            }
        });
        for count in [
            1, 11, 12, 15, 46, 47, 52, 53, 64, 65, 127, 128, 192, 1175, 2048, 2049, 2303,
        ] {
            let rows = rows.slice(ndarray::s![..count, ..]);
            let bits = |instructions| {
                let judged = forest.predict_by(instructions, rows);
                judged.mapv(f32::to_bits)
            };
            let expected = bits(Instructions::Portable);
            for instructions in Instructions::ALL {
                assert_eq!(
                    bits(instructions),
                    expected,
                    "{instructions:?}, {count} rows"
                );
            }
        }
    }
}

/// `x0 <= 0` is the first leaf, else `x0 <= 1` the second, and so on: a tree that is one long chain.
fn chain(splits: u32) -> Tree {
    let mut nodes = Vec::new();
    for number in 0..splits {
        let share = (number % 5) as f32 / 8.0;
        nodes.push(split(
            1.0,
            0,
            number as f32,
            [2 * number + 1, 2 * number + 2],
        ));
        nodes.push(leaf(1.0, &[share, 1.0 - share]));
    }
    nodes.push(leaf(1.0, &[1.0, 0.0]));
    Tree { nodes }
}

#[test]
fn trees_of_any_depth_are_walked_to_their_ends() {
    let rows = Array2::from_shape_fn((200, 1), |(row, _)| row as f32 / 2.0);
    for depth in [1, 2, 3, 4, 5, 6, 16, 17, 18, 21, 22, 90] {
        let trees = [chain(depth), chain(2)];
        let forest = Forest::new(&trees, 2, 1).unwrap();
        for count in [1, 200] {
            for instructions in Instructions::ALL {
                let judged = forest.predict_by(instructions, rows.slice(ndarray::s![-count.., ..]));
                for (row, found) in rows
                    .rows()
                    .into_iter()
                    .rev()
                    .zip(judged.rows().into_iter().rev())
                {
                    let expected = mean_by_hand(&trees, row.as_slice().unwrap(), 2);
                    assert_eq!(
                        f64::from(found[0]),
                        expected[0],
                        "{instructions:?}, {depth}"
                    );
                }
            }
        }
    }
}

#[test]
fn leaves_of_the_same_shares_are_kept_once() {
    let forest = Forest::new(&[chain(40), chain(3)], 2, 1).unwrap();
    assert_eq!(forest.distributions.len(), 6 * CLASS_LANES);
    let again = Forest::from_arrays(forest.arrays(), 2, 1).unwrap();
    assert_eq!(again, forest);
    assert_eq!(forest.arrays().shares.len(), 2 * (41 + 4));
}

#[test]
fn trees_that_are_none_are_refused() {
    let check = |nodes: Vec<Node>, problem: &str| {
        let error = Forest::new(&[three_classes(), Tree { nodes }], 3, 2).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    };
    let good = || leaf(1.0, &[1.0, 0.0, 0.0]);
    check(vec![], "tree 1, node 0: the node does not exist");
    check(
        vec![split(1.0, 0, 0.0, [1, 2]), good()],
        "node 2: the node does not exist",
    );
    check(
        vec![split(1.0, 0, 0.0, [1, 1]), good()],
        "two ways lead to the node",
    );
    check(
        vec![split(1.0, 0, 0.0, [0, 1]), good()],
        "two ways lead to the node",
    );
    check(vec![leaf(1.0, &[1.0])], "another number of classes");
    check(vec![leaf(1.0, &[0.5, 0.4, 0.0])], "do not add up to 1");
    check(vec![leaf(1.0, &[2.0, -1.0, 0.0])], "do not add up to 1");
    check(vec![leaf(1.0, &[f32::NAN, 1.0, 0.0])], "do not add up to 1");
    check(
        vec![leaf(f32::NAN, &[1.0, 0.0, 0.0])],
        "the cover is not a weight",
    );
    check(
        vec![split(1.0, 0, f32::NAN, [1, 2]), good(), good()],
        "the threshold is not a number",
    );
    check(
        vec![split(1.0, 2, 0.0, [1, 2]), good(), good()],
        "the feature does not exist",
    );
    check(
        vec![split(1.0, 256, 0.0, [1, 2]), good(), good()],
        "over 255",
    );
}

#[test]
fn sizes_that_the_layout_does_not_hold_are_refused() {
    let error = |trees: &[Tree], classes, features| {
        Forest::new(trees, classes, features)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(&[], 3, 2),
        "a forest of 0 trees does not fit: there must be 1 to 65535"
    );
    assert_eq!(
        error(&[three_classes()], 3, 257),
        "a forest of 257 features does not fit: there must be 1 to 256"
    );
}

#[test]
fn a_node_takes_eight_bytes() {
    assert_eq!(size_of::<FlatNode>(), 8);
}

proptest! {
    #[test]
    fn every_row_gets_the_mean_of_its_leaves(seed: u64, row in prop::collection::vec(-0.5f32..1.5, 5)) {
        let trees = random_trees(seed, 19, 4, 5);
        let forest = Forest::new(&trees, 4, 5).unwrap();
        let mut out = [0.0; 4];
        forest.predict_one(&row, &mut out);
        for (class, expected) in mean_by_hand(&trees, &row, 4).into_iter().enumerate() {
            prop_assert!((f64::from(out[class]) - expected).abs() < 1e-6);
            let why = forest.contributions(&row, class);
            let total = why.base + why.features.iter().sum::<f64>();
            prop_assert!((total - expected).abs() < 1e-9, "{} is not {}", total, expected);
        }
    }

    #[test]
    fn any_arrays_are_refused_or_judge(
        sizes in prop::collection::vec(0u32..12, 1..4),
        leaves in prop::collection::vec(any::<bool>(), 36),
        feature in prop::collection::vec(0u8..4, 36),
        row in prop::collection::vec(any::<f32>(), 0..5),
    ) {
        let size = sizes.iter().sum::<u32>() as usize;
        let count: u32 = sizes.iter().map(|size| size.div_ceil(2)).sum();
        let arrays = Arrays {
            features: feature[..size].to_vec(),
            thresholds: leaves[..size].iter().map(|&leaf| if leaf { f32::NAN } else { 0.5 }).collect(),
            covers: vec![0.0; size],
            shares: [0.5, 0.5].repeat(count as usize),
            sizes,
            is_divided: false,
        };
        if let Ok(forest) = Forest::from_arrays(arrays, 2, 3) {
            let mut out = [0.0; 2];
            forest.predict_one(&row, &mut out);
            prop_assert_eq!(out, [0.5, 0.5]);
            let why = forest.contributions(&row, 1);
            prop_assert!((why.base - 0.5).abs() < 1e-12);
        }
    }
}
