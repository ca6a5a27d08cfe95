//! One-class support vector machine: how far outside of the hull that holds nearly all normal rows.
//!
//! Score ρ − Σ αᵢ·exp(−γ‖x − xᵢ‖²) over the support vectors xᵢ (Schölkopf et al. 2001); above 0 outside. Rows are seen
//! up to ten deviations, beyond which the kernel says 0 of all.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{ArrayError, Autoencoder, NamedArrays};

/// The hull.
#[derive(Clone, Debug, PartialEq)]
pub struct OneClassSvm {
    /// A row each.
    vectors: Array2<f32>,
    /// Above 0.
    weights: Array1<f32>,
    gamma: f32,
    rho: f32,
}

impl OneClassSvm {
    /// The hull of these support vectors.
    ///
    /// # Errors
    /// When there is none, or not a weight for each.
    pub fn new(
        vectors: Array2<f32>,
        weights: Array1<f32>,
        gamma: f32,
        rho: f32,
    ) -> Result<Self, ArrayError> {
        if vectors.is_empty() || vectors.nrows() != weights.len() || gamma <= 0.0 {
            return Err(ArrayError::Wrong("its support vectors are none".to_owned()));
        }
        Ok(Self {
            vectors,
            weights,
            gamma,
            rho,
        })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.vectors.ncols()
    }

    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        let similar = kernel(
            Autoencoder::seen(rows).view(),
            self.vectors.view(),
            self.gamma,
        );
        similar.dot(&self.weights).mapv(|sum| self.rho - sum)
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put("vectors", self.vectors.clone());
        arrays.put_row("weights", self.weights.iter().copied());
        arrays.put_one("gamma", self.gamma);
        arrays.put_one("rho", self.rho);
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        Self::new(
            arrays.take("vectors")?,
            arrays.take_row("weights")?,
            arrays.take_one("gamma")?,
            arrays.take_one("rho")?,
        )
    }
}

/// exp(−γ‖a − b‖²) of each row of `a` with each of `b`.
#[must_use]
pub fn kernel(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, gamma: f32) -> Array2<f32> {
    let squares = |rows: ArrayView2<'_, f32>| rows.map_axis(Axis(1), |row| row.dot(&row));
    let (of_a, of_b) = (squares(a), squares(b));
    let mut kernel = a.dot(&b.t());
    for (mut row, of_a) in kernel.outer_iter_mut().zip(&of_a) {
        row.zip_mut_with(&of_b, |product, of_b| {
            let square = (of_a + of_b - 2.0 * *product).max(0.0);
            *product = (-gamma * square).exp();
        });
    }
    kernel
}
