//! Forests to and from other tools, as ONNX tree ensembles (operator `TreeEnsembleClassifier` of `ai.onnx.ml`).
//!
//! ONNX names neither features nor what the numbers mean, so the names are in the file's metadata, under
//! `netanom.features` (comma-separated), or one a line in a file beside it, `X.onnx.features`. Class names are the
//! classifier's labels or, where those are numbers, in `netanom.classes`.

mod column;
mod constant;
mod ensemble;
mod export;
mod graph;
mod import;
mod proto;

use super::{CalibrationError, ForestError};

/// Metadata: names of the features, in the order of the input's columns.
const FEATURES: &str = "netanom.features";

/// Metadata: names of the classes, in the order of the output's columns.
const CLASSES: &str = "netanom.classes";

/// Metadata: the features' medians in normal traffic.
const TYPICAL: &str = "netanom.typical";

/// Metadata: how the model was calibrated, and the tables' entries. ONNX Runtime does not look at it.
const CALIBRATION: &str = "netanom.calibration";

const OPERATOR: &str = "TreeEnsembleClassifier";
const DOMAIN: &str = "ai.onnx.ml";

/// Why an ONNX file is no model for this program.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// Not ONNX.
    #[error("this is not an ONNX file")]
    Decode(#[from] prost::DecodeError),
    /// Other operators than a tree ensemble.
    #[error(
        "it has {found} operators `{OPERATOR}`{others} and must have one; convert a Random Forest by skl2onnx with \
         `zipmap` off and target opset `{{\"\": 15, \"ai.onnx.ml\": 3}}`"
    )]
    Operator {
        /// How many there are.
        found: usize,
        /// What else there is.
        others: String,
    },
    /// Something that is done to the columns before the trees and not followed.
    #[error(
        "its operator `{0}` changes what the trees see in a way that is not followed; leave that step out, or do it \
         before the table is written (selections, scaling and filled gaps are followed)"
    )]
    Before(String),
    /// Something else changes the probabilities after the trees.
    #[error(
        "its operator `{0}` changes the probabilities behind the trees, which is not followed; convert the forest \
         without it (calibration is netanom's own, in the metadata)"
    )]
    Further(String),
    /// Sums that become probabilities afterwards.
    #[error(
        "its trees are boosted: their sums go through `{0}` (`post_transform`), and only trees whose leaves are class \
         shares are read, as those of a Random Forest or of extra trees"
    )]
    Boosted(String),
    /// An input that rows cannot be.
    #[error("its input `{name}` {what}; convert it with one input of floats, rows by columns")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An attribute that is missing or of another length.
    #[error("its attribute `{name}` has {found} entries where {expected} are needed")]
    Attribute {
        /// Which.
        name: &'static str,
        /// Its entries.
        found: usize,
        /// What the others ask for.
        expected: usize,
    },
    /// An attribute with a value that is not understood.
    #[error("its attribute `{name}` has the value `{value}`, which this program does not know")]
    Value {
        /// Which.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// Leaves that are no class shares, as those of boosted trees.
    #[error(
        "the weights of node {node} of tree {tree} add up to {sum} where a Random Forest of {trees} trees has 1/{trees}"
    )]
    Weights {
        /// The tree.
        tree: i64,
        /// The node in it.
        node: i64,
        /// The sum of its weights.
        sum: f32,
        /// Trees.
        trees: usize,
    },
    /// No names for the features.
    #[error(
        "it does not name its features; write them, one a line, to `X.onnx.features` beside it, or comma-separated \
         into its metadata as `{FEATURES}` (`netanom model show --format json` has this program's)"
    )]
    Unnamed,
    /// Another number of names than of what they name.
    #[error("it names {found} {what} and has {expected}")]
    Names {
        /// Features or classes.
        what: &'static str,
        /// Names.
        found: usize,
        /// What the trees need.
        expected: usize,
    },
    /// A calibration that is none.
    #[error("its metadata `{CALIBRATION}` cannot be used; take it out, or export the model again")]
    Calibration(#[from] CalibrationError),
    /// Trees that are none.
    #[error("its trees contradict themselves")]
    Forest(#[from] ForestError),
}

#[cfg(test)]
mod tests;
