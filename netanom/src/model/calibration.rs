//! From the share of the trees that say so to a probability: a table for each class, and the sum made 1 again.
//!
//! A forest's shares order rows well, but are pulled towards the middle: each tree has seen other rows, so even where
//! all should agree some do not. A table says what a share was worth on captures that the forest had not seen
//! (`learn/calibration.rs` makes it). It never falls, so of two rows that differ in one class's share alone, the one
//! with the greater share keeps the greater probability.

use ndarray::Array2;

/// Entries of a table: values for the shares 0, 1/64, … 1.
pub const CALIBRATION_POINTS: usize = 65;

/// What the shares of a forest's trees are worth, class by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    method: String,
    /// [`CALIBRATION_POINTS`] values for each class, one class after the other.
    tables: Vec<f32>,
}

/// A table is none.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// Too many or too few entries.
    #[error("its calibration has {found} entries and needs {expected}")]
    Length {
        /// Entries.
        found: usize,
        /// Classes × [`CALIBRATION_POINTS`].
        expected: usize,
    },
    /// A value outside 0 to 1, or smaller than the one before.
    #[error("its calibration does not rise from 0 to 1 at entry {0}")]
    Value(usize),
}

impl Calibration {
    /// A calibration by `method` (a name for people) of [`CALIBRATION_POINTS`] values for each of `classes` classes.
    ///
    /// # Errors
    /// When their number is another, one is not within 0 to 1, or one is less than that before it.
    pub fn new(method: &str, tables: Vec<f32>, classes: usize) -> Result<Self, CalibrationError> {
        let expected = classes.saturating_mul(CALIBRATION_POINTS);
        if tables.len() != expected {
            return Err(CalibrationError::Length {
                found: tables.len(),
                expected,
            });
        }
        for (at, value) in tables.iter().enumerate() {
            let before = match at % CALIBRATION_POINTS {
                0 => 0.0,
                _ => tables[at - 1],
            };
            if !(before..=1.0).contains(value) {
                return Err(CalibrationError::Value(at));
            }
        }
        Ok(Self {
            method: method.to_owned(),
            tables,
        })
    }

    /// How it was fitted.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The tables, one class after the other.
    #[must_use]
    pub fn tables(&self) -> &[f32] {
        &self.tables
    }

    /// Makes probabilities of shares, in place. Entries after the last class stay as they are.
    ///
    /// A row of which no class is worth anything keeps its shares: there is nothing to divide by.
    pub fn apply(&self, shares: &mut [f32]) {
        let tables = || self.tables.chunks_exact(CALIBRATION_POINTS);
        let worth = |(share, table): (&f32, &[f32])| interpolated(table, *share);
        let sum: f32 = shares.iter().zip(tables()).map(worth).sum();
        if sum > 0.0 {
            for (share, table) in shares.iter_mut().zip(tables()) {
                *share = worth((share, table)) / sum;
            }
        }
    }

    /// The same for each row.
    pub fn apply_rows(&self, shares: &mut Array2<f32>) {
        for mut row in shares.rows_mut() {
            // Rows of a new array lie in one piece.
            if let Some(row) = row.as_slice_mut() {
                self.apply(row);
            }
        }
    }
}

/// The table's value at `share`, on the line between the two entries beside it.
fn interpolated(table: &[f32], share: f32) -> f32 {
    let last = table.len() - 1;
    let place = share.clamp(0.0, 1.0) * last as f32;
    let below = (place as usize).min(last - 1);
    let (low, high) = (table[below], table[below + 1]);
    low + (high - low) * (place - below as f32)
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    /// The same table for each class.
    fn of(classes: usize, value: impl Fn(f32) -> f32) -> Calibration {
        let table = (0..CALIBRATION_POINTS).map(|at| value(at as f32 / 64.0));
        let table: Vec<f32> = table.collect();
        Calibration::new("test", table.repeat(classes), classes).unwrap()
    }

    #[test]
    fn squares_make_the_sure_surer() {
        let mut rows = array![[0.75, 0.25], [0.5, 0.5], [1.0, 0.0]];
        of(2, |share| share * share).apply_rows(&mut rows);
        // 9/16 of 10/16.
        let expected = array![[0.9, 0.1], [0.5, 0.5], [1.0, 0.0]];
        let worst = (&rows - expected).mapv(f32::abs);
        assert!(worst.iter().all(|error| *error < 1e-6), "{rows}");
    }

    #[test]
    fn between_two_entries_lies_a_line() {
        let table: Vec<f32> = (0..CALIBRATION_POINTS).map(|at| at as f32 / 64.0).collect();
        assert!((interpolated(&table, 0.3) - 0.3).abs() < 1e-6);
        assert_eq!(interpolated(&table, 1.0), 1.0);
    }

    #[test]
    fn a_row_that_is_worth_nothing_keeps_its_shares() {
        let steps = of(2, |share| if share < 0.9 { 0.0 } else { 1.0 });
        let mut row = [0.6, 0.4];
        steps.apply(&mut row);
        assert_eq!(row, [0.6, 0.4]);
    }

    #[test]
    fn a_table_that_falls_or_leaves_its_range_is_refused() {
        let told = |change: fn(&mut Vec<f32>)| {
            let mut tables = of(2, |share| share).tables().to_vec();
            change(&mut tables);
            Calibration::new("test", tables, 2).unwrap_err().to_string()
        };
        assert!(told(|tables| tables[70] = 0.0).ends_with("at entry 70"));
        assert!(told(|tables| tables[64] = 1.1).ends_with("at entry 64"));
        assert!(told(|tables| tables[65] = f32::NAN).ends_with("at entry 65"));
        assert!(told(|tables| tables.truncate(129)).contains("has 129 entries and needs 130"));
    }

    proptest! {
        #[test]
        fn more_trees_never_mean_less_and_the_sum_is_one(
            mut values in prop::collection::vec(0.0_f32..=1.0, CALIBRATION_POINTS),
            share in 0.0_f32..0.9,
            more in 0.01_f32..0.1,
        ) {
            values.sort_by(f32::total_cmp);
            let calibration = Calibration::new("test", values.repeat(2), 2).unwrap();
            let judged = |share: f32| {
                let mut row = [share, 1.0 - share];
                calibration.apply(&mut row);
                row
            };
            let (less, greater) = (judged(share), judged(share + more));
            prop_assert!((less.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let is_worth = calibration.tables()[32] > 0.0;
            prop_assert!(!is_worth || less[0] <= greater[0] + 1e-5, "{less:?} {greater:?}");
        }
    }
}
