//! Fits the plane of principal components: the eigenvectors of the covariance (Pearson 1901), by smartcore.

use ndarray::{Array2, ArrayView2, Axis};
use smartcore::linalg::basic::arrays::Array as _;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable as _;

use super::library;
use crate::learn::trainer::TrainError;
use crate::model::anomaly::PrincipalComponents;

/// The share of the variance that lies in the plane.
const SHARE: f64 = 0.9;

pub(super) fn fit(rows: ArrayView2<'_, f32>) -> Result<PrincipalComponents, TrainError> {
    let told = |error: &dyn std::fmt::Display| library("smartcore's decomposition", error);
    let width = rows.ncols();
    let rows = rows.mapv(f64::from);
    let mean = rows
        .mean_axis(Axis(0))
        .ok_or_else(|| told(&"there are no rows"))?;
    let centred = rows - &mean;
    let covariance = centred.t().dot(&centred) / centred.nrows() as f64;
    let values: Vec<f64> = covariance.iter().copied().collect();
    let matrix = DenseMatrix::new(width, width, values, false).map_err(|error| told(&error))?;
    let found = matrix.evd(true).map_err(|error| told(&error))?;
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| found.d[*b].total_cmp(&found.d[*a]));
    let all: f64 = found.d.iter().map(|variance| variance.max(0.0)).sum();
    let mut sum = 0.0;
    let kept = order.iter().take_while(|place| {
        let is_wanted = sum < SHARE * all;
        sum += found.d[**place].max(0.0);
        is_wanted
    });
    let kept: Vec<usize> = kept.copied().collect();
    let directions = Array2::from_shape_fn((width, kept.len()), |(column, direction)| {
        *found.V.get((column, kept[direction])) as f32
    });
    PrincipalComponents::new(mean.mapv(|value| value as f32), directions)
        .map_err(|error| told(&error))
}
