//! The Random Forest as it judges rows: flat, contiguous, and correct by its layout.
//!
//! A node takes 8 bytes. The nodes of a tree lie level by level, and the two children of a node side by side, so
//! that the next position is `left + (x > threshold)`: no branch to mispredict. A leaf is a node whose threshold is
//! NaN and whose left child is itself: nothing is greater than NaN, so a row that arrived stays, and rows of
//! different depth can be walked in step. The NaN's payload is the number of the leaf's distribution, and leaves share
//! those: most hold rows of one class alone.
//!
//! Level by level and side by side leave no freedom: which nodes are leaves says where every child is. So columns
//! (what files hold) carry no positions, and no file can make a walk leave its tree or run in a circle.

mod explain;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "gathers read through pointers; no safe instruction does"
)]
mod gather;
mod inputs;
mod instructions;
mod layout;
mod predict;

pub use explain::Contributions;
pub(crate) use inputs::{Input, Inputs};
pub use instructions::Instructions;
pub(crate) use layout::Arrays;
use layout::FlatNode;
pub use layout::ForestError;

use super::tree::Tree;

/// Most features that a node can name: it has 8 bits for them.
pub const MAX_FEATURES: usize = 1 << 8;

/// Most classes of a forest; labels are bytes.
pub const MAX_CLASSES: usize = 1 << 8;

/// Leaves are padded to this many classes, so that their sums are taken with whole vector registers.
const CLASS_LANES: usize = 8;

/// Where a tree lies in the forest's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Its root among all nodes.
    first_node: usize,
    /// The number of its nodes.
    nodes: usize,
    /// Steps from the root to its farthest leaf.
    depth: usize,
}

/// A Random Forest, ready to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    classes: usize,
    /// Columns that nodes ask for: the row's own where there are no inputs.
    features: usize,
    inputs: Option<Inputs>,
    /// Leaves hold their share of the whole forest: of another tool's, which had divided them, so that sums are rounded as
    /// there.
    is_divided: bool,
    spans: Vec<Span>,
    nodes: Vec<FlatNode>,
    /// Weight of the training rows at each node.
    covers: Vec<f32>,
    /// Class shares of leaves, each distribution once, padded to [`Forest::stride`].
    distributions: Vec<f32>,
}

impl Forest {
    /// Lays out `trees` for rows of `features` numbers and distributions over `classes` classes.
    ///
    /// # Errors
    /// Names the tree and the node that does not fit: a child that does not exist or is reached twice, a feature or
    /// a distribution of another width, a threshold that is NaN, shares that do not add up to 1.
    pub fn new(trees: &[Tree], classes: usize, features: usize) -> Result<Self, ForestError> {
        Self::from_arrays(Arrays::of_trees(trees, classes)?, classes, features)
    }

    /// The same of trees whose leaves hold their share of the whole forest: each adds up to one by the number of trees.
    pub(super) fn of_divided(
        trees: &[Tree],
        classes: usize,
        features: usize,
    ) -> Result<Self, ForestError> {
        let arrays = Arrays {
            is_divided: true,
            ..Arrays::of_trees(trees, classes)?
        };
        Self::from_arrays(arrays, classes, features)
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Numbers in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        let of_row = self.inputs.as_ref().map(|inputs| inputs.features);
        of_row.unwrap_or(self.features)
    }

    /// The forest with nodes that ask for these columns of rows; `None` where it asks for others.
    pub(crate) fn with_inputs(self, inputs: Inputs) -> Option<Self> {
        let is_fit = inputs.are_sound() && inputs.columns.len() == self.features;
        is_fit.then_some(Self {
            inputs: Some(inputs),
            ..self
        })
    }

    /// The columns that its nodes ask for, where they are not the rows' own.
    pub(crate) fn inputs(&self) -> Option<&Inputs> {
        self.inputs.as_ref()
    }

    /// What the sum over the trees is divided by.
    fn divisor(&self) -> f32 {
        if self.is_divided {
            1.0
        } else {
            self.trees() as f32
        }
    }

    /// The feature of the column that a node asks for.
    fn feature_of(&self, column: usize) -> usize {
        let input = self
            .inputs
            .as_ref()
            .and_then(|inputs| inputs.columns.get(column));
        input.map_or(column, |input| input.feature)
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.spans.len()
    }

    /// Number of nodes of all trees, leaves among them.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes that judging touches: nodes and the leaves' distributions.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.distributions.as_slice())
    }

    /// Distance of two distributions.
    fn stride(&self) -> usize {
        self.classes.next_multiple_of(CLASS_LANES)
    }

    /// The nodes of a tree; positions count from its root.
    fn tree(&self, span: Span) -> &[FlatNode] {
        &self.nodes[span.first_node..][..span.nodes]
    }

    /// The padded class shares of a leaf, by its [`FlatNode::distribution`].
    fn distribution(&self, number: usize) -> &[f32] {
        let stride = self.stride();
        &self.distributions[number * stride..][..stride]
    }
}

#[cfg(test)]
pub(super) mod tests;
