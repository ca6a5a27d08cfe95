//! Learning what is normal: each kind of detector from normal rows alone, one file a kind.
//!
//! A fifth of the normal rows is held out: what the detectors say of these is what their scores are worth
//! ([`Ranks`]). Labels of attacks are not looked at, but for the kind that joins an autoencoder with a forest.

mod autoencoder;
mod isolation;
mod kind;
mod kmeans;
mod lof;
mod pca;
mod svm;

use std::thread;

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use kind::{Kind, KindError, Weights};

use super::dataset::DataSet;
use super::trainer::{ForestSettings, TrainError, Trainer};
use crate::model::anomaly::{Anomaly, AutoencoderForest, Detector, Member, Ranks, Scaling};
use crate::model::{Forest, Scorer};

/// Of so many normal rows one is held out.
const HELD_OUT: usize = 5;

/// Fewer normal rows say nothing of what is normal.
const LEAST_ROWS: usize = 20;

/// More rows than this are not learned from: a sample of them says the same, and time stays bounded.
const MOST_ROWS: usize = 1 << 18;

/// How a model of what is normal is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Share of normal rows that may be called an anomaly.
    pub false_alarms: f64,
    /// How much each kind counts in an ensemble.
    pub weights: Weights,
    /// Seed of all draws.
    pub seed: u64,
}

/// Fits a kind that is no forest alone to the rows of class `normal`; `words` says how many words each column has.
///
/// # Errors
/// When there are too few normal rows, or a library fails.
pub fn fit(
    kind: Kind,
    data: &DataSet,
    words: &[usize],
    settings: &Settings,
) -> Result<Scorer, TrainError> {
    let normal = normal_rows(data, settings.seed)?;
    let held_out = (normal.nrows() / HELD_OUT).max(1);
    let (held_out, rest) = normal.view().split_at(Axis(0), held_out);
    let scaling = Scaling::fit(rest, words);
    let (rest, held_out) = (scaling.apply(rest), scaling.apply(held_out));
    let parts = kind.parts().iter().copied();
    let parts = parts.map(|part| (part, settings.weights.of(part.name())));
    let parts: Vec<(Kind, f32)> = parts.filter(|(_, weight)| *weight > 0.0).collect();
    let members = in_parallel(&parts, |(part, weight)| {
        let detector = detector(*part, rest.view(), settings.seed)?;
        Ok(Member {
            weight: *weight,
            ranks: Ranks::of(scores(&detector, held_out.view())),
            detector,
        })
    })?;
    let joined = match members.len() {
        1 => members[0].ranks.clone(),
        _ => Ranks::of(Anomaly::joined_scores(&members, held_out.view()).to_vec()),
    };
    let least = f64::from(joined.least());
    if least > settings.false_alarms {
        log::warn!(
            "{} normal rows were held out, which is too few to say what one of {:.0} is like: nothing will be called an \
             anomaly; give more rows, or a larger --false-alarms",
            held_out.nrows(),
            1.0 / settings.false_alarms
        );
    }
    let anomaly = Anomaly::new(scaling, members, joined, settings.false_alarms as f32);
    Ok(anomaly
        .map_err(|error| library("the detectors", &error))?
        .into())
}

