//! Models: numbers in, scores out. A model knows nothing of flows, only the names of its features.
//!
//! [`Model`] is what one file holds: a [`Forest`] and all that is needed to use it rightly and to know where it
//! comes from.

mod built_in;
mod calibration;
mod error;
mod file;
mod forest;
mod onnx;
mod tree;

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde_json::Value;

pub use calibration::{CALIBRATION_POINTS, Calibration, CalibrationError};
pub use error::ModelError;
pub use file::{FORMAT, MAX_BYTES};
pub use forest::{Contributions, Forest, ForestError, Instructions, MAX_CLASSES, MAX_FEATURES};
pub use onnx::OnnxError;
pub use tree::{Node, Step, Tree};

use crate::alert::Class;

/// A trained forest with its origin.
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
    /// The median of each feature in the normal traffic that it was trained on; NaN where an ONNX file does not say.
    pub typical: Vec<f64>,
    /// What judges.
    pub forest: Forest,
    /// What the shares of its trees are worth; none where they count as probabilities themselves.
    pub calibration: Option<Calibration>,
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
    /// Class probabilities, one row for each of `rows`: [`Forest::predict`], calibrated.
    #[must_use]
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.calibrated(self.forest.predict(rows))
    }

    /// The probabilities that such shares are worth; the same where the model is not calibrated.
    #[must_use]
    pub fn calibrated(&self, mut shares: Array2<f32>) -> Array2<f32> {
        if let Some(calibration) = &self.calibration {
            calibration.apply_rows(&mut shares);
        }
        shares
    }

    /// Whether the model's features are `expected`, in this order.
    ///
    /// # Errors
    /// Names the first feature that differs.
    pub fn check_features(&self, expected: &[&str]) -> Result<(), ModelError> {
        if !self
            .features
            .iter()
            .any(|name| expected.contains(&name.as_str()))
        {
            return Err(ModelError::Table {
                model: self.name.clone(),
                feature: self.features.first().cloned().unwrap_or_default(),
            });
        }
        let longer = self.features.len().max(expected.len());
        for position in 0..longer {
            let model = self.features.get(position).map(String::as_str);
            let program = expected.get(position).copied();
            if model != program {
                return Err(ModelError::Features {
                    model: self.name.clone(),
                    position: position + 1,
                    found: quoted(model),
                    expected: quoted(program),
                });
            }
        }
        Ok(())
    }

    /// Its classes as those of flows.
    ///
    /// # Errors
    /// Names the first one that flows do not have: the model is of another kind of table.
    pub fn flow_classes(&self) -> Result<Vec<Class>, ModelError> {
        let classes = self.classes.iter().map(|name| {
            name.parse().map_err(|source| ModelError::Class {
                model: self.name.clone(),
                source,
            })
        });
        classes.collect()
    }
}

fn quoted(feature: Option<&str>) -> String {
    feature.map_or_else(
        || "no further feature".to_owned(),
        |name| format!("`{name}`"),
    )
}

#[cfg(test)]
mod tests;
