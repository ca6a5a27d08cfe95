//! From cells to the numbers that a forest compares.
//!
//! A word becomes its place among the column's words, in the order of how often its rows are of the most frequent
//! class. For two classes no split by a set of words is better than the best one along that order (Breiman et al. 1984,
//! section 4.2.2), so one column does what a column a word would, and a forest draws it as one feature. What is missing
//! is smaller than everything else, and so is a word that training did not have.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::{Column, Table, TableError};
use crate::model::{MAX_FEATURES, Model};

/// What trainers and their forests see where a cell has nothing: below everything else, as a gap (NaN) is for them.
pub const MISSING: f32 = f32::MIN;

/// The features of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// Names of the columns.
    pub features: Vec<String>,
    /// The words of those that have words, in the order of their numbers.
    pub words: BTreeMap<String, Vec<String>>,
    /// Gaps stay gaps: a forest of another tool may send them to either side. Trainers take no NaN.
    keeps_gaps: bool,
}

impl Encoding {
    /// Numbers words by what `rows` with their `labels` say, which are those that are trained on.
    ///
    /// # Errors
    /// When a column of numbers has a word, numbers have a decimal comma, or there are too many columns.
    pub fn fit(table: &Table, rows: &[usize], labels: &[u8]) -> Result<Self, TableError> {
        if !(1..=MAX_FEATURES).contains(&table.columns.len()) {
            return Err(TableError::Width {
                file: table.path.clone(),
                found: table.columns.len(),
            });
        }
        let mut counts = [0_usize; 256];
        labels
            .iter()
            .for_each(|label| counts[usize::from(*label)] += 1);
        let frequent = (0..=u8::MAX).max_by_key(|label| (counts[usize::from(*label)], !label));
        let is_frequent: Vec<bool> = labels
            .iter()
            .map(|label| Some(*label) == frequent)
            .collect();
        let mut words = BTreeMap::new();
        for column in &table.columns {
            if table.has_words(column)? {
                words.insert(column.name.clone(), in_order(column, rows, &is_frequent));
            }
        }
        Ok(Self {
            features: table.names(),
            words,
            keeps_gaps: false,
        })
    }

    /// Columns of numbers that have no gaps.
    #[must_use]
    pub fn of_numbers(features: &[String]) -> Self {
        Self {
            features: features.to_vec(),
            words: BTreeMap::new(),
            keeps_gaps: false,
        }
    }

    /// As a model was trained with.
    #[must_use]
    pub fn of_model(model: &Model) -> Self {
        Self {
            features: model.features.clone(),
            words: model.words.clone(),
            keeps_gaps: true,
        }
    }

    /// The numbers of these rows: a row a row, a column a feature. The table has the features' columns in their order.
    ///
    /// # Errors
    /// When there is a word where the encoding has numbers.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Result<Array2<f32>, TableError> {
        let gap = if self.keeps_gaps { f32::NAN } else { MISSING };
        let mut encoded = Array2::from_elem((rows.len(), self.features.len()), gap);
        for (column, mut target) in table.columns.iter().zip(encoded.columns_mut()) {
            let numbers: Vec<f32> = match self.words.get(&column.name) {
                Some(words) => numbered(column, words),
                None => match column.words.first() {
                    Some((row, word)) => return Err(table.word_error(column, *row, *word)),
                    None => column.numbers.clone(),
                },
            };
            for (row, target) in rows.iter().zip(&mut target) {
                let number = numbers[*row];
                if !number.is_nan() {
                    *target = number;
                }
            }
        }
        Ok(encoded)
    }
}

impl Table {
    /// Whether a column's cells are words: at least as many as are numbers.
    fn has_words(&self, column: &Column) -> Result<bool, TableError> {
        let numbers = column.numbers.iter().filter(|number| !number.is_nan());
        let Some((row, word)) = column.words.first() else {
            return Ok(false);
        };
        let has_commas = || column.vocabulary.iter().all(|word| has_decimal_comma(word));
        if column.words.len() < numbers.count() || !column.is_words && has_commas() {
            return Err(self.word_error(column, *row, *word));
        }
        Ok(true)
    }

    fn word_error(&self, column: &Column, row: u32, word: u32) -> TableError {
        let (file, line) = (self.path.clone(), self.lines[row as usize]);
        let (column, word) = (
            column.name.clone(),
            column.vocabulary[word as usize].clone(),
        );
        if has_decimal_comma(&word) {
            return TableError::DecimalComma {
                file,
                line,
                column,
                word,
            };
        }
        TableError::Word {
            file,
            line,
            column,
            word,
        }
    }

    /// Where a word of a column stands first.
    pub(super) fn first_line(&self, column: &Column, word: usize) -> u64 {
        let mut cells = column.words.iter();
        let first = cells.find(|(_, other)| *other as usize == word);
        first.map_or(0, |(row, _)| self.lines[*row as usize])
    }

    fn names(&self) -> Vec<String> {
        let names = self.columns.iter().map(|column| column.name.clone());
        names.collect()
    }
}

/// Whether it looks like a number with a decimal comma: digits on both sides of it.
fn has_decimal_comma(word: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = word.trim_start_matches(['-', '+']).split_once(',');
    parts.is_some_and(|(whole, part)| is_digits(&whole.replace('.', "")) && is_digits(part))
}

/// The text of a number among words.
fn text(number: f32) -> String {
    number.to_string()
}

/// The words of these rows, those first whose rows are seldom of the most frequent class; equal ones by name.
fn in_order(column: &Column, rows: &[usize], is_frequent: &[bool]) -> Vec<String> {
    let word_of = column.word_of_each();
    let mut counts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (row, is_frequent) in rows.iter().zip(is_frequent) {
        let word = match word_of[*row] {
            Some(word) => column.vocabulary[word as usize].clone(),
            None if column.numbers[*row].is_nan() => continue,
            None => text(column.numbers[*row]),
        };
        let (frequent, all) = counts.entry(word).or_default();
        *frequent += f64::from(u8::from(*is_frequent));
        *all += 1.0;
    }
    let mut words: Vec<(f64, String)> = counts
        .into_iter()
        .map(|(word, (frequent, all))| (frequent / all, word))
        .collect();
    words.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    words.into_iter().map(|(_, word)| word).collect()
}

/// A column's cells as places among `words`; NaN for what is not among them.
fn numbered(column: &Column, words: &[String]) -> Vec<f32> {
    let place = |word: &str| {
        let place = words.iter().position(|other| other == word);
        place.map_or(f32::NAN, |place| place as f32)
    };
    let of_word: Vec<f32> = column.vocabulary.iter().map(|word| place(word)).collect();
    let cells = column.word_of_each().into_iter().zip(&column.numbers);
    cells
        .map(|(word, number)| match word {
            Some(word) => of_word[word as usize],
            None if number.is_nan() => f32::NAN,
            None => place(&text(*number)),
        })
        .collect()
}
