//! Why a row got its probability: how much each feature moved it on the way from the roots to the leaves.
//!
//! Each step from a node to a child changes the share of the class among the training rows there; the change is
//! credited to the feature that was compared (Saabas 2014, "Interpreting random forests"). The changes add up to
//! the probability by construction, whatever the trees are.

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
    /// How each feature moved the probability of `class` for `row`; nothing moved for a class that does not exist.
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
        let shares = self.shares.get_or_init(|| self.node_shares());
        for &span in &self.spans {
            let share = |position: usize| {
                f64::from(shares[(span.first_node + position) * self.classes + class])
            };
            let tree = self.tree(span);
            let mut at = 0;
            result.base += share(at);
            while !tree[at].is_leaf() {
                let node = tree[at];
                let value = row.get(node.feature()).copied().unwrap_or(f32::NAN);
                let next = node.next(value) as usize;
                result.features[node.feature()] += share(next) - share(at);
                at = next;
            }
        }
        let trees = self.trees() as f64;
        result.base /= trees;
        for contribution in &mut result.features {
            *contribution /= trees;
        }
        result
    }

    /// The class shares of every node, not padded.
    fn node_shares(&self) -> Vec<f32> {
        let mut shares = vec![0.0; self.nodes.len() * self.classes];
        for &span in &self.spans {
            let range =
                span.first_node * self.classes..(span.first_node + span.nodes) * self.classes;
            self.fill_shares(span, &mut shares[range]);
        }
        shares
    }

    /// Children lie after their parents, so going backwards both are known when the parent's turn comes.
    fn fill_shares(&self, span: Span, shares: &mut [f32]) {
        let tree = self.tree(span);
        let covers = &self.covers[span.first_node..][..span.nodes];
        for (at, node) in tree.iter().enumerate().rev() {
            let (before, after) = shares.split_at_mut((at + 1) * self.classes);
            let own = &mut before[at * self.classes..];
            if node.is_leaf() {
                own.copy_from_slice(&self.leaf(span, node.leaf_number())[..self.classes]);
                continue;
            }
            let left = node.left() as usize;
            let (left_cover, right_cover) = (f64::from(covers[left]), f64::from(covers[left + 1]));
            // Two children that no training row reached count the same.
            let left_share = if left_cover + right_cover > 0.0 {
                left_cover / (left_cover + right_cover)
            } else {
                0.5
            };
            let children = &after[(left - at - 1) * self.classes..];
            for (class, own) in own.iter_mut().enumerate() {
                let (a, b) = (children[class], children[self.classes + class]);
                *own = (f64::from(a) * left_share + f64::from(b) * (1.0 - left_share)) as f32;
            }
        }
    }
}
