//! Local outlier factor: how much thinner it is around a row than around its neighbours.
//!
//! LOF(x) = mean over its k nearest o of lrd(o) / lrd(x), lrd the inverse of the mean of max(k-distance(o), ‖x − o‖)
//! (Breunig et al. 2000), of new rows against the normal ones that it keeps ("novelty", as in scikit-learn).

use ndarray::{Array1, ArrayView2};

use super::{ArrayError, Balls, NamedArrays, Neighbour};

/// Added to mean distances, so that equal rows are not infinitely dense (the same as scikit-learn's).
const LEAST: f32 = 1e-10;

/// Normal rows with how dense it is around each.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalOutlierFactor {
    balls: Balls,
    neighbours: usize,
    /// By row: the distance of its k-th neighbour.
    reaches: Vec<f32>,
    /// By row: the local reachability density.
    densities: Vec<f32>,
}

impl LocalOutlierFactor {
    /// These rows, with the distance of each one's last neighbour and its density.
    ///
    /// # Errors
    /// When there is none, or not a number of each for each.
    pub fn new(
        balls: Balls,
        neighbours: usize,
        reaches: Vec<f32>,
        densities: Vec<f32>,
    ) -> Result<Self, ArrayError> {
        let rows = balls.rows().nrows();
        if rows == 0 || neighbours == 0 || [reaches.len(), densities.len()] != [rows; 2] {
            return Err(ArrayError::Wrong("its neighbours are none".to_owned()));
        }
        Ok(Self {
            balls,
            neighbours,
            reaches,
            densities,
        })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.balls.rows().ncols()
    }

    /// The density of a row with these neighbours, each with its own reach.
    #[must_use]
    pub fn density(neighbours: &[Neighbour], reaches: &[f32]) -> f32 {
        let reached = neighbours
            .iter()
            .map(|near| near.distance.max(reaches[near.place]));
        let mean = reached.sum::<f32>() / neighbours.len().max(1) as f32;
        1.0 / (mean + LEAST)
    }

    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        let rows = rows.as_standard_layout();
        let score = |row: ndarray::ArrayView1<'_, f32>| {
            let row = row.to_slice().unwrap_or_default();
            let near = self.balls.nearest(row, self.neighbours, None);
            let of_others: f32 = near.iter().map(|near| self.densities[near.place]).sum();
            let mean = of_others / near.len().max(1) as f32;
            (mean / Self::density(&near, &self.reaches)).min(f32::MAX)
        };
        rows.outer_iter().map(score).collect()
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put("rows", self.balls.rows().clone());
        arrays.put_row("balls", self.balls.sizes().map(|size| size as f32));
        arrays.put_one("neighbours", self.neighbours as f32);
        arrays.put_row("reaches", self.reaches.iter().copied());
        arrays.put_row("densities", self.densities.iter().copied());
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        let rows = arrays.take("rows")?;
        let sizes = arrays.take_row("balls")?;
        let sizes: Vec<usize> = sizes.iter().map(|size| *size as usize).collect();
        let all = sizes
            .iter()
            .try_fold(0_usize, |sum, size| sum.checked_add(*size));
        if all != Some(rows.nrows()) {
            return Err(ArrayError::Wrong("its neighbours are none".to_owned()));
        }
        Self::new(
            Balls::new(rows, &sizes),
            arrays.take_one("neighbours")? as usize,
            arrays.take_row("reaches")?.to_vec(),
            arrays.take_row("densities")?.to_vec(),
        )
    }
}
