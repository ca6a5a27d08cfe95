//! k-means: the score is the distance to the nearest of the centres of normal rows.
//!
//! min over c of ‖x − c‖ (Lloyd 1982; one of the two cheap detectors that rank highest in TSB-AD, Liu and Paparrizos
//! 2024). Rows are seen up to ten deviations, so that one wild column does not make all centres far.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{ArrayError, Autoencoder, NamedArrays};

/// Centres, a row each.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    centres: Array2<f32>,
}

impl KMeans {
    /// These centres.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(centres: Array2<f32>) -> Result<Self, ArrayError> {
        if centres.is_empty() {
            return Err(ArrayError::Wrong("it has no centre".to_owned()));
        }
        Ok(Self { centres })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.centres.ncols()
    }

    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        let seen = Autoencoder::seen(rows);
        let distance = |row: ndarray::ArrayView1<'_, f32>| {
            let squares = self.centres.outer_iter().map(|centre| {
                let pairs = row.iter().zip(centre);
                pairs.map(|(x, c)| (x - c) * (x - c)).sum::<f32>()
            });
            squares.fold(f32::INFINITY, f32::min).sqrt()
        };
        seen.map_axis(Axis(1), distance)
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put("centres", self.centres.clone());
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        Self::new(arrays.take("centres")?)
    }
}
