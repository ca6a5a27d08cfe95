//! Grows an isolation forest: each tree on a few rows, cut at random values of random columns (Liu, Ting and Zhou 2008).

use ndarray::ArrayView2;
use rand::seq::index::sample;
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::library;
use crate::learn::trainer::TrainError;
use crate::model::anomaly::{IsolationForest, IsolationNode, expected_depth};

/// Trees and rows a tree, as in the paper and in scikit-learn.
const TREES: usize = 100;
const ROWS: usize = 256;

pub(super) fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<IsolationForest, TrainError> {
    let each = rows.nrows().min(ROWS);
    let limit = each.next_power_of_two().ilog2() as usize;
    let (mut nodes, mut roots) = (Vec::new(), Vec::with_capacity(TREES));
    for tree in 0..TREES {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(tree as u64);
        let drawn = sample(&mut random, rows.nrows(), each).into_vec();
        roots.push(nodes.len() as u32);
        nodes.push(LEAF);
        let root = nodes.len() - 1;
        let mut growth = Growth {
            rows,
            random,
            nodes: &mut nodes,
            limit,
        };
        growth.grow(root, drawn, 0);
    }
    IsolationForest::new(rows.ncols(), roots, nodes, each)
        .map_err(|error| library("the isolation forest", &error))
}

const LEAF: IsolationNode = IsolationNode {
    feature: 0,
    threshold: 0.0,
    left: 0,
    depth: 0.0,
};

struct Growth<'a> {
    rows: ArrayView2<'a, f32>,
    random: ChaCha8Rng,
    nodes: &'a mut Vec<IsolationNode>,
    /// Levels of cuts at most: the depth that a balanced tree would have.
    limit: usize,
}

impl Growth<'_> {
    /// Grows what is below a node and says its rows' mean depth.
    fn grow(&mut self, node: usize, rows: Vec<usize>, depth: usize) -> f32 {
        let cut = if depth < self.limit && rows.len() > 1 {
            self.cut(&rows)
        } else {
            None
        };
        let Some((feature, threshold)) = cut else {
            let mean = depth as f32 + expected_depth(rows.len());
            self.nodes[node].depth = mean;
            return mean;
        };
        let all = rows.len() as f32;
        let (right, left): (Vec<usize>, Vec<usize>) = rows
            .into_iter()
            .partition(|row| self.rows[(*row, feature)] > threshold);
        let place = self.nodes.len();
        self.nodes.extend([LEAF, LEAF]);
        let share = left.len() as f32 / all;
        let mean = share * self.grow(place, left, depth + 1)
            + (1.0 - share) * self.grow(place + 1, right, depth + 1);
        self.nodes[node] = IsolationNode {
            feature: feature as u16,
            threshold,
            left: place as u32,
            depth: mean,
        };
        mean
    }

    /// A value of a column that tells these rows apart; none where all are the same.
    fn cut(&mut self, rows: &[usize]) -> Option<(usize, f32)> {
        let width = self.rows.ncols();
        for feature in sample(&mut self.random, width, width) {
            let values = rows.iter().map(|row| self.rows[(*row, feature)]);
            let (least, most) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), value| {
                (a.min(value), b.max(value))
            });
            if least < most {
                let threshold = least + (most - least) * self.random.random::<f32>();
                // Rounding must not leave a side empty: at or below goes left.
                return Some((feature, if threshold < most { threshold } else { least }));
            }
        }
        None
    }
}
