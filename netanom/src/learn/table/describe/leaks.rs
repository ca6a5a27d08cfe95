//! What single columns say: of the label, and of each other.

use std::collections::HashMap;

use serde::Serialize;

use crate::learn::table::Column;

/// Parts that numbers are cut into.
const PARTS: usize = 256;

/// Columns that are compared with each other, and rows that are looked at for it.
const COLUMNS: usize = 100;
const ROWS: usize = 20_000;

/// How close columns must be to be told of.
const CLOSE: f64 = 0.95;

/// Columns and classes whose spread is shown, and the parts of all rows that it is shown over.
const SHAPES: usize = 6;
const CLASSES: usize = 6;
const STEPS: usize = 20;

/// What a column alone says of the label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leak {
    /// The column.
    pub column: String,
    /// Rows whose label it gives rightly: each value stands for the label that most rows of one half with that value have,
    /// and the other half is judged.
    pub accuracy: f64,
    /// Of what the most frequent label leaves to be known, the share that it gives.
    pub gives: f64,
}

impl Leak {
    /// Whether it gives the label away: a model would look at nothing else.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.gives >= 0.98
    }
}

/// Two columns that go together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Correlation {
    /// Both.
    pub columns: [String; 2],
    /// Pearson's coefficient, −1 to 1.
    pub coefficient: f64,
}

/// How a column is spread, by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The column.
    pub column: String,
    /// By class: the share of its rows in each twentieth of all rows, in the order of the column's numbers.
    pub classes: Vec<(String, Vec<f64>)>,
}

/// Each cell as a kind: a word, a part of the range, or nothing.
fn kinds(column: &Column, parts: usize) -> Vec<u64> {
    let mut sorted: Vec<f32> = column
        .numbers
        .iter()
        .copied()
        .filter(|n| !n.is_nan())
        .collect();
    sorted.sort_by(f32::total_cmp);
    let mut borders: Vec<f32> = (1..parts)
        .filter_map(|part| sorted.get(part * sorted.len() / parts).copied())
        .collect();
    borders.dedup();
    let words = column.word_of_each();
    let kind = |(number, word): (&f32, Option<u32>)| match word {
        Some(word) => (1 << 32) + u64::from(word),
        None if number.is_nan() => u64::MAX,
        None => borders.partition_point(|border| border <= number) as u64,
    };
    column.numbers.iter().zip(words).map(kind).collect()
}

/// Whether a row is of the half that is learned from: by a hash of its place (Knuth's), as rows may alternate.
fn is_learned(row: usize) -> bool {
    (row as u32).wrapping_mul(2_654_435_761) >> 31 == 0
}

/// What each column says of the label, most telling first.
pub(super) fn leaks(columns: &[&Column], labels: &[u32], classes: usize) -> Vec<Leak> {
    let mut counts = vec![0_usize; classes];
    let learned = || {
        labels
            .iter()
            .enumerate()
            .filter(|(row, _)| is_learned(*row))
    };
    learned().for_each(|(_, label)| counts[*label as usize] += 1);
    let usual = counts.iter().enumerate().max_by_key(|(_, count)| **count);
    let usual = usual.map_or(0, |(label, _)| label as u32);
    let judged = labels.len() - learned().count();
    let share = |right: usize| right as f64 / judged.max(1) as f64;
    let others = labels
        .iter()
        .enumerate()
        .filter(|(row, _)| !is_learned(*row));
    let base = share(others.filter(|(_, label)| **label == usual).count());
    let mut leaks: Vec<Leak> = columns
        .iter()
        .map(|column| {
            let kinds = kinds(column, PARTS);
            let mut by_kind: HashMap<u64, HashMap<u32, usize>> = HashMap::new();
            for (row, label) in learned() {
                let kind = &kinds[row];
                *by_kind.entry(*kind).or_default().entry(*label).or_default() += 1;
            }
            let best = |counts: HashMap<u32, usize>| {
                let best = counts
                    .into_iter()
                    .max_by_key(|(label, count)| (*count, u32::MAX - label));
                best.map_or(usual, |(label, _)| label)
            };
            let of_kind: HashMap<u64, u32> = by_kind
                .into_iter()
                .map(|(kind, counts)| (kind, best(counts)))
                .collect();
            let pairs = kinds.iter().zip(labels).enumerate();
            let right = pairs.filter(|(row, (kind, label))| {
                !is_learned(*row) && of_kind.get(kind).unwrap_or(&usual) == *label
            });
            let accuracy = share(right.count());
            Leak {
                column: column.name.clone(),
                accuracy,
                gives: if base < 1.0 {
                    (accuracy - base) / (1.0 - base)
                } else {
                    0.0
                },
            }
        })
        .collect();
    leaks.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
    leaks
}

