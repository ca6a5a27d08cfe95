//! From trees or a file's arrays to the flat nodes, with every check that lets later code index without doubt.

use std::collections::{HashMap, VecDeque};

use super::{CLASS_LANES, Forest, MAX_CLASSES, MAX_FEATURES, Span};
use crate::model::tree::{Step, Tree};

/// Most nodes of a tree: a node has 24 bits for its left child.
const MAX_NODES: usize = 1 << 24;

/// Most distributions of a forest: the payload of an f32 NaN has 22 bits beside the quiet bit.
const MAX_DISTRIBUTIONS: usize = 1 << 22;

/// A quiet NaN whose payload is 0.
pub(super) const LEAF: u32 = 0x7fc0_0000;

/// The bits of a node's branch that are a position; those above are a feature.
pub(super) const POSITION: u32 = 0x00ff_ffff;

/// Shares are f32 that somebody divided: they add up to 1 within this.
const SHARE_TOLERANCE: f32 = 1e-3;

/// Why trees or arrays are not a forest.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ForestError {
    /// A size outside what the layout holds.
    #[error("a forest of {found} {what} does not fit: there must be 1 to {limit}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A tree that is not one.
    #[error("tree {tree}, node {node}: {problem}")]
    Tree {
        /// The number of the tree.
        tree: usize,
        /// The number of the node in it.
        node: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A leaf that is not a distribution.
    #[error("leaf {leaf} of the forest: its class shares do not add up to 1")]
    Shares {
        /// The number of the leaf among those of all trees.
        leaf: usize,
    },
    /// Arrays of different lengths.
    #[error("the forest's {column} has {found} entries and its trees need {expected}")]
    Length {
        /// Which column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length that the trees ask for.
        expected: usize,
    },
}

/// A node as it is walked: two words, in this order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlatNode {
    /// The bits of the f32, because a leaf's NaN payload must survive every copy.
    threshold: u32,
    /// Feature in the upper 8 bits, left child in the lower 24.
    branch: u32,
}

impl FlatNode {
    fn split(feature: u8, threshold: f32, left: usize) -> Self {
        Self {
            threshold: threshold.to_bits(),
            branch: u32::from(feature) << 24 | left as u32,
        }
    }

    fn leaf(position: usize, distribution: u32) -> Self {
        Self {
            threshold: LEAF | distribution,
            branch: position as u32,
        }
    }

    /// The threshold; NaN for a leaf.
    #[inline]
    pub(super) fn threshold(self) -> f32 {
        f32::from_bits(self.threshold)
    }

    /// The feature that is compared; 0 for a leaf.
    #[inline]
    pub(super) fn feature(self) -> usize {
        (self.branch >> 24) as usize
    }

    /// The left child's position; a leaf's is its own.
    #[inline]
    pub(super) fn left(self) -> u32 {
        self.branch & POSITION
    }

    /// Where a row with this value goes.
    #[inline]
    pub(super) fn next(self, value: f32) -> u32 {
        self.left() + u32::from(value > self.threshold())
    }

    #[inline]
    pub(super) fn is_leaf(self) -> bool {
        self.threshold().is_nan()
    }

    /// The number of the leaf's distribution in the forest; only of a leaf.
    #[inline]
    pub(super) fn distribution(self) -> usize {
        (self.threshold & !LEAF) as usize
    }
}

/// A forest without positions: nodes of each tree level by level, left before right. What a model file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Arrays {
    /// Nodes of each tree.
    pub(crate) sizes: Vec<u32>,
    /// Feature of each node; 0 for a leaf.
    pub(crate) features: Vec<u8>,
    /// Threshold of each node; NaN for a leaf.
    pub(crate) thresholds: Vec<f32>,
    /// Cover of each node.
    pub(crate) covers: Vec<f32>,
    /// Class shares of each leaf, not padded.
    pub(crate) shares: Vec<f32>,
    /// The shares are those of the whole forest.
    pub(crate) is_divided: bool,
}

