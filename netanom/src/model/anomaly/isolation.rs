//! Isolation forest: trees of random cuts; a row that few cuts set apart is an anomaly.
//!
//! Score 2^(−E[h] / c(ψ)), h the depth at which a row ends, with c(size) more where several rows are left, c(n) =
//! 2·H(n − 1) − 2(n − 1)/n the mean depth of a search in a random tree of n (Liu, Ting and Zhou 2008).

use ndarray::{Array1, ArrayView1, ArrayView2};

use super::{ArrayError, NamedArrays};

/// A node of a tree; a leaf has no children.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IsolationNode {
    /// The column that it asks for.
    pub feature: u16,
    /// Rows at or below it go left.
    pub threshold: f32,
    /// The left child among all nodes, the right one is beside it; 0 for a leaf.
    pub left: u32,
    /// The mean depth of training rows that come here; of a leaf, its depth and c(size).
    pub depth: f32,
}

/// Trees, ready to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForest {
    features: usize,
    /// The place of each root.
    roots: Vec<u32>,
    nodes: Vec<IsolationNode>,
    /// c(ψ) of the rows that a tree was grown on.
    scale: f32,
}

/// c(n): the mean depth at which a search in a random tree of `rows` ends.
#[must_use]
pub fn expected_depth(rows: usize) -> f32 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = rows as f64;
            // H(n) by the constant of Euler and Mascheroni.
            let harmonic = (n - 1.0).ln() + 0.577_215_664_901_532_9;
            (2.0 * harmonic - 2.0 * (n - 1.0) / n) as f32
        }
    }
}

impl IsolationForest {
    /// A forest of these nodes; children stand behind their parents, so that no walk runs in a circle. `rows` a tree.
    ///
    /// # Errors
    /// Names what does not fit.
    pub fn new(
        features: usize,
        roots: Vec<u32>,
        nodes: Vec<IsolationNode>,
        rows: usize,
    ) -> Result<Self, ArrayError> {
        let is_node = |(place, node): (usize, &IsolationNode)| {
            let left = node.left as usize;
            node.left == 0
                || left > place && left + 1 < nodes.len() && usize::from(node.feature) < features
        };
        let is_sound = !roots.is_empty()
            && rows > 1
            && roots.iter().all(|root| (*root as usize) < nodes.len())
            && nodes.iter().enumerate().all(is_node);
        if !is_sound {
            return Err(ArrayError::Wrong(
                "its isolation trees are no trees".to_owned(),
            ));
        }
        Ok(Self {
            features,
            roots,
            nodes,
            scale: expected_depth(rows),
        })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        // Tree by tree, as one is small enough for the nearest cache.
        let mut depths = Array1::<f32>::zeros(rows.nrows());
        let rows = rows.as_standard_layout();
        for root in &self.roots {
            for (row, depth) in rows.outer_iter().zip(&mut depths) {
                let mut node = &self.nodes[*root as usize];
                while node.left != 0 {
                    let is_right = row[usize::from(node.feature)] > node.threshold;
                    node = &self.nodes[node.left as usize + usize::from(is_right)];
                }
                *depth += node.depth;
            }
        }
        let trees = self.roots.len() as f32;
        depths.mapv(|sum| (-sum / trees / self.scale).exp2())
    }

    /// By how much each column's cuts brought the row's end nearer than the mean of the rows that came there. All of
    /// them add up to how much nearer it is.
    pub(super) fn shortened(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let mut by_column = vec![0.0; self.features];
        for root in &self.roots {
            let mut node = &self.nodes[*root as usize];
            while node.left != 0 {
                let is_right = row[usize::from(node.feature)] > node.threshold;
                let child = &self.nodes[node.left as usize + usize::from(is_right)];
                by_column[usize::from(node.feature)] += f64::from(node.depth - child.depth);
                node = child;
            }
        }
        by_column
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put_one("columns", self.features as f32);
        arrays.put_one("scale", self.scale);
        arrays.put_row("roots", self.roots.iter().map(|root| *root as f32));
        let nodes = || self.nodes.iter();
        arrays.put_row("feature", nodes().map(|node| f32::from(node.feature)));
        arrays.put_row("threshold", nodes().map(|node| node.threshold));
        arrays.put_row("left", nodes().map(|node| node.left as f32));
        arrays.put_row("depth", nodes().map(|node| node.depth));
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        let features = arrays.take_one("columns")? as usize;
        let scale = arrays.take_one("scale")?;
        let roots = arrays.take_row("roots")?;
        let [feature, threshold, left, depth] = [
            arrays.take_row("feature")?,
            arrays.take_row("threshold")?,
            arrays.take_row("left")?,
            arrays.take_row("depth")?,
        ];
        let count = feature.len();
        if [threshold.len(), left.len(), depth.len()] != [count; 3] || scale <= 0.0 {
            return Err(ArrayError::Wrong(
                "its isolation trees are no trees".to_owned(),
            ));
        }
        let node = |place: usize| IsolationNode {
            feature: feature[place] as u16,
            threshold: threshold[place],
            left: left[place] as u32,
            depth: depth[place],
        };
        let nodes = (0..count).map(node).collect();
        let roots = roots.iter().map(|root| *root as u32).collect();
        Ok(Self {
            scale,
            ..Self::new(features, roots, nodes, 2)?
        })
    }
}
