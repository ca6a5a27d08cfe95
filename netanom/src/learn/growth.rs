//! How one tree of the histogram trainer grows: a bootstrap sample, then the best of some features at each node.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::bootstrap;
use super::dataset::DataSet;
use super::histogram::Binned;
use super::trainer::ForestSettings;
use crate::model::{Node, Step, Tree};

/// The best way found to split a node.
#[derive(Clone, Copy)]
struct Split {
    feature: usize,
    /// Bins up to this one go left.
    bin: usize,
    gain: f64,
}

/// A node that waits to be grown: its place in the tree, its rows and its depth.
struct Pending {
    node: usize,
    rows: std::ops::Range<usize>,
    depth: usize,
}

/// Grows a tree on a bootstrap sample of the data.
pub(super) fn grow(
    binned: &Binned,
    data: &DataSet,
    settings: &ForestSettings,
    random: &mut ChaCha8Rng,
) -> Tree {
    let mut growth = Growth::new(binned, data, settings, random);
    let mut tree = Tree {
        nodes: vec![growth.leaf(0..growth.rows.len())],
    };
    let mut pending = vec![Pending {
        node: 0,
        rows: 0..growth.rows.len(),
        depth: 0,
    }];
    while let Some(Pending { node, rows, depth }) = pending.pop() {
        if depth >= settings.max_depth {
            continue;
        }
        let Some(split) = growth.best_split(rows.clone(), random) else {
            continue;
        };
        let middle = growth.partition(rows.clone(), split);
        let (left, right) = (rows.start..middle, middle..rows.end);
        let at = tree.nodes.len();
        tree.nodes.push(growth.leaf(left.clone()));
        tree.nodes.push(growth.leaf(right.clone()));
        tree.nodes[node].step = Step::Split {
            feature: split.feature as u16,
            threshold: binned.thresholds[split.feature][split.bin],
            left: at as u32,
            right: at as u32 + 1,
        };
        pending.push(Pending {
            node: at,
            rows: left,
            depth: depth + 1,
        });
        pending.push(Pending {
            node: at + 1,
            rows: right,
            depth: depth + 1,
        });
    }
    tree
}

struct Growth<'a> {
    binned: &'a Binned,
    labels: &'a [u8],
    classes: usize,
    min_leaf: f64,
    /// Features that a node chooses from.
    chosen: usize,
    /// Rows of the sample, each once, in the order of the nodes.
    rows: Vec<u32>,
    /// Weight of each row of the data in the sample.
    weights: Vec<f64>,
    /// Scratch: which features to try, and the histogram of one, a bin after another.
    features: Vec<usize>,
    histogram: Vec<f64>,
}

impl<'a> Growth<'a> {
    fn new(
        binned: &'a Binned,
        data: &'a DataSet,
        settings: &ForestSettings,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let total = data.labels.len();
        let weights = bootstrap::weights(data, random);
        let count = binned.codes.len();
        let chosen = settings.features_per_split.unwrap_or_else(|| count.isqrt());
        Self {
            binned,
            labels: &data.labels,
            classes: data.classes.len(),
            min_leaf: settings.min_leaf,
            chosen: chosen.clamp(1, count.max(1)),
            rows: (0..total as u32)
                .filter(|&row| weights[row as usize] > 0.0)
                .collect(),
            weights,
            features: (0..count).collect(),
            histogram: Vec::new(),
        }
    }

    fn leaf(&self, rows: std::ops::Range<usize>) -> Node {
        let sums = self.class_sums(rows);
        let total: f64 = sums.iter().sum();
        let share = |sum: &f64| {
            if total > 0.0 {
                (sum / total) as f32
            } else {
                1.0 / self.classes as f32
            }
        };
        Node {
            cover: total as f32,
            step: Step::Leaf {
                distribution: sums.iter().map(share).collect(),
            },
        }
    }