impl Arrays {
    /// The trees' nodes, level by level.
    pub(super) fn of_trees(trees: &[Tree], classes: usize) -> Result<Self, ForestError> {
        let mut arrays = Self::default();
        for (number, tree) in trees.iter().enumerate() {
            let size = arrays.add(number, tree, classes)?;
            arrays.sizes.push(size as u32);
        }
        Ok(arrays)
    }

    fn add(&mut self, number: usize, tree: &Tree, classes: usize) -> Result<usize, ForestError> {
        let wrong = |node: usize, problem| ForestError::Tree {
            tree: number,
            node,
            problem,
        };
        if tree.nodes.len() > MAX_NODES {
            return Err(wrong(MAX_NODES, "the tree has more than 16,777,216 nodes"));
        }
        let mut met = vec![false; tree.nodes.len()];
        let mut queue = VecDeque::from([0]);
        let mut size = 0;
        while let Some(at) = queue.pop_front() {
            let Some(node) = tree.nodes.get(at) else {
                return Err(wrong(at, "the node does not exist"));
            };
            if std::mem::replace(&mut met[at], true) {
                return Err(wrong(at, "two ways lead to the node"));
            }
            size += 1;
            self.covers.push(node.cover);
            match &node.step {
                Step::Leaf { distribution } => {
                    if distribution.len() != classes {
                        return Err(wrong(at, "the leaf has another number of classes"));
                    }
                    self.features.push(0);
                    self.thresholds.push(f32::NAN);
                    self.shares.extend_from_slice(distribution);
                }
                Step::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => {
                    let feature = u8::try_from(*feature)
                        .map_err(|_| wrong(at, "the feature's number is over 255"))?;
                    if threshold.is_nan() {
                        return Err(wrong(at, "the threshold is not a number"));
                    }
                    self.features.push(feature);
                    self.thresholds.push(*threshold);
                    queue.extend([*left as usize, *right as usize]);
                }
            }
        }
        Ok(size)
    }
}

impl Forest {
    /// Checks the arrays and lays them out.
    pub(crate) fn from_arrays(
        arrays: Arrays,
        classes: usize,
        features: usize,
    ) -> Result<Self, ForestError> {
        within("trees", arrays.sizes.len(), usize::from(u16::MAX))?;
        within("classes", classes, MAX_CLASSES)?;
        within("features", features, MAX_FEATURES)?;
        let mut size = 0;
        let mut leaves = 0;
        let mut spans = Vec::with_capacity(arrays.sizes.len());
        for &nodes in &arrays.sizes {
            let nodes = within("nodes in a tree", nodes as usize, MAX_NODES - 1)?;
            spans.push(Span {
                first_node: size,
                nodes,
                depth: 0,
            });
            size += nodes;
            leaves += nodes.div_ceil(2);
        }
        same("feature column", arrays.features.len(), size)?;
        same("threshold column", arrays.thresholds.len(), size)?;
        same("cover column", arrays.covers.len(), size)?;
        same("leaf column", arrays.shares.len(), leaves * classes)?;

        let divisor = match arrays.is_divided {
            true => arrays.sizes.len() as f32,
            false => 1.0,
        };
        let (numbers, distributions) = shared(&arrays.shares, classes, divisor)?;
        let mut numbers = numbers.into_iter();
        let mut nodes = Vec::with_capacity(size);
        for (tree, span) in spans.iter_mut().enumerate() {
            span.depth = lay_out(&arrays, *span, features, &mut numbers, &mut nodes).map_err(
                |(node, problem)| ForestError::Tree {
                    tree,
                    node,
                    problem,
                },
            )?;
        }
        Ok(Self {
            classes,
            features,
            inputs: None,
            is_divided: arrays.is_divided,
            spans,
            nodes,
            covers: arrays.covers,
            distributions,
        })
    }