/// Fits an autoencoder to the normal rows, and a forest to all with what it makes of them.
///
/// # Errors
/// When there are too few normal rows, or the forest cannot be grown.
pub fn fit_with_forest(
    data: &DataSet,
    words: &[usize],
    trainer: &dyn Trainer,
    forest: &ForestSettings,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Scorer, TrainError> {
    let normal = normal_rows(data, forest.seed)?;
    let scaling = Scaling::fit(normal.view(), words);
    let autoencoder = autoencoder::fit(scaling.apply(normal.view()).view(), forest.seed)?;
    let rows = AutoencoderForest::extended(&scaling, &autoencoder, data.rows.view());
    let more = (data.features.len()..rows.ncols()).map(|column| format!("autoencoder {column}"));
    let extended = DataSet {
        features: data.features.iter().cloned().chain(more).collect(),
        rows,
        ..data.clone()
    };
    let trees = trainer.train(&extended, forest, progress)?;
    let grown = Forest::new(&trees, data.classes.len(), extended.features.len());
    let grown = grown.map_err(|error| library("the forest", &error))?;
    let both = AutoencoderForest::new(scaling, autoencoder, grown);
    Ok(both.map_err(|error| library("the forest", &error))?.into())
}

/// The rows of class `normal` in a random order, at most [`MOST_ROWS`].
fn normal_rows(data: &DataSet, seed: u64) -> Result<Array2<f32>, TrainError> {
    let normal = data.normal();
    let labels = data.labels.iter().enumerate();
    let mut places: Vec<usize> = labels
        .filter(|(_, label)| Some(usize::from(**label)) == normal)
        .map(|(row, _)| row)
        .collect();
    if places.len() < LEAST_ROWS {
        return Err(TrainError::TooFewNormal {
            rows: places.len(),
            least: LEAST_ROWS,
        });
    }
    places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    places.truncate(MOST_ROWS);
    Ok(data.rows.select(Axis(0), &places))
}

/// One detector of scaled rows, which come in a random order.
fn detector(kind: Kind, rows: ArrayView2<'_, f32>, seed: u64) -> Result<Detector, TrainError> {
    Ok(match kind {
        Kind::Autoencoder => Detector::Autoencoder(autoencoder::fit(rows, seed)?),
        Kind::IsolationForest => Detector::IsolationForest(isolation::fit(rows, seed)?),
        Kind::Lof => Detector::LocalOutlierFactor(lof::fit(rows)?),
        Kind::OneClassSvm => Detector::OneClassSvm(svm::fit(rows)?),
        Kind::Pca => Detector::PrincipalComponents(pca::fit(rows)?),
        Kind::KMeans => Detector::KMeans(kmeans::fit(rows, seed)?),
        Kind::Forest | Kind::AutoencoderForest | Kind::Ensemble => {
            return Err(TrainError::Library {
                library: "netanom",
                detail: format!("`{}` is no detector", kind.name()),
            });
        }
    })
}

/// The scores of many rows, by every core.
#[must_use]
pub fn scores(detector: &Detector, rows: ArrayView2<'_, f32>) -> Vec<f32> {
    by_rows(rows, |rows| detector.scores(rows).to_vec())
}

/// What `work` makes of rows, in their order, with a thread a core.
pub(crate) fn by_rows<T: Send>(
    rows: ArrayView2<'_, f32>,
    work: impl Fn(ArrayView2<'_, f32>) -> Vec<T> + Sync,
) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let each = rows.nrows().div_ceil(threads).max(1);
    let work = &work;
    let parts = thread::scope(|scope| {
        let chunks = rows.axis_chunks_iter(Axis(0), each);
        let running: Vec<_> = chunks
            .map(|chunk| scope.spawn(move || work(chunk)))
            .collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.collect::<Vec<_>>()
    });
    let parts = parts.into_iter().flat_map(|part| match part {
        Ok(part) => part,
        Err(panic) => std::panic::resume_unwind(panic),
    });
    parts.collect()
}

/// What `work` makes of each, with a thread for each; the number of kinds bounds them.
fn in_parallel<T: Sync, R: Send>(
    of: &[T],
    work: impl Fn(&T) -> Result<R, TrainError> + Sync,
) -> Result<Vec<R>, TrainError> {
    let work = &work;
    let ended = thread::scope(|scope| {
        let running: Vec<_> = of
            .iter()
            .map(|one| scope.spawn(move || work(one)))
            .collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.collect::<Vec<_>>()
    });
    let results = ended.into_iter().map(|result| match result {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    });
    results.collect()
}

/// As all that can fail in a kind is told.
fn library(library: &'static str, error: &dyn std::fmt::Display) -> TrainError {
    TrainError::Library {
        library,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
