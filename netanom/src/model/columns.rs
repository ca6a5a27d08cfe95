//! Where a model's features stand among the columns of whoever wants rows judged.
//!
//! They are found by name, so a program may have more columns than a model knows, and in another order: a model from
//! before a feature was added lives on. A column that is not there cannot be made up, so [`Model::columns`] refuses it.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, s};

use super::{Model, ModelError};

/// The place of each of a model's features in rows of other columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// By feature; `None` for one that the rows do not have.
    places: Vec<Option<usize>>,
    /// Every feature stands where the model has it: rows need no copy.
    is_same: bool,
}

impl Columns {
    /// Finds `features` among `names`. The first of two names that are the same counts.
    #[must_use]
    pub fn of<F: AsRef<str>, N: AsRef<str>>(features: &[F], names: &[N]) -> Self {
        let place = |feature: &F| {
            let mut names = names.iter();
            names.position(|name| name.as_ref() == feature.as_ref())
        };
        let places: Vec<Option<usize>> = features.iter().map(place).collect();
        let mut of_model = 0..;
        let is_same = places.iter().all(|place| *place == of_model.next());
        Self { places, is_same }
    }

    /// By feature, in the model's order: its column in the rows; `None` for one that they do not have.
    #[must_use]
    pub fn places(&self) -> &[Option<usize>] {
        &self.places
    }

    /// The features' columns of `rows`, in the model's order; without a copy where they stand in this order at the front.
    /// What is not there is NaN.
    #[must_use]
    pub fn select<'a>(&self, rows: ArrayView2<'a, f32>) -> CowArray<'a, f32, Ix2> {
        let width = self.places.len();
        if self.is_same && rows.ncols() >= width {
            return rows.slice_move(s![.., ..width]).into();
        }
        let mut selected = Array2::from_elem((rows.nrows(), width), f32::NAN);
        for (mut output, row) in selected.outer_iter_mut().zip(rows.axis_iter(Axis(0))) {
            for (value, place) in output.iter_mut().zip(&self.places) {
                if let Some(given) = place.and_then(|place| row.get(place)) {
                    *value = *given;
                }
            }
        }
        selected.into()
    }

    /// The same of one row.
    #[must_use]
    pub fn select_one<'a>(&self, row: &'a [f32]) -> Cow<'a, [f32]> {
        if let Some(front) = row.get(..self.places.len()).filter(|_| self.is_same) {
            return Cow::Borrowed(front);
        }
        let value = |place: &Option<usize>| place.and_then(|place| row.get(place));
        let values = self.places.iter().map(value);
        values
            .map(|value| value.copied().unwrap_or(f32::NAN))
            .collect()
    }
}

impl Model {
    /// Where the model's features stand among `names`, the columns of the rows that it shall judge. Further names are not
    /// looked at.
    ///
    /// # Errors
    /// Names all features that are missing; or says that the model is of another kind of table, when all are.
    pub fn columns<N: AsRef<str>>(&self, names: &[N]) -> Result<Columns, ModelError> {
        let columns = Columns::of(&self.features, names);
        let missing: Vec<String> = self
            .features
            .iter()
            .zip(&columns.places)
            .filter(|(_, place)| place.is_none())
            .map(|(feature, _)| feature.clone())
            .collect();
        if missing.is_empty() {
            return Ok(columns);
        }
        let model = self.name.clone();
        if missing.len() == self.features.len() {
            let feature = self.features.first().cloned().unwrap_or_default();
            return Err(ModelError::Table { model, feature });
        }
        Err(ModelError::Features { model, missing })
    }
}

#[cfg(test)]
mod tests;
