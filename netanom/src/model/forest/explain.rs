//! Why a row got its probability: what each feature added, as exact Shapley values.
//!
//! The game: a coalition of features is worth what the trees expect when only these are known; where a split asks for
//! another one, both children count by the training rows that went there. The values are the fair shares of that game
//! (Lundberg, Erion and Lee 2018, "Consistent individualized feature attribution for tree ensembles": TreeSHAP, path
//! dependent; the `shap` package gives the same), and add up to the probability. `path.rs` has the arithmetic.
//!
//! Time is that of the leaves with a share of the class × the square of the features on their paths. Incidents ask for
//! it once, when they are raised.

mod path;

use self::path::Path;
use super::{Forest, Span};

/// What moved a class's probability away from its mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contributions {
    /// Share of the class among the training rows: the probability of a row of which nothing is known.
    pub base: f64,
    /// What each feature added to it, −1 to 1; base and contributions add up to the predicted probability.
    pub features: Vec<f64>,
}

impl Forest {
    /// What each feature added to the probability of `class` for `row`; nothing for a class that does not exist.
    ///
    /// A row that is too short is filled up with NaN, as in [`Forest::predict_one`].
    #[must_use]
    pub fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        let mut result = Contributions {
            base: 0.0,
            features: vec![0.0; self.features],
        };
        if class >= self.classes {
            return result;
        }
        let mut paths = Vec::new();
        for &span in &self.spans {
            self.add_tree(span, row, class, &mut paths, &mut result);
        }
        let trees = self.trees() as f64;
        result.base /= trees;
        for contribution in &mut result.features {
            *contribution /= trees;
        }
        result
    }

    /// Adds a tree's expectation and Shapley values; `paths` is scratch.
    fn add_tree(
        &self,
        span: Span,
        row: &[f32],
        class: usize,
        paths: &mut Vec<Path>,
        result: &mut Contributions,
    ) {
        let tree = self.tree(span);
        // Depth first: the path to a node's parent is the last one that was written at its level.
        // With each node, which share of the training rows it met.
        let mut pending = vec![(0, 0, 1.0, None)];
        while let Some((at, level, met, step)) = pending.pop() {
            if paths.len() <= level {
                paths.resize_with(level + 1, Path::default);
            }
            if let Some(step) = step {
                let (before, here) = paths.split_at_mut(level);
                if !here[0].follow(&before[level - 1], step) {
                    continue;
                }
            }
            let node = tree[at];
            if node.is_leaf() {
                let share = f64::from(self.leaf(span, node.leaf_number())[class]);
                if share > 0.0 {
                    result.base += met * share;
                    paths[level].add_leaf(share, &mut result.features);
                }
                continue;
            }
            let value = row.get(node.feature()).copied().unwrap_or(f32::NAN);
            let taken = node.next(value) as usize;
            let left = node.left() as usize;
            let left_share = self.left_share(span, left);
            for (child, share) in [(left, left_share), (left + 1, 1.0 - left_share)] {
                let step = path::Step {
                    feature: node.feature(),
                    share,
                    is_taken: child == taken,
                };
                pending.push((child, level + 1, met * share, Some(step)));
            }
        }
    }

    /// The share of a node's training rows that went to its left child, which is at `left`.
    fn left_share(&self, span: Span, left: usize) -> f64 {
        let covers = &self.covers[span.first_node..][..span.nodes];
        let (left_cover, right_cover) = (f64::from(covers[left]), f64::from(covers[left + 1]));
        // Two children that no training row reached count the same.
        if left_cover + right_cover > 0.0 {
            left_cover / (left_cover + right_cover)
        } else {
            0.5
        }
    }
}

#[cfg(test)]
mod tests;