    fn class_sums(&self, rows: std::ops::Range<usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.classes];
        for &row in &self.rows[rows] {
            sums[usize::from(self.labels[row as usize])] += self.weights[row as usize];
        }
        sums
    }

    /// The split with the largest decrease of the Gini impurity among features drawn at random. Features that are
    /// constant in the node are not counted among those drawn.
    fn best_split(
        &mut self,
        rows: std::ops::Range<usize>,
        random: &mut ChaCha8Rng,
    ) -> Option<Split> {
        let sums = self.class_sums(rows.clone());
        let total: f64 = sums.iter().sum();
        if total < 2.0 * self.min_leaf || sums.iter().filter(|sum| **sum > 0.0).count() < 2 {
            return None;
        }
        let mut features = std::mem::take(&mut self.features);
        features.shuffle(random);
        let mut best: Option<Split> = None;
        let mut tried = 0;
        for &feature in &features {
            if tried == self.chosen {
                break;
            }
            let Some(split) = self.best_of_feature(feature, rows.clone(), &sums) else {
                continue;
            };
            tried += 1;
            if split.gain > best.map_or(0.0, |best| best.gain) {
                best = Some(split);
            }
        }
        self.features = features;
        best
    }

    /// `None` when the feature is constant here; a gain of 0 when no split leaves enough on both sides.
    fn best_of_feature(
        &mut self,
        feature: usize,
        rows: std::ops::Range<usize>,
        sums: &[f64],
    ) -> Option<Split> {
        let bins = self.binned.thresholds[feature].len() + 1;
        let codes = &self.binned.codes[feature];
        self.histogram.clear();
        self.histogram.resize(bins * self.classes, 0.0);
        let (mut lowest, mut highest) = (bins, 0);
        for &row in &self.rows[rows] {
            let row = row as usize;
            let bin = usize::from(codes[row]);
            lowest = lowest.min(bin);
            highest = highest.max(bin);
            self.histogram[bin * self.classes + usize::from(self.labels[row])] += self.weights[row];
        }
        if lowest >= highest {
            return None;
        }
        let total: f64 = sums.iter().sum();
        let whole: f64 = sums.iter().map(|sum| sum * sum).sum::<f64>() / total;
        let mut left = vec![0.0; self.classes];
        let mut best = Split {
            feature,
            bin: lowest,
            gain: 0.0,
        };
        for bin in lowest..highest {
            let of_bin = &self.histogram[bin * self.classes..(bin + 1) * self.classes];
            left.iter_mut()
                .zip(of_bin)
                .for_each(|(left, sum)| *left += sum);
            let left_total: f64 = left.iter().sum();
            let right_total = total - left_total;
            if left_total < self.min_leaf || right_total < self.min_leaf {
                continue;
            }
            let left_squares: f64 = left.iter().map(|sum| sum * sum).sum();
            let right_squares: f64 = left
                .iter()
                .zip(sums)
                .map(|(left, sum)| (sum - left) * (sum - left))
                .sum();
            // Larger when the sides are purer: total × (impurity before − impurity after).
            let gain = left_squares / left_total + right_squares / right_total - whole;
            // A difference of rounding is no gain.
            if gain > best.gain && gain > 1e-9 * total {
                best = Split { feature, bin, gain };
            }
        }
        Some(best)
    }

    /// Moves the rows that go left to the front, keeping the order on both sides; where the right ones begin.
    fn partition(&mut self, rows: std::ops::Range<usize>, split: Split) -> usize {
        let codes = &self.binned.codes[split.feature];
        let goes_left = |row: &u32| usize::from(codes[*row as usize]) <= split.bin;
        let (left, right): (Vec<u32>, Vec<u32>) = self.rows[rows.clone()]
            .iter()
            .partition(|row| goes_left(row));
        let middle = rows.start + left.len();
        self.rows[rows.start..middle].copy_from_slice(&left);
        self.rows[middle..rows.end].copy_from_slice(&right);
        middle
    }
}
