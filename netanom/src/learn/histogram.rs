//! Our trainer: features cut into at most 256 bins, class histograms at each node, a thread for each core.
//!
//! Time grows with rows, not with their square. Each tree draws from a stream of its own, so the forest is the same
//! whatever the number of threads. Breiman 2001 for the forest; histograms as LightGBM (Ke et al. 2017) uses them.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
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
        let threads = match settings.threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        };
        let binned = Binned::of(data, settings.bins, threads);
        let done = AtomicUsize::new(0);
        Ok(each(settings.trees, threads, |place| {
            let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
            random.set_stream(place as u64);
            let tree = grow(&binned, data, settings, &mut random);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            tree
        }))
    }
}

/// What `make` makes of each number below `count`, in their order. Each thread takes the next number that is free.
fn each<T: Default + Send>(
    count: usize,
    threads: usize,
    make: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let made: Vec<Mutex<T>> = (0..count).map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = made.get(place) else { break };
                    let new = make(place);
                    // Poisoned means that another thread panicked, which the scope passes on.
                    if let Ok(mut slot) = slot.lock() {
                        *slot = new;
                    }
                }
            });
        }
    });
    let made = made.into_iter();
    made.map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// The rows with each value replaced by the number of its bin.
pub(super) struct Binned {
    /// A column a feature, a byte a row.
    pub(super) codes: Vec<Vec<u8>>,
    /// Between bin `b` and `b + 1` of a feature: `x <= threshold` is bin `b` or before.
    pub(super) thresholds: Vec<Vec<f32>>,
}

impl Binned {
    fn of(data: &DataSet, bins: usize, threads: usize) -> Self {
        let bins = bins.clamp(2, 256);
        let columns = each(data.features.len(), threads, |feature| {
            let column = data.rows.column(feature).to_vec();
            let thresholds = thresholds(&column, &data.weights, bins);
            let code =
                |value: &f32| thresholds.partition_point(|threshold| value > threshold) as u8;
            let codes: Vec<u8> = column.iter().map(code).collect();
            (codes, thresholds)
        });
        let (codes, thresholds) = columns.into_iter().unzip();
        Self { codes, thresholds }
    }
}

/// Cuts between the distinct values, or between quantiles of the weight when there are more than `bins` of them.
/// Rows without weight do not matter.
fn thresholds(values: &[f32], weights: &[f32], bins: usize) -> Vec<f32> {
    let weighted = values.iter().zip(weights);
    // As whole numbers they sort in half the time; equal values follow in the order of their weights.
    let mut sorted: Vec<u64> = weighted
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(value, weight)| u64::from(rank(*value)) << 32 | u64::from(weight.to_bits()))
        .collect();
    sorted.sort_unstable();
    let mut distinct: Vec<(f32, f64)> = Vec::new();
    for both in sorted {
        let value = of_rank((both >> 32) as u32);
        let weight = f64::from(f32::from_bits(both as u32));
        match distinct.last_mut() {
            Some((last, sum)) if *last == value => *sum += weight,
            _ => distinct.push((value, weight)),
        }
    }
    if distinct.len() <= bins {
        return distinct
            .windows(2)
            .map(|pair| midpoint(pair[0].0, pair[1].0))
            .collect();
    }
    let total: f64 = distinct.iter().map(|(_, weight)| weight).sum();
    let mut thresholds = Vec::with_capacity(bins - 1);
    let mut before = 0.0;
    for pair in distinct.windows(2) {
        before += pair[0].1;
        // A cut when the rows so far have reached the next quantile.
        if before * bins as f64 >= (thresholds.len() + 1) as f64 * total
            && thresholds.len() < bins - 1
        {
            thresholds.push(midpoint(pair[0].0, pair[1].0));
        }
    }
    thresholds
}

const SIGN: u32 = 1 << 31;

/// A number that sorts as the value does.
fn rank(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn of_rank(rank: u32) -> f32 {
    f32::from_bits(if rank & SIGN == 0 { !rank } else { rank ^ SIGN })
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
