//! What is in a column.

use std::collections::HashSet;

use serde::Serialize;

use crate::learn::table::Column;

/// Different numbers that are counted; more are many.
const MANY: usize = 100_000;

/// What most of a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Words.
    Word,
    /// Numbers with some words among them, which training refuses.
    Mixed,
    /// Nothing.
    Empty,
}

/// The numbers of a column.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// What most of its cells are.
    pub kind: ColumnKind,
    /// Cells with nothing in them.
    pub gaps: usize,
    /// Different values; of numbers up to 100,000, of words up to 4,096.
    pub distinct: usize,
    /// Of numbers: least, median and most.
    pub range: Option<[f32; 3]>,
    /// Infinities, and numbers too large to be told from them.
    pub infinite: usize,
    /// Of words, the three that come most often.
    pub common: Vec<(String, usize)>,
    /// What to do about it before training, if anything.
    pub remark: Option<&'static str>,
}

impl ColumnSummary {
    pub(super) fn of(column: &Column, crowded: usize) -> Self {
        let mut numbers: Vec<f32> = column
            .numbers
            .iter()
            .copied()
            .filter(|n| !n.is_nan())
            .collect();
        numbers.sort_by(f32::total_cmp);
        let words = column.words.len() + crowded;
        let rows = column.numbers.len();
        let kind = match (numbers.len(), words) {
            (0, 0) => ColumnKind::Empty,
            (_, 0) => ColumnKind::Number,
            (numbers, words) if words >= numbers => ColumnKind::Word,
            _ => ColumnKind::Mixed,
        };
        let different: HashSet<u32> = numbers
            .iter()
            .map(|number| number.to_bits())
            .take(MANY)
            .collect();
        let distinct = different.len() + column.vocabulary.len();
        let mut counts = vec![0_usize; column.vocabulary.len()];
        column
            .words
            .iter()
            .for_each(|(_, word)| counts[*word as usize] += 1);
        let mut common: Vec<(String, usize)> =
            column.vocabulary.iter().cloned().zip(counts).collect();
        common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        common.truncate(3);
        let remark = match kind {
            ColumnKind::Empty => Some("empty: leave it out with --drop"),
            ColumnKind::Mixed => Some("words among numbers: mend them, or give --words or --drop"),
            ColumnKind::Word if crowded > 0 => Some("names rows: leave it out with --drop"),
            _ if distinct == 1 => Some("always the same"),
            _ if kind == ColumnKind::Word && distinct == rows && rows > 2 => {
                Some("names rows: leave it out with --drop")
            }
            _ => None,
        };
        let range = numbers.first().zip(numbers.last());
        Self {
            name: column.name.clone(),
            kind,
            gaps: rows - numbers.len() - words,
            distinct,
            range: range.map(|(least, most)| [*least, numbers[numbers.len() / 2], *most]),
            infinite: numbers
                .iter()
                .filter(|number| number.abs() == f32::MAX)
                .count(),
            common,
            remark,
        }
    }
}
