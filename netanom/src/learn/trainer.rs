//! What grows forests.

use serde::{Deserialize, Serialize};

use super::dataset::DataSet;
use crate::model::Tree;

/// Grows the trees of a forest.
pub trait Trainer {
    /// Its name in the model file.
    fn name(&self) -> &'static str;
    /// Grows the trees; `progress` is told how many are done.
    ///
    /// # Errors
    /// When the data cannot be learned from.
    fn train(
        &self,
        data: &DataSet,
        settings: &ForestSettings,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Tree>, TrainError>;
}

/// The hyper-parameters of a forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestSettings {
    /// Trees.
    pub trees: usize,
    /// Levels of splits at most.
    pub max_depth: usize,
    /// Weight of the rows in a leaf, at least.
    pub min_leaf: f64,
    /// Features that a split chooses from; `None` for the square root of their number.
    pub features_per_split: Option<usize>,
    /// Values that a feature is cut into, at most 256.
    pub bins: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Threads; 0 for one a core. They do not change the result.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self {
            trees: 100,
            max_depth: 16,
            min_leaf: 2.0,
            features_per_split: None,
            bins: 256,
            seed: 1,
            threads: 0,
        }
    }
}

/// Training is not possible.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is nothing to tell apart.
    #[error("{rows} rows of {classes} classes cannot be learned from: two classes are needed")]
    TooLittle {
        /// Rows.
        rows: usize,
        /// Classes.
        classes: usize,
    },
    /// There is not enough that is normal.
    #[error(
        "{rows} rows of normal traffic cannot be learned from: {least} are needed, better thousands; --normal names \
         their class"
    )]
    TooFewNormal {
        /// Rows.
        rows: usize,
        /// How many there must be.
        least: usize,
    },
    /// A row has a value that is no number.
    #[error("feature `{feature}` of row {row} is not a number")]
    NotANumber {
        /// Which feature.
        feature: String,
        /// Which row.
        row: usize,
    },
    /// A library failed.
    #[error("{library} failed: {detail}")]
    Library {
        /// Which.
        library: &'static str,
        /// What it says.
        detail: String,
    },
}

impl DataSet {
    /// Whether the data can be learned from.
    ///
    /// # Errors
    /// [`TrainError`] with what is missing or wrong.
    pub fn check(&self) -> Result<(), TrainError> {
        if self.labels.is_empty() || self.classes.len() < 2 {
            return Err(TrainError::TooLittle {
                rows: self.labels.len(),
                classes: self.classes.len(),
            });
        }
        match self.rows.indexed_iter().find(|(_, value)| value.is_nan()) {
            Some(((row, column), _)) => Err(TrainError::NotANumber {
                feature: self.features[column].clone(),
                row,
            }),
            None => Ok(()),
        }
    }
}
