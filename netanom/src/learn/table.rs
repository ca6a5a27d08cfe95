//! Tables (CSV, logs of Zeek, JSON lines) that others made, as they are: with a header or without, numbers and words, gaps, compressed
//! or not.
//!
//! A column is read as numbers; what is no number is kept as a word. Which of the two a column is shows at its end:
//! `encoding.rs` decides. A number takes 4 bytes and a word 8.

mod bounds;
mod classes;
pub mod describe;
mod dialect;
mod encoding;
mod error;
mod folds;
mod learner;
mod records;
mod scores;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use crate::feature;
use crate::source::capture;

pub use classes::{ClassRules, Classes};
pub use encoding::{Encoding, MISSING};
pub use error::TableError;
pub use folds::{CrossValidation, Trial, cross_validate, data_set};
pub use learner::Learner;
use records::Records;
pub use scores::{TableScores, judge, scored, shares};
pub use stream::{Chunk, Dirt, Rows, RowsOptions};

/// Different words of a column that are told apart; a column with more names rows, not kinds of them.
pub const MAX_WORDS: usize = 4096;

/// What is in a cell when nothing is; in lower case.
const NOTHING: [&str; 8] = ["", "-", "?", "nan", "na", "n/a", "null", "none"];

/// Which parts of a file are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The column that says what a row is: its name, or its place from 1.
    pub label: String,
    /// Columns that are left out.
    pub drop: Vec<String>,
    /// Columns whose numbers are names, such as port numbers.
    pub words: Vec<String>,
    /// The first line is a row, though all of it are words.
    pub has_no_header: bool,
    /// Numbers have a comma where others have a full stop.
    pub has_decimal_comma: bool,
    /// Take these columns and no others: the features of a model.
    pub only: Option<Vec<String>>,
}

/// A table's columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// All but the label, in the file's order or in that of [`Selection::only`].
    pub columns: Vec<Column>,
    /// What each row is; every cell is a word.
    pub label: Column,
    /// The line of each row.
    pub lines: Vec<u64>,
    /// Rows without a label, which were left out.
    pub unlabelled: usize,
    /// Rows that repeat the header, which were left out.
    pub repeated_headers: usize,
    /// Its columns are this program's features; others were not read.
    pub is_own: bool,
}

/// A column as it was read.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// From the header; without one, its place from 1.
    pub name: String,
    /// By row; NaN where there is a word or nothing.
    pub numbers: Vec<f32>,
    /// Row and word, for each cell that is no number, by rising row.
    pub words: Vec<(u32, u32)>,
    /// The words, in the order in which they came.
    pub vocabulary: Vec<String>,
    known: HashMap<String, u32>,
    /// Numbers are words as well, and so is what elsewhere means that there is nothing.
    is_words: bool,
    has_decimal_comma: bool,
}

impl Table {
    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// [`TableError`], with the line and the column where they are known, and what to do.
    pub fn read(path: &Path, selection: &Selection) -> Result<Self, TableError> {
        if path.is_dir() {
            return Err(TableError::Folder(path.to_owned()));
        }
        let input = capture::open_decompressed(path)?;
        Self::read_from(input, path, selection)
    }

    fn read_from(
        input: impl Read + Send,
        path: &Path,
        selection: &Selection,
    ) -> Result<Self, TableError> {
        let mut rows = Records::of(input, path)?;
        let Some(mut record) = rows.first()? else {
            return Err(TableError::Empty(path.to_owned()));
        };
        let header = Header::of(&record, selection, rows.has_names());
        let (mut table, places) = Self::select(path, &header, selection)?;
        let mut is_left = !header.is_line || rows.next(&mut record)?;
        while is_left {
            let line = rows.line_of(&record);
            if record.len() != header.names.len() {
                return Err(TableError::Ragged {
                    file: path.to_owned(),
                    line,
                    found: record.len(),
                    expected: header.names.len(),
                });
            }
            table.take(&record, &places, &header, line)?;
            is_left = rows.next(&mut record)?;
        }
        if table.lines.is_empty() {
            return Err(TableError::Empty(path.to_owned()));
        }
        Ok(table)
    }

    /// An empty table with the columns that are wanted, and where those are in the file; the label is the last.
    fn select(
        path: &Path,
        header: &Header,
        selection: &Selection,
    ) -> Result<(Self, Vec<usize>), TableError> {
        let find = |name: &String| header.find(name, path);
        let label = find(&selection.label)?;
        let drop: Vec<usize> = selection.drop.iter().map(find).collect::<Result<_, _>>()?;
        let words: Vec<usize> = selection.words.iter().map(find).collect::<Result<_, _>>()?;
        let own: Vec<String> = feature::names().into_iter().map(str::to_owned).collect();
        let is_own =
            own.iter().all(|name| header.names.contains(name)) && !own.contains(&selection.label);
        let is_wanted = |place: &usize| *place != label && !drop.contains(place);
        let mut places: Vec<usize> = match &selection.only {
            Some(only) => only.iter().map(find).collect::<Result<_, _>>()?,
            None if is_own => {
                let own: Result<Vec<usize>, _> = own.iter().map(find).collect();
                own?.into_iter().filter(is_wanted).collect()
            }
            None => (0..header.names.len()).filter(is_wanted).collect(),
        };
        let column = |&place: &usize| Column {
            name: header.names[place].clone(),
            is_words: words.contains(&place) || place == label,
            has_decimal_comma: selection.has_decimal_comma,
            ..Column::default()
        };
        let columns = places.iter().map(column).collect();
        places.push(label);
        let table = Self {
            path: path.to_owned(),
            columns,
            label: column(&label),
            lines: Vec::new(),
            unlabelled: 0,
            repeated_headers: 0,
            is_own,
        };
        Ok((table, places))
    }

