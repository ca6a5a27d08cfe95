//! Principal components: the score is the distance from the plane that normal rows lie near.
//!
//! ‖(x − μ) − V·Vᵀ·(x − μ)‖², V the directions of greatest variance (Pearson 1901; as a detector Shyu et al. 2003). Each
//! column's part is its own squared rest.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::{ArrayError, NamedArrays};

/// The plane.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalComponents {
    mean: Array1<f32>,
    /// A column a direction; they are of length 1 and at right angles.
    directions: Array2<f32>,
}

impl PrincipalComponents {
    /// The plane through `mean` along these directions.
    ///
    /// # Errors
    /// When the two are of different width.
    pub fn new(mean: Array1<f32>, directions: Array2<f32>) -> Result<Self, ArrayError> {
        if mean.len() != directions.nrows() || mean.is_empty() {
            return Err(ArrayError::Wrong("its plane is none".to_owned()));
        }
        Ok(Self { mean, directions })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.mean.len()
    }

    fn rests(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let centred = &rows - &self.mean;
        let drawn = centred.dot(&self.directions).dot(&self.directions.t());
        (centred - drawn).mapv(|rest| rest * rest)
    }

    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        self.rests(rows).sum_axis(Axis(1))
    }

    /// The squared rest of each column of a row.
    pub(super) fn errors(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let rests = self.rests(row.insert_axis(Axis(0)));
        rests.iter().map(|rest| f64::from(*rest)).collect()
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put_row("mean", self.mean.iter().copied());
        arrays.put("directions", self.directions.clone());
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        Self::new(arrays.take_row("mean")?, arrays.take("directions")?)
    }
}
