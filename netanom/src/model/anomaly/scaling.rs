//! From a row's numbers to what detectors compare: columns of one size, whatever they count.
//!
//! Numbers of columns that go beyond 100 become sign(x) · ln(1 + |x|), as bytes and counts span many powers of ten; words
//! become the surprise −ln of their share among normal rows, so that a rare or new word is far away and seventy words stay
//! one column. Then each column
//! loses its mean and is divided by its standard deviation among normal rows. A gap among numbers is the column's mean.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis};

use super::{ArrayError, NamedArrays};

/// No scaled number is farther from 0: what is beyond would drown rounding errors of all others.
const FARTHEST: f32 = 1e4;

/// A column of normal rows that goes farther counts something: logarithms tell more of it.
const COUNTS: f32 = 100.0;

/// Whether nothing stands there: NaN, or what trainers take for it.
#[must_use]
pub fn is_gap(value: f32) -> bool {
    value.is_nan() || value == f32::MIN
}

/// How each column becomes one that detectors can compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    means: Array1<f32>,
    /// Above 0.
    deviations: Array1<f32>,
    /// Whether logarithms are taken of a column.
    is_bent: Vec<bool>,
    /// By column: nothing for numbers, else the surprise of each word and, last, that of a gap, as which a word comes that
    /// training did not have.
    surprises: Vec<Vec<f32>>,
    /// The scaled median of normal rows.
    typical: Array1<f32>,
}

impl Scaling {
    /// Learns from normal rows; `words` says how many words each column has, 0 for numbers.
    #[must_use]
    pub fn fit(rows: ArrayView2<'_, f32>, words: &[usize]) -> Self {
        let width = rows.ncols();
        let mut scaling = Self {
            means: Array1::zeros(width),
            deviations: Array1::ones(width),
            is_bent: vec![false; width],
            surprises: vec![Vec::new(); width],
            typical: Array1::zeros(width),
        };
        for (column, values) in rows.axis_iter(Axis(1)).enumerate() {
            let words = words.get(column).copied().unwrap_or(0);
            if words > 0 {
                let mut counts = vec![0_usize; words + 1];
                for value in values {
                    let place = if is_gap(*value) {
                        words
                    } else {
                        *value as usize
                    };
                    counts[place.min(words)] += 1;
                }
                let all = (values.len() + 1) as f32;
                let surprise = |count: usize| (all / (count + 1) as f32).ln();
                scaling.surprises[column] = counts.into_iter().map(surprise).collect();
            }
            scaling.is_bent[column] = values
                .iter()
                .any(|value| !is_gap(*value) && value.abs() > COUNTS);
            let there = values.iter().filter(|value| words > 0 || !is_gap(**value));
            let bent: Vec<f64> = there
                .map(|value| f64::from(scaling.bent(column, *value)))
                .collect();
            let count = bent.len().max(1) as f64;
            let mean = bent.iter().sum::<f64>() / count;
            let variance = bent.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            scaling.means[column] = mean as f32;
            // A column that is always the same is compared as it is.
            if variance.sqrt() > 1e-6 * (1.0 + mean.abs()) {
                scaling.deviations[column] = variance.sqrt() as f32;
            }
        }
        scaling.typical = scaling.medians(rows);
        scaling
    }

    fn medians(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        let medians = rows.axis_iter(Axis(1)).enumerate().map(|(column, values)| {
            let scaled = values.iter().map(|value| self.scaled(column, *value));
            let mut scaled: Vec<f32> = scaled.collect();
            scaled.sort_by(f32::total_cmp);
            scaled.get(scaled.len() / 2).copied().unwrap_or(0.0)
        });
        medians.collect()
    }