    fn take(
        &mut self,
        record: &ByteRecord,
        places: &[usize],
        header: &Header,
        line: u64,
    ) -> Result<(), TableError> {
        let row = self.lines.len() as u32;
        let cell = |place: usize| text(&record[place]);
        let (label, features) = places.split_last().unwrap_or((&0, &[]));
        let of_label = cell(*label);
        if of_label.is_empty() {
            self.unlabelled += 1;
            return Ok(());
        }
        if header.is_line && of_label == header.names[*label].as_str() {
            self.repeated_headers += 1;
            return Ok(());
        }
        let columns = self.columns.iter_mut().chain([&mut self.label]);
        for (column, place) in columns.zip(features.iter().chain([label])) {
            if !column.take(row, &cell(*place)) {
                return Err(TableError::TooManyWords {
                    file: self.path.clone(),
                    line,
                    column: column.name.clone(),
                });
            }
        }
        self.lines.push(line);
        Ok(())
    }

    /// That each column has something in it, for a model that is kept: it would ask for the column for ever.
    ///
    /// # Errors
    /// [`TableError::Nothing`], with all that have nothing.
    pub fn check_columns(&self) -> Result<(), TableError> {
        let empty = self.columns.iter().filter(|column| {
            column.words.is_empty() && column.numbers.iter().all(|number| number.is_nan())
        });
        let empty: Vec<&str> = empty.map(|column| column.name.as_str()).collect();
        if empty.is_empty() {
            return Ok(());
        }
        Err(TableError::Nothing {
            file: self.path.clone(),
            columns: empty.join("`, `"),
            drop: empty.join(","),
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }
}

impl Column {
    /// Whether there was room for it.
    fn take(&mut self, row: u32, text: &str) -> bool {
        match number(text, self.has_decimal_comma) {
            Some(number) if !self.is_words => {
                self.numbers.push(number.clamp(f32::MIN, f32::MAX));
                return true;
            }
            _ => self.numbers.push(f32::NAN),
        }
        if text.is_empty() || !self.is_words && is_nothing(text) {
            return true;
        }
        let word = match self.known.get(text) {
            Some(word) => *word,
            None if self.vocabulary.len() == MAX_WORDS => return false,
            None => {
                let word = self.vocabulary.len() as u32;
                self.vocabulary.push(text.to_owned());
                self.known.insert(text.to_owned(), word);
                word
            }
        };
        self.words.push((row, word));
        true
    }

    /// By row: the word, and `None` where there is none.
    fn word_of_each(&self) -> Vec<Option<u32>> {
        let mut of_each = vec![None; self.numbers.len()];
        for (row, word) in &self.words {
            of_each[*row as usize] = Some(*word);
        }
        of_each
    }
}

/// The text of a cell: UTF-8, and where it is none, Latin-1, in which every byte is a character.
fn text(cell: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => cell.iter().copied().map(char::from).collect(),
    }
}

fn is_nothing(text: &str) -> bool {
    NOTHING
        .iter()
        .any(|nothing| text.eq_ignore_ascii_case(nothing))
}

/// A number as it stands in a cell. With a decimal comma, full stops before it part thousands.
fn number(text: &str, has_comma: bool) -> Option<f32> {
    let number: Result<f32, _> = match text.split_once(',').filter(|_| has_comma) {
        Some((whole, part)) => format!("{}.{part}", whole.replace('.', "")).parse(),
        None => text.parse(),
    };
    number.ok().filter(|number| !number.is_nan())
}

/// The columns' names.
struct Header {
    names: Vec<String>,
    /// They stand in the first line.
    is_line: bool,
}

impl Header {
    /// A first line with a number among its fields is a row, unless it is known to have names.
    fn of(first: &ByteRecord, selection: &Selection, has_names: bool) -> Self {
        let fields = || first.iter().map(text);
        let looks_like_a_row =
            || selection.has_no_header || fields().any(|field| field.parse::<f64>().is_ok());
        let is_line = has_names || !looks_like_a_row();
        let mut names: Vec<String> = Vec::with_capacity(first.len());
        for (place, field) in fields().enumerate() {
            let mut name = if is_line && !field.is_empty() {
                field.clone().into_owned()
            } else {
                (place + 1).to_string()
            };
            // A name that comes again, as in the tables of CICFlowMeter, gets a number.
            let mut again = 1;
            while names.contains(&name) {
                name = format!("{field}.{again}");
                again += 1;
            }
            names.push(name);
        }
        Self { names, is_line }
    }

    /// Whether a row is the header again.
    fn is_repeated_by(&self, record: &ByteRecord) -> bool {
        // A name that came again, or was none, got a number.
        let is_name = |(cell, name): (&[u8], &String)| {
            let cell = text(cell);
            let number = match cell.as_ref() {
                "" => Some(name.as_str()),
                cell => name
                    .strip_prefix(cell)
                    .map(|rest| rest.trim_start_matches('.')),
            };
            number.is_some_and(|number| number.is_empty() || number.parse::<usize>().is_ok())
        };
        self.is_line
            && record.iter().any(|cell| !cell.is_empty())
            && record.iter().zip(&self.names).all(is_name)
    }

    /// By name, else by place from 1.
    fn find(&self, wanted: &str, path: &Path) -> Result<usize, TableError> {
        let by_place = || {
            let place: usize = wanted.parse().ok()?;
            (1..=self.names.len()).contains(&place).then(|| place - 1)
        };
        let found = self.names.iter().position(|name| name == wanted);
        found.or_else(by_place).ok_or_else(|| TableError::NoColumn {
            file: path.to_owned(),
            column: wanted.to_owned(),
            columns: if self.is_line {
                self.names.join(", ")
            } else {
                format!("1 to {}, as its first line is a row", self.names.len())
            },
        })
    }
}
