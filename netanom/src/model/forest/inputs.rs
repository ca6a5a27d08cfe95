//! Columns that a forest asks for where they are not its rows' own: for forests of other tools, which send a gap (NaN)
//! left at one split and right at another.
//!
//! A gap goes left everywhere, since nothing is greater than it, and a node has no bit to spare. So a feature whose gaps
//! go right has a column in which they are +∞, and one with both has both. Features without a split have none.

use ndarray::{Array2, ArrayView2, Axis};

use super::MAX_FEATURES;

/// A column that nodes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Input {
    /// The feature that it holds.
    pub(crate) feature: usize,
    /// Gaps of it go right.
    pub(crate) is_gap_right: bool,
}

/// The columns in the order of the nodes' numbers, made of rows of so many features.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inputs {
    /// Numbers in a row as it is given.
    pub(crate) features: usize,
    /// At least one, each of a feature below that number.
    pub(crate) columns: Vec<Input>,
}

impl Input {
    /// Its value in a row; a row that is too short has gaps.
    #[inline]
    fn of<'a>(self, value: impl FnOnce(usize) -> Option<&'a f32>) -> f32 {
        let value = value(self.feature).copied().unwrap_or(f32::NAN);
        if value.is_nan() && self.is_gap_right {
            f32::INFINITY
        } else {
            value
        }
    }
}

impl Inputs {
    /// Whether the columns are of features that are there, and no more than nodes can name.
    pub(crate) fn are_sound(&self) -> bool {
        (1..=MAX_FEATURES).contains(&self.columns.len())
            && self.columns.iter().all(|one| one.feature < self.features)
    }

    /// These rows as the nodes want them.
    pub(super) fn of_rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut expanded = Array2::zeros((rows.nrows(), self.columns.len()));
        for (mut output, row) in expanded.outer_iter_mut().zip(rows.axis_iter(Axis(0))) {
            for (value, input) in output.iter_mut().zip(&self.columns) {
                *value = input.of(|feature| row.get(feature));
            }
        }
        expanded
    }

    /// The same of one row.
    pub(super) fn of_row(&self, row: &[f32]) -> Vec<f32> {
        let columns = self.columns.iter();
        columns
            .map(|input| input.of(|feature| row.get(feature)))
            .collect()
    }
}