    /// Numbers in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.means.len()
    }

    /// The scaled median of normal rows.
    #[must_use]
    pub fn typical(&self) -> &Array1<f32> {
        &self.typical
    }

    fn bent(&self, column: usize, value: f32) -> f32 {
        match self.surprises[column].as_slice() {
            [] if self.is_bent[column] => value.signum() * value.abs().ln_1p(),
            [] => value,
            surprises if is_gap(value) => surprises[surprises.len() - 1],
            surprises => surprises[(value.max(0.0) as usize).min(surprises.len() - 1)],
        }
    }

    fn scaled(&self, column: usize, value: f32) -> f32 {
        if is_gap(value) && self.surprises[column].is_empty() {
            return 0.0;
        }
        let scaled = (self.bent(column, value) - self.means[column]) / self.deviations[column];
        scaled.clamp(-FARTHEST, FARTHEST)
    }

    fn fill(&self, row: impl Iterator<Item = f32>, mut output: ArrayViewMut1<'_, f32>) {
        let values = row.chain(std::iter::repeat(f32::NAN));
        for ((column, output), value) in output.iter_mut().enumerate().zip(values) {
            *output = self.scaled(column, value);
        }
    }

    /// The scaled rows. Columns that `rows` lacks are gaps; further ones are not looked at.
    #[must_use]
    pub fn apply(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut scaled = Array2::zeros((rows.nrows(), self.features()));
        for (row, output) in rows.outer_iter().zip(scaled.outer_iter_mut()) {
            self.fill(row.iter().copied(), output);
        }
        scaled
    }

    /// The same of one row.
    #[must_use]
    pub fn apply_one(&self, row: &[f32]) -> Array1<f32> {
        let mut scaled = Array1::zeros(self.features());
        self.fill(row.iter().copied(), scaled.view_mut());
        scaled
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.within("scaling", |arrays| {
            arrays.put_row("means", self.means.iter().copied());
            arrays.put_row("deviations", self.deviations.iter().copied());
            arrays.put_row("typical", self.typical.iter().copied());
            let bent = self
                .is_bent
                .iter()
                .map(|is_bent| f32::from(u8::from(*is_bent)));
            arrays.put_row("bent", bent);
            let lengths = self.surprises.iter().map(|words| words.len() as f32);
            arrays.put_row("words", lengths);
            arrays.put_row("surprises", self.surprises.iter().flatten().copied());
        });
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        arrays.within("scaling", |arrays| {
            let means = arrays.take_row("means")?;
            let deviations = arrays.take_row("deviations")?;
            let typical = arrays.take_row("typical")?;
            let bent = arrays.take_row("bent")?;
            let is_bent: Vec<bool> = bent.iter().map(|bent| *bent > 0.0).collect();
            let lengths = arrays.take_row("words")?;
            let all = arrays.take_row("surprises")?.to_vec();
            let mut rest = all.as_slice();
            let mut surprises = Vec::with_capacity(lengths.len());
            for length in &lengths {
                let Some((of_column, behind)) = rest.split_at_checked(*length as usize) else {
                    return Err(ArrayError::Missing("scaling.surprises".to_owned()));
                };
                surprises.push(of_column.to_vec());
                rest = behind;
            }
            let width = means.len();
            let is_sound = [
                deviations.len(),
                typical.len(),
                surprises.len(),
                is_bent.len(),
            ] == [width; 4]
                && width > 0
                && deviations.iter().all(|deviation| *deviation > 0.0);
            if !is_sound {
                return Err(ArrayError::Wrong("its scaling is none".to_owned()));
            }
            Ok(Self {
                means,
                deviations,
                is_bent,
                surprises,
                typical,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn columns_get_mean_0_and_deviation_1_and_gaps_the_mean() {
        let rows = array![[0.0, 5.0], [1e6, 5.0], [f32::MIN, 5.0]];
        let scaling = Scaling::fit(rows.view(), &[0, 0]);
        let scaled = scaling.apply(rows.view());
        assert!((scaled[(0, 0)] + 1.0).abs() < 1e-5 && (scaled[(1, 0)] - 1.0).abs() < 1e-5);
        assert_eq!(scaled[(2, 0)], 0.0);
        assert_eq!(scaled.column(1).to_vec(), [0.0; 3]);
        // What was always the same and now is not stays a finite number.
        assert_eq!(scaling.apply_one(&[0.0, 6.0])[1], 1.0);
        assert!(
            scaling
                .apply_one(&[f32::MAX, f32::INFINITY])
                .iter()
                .all(|value| value.is_finite())
        );
    }

    #[test]
    fn a_rare_word_is_farther_than_a_common_one_and_a_new_word_is_farthest() {
        let mut rows = Array2::zeros((100, 1));
        rows[(0, 0)] = 1.0;
        let scaling = Scaling::fit(rows.view(), &[3]);
        let of = |word: f32| scaling.apply_one(&[word])[0];
        assert!(of(0.0) < of(1.0) && of(1.0) < of(2.0));
        assert_eq!(of(2.0), of(f32::NAN));
    }

    #[test]
    fn a_row_that_is_too_short_has_gaps() {
        let scaling = Scaling::fit(array![[1.0, 2.0], [3.0, 9.0]].view(), &[0, 0]);
        assert_eq!(scaling.apply(array![[1.0]].view())[(0, 1)], 0.0);
    }
}
