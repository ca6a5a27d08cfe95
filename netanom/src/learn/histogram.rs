//! Our trainer: features cut into at most 256 bins, class histograms at each node, a thread for each core.
//!
//! Time grows with rows, not with their square. Each tree draws from a stream of its own, so the forest is the same
//! whatever the number of threads. Breiman 2001 for the forest; histograms as LightGBM (Ke et al. 2017) uses them.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::dataset::DataSet;
use super::growth::grow;
use super::trainer::{ForestSettings, TrainError, Trainer};
use crate::model::Tree;

/// Grows trees from histograms.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistogramTrainer;

impl Trainer for HistogramTrainer {
    fn name(&self) -> &'static str {
        "histogram"
    }

    fn train(
        &self,
        data: &DataSet,
        settings: &ForestSettings,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Tree>, TrainError> {
        data.check()?;
        let binned = Binned::of(data, settings.bins);
        let threads = match settings.threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        };
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let trees: Vec<Mutex<Tree>> = (0..settings.trees).map(|_| Mutex::default()).collect();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(slot) = trees.get(place) else { break };
                        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
                        random.set_stream(place as u64);
                        let tree = grow(&binned, data, settings, &mut random);
                        if let Ok(mut slot) = slot.lock() {
                            *slot = tree;
                        }
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        Ok(trees
            .into_iter()
            .map(|tree| {
                tree.into_inner()
                    .unwrap_or_else(|broken| broken.into_inner())
            })
            .collect())
    }
}

/// The rows with each value replaced by the number of its bin.
pub(super) struct Binned {
    /// A column a feature, a byte a row.
    pub(super) codes: Vec<Vec<u8>>,
    /// Between bin `b` and `b + 1` of a feature: `x <= threshold` is bin `b` or before.
    pub(super) thresholds: Vec<Vec<f32>>,
}

impl Binned {
    fn of(data: &DataSet, bins: usize) -> Self {
        let bins = bins.clamp(2, 256);
        let thresholds: Vec<Vec<f32>> = data
            .rows
            .columns()
            .into_iter()
            .map(|column| thresholds(column.to_vec(), bins))
            .collect();
        let columns = data.rows.columns().into_iter().zip(&thresholds);
        let code = |value: &f32, thresholds: &[f32]| {
            thresholds.partition_point(|threshold| value > threshold) as u8
        };
        let codes = columns
            .map(|(column, thresholds)| {
                column.iter().map(|value| code(value, thresholds)).collect()
            })
            .collect();
        Self { codes, thresholds }
    }
}

/// Cuts between the distinct values, or between quantiles when there are more than `bins` of them.
fn thresholds(mut values: Vec<f32>, bins: usize) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let total = values.len();
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in values {
        match distinct.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => distinct.push((value, 1)),
        }
    }
    if distinct.len() <= bins {
        return distinct
            .windows(2)
            .map(|pair| midpoint(pair[0].0, pair[1].0))
            .collect();
    }
    let mut thresholds = Vec::with_capacity(bins - 1);
    let mut before = 0;
    for pair in distinct.windows(2) {
        before += pair[0].1;
        // A cut when the rows so far have reached the next quantile.
        if before * bins >= (thresholds.len() + 1) * total && thresholds.len() < bins - 1 {
            thresholds.push(midpoint(pair[0].0, pair[1].0));
        }
    }
    thresholds
}

/// A number with `low <= midpoint < high`.
fn midpoint(low: f32, high: f32) -> f32 {
    let middle = low + (high - low) / 2.0;
    if middle >= low && middle < high {
        middle
    } else {
        low
    }
}

#[cfg(test)]
mod tests;
