//! Which features a forest leans on: how far each moves the score of real rows, on average.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::corpus::ClassRows;
use crate::alert::Class;
use crate::model::{Columns, Scorer};

/// Rows that are looked at, of each class of each capture: a few show what all do.
const ROWS_EACH: usize = 5;

/// Rows of many captures.
#[derive(Debug, Default)]
pub struct Sample {
    rows: Vec<Vec<f32>>,
}

impl Sample {
    /// Takes a few rows of each class of a capture, evenly spread.
    pub fn take(&mut self, capture: BTreeMap<Class, ClassRows>) {
        for of_class in capture.into_values() {
            let step = (of_class.rows.len() / ROWS_EACH).max(1);
            self.rows
                .extend(of_class.rows.into_iter().step_by(step).take(ROWS_EACH));
        }
    }

    /// A few rows of each class of a table, evenly spread.
    #[must_use]
    pub fn of_classes(rows: &Array2<f32>, labels: impl Iterator<Item = u8>) -> Self {
        let mut of_class: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (row, label) in labels.enumerate() {
            of_class.entry(label).or_default().push(row);
        }
        let few = of_class.values().flat_map(|places| {
            let step = (places.len() / ROWS_EACH).max(1);
            places.iter().step_by(step).take(ROWS_EACH)
        });
        Self {
            rows: few.map(|place| rows.row(*place).to_vec()).collect(),
        }
    }

    /// The columns of the rows that a model knows.
    #[must_use]
    pub fn select(&self, columns: &Columns) -> Self {
        let rows = self.rows.iter();
        let rows = rows.map(|row| columns.select_one(row).into_owned());
        Self {
            rows: rows.collect(),
        }
    }

    /// Each feature's index with its mean absolute contribution to the probabilities of all classes, most first; empty
    /// without rows.
    #[must_use]
    pub fn importance(&self, scorer: &Scorer) -> Vec<(usize, f64)> {
        let mut sums = vec![0.0; scorer.features()];
        for row in &self.rows {
            for class in 0..scorer.classes() {
                let contributions = scorer.contributions(row, class).features;
                for (sum, contribution) in sums.iter_mut().zip(contributions) {
                    *sum += contribution.abs();
                }
            }
        }
        if self.rows.is_empty() {
            return Vec::new();
        }
        let rows = self.rows.len() as f64;
        let mut means: Vec<(usize, f64)> =
            sums.into_iter().map(|sum| sum / rows).enumerate().collect();
        means.sort_by(|a, b| b.1.total_cmp(&a.1));
        means
    }
}
