//! What judges: every kind of model behind one face, so that what uses a model does not ask which kind it is.

use ndarray::{Array2, ArrayView2};

use super::{Contributions, Forest};

/// A kind of model with what it has learned. Rows have its features as columns; [`Columns`](super::Columns) makes them
/// of a program's or a table's.
#[derive(Clone, Debug, PartialEq)]
pub enum Scorer {
    /// A Random Forest.
    Forest(Forest),
}

impl Scorer {
    /// The kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Forest(_) => "forest",
        }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::Forest(forest) => forest.features(),
        }
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::Forest(forest) => forest.classes(),
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
        }
    }

    /// What each feature added to the share of `class`, which together with the base adds up to it; nothing for a class
    /// that does not exist.
    #[must_use]
    pub fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        match self {
            Self::Forest(forest) => forest.contributions(row, class),
        }
    }
}

impl From<Forest> for Scorer {
    fn from(forest: Forest) -> Self {
        Self::Forest(forest)
    }
}
