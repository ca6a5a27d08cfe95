//! What judges: every kind of model behind one face, so that what uses a model does not ask which kind it is.

use ndarray::{Array2, ArrayView2};

use super::anomaly::{self, Anomaly, AutoencoderForest};
use super::{Contributions, Forest};

/// A kind of model with what it has learned. Rows have its features as columns; [`Columns`](super::Columns) makes them
/// of a program's or a table's.
#[derive(Clone, Debug, PartialEq)]
pub enum Scorer {
    /// A Random Forest.
    Forest(Forest),
    /// A Random Forest that also sees what an autoencoder makes of a row.
    AutoencoderForest(Box<AutoencoderForest>),
    /// What is normal, and how far a row departs from it.
    Anomaly(Box<Anomaly>),
}

impl Scorer {
    /// The kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Forest(_) => "forest",
            Self::AutoencoderForest(_) => "autoencoder-forest",
            Self::Anomaly(anomaly) => anomaly.kind(),
        }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::Forest(forest) => forest.features(),
            Self::AutoencoderForest(both) => both.features(),
            Self::Anomaly(anomaly) => anomaly.features(),
        }
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::Forest(forest) => forest.classes(),
            Self::AutoencoderForest(both) => both.forest().classes(),
            Self::Anomaly(_) => anomaly::CLASSES.len(),
        }
    }

    /// The share of each class, one row for each of `rows`; each row adds up to 1. Not calibrated: [`Model::predict`]
    /// is.
    ///
    /// [`Model::predict`]: super::Model::predict
    #[must_use]
    pub fn shares(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        match self {
            Self::Forest(forest) => forest.predict(rows),
            Self::AutoencoderForest(both) => both.shares(rows),
            Self::Anomaly(anomaly) => anomaly.shares(rows),
        }
    }

    /// What each feature added to the share of `class`, which together with the base adds up to it; nothing for a class
    /// that does not exist.
    #[must_use]
    pub fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        match self {
            Self::Forest(forest) => forest.contributions(row, class),
            Self::AutoencoderForest(both) => both.contributions(row, class),
            Self::Anomaly(anomaly) => anomaly.contributions(row, class),
        }
    }

    /// The Random Forest, where that is all.
    #[must_use]
    pub fn forest(&self) -> Option<&Forest> {
        match self {
            Self::Forest(forest) => Some(forest),
            _ => None,
        }
    }

    /// What is normal, where the model knows that alone.
    #[must_use]
    pub fn anomaly(&self) -> Option<&Anomaly> {
        match self {
            Self::Anomaly(anomaly) => Some(anomaly),
            _ => None,
        }
    }
}

impl From<Forest> for Scorer {
    fn from(forest: Forest) -> Self {
        Self::Forest(forest)
    }
}

impl From<AutoencoderForest> for Scorer {
    fn from(both: AutoencoderForest) -> Self {
        Self::AutoencoderForest(Box::new(both))
    }
}

impl From<Anomaly> for Scorer {
    fn from(anomaly: Anomaly) -> Self {
        Self::Anomaly(Box::new(anomaly))
    }
}
