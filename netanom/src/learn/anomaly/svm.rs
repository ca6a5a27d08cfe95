//! Fits a one-class support vector machine: min ½·αᵀKα with 0 ≤ αᵢ ≤ 1 and Σα = ν·n (Schölkopf et al. 2001), two weights at
//! a time, those that break the conditions most (SMO; Fan, Chen and Lin 2005), on a sample of the rows: exact there, where
//! random features would be near everywhere, and 4,096 rows take 64 MiB and a second.

use ndarray::{Array1, ArrayView2, Axis, s};

use super::library;
use crate::learn::trainer::TrainError;
use crate::model::anomaly::{Autoencoder, OneClassSvm, kernel};

/// Share of the rows that may lie outside of the hull.
const OUTSIDE: f32 = 0.1;

/// Rows of the sample.
const ROWS: usize = 4096;

/// How far conditions may be broken at the end, as in libsvm.
const TOLERANCE: f32 = 1e-3;

/// Steps after which it is as good as it gets.
const STEPS: usize = 1_000_000;

pub(super) fn fit(rows: ArrayView2<'_, f32>) -> Result<OneClassSvm, TrainError> {
    let rows = Autoencoder::seen(rows.slice(s![..rows.nrows().min(ROWS), ..]));
    let variance = rows.var(0.0).max(f32::MIN_POSITIVE);
    // "scale" in scikit-learn.
    let gamma = 1.0 / (rows.ncols() as f32 * variance);
    let kernel = kernel(rows.view(), rows.view(), gamma);
    let mut weights = start(rows.nrows());
    // The gradient of the goal: Kα.
    let mut gradient = kernel.dot(&weights);
    for _ in 0..STEPS {
        let Some((up, down)) = worst(&weights, &gradient) else {
            break;
        };
        let bend = (2.0 - 2.0 * kernel[(up, down)]).max(1e-12);
        let step = ((gradient[down] - gradient[up]) / bend)
            .min(1.0 - weights[up])
            .min(weights[down]);
        weights[up] += step;
        weights[down] -= step;
        gradient.scaled_add(step, &kernel.row(up));
        gradient.scaled_add(-step, &kernel.row(down));
    }
    let rho = rho(&weights, &gradient);
    let places: Vec<usize> = (0..rows.nrows())
        .filter(|row| weights[*row] > 0.0)
        .collect();
    OneClassSvm::new(
        rows.select(Axis(0), &places),
        weights.select(Axis(0), &places),
        gamma,
        rho,
    )
    .map_err(|error| library("the support vectors", &error))
}

/// The first rows share out all weight.
fn start(rows: usize) -> Array1<f32> {
    let all = OUTSIDE * rows as f32;
    (0..rows)
        .map(|row| (all - row as f32).clamp(0.0, 1.0))
        .collect()
}

/// The weight that should rise and the one that should fall, which break the conditions most; none where all are kept.
fn worst(weights: &Array1<f32>, gradient: &Array1<f32>) -> Option<(usize, usize)> {
    let (mut up, mut down) = ((0, f32::INFINITY), (0, f32::NEG_INFINITY));
    for (row, (weight, slope)) in weights.iter().zip(gradient).enumerate() {
        if *weight < 1.0 && *slope < up.1 {
            up = (row, *slope);
        }
        if *weight > 0.0 && *slope > down.1 {
            down = (row, *slope);
        }
    }
    (down.1 - up.1 > TOLERANCE).then_some((up.0, down.0))
}

/// Where the hull is: the mean over vectors that lie on it, else the middle between those inside and outside.
fn rho(weights: &Array1<f32>, gradient: &Array1<f32>) -> f32 {
    let pairs = || weights.iter().zip(gradient);
    let on: Vec<f32> = pairs()
        .filter(|(weight, _)| **weight > 0.0 && **weight < 1.0)
        .map(|(_, slope)| *slope)
        .collect();
    if !on.is_empty() {
        return on.iter().sum::<f32>() / on.len() as f32;
    }
    let inside = pairs().filter(|(weight, _)| **weight == 0.0);
    let outside = pairs().filter(|(weight, _)| **weight > 0.0);
    let least = inside
        .map(|(_, slope)| *slope)
        .fold(f32::INFINITY, f32::min);
    let most = outside
        .map(|(_, slope)| *slope)
        .fold(f32::NEG_INFINITY, f32::max);
    match least.is_finite() {
        true => f32::midpoint(least, most),
        false => most,
    }
}