    /// The arrays that [`Forest::from_arrays`] makes this forest of.
    pub(crate) fn arrays(&self) -> Arrays {
        Arrays {
            sizes: self.spans.iter().map(|span| span.nodes as u32).collect(),
            features: self.nodes.iter().map(|node| node.feature() as u8).collect(),
            thresholds: self.nodes.iter().map(|node| node.threshold()).collect(),
            covers: self.covers.clone(),
            shares: self
                .nodes
                .iter()
                .filter(|node| node.is_leaf())
                .flat_map(|node| &self.distribution(node.distribution())[..self.classes])
                .copied()
                .collect(),
            is_divided: self.is_divided,
        }
    }
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<usize, ForestError> {
    if (1..=limit).contains(&found) {
        Ok(found)
    } else {
        Err(ForestError::Size { what, found, limit })
    }
}

fn same(column: &'static str, found: usize, expected: usize) -> Result<(), ForestError> {
    if found == expected {
        Ok(())
    } else {
        Err(ForestError::Length {
            column,
            found,
            expected,
        })
    }
}

/// The number of each leaf's distribution, and the distributions, each once and padded.
///
/// Most leaves hold rows of one class alone, so a forest has far fewer distributions than leaves: what judging reads
/// of them stays in the cache.
fn shared(
    shares: &[f32],
    classes: usize,
    divisor: f32,
) -> Result<(Vec<u32>, Vec<f32>), ForestError> {
    let stride = classes.next_multiple_of(CLASS_LANES);
    let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut distributions = Vec::new();
    let mut numbers = Vec::with_capacity(shares.len() / classes);
    for (leaf, shares) in shares.chunks_exact(classes).enumerate() {
        if !add_up(shares, divisor) {
            return Err(ForestError::Shares { leaf });
        }
        let bits = shares.iter().map(|share| share.to_bits()).collect();
        let next = known.len() as u32;
        let number = *known.entry(bits).or_insert(next);
        if number == next {
            distributions.extend_from_slice(shares);
            distributions.resize(distributions.len().next_multiple_of(stride), 0.0);
        }
        numbers.push(number);
    }
    within("different leaves", known.len(), MAX_DISTRIBUTIONS)?;
    Ok((numbers, distributions))
}

/// Adds a tree's nodes: the k-th split has its children at 1 + 2k and 2 + 2k. Tells the tree's depth.
fn lay_out(
    arrays: &Arrays,
    span: Span,
    features: usize,
    distributions: &mut impl Iterator<Item = u32>,
    nodes: &mut Vec<FlatNode>,
) -> Result<usize, (usize, &'static str)> {
    let mut splits = 0;
    let (mut depth, mut next_level) = (0, 1);
    for position in 0..span.nodes {
        if position == next_level {
            depth += 1;
            next_level = 1 + 2 * splits;
        }
        let at = span.first_node + position;
        let (feature, threshold) = (arrays.features[at], arrays.thresholds[at]);
        let cover = arrays.covers[at];
        if !(cover.is_finite() && cover >= 0.0) {
            return Err((position, "the cover is not a weight"));
        }
        // The root, and two for each split before, exist so far.
        if position > 2 * splits {
            return Err((position, "no way leads to the node"));
        }
        if threshold.is_nan() {
            let number = distributions
                .next()
                .ok_or((position, "the leaf has no shares"))?;
            nodes.push(FlatNode::leaf(position, number));
            continue;
        }
        if usize::from(feature) >= features {
            return Err((position, "the feature does not exist"));
        }
        let left = 1 + 2 * splits;
        if left + 1 >= span.nodes {
            return Err((position, "the children do not exist"));
        }
        nodes.push(FlatNode::split(feature, threshold, left));
        splits += 1;
    }
    if span.nodes == 1 + 2 * splits {
        Ok(depth)
    } else {
        Err((span.nodes, "the tree ends before its last leaf"))
    }
}

fn add_up(shares: &[f32], divisor: f32) -> bool {
    let total = shares.iter().sum::<f32>() * divisor;
    // A NaN or an infinity fails one of the comparisons.
    shares.iter().all(|&share| share >= 0.0) && (total - 1.0).abs() <= SHARE_TOLERANCE
}
