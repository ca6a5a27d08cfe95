//! Models: numbers in, scores out. A model knows nothing of flows, only the names of its features.
//!
//! [`Model`] is what one file holds: a [`Scorer`] and all that is needed to use it rightly and to know where it
//! comes from. Who has rows to judge finds the model's features among its own columns by [`Model::columns`].

pub mod anomaly;
mod built_in;
mod calibration;
mod columns;
mod error;
mod evidence;
mod file;
mod forest;
mod grouping;
mod onnx;
mod scorer;
mod tree;

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde_json::Value;

pub use calibration::{CALIBRATION_POINTS, Calibration, CalibrationError};
pub use columns::Columns;
pub use error::ModelError;
pub use evidence::Evidence;
pub use file::{FORMAT, MAX_BYTES};
pub use forest::{Contributions, Forest, ForestError, Instructions, MAX_CLASSES, MAX_FEATURES};
pub use grouping::Grouping;
pub use onnx::OnnxError;
pub use scorer::Scorer;
pub use tree::{Node, Step, Tree};

use crate::alert::{Class, UnknownName};

/// What was trained, with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name, for operators and metrics.
    pub name: String,
    /// Its version, for operators and metrics; the file's format has its own.
    pub version: String,
    /// When it was trained, RFC 3339.
    pub trained_at: String,
    /// The names of what it tells apart, in the order of the probabilities.
    pub classes: Vec<String>,
    /// The names of its features, in the order of the vector.
    pub features: Vec<String>,
    /// Of features whose values were words in the table that it was trained on: the words, in the order of their numbers
    /// (0, 1, …).
    pub words: BTreeMap<String, Vec<String>>,
    /// How labels became classes, where a table's did that it was trained on.
    pub grouping: Option<Grouping>,
    /// The median of each feature in the normal traffic that it was trained on; NaN where an ONNX file does not say.
    pub typical: Vec<f64>,
    /// What judges.
    pub scorer: Scorer,
    /// What its shares are worth; none where they count as probabilities themselves.
    pub calibration: Option<Calibration>,
    /// How its verdicts add up to an alert; none where that was not set for this model.
    pub evidence: Option<Evidence>,
    /// What judges conversations, where it was trained for these too: a model of its own.
    pub conversations: Option<Box<Self>>,
    /// Which trainer made it.
    pub trainer: String,
    /// The trainer's settings.
    pub settings: Value,
    /// Digest of the training data.
    pub data_digest: String,
    /// How well it did on data that it was not trained on.
    pub scores: Value,
    /// What it was trained on and where it fails, in Markdown.
    pub card: String,
}

impl Model {
    /// A model of which nothing is known but what it judges with: `typical` is the median of each feature in normal
    /// traffic. For trials, and to name the rest of a real one.
    #[must_use]
    pub fn new(
        scorer: impl Into<Scorer>,
        classes: Vec<String>,
        features: Vec<String>,
        typical: Vec<f64>,
    ) -> Self {
        Self {
            name: "trial".to_owned(),
            version: String::new(),
            trained_at: String::new(),
            classes,
            features,
            words: BTreeMap::new(),
            grouping: None,
            typical,
            scorer: scorer.into(),
            calibration: None,
            evidence: None,
            conversations: None,
            trainer: String::new(),
            settings: Value::Null,
            data_digest: String::new(),
            scores: Value::Null,
            card: String::new(),
        }
    }

    /// Class probabilities, one row for each of `rows`, whose columns are the model's features: [`Scorer::shares`],
    /// calibrated.
    #[must_use]
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.calibrated(self.scorer.shares(rows))
    }

    /// The probabilities that such shares are worth; the same where the model is not calibrated.
    #[must_use]
    pub fn calibrated(&self, mut shares: Array2<f32>) -> Array2<f32> {
        if let Some(calibration) = &self.calibration {
            calibration.apply_rows(&mut shares);
        }
        shares
    }

    /// Its classes as those of flows.
    ///
    /// # Errors
    /// Names the first one that flows do not have: the model is of another kind of table.
    pub fn flow_classes(&self) -> Result<Vec<Class>, ModelError> {
        let classes = self.classes.iter().map(|name| {
            flow_class(name).map_err(|source| ModelError::Class {
                model: self.name.clone(),
                source,
            })
        });
        classes.collect()
    }
}

/// The class of flows that a model's class is: its name up to a slash, behind which kinds of one class are told apart.
///
/// # Errors
/// When flows have no such class.
pub fn flow_class(name: &str) -> Result<Class, UnknownName> {
    let (class, _) = name.split_once('/').unwrap_or((name, ""));
    class.parse()
}

#[cfg(test)]
mod tests;