/// Columns of numbers that rise and fall together, over some rows from all parts of the table; gaps are the mean.
pub(super) fn correlations(columns: &[&Column]) -> Vec<Correlation> {
    let numbers = columns.iter().filter(|column| column.words.is_empty());
    let vectors: Vec<(&str, Vec<f64>)> = numbers
        .take(COLUMNS)
        .filter_map(|column| Some((column.name.as_str(), unit(&column.numbers)?)))
        .collect();
    let mut found = Vec::new();
    for (place, (name, of_one)) in vectors.iter().enumerate() {
        for (other, of_other) in &vectors[place + 1..] {
            let coefficient: f64 = of_one.iter().zip(of_other).map(|(a, b)| a * b).sum();
            if coefficient.abs() >= CLOSE {
                found.push(Correlation {
                    columns: [(*name).to_owned(), (*other).to_owned()],
                    coefficient,
                });
            }
        }
    }
    found.sort_by(|a, b| b.coefficient.abs().total_cmp(&a.coefficient.abs()));
    found
}

/// A column without its mean, of length 1; none where it is always the same.
fn unit(numbers: &[f32]) -> Option<Vec<f64>> {
    let step = numbers.len().div_ceil(ROWS).max(1);
    let taken: Vec<f64> = numbers
        .iter()
        .step_by(step)
        .map(|number| f64::from(*number))
        .collect();
    let there: Vec<f64> = taken
        .iter()
        .copied()
        .filter(|number| !number.is_nan())
        .collect();
    let mean = there.iter().sum::<f64>() / there.len().max(1) as f64;
    let centred: Vec<f64> = taken
        .into_iter()
        .map(|number| if number.is_nan() { 0.0 } else { number - mean })
        .collect();
    let length = centred
        .iter()
        .map(|number| number * number)
        .sum::<f64>()
        .sqrt();
    let is_vector = length > 1e-9 * mean.abs() && length > 0.0 && length.is_finite();
    is_vector.then(|| centred.into_iter().map(|number| number / length).collect())
}

/// The spread of the most telling columns of numbers.
pub(super) fn shapes(
    columns: &[&Column],
    labels: &[u32],
    names: &[String],
    leaks: &[Leak],
) -> Vec<Shape> {
    let mut of_class = vec![0_usize; names.len()];
    labels
        .iter()
        .for_each(|label| of_class[*label as usize] += 1);
    let mut classes: Vec<usize> = (0..names.len()).collect();
    classes.sort_by_key(|class| std::cmp::Reverse(of_class[*class]));
    classes.truncate(CLASSES);
    let of_numbers = |leak: &Leak| {
        let column = columns.iter().find(|column| column.name == leak.column)?;
        column.words.is_empty().then_some(*column)
    };
    let shape = |column: &Column| {
        let kinds = kinds(column, STEPS);
        let of = |class: &usize| {
            let mut parts = vec![0.0; STEPS];
            for (kind, _) in kinds
                .iter()
                .zip(labels)
                .filter(|(_, label)| **label as usize == *class)
            {
                if let Some(part) = parts.get_mut(*kind as usize) {
                    *part += 1.0 / of_class[*class] as f64;
                }
            }
            (names[*class].clone(), parts)
        };
        Shape {
            column: column.name.clone(),
            classes: classes.iter().map(of).collect(),
        }
    };
    leaks
        .iter()
        .filter_map(of_numbers)
        .take(SHAPES)
        .map(shape)
        .collect()
}
