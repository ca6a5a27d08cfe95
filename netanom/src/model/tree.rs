//! A decision tree as trainers and importers yield it: easy to build and to check, not made for speed.
//!
//! [`Forest`](super::Forest) turns it into the flat form that rows are judged with.

/// A node of a [`Tree`].
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Weight of the training rows that reached it.
    pub cover: f32,
    /// What happens to a row here.
    pub step: Step,
}

/// What happens to a row at a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The row goes on.
    Split {
        /// Column of the feature that is compared.
        feature: u16,
        /// Rows with `x <= threshold` go left, others right; a NaN goes left.
        threshold: f32,
        /// Position of the left child among the tree's nodes.
        left: u32,
        /// Position of the right child.
        right: u32,
    },
    /// The row stays.
    Leaf {
        /// Share of each class among the training rows that ended here; the shares add up to 1.
        distribution: Vec<f32>,
    },
}

/// A decision tree; the root is its first node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// The nodes in any order after the root.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// The leaf that a row ends in, or `None` where the tree leads nowhere. The slow, plain reading of a tree that
    /// tests compare the flat forest with.
    #[must_use]
    pub fn distribution(&self, row: &[f32]) -> Option<&[f32]> {
        let mut at = 0;
        // A path that is longer than the tree has met a node twice.
        for _ in 0..self.nodes.len() {
            match &self.nodes.get(at)?.step {
                Step::Leaf { distribution } => return Some(distribution),
                Step::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => {
                    let value = row.get(usize::from(*feature)).copied();
                    let goes_right = value.is_some_and(|value| value > *threshold);
                    at = if goes_right { *right } else { *left } as usize;
                }
            }
        }
        None
    }
}
