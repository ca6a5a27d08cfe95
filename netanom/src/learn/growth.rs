//! How one tree of the histogram trainer grows: a bootstrap sample, then the best of some features at each node.
//!
//! A node's rows lie side by side with what a histogram needs of them, and stay in their order when they part, so
//! that most reads are of memory that is near. `gain.rs` finds the best split of one feature.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::bootstrap::{self, Drawn};
use super::dataset::DataSet;
use super::gain::{Gains, Sums};
use super::histogram::Binned;
use super::trainer::ForestSettings;
use crate::model::{Node, Step, Tree};

/// The best way found to split a node.
#[derive(Clone, Copy)]
struct Split {
    feature: usize,
    /// Bins up to this one go left.
    bin: u8,
    gain: f64,
}

/// A node that waits to be grown: its place in the tree, its rows and their weight by class, and its depth.
struct Pending<const LANES: usize> {
    node: usize,
    rows: Range<usize>,
    sums: Sums<LANES>,
    depth: usize,
}

/// Grows a tree on a bootstrap sample of the data.
pub(super) fn grow(
    binned: &Binned,
    data: &DataSet,
    settings: &ForestSettings,
    random: &mut ChaCha8Rng,
) -> Tree {
    // Sums over a number of classes that is known when compiling are taken in registers.
    match data.classes.len() {
        0..=4 => Growth::<4>::new(binned, data, settings, random).grow(random),
        5..=8 => Growth::<8>::new(binned, data, settings, random).grow(random),
        9..=32 => Growth::<32>::new(binned, data, settings, random).grow(random),
        _ => Growth::<256>::new(binned, data, settings, random).grow(random),
    }
}

struct Growth<'a, const LANES: usize> {
    binned: &'a Binned,
    classes: usize,
    max_depth: usize,
    /// Features that a node chooses from.
    chosen: usize,
    /// Rows of the sample, each once, in the order of the nodes.
    rows: Vec<Drawn>,
    gains: Gains<LANES>,
    /// Scratch: the order in which features are tried, and rows that go right.
    features: Vec<usize>,
    right: Vec<Drawn>,
}

impl<'a, const LANES: usize> Growth<'a, LANES> {
    fn new(
        binned: &'a Binned,
        data: &DataSet,
        settings: &ForestSettings,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let weights = bootstrap::weights(data, random).into_iter();
        let drawn = weights.zip(&data.labels).zip(0..);
        let rows: Vec<Drawn> = drawn
            .filter(|((weight, _), _)| *weight > 0.0)
            .map(|((weight, &label), row)| Drawn {
                row,
                label: u32::from(label),
                weight,
            })
            .collect();
        let count = binned.codes.len();
        let chosen = settings.features_per_split.unwrap_or_else(|| count.isqrt());
        Self {
            binned,
            classes: data.classes.len(),
            max_depth: settings.max_depth,
            chosen: chosen.clamp(1, count.max(1)),
            right: vec![Drawn::default(); rows.len() + 1],
            rows,
            gains: Gains::new(settings.min_leaf),
            features: (0..count).collect(),
        }
    }

    fn grow(mut self, random: &mut ChaCha8Rng) -> Tree {
        let root = self.rows.iter().fold(Sums::default(), Sums::with);
        let mut tree = Tree {
            nodes: vec![root.leaf(self.classes)],
        };
        let mut pending = vec![Pending {
            node: 0,
            rows: 0..self.rows.len(),
            sums: root,
            depth: 0,
        }];
        while let Some(parent) = pending.pop() {
            if parent.depth >= self.max_depth {
                continue;
            }
            let Some(split) = self.best_split(&parent, random) else {
                continue;
            };
            let (middle, sums) = self.partition(parent.rows.clone(), split);
            let sides = [parent.rows.start..middle, middle..parent.rows.end];
            let left = tree.nodes.len();
            tree.nodes[parent.node].step = Step::Split {
                feature: split.feature as u16,
                threshold: self.binned.thresholds[split.feature][usize::from(split.bin)],
                left: left as u32,
                right: left as u32 + 1,
            };
            for (rows, sums) in sides.into_iter().zip(sums) {
                pending.push(Pending {
                    node: tree.nodes.len(),
                    rows,
                    sums,
                    depth: parent.depth + 1,
                });
                tree.nodes.push(sums.leaf(self.classes));
            }
        }
        tree
    }

    /// The split with the largest decrease of the Gini impurity among features drawn at random. Features that are
    /// constant in the node are not counted among those drawn.
    fn best_split(&mut self, node: &Pending<LANES>, random: &mut ChaCha8Rng) -> Option<Split> {
        if !self.gains.may_split(&node.sums) {
            return None;
        }
        let rows = &self.rows[node.rows.clone()];
        let mut best: Option<Split> = None;
        let mut tried = 0;
        for drawn in 0..self.features.len() {
            if tried == self.chosen {
                break;
            }
            let pick = random.random_range(drawn..self.features.len());
            self.features.swap(drawn, pick);
            let feature = self.features[drawn];
            let codes = &self.binned.codes[feature];
            let Some((bin, gain)) = self.gains.best(codes, rows, &node.sums) else {
                continue;
            };
            tried += 1;
            if gain > best.map_or(0.0, |best| best.gain) {
                best = Some(Split { feature, bin, gain });
            }
        }
        best
    }

    /// Moves the rows that go left to the front, keeping the order on both sides; where the right ones begin, and
    /// the weights of both sides.
    fn partition(&mut self, rows: Range<usize>, split: Split) -> (usize, [Sums<LANES>; 2]) {
        let codes = &self.binned.codes[split.feature];
        let mut sums = [Sums::default(); 2];
        let (mut middle, mut gone) = (rows.start, 0);
        for at in rows.clone() {
            let drawn = self.rows[at];
            let goes_right = usize::from(codes[drawn.row as usize] > split.bin);
            // Both are written and one of them counts: no branch to mispredict.
            self.rows[middle] = drawn;
            self.right[gone] = drawn;
            middle += 1 - goes_right;
            gone += goes_right;
            sums[goes_right].add(&drawn);
        }
        self.rows[middle..rows.end].copy_from_slice(&self.right[..gone]);
        (middle, sums)
    }
}

impl<const LANES: usize> Sums<LANES> {
    fn with(mut self, drawn: &Drawn) -> Self {
        self.add(drawn);
        self
    }

    fn leaf(&self, classes: usize) -> Node {
        let total = self.total();
        let share = |sum: &f64| {
            if total > 0.0 {
                (sum / total) as f32
            } else {
                1.0 / classes as f32
            }
        };
        Node {
            cover: total as f32,
            step: Step::Leaf {
                distribution: self.0[..classes].iter().map(share).collect(),
            },
        }
    }
}
