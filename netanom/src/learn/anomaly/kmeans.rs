//! Fits centres by smartcore's k-means (Lloyd 1982, from the start of Arthur and Vassilvitskii 2007).
//!
//! Its centres are private, and what it serialises is the only way to them, as with its forests.

use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;
use smartcore::cluster::kmeans::{KMeans as Smartcore, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::library;
use crate::learn::trainer::TrainError;
use crate::model::anomaly::{Autoencoder, KMeans};

/// Centres: enough for the kinds of traffic that a network has, few enough to be judged by in a microsecond.
const CENTRES: usize = 32;

/// Rows that are looked at.
const ROWS: usize = 1 << 15;

/// Starts, of which that with the nearest centres is taken.
const STARTS: u64 = 4;

const STEPS: usize = 100;

/// What smartcore serialises of its model, as far as it is needed.
#[derive(Deserialize)]
struct Serialised {
    centroids: Vec<Vec<Option<f64>>>,
    #[serde(rename = "_distortion")]
    distortion: f64,
}

pub(super) fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<KMeans, TrainError> {
    let told = |error: &dyn std::fmt::Display| library("smartcore's k-means", error);
    let rows = Autoencoder::seen(rows.slice(s![..rows.nrows().min(ROWS), ..]));
    let (count, width) = rows.dim();
    let values: Vec<f32> = rows.iter().copied().collect();
    let matrix = DenseMatrix::new(count, width, values, false).map_err(|error| told(&error))?;
    let mut best: Option<Serialised> = None;
    for start in 0..STARTS {
        let parameters = KMeansParameters {
            k: CENTRES.min(count / 2).max(2),
            max_iter: STEPS,
            seed: Some(seed.wrapping_add(start)),
        };
        let fitted: Smartcore<f32, u32, DenseMatrix<f32>, Vec<u32>> =
            Smartcore::fit(&matrix, parameters).map_err(|error| told(&error))?;
        let text = serde_json::to_string(&fitted).map_err(|error| told(&error))?;
        let found: Serialised = serde_json::from_str(&text).map_err(|error| told(&error))?;
        if best
            .as_ref()
            .is_none_or(|best| found.distortion < best.distortion)
        {
            best = Some(found);
        }
    }
    // A centre that lost all of its rows is no number there.
    let centres = best.map(|best| best.centroids).unwrap_or_default();
    let centres: Vec<Vec<f32>> = centres
        .into_iter()
        .filter_map(|centre| {
            centre
                .into_iter()
                .map(|value| value.map(|value| value as f32))
                .collect()
        })
        .collect();
    let flat: Vec<f32> = centres.iter().flatten().copied().collect();
    let centres = Array2::from_shape_vec((centres.len(), width), flat);
    KMeans::new(centres.map_err(|error| told(&error))?).map_err(|error| told(&error))
}
