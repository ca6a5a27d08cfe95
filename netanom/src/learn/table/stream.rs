//! The rows of a table of any size, a few thousand at a time, as the numbers that a model judges: nothing of what was read
//! is kept but counts of what was wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use ndarray::Array2;

use super::records::Records;
use super::{Header, Selection, TableError, is_nothing, number, text};
use crate::model::Model;

/// How a table is read that a model judges.
#[derive(Clone, Debug, Default)]
pub struct RowsOptions {
    /// The first line is a row, though all of it are words.
    pub has_no_header: bool,
    /// Numbers have a comma where others have a full stop.
    pub has_decimal_comma: bool,
    /// Columns whose text is given back beside the verdicts; `*` stands for all.
    pub copied: Vec<String>,
}

/// What was wrong with a table, and was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Rows with more or fewer fields than there are columns, and the line of the first.
    pub ragged: Option<(usize, u64)>,
    /// Lines that repeat the header.
    pub repeated_headers: usize,
    /// By column: words where the model has numbers, or words that it does not know.
    pub strange: BTreeMap<String, usize>,
    /// Columns of the model that no row of a table of JSON lines had at the beginning.
    pub absent: Vec<String>,
}

/// Rows, a row of numbers and a line of the file each.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The model's features; NaN for what is not there.
    pub rows: Array2<f32>,
    /// Where each stands.
    pub lines: Vec<u64>,
    /// The text of the columns that were asked for, row by row.
    pub copied: Vec<Vec<String>>,
}

/// A column as the model has it.
struct Column {
    name: String,
    /// Where it is in the table.
    place: Option<usize>,
    /// Number by word, where it has words.
    words: Option<HashMap<String, f32>>,
    has_decimal_comma: bool,
}

/// A table that is read row by row.
pub struct Rows<'a> {
    path: PathBuf,
    rows: Records<'a>,
    header: Header,
    columns: Vec<Column>,
    copied: Vec<usize>,
    /// The row that comes next, if it was read with the header.
    first: Option<ByteRecord>,
    line: u64,
    dirt: Dirt,
}

impl<'a> Rows<'a> {
    /// Opens a table whose rows `model` shall judge; its columns are found by name, or by number where it has none.
    ///
    /// # Errors
    /// [`TableError`]: it cannot be read, is empty, or lacks a column.
    pub fn of(
        input: impl Read + Send + 'a,
        path: &Path,
        model: &Model,
        options: &RowsOptions,
    ) -> Result<Self, TableError> {
        let mut rows = Records::of(input, path)?;
        let Some(first) = rows.first()? else {
            return Err(TableError::NoRow(path.to_owned()));
        };
        let selection = Selection {
            has_no_header: options.has_no_header,
            ..Selection::default()
        };
        let header = Header::of(&first, &selection, rows.has_names());
        let copied = match options.copied.as_slice() {
            [all] if all == "*" => (0..header.names.len()).collect(),
            names => names
                .iter()
                .map(|name| header.find(name, path))
                .collect::<Result<_, _>>()?,
        };
        let mut table = Self {
            path: path.to_owned(),
            rows,
            columns: Vec::with_capacity(model.features.len()),
            copied,
            first: (!header.is_line).then_some(first),
            header,
            line: 0,
            dirt: Dirt::default(),
        };
        table.find_columns(model, options)?;
        Ok(table)
    }

    fn find_columns(&mut self, model: &Model, options: &RowsOptions) -> Result<(), TableError> {
        for name in &model.features {
            let place = match self.header.find(name, &self.path) {
                // What a row of JSON does not name is nothing; but one column must be there.
                Err(_) if self.rows.has_names() => {
                    self.dirt.absent.push(name.clone());
                    None
                }
                found => Some(found?),
            };
            let numbered = |words: &Vec<String>| {
                let words = words.iter().zip(0_u16..);
                words
                    .map(|(word, number)| (word.clone(), f32::from(number)))
                    .collect()
            };
            self.columns.push(Column {
                name: name.clone(),
                place,
                words: model.words.get(name).map(numbered),
                has_decimal_comma: options.has_decimal_comma,
            });
        }
        if self.dirt.absent.len() == model.features.len() {
            let name = model.features.first().cloned().unwrap_or_default();
            self.header.find(&name, &self.path)?;
        }
        Ok(())
    }

    /// The names of the columns whose text is given back.
    #[must_use]
    pub fn copied(&self) -> Vec<String> {
        let names = self.copied.iter();
        names
            .map(|place| self.header.names[*place].clone())
            .collect()
    }

    /// What was wrong so far.
    #[must_use]
    pub fn dirt(&self) -> &Dirt {
        &self.dirt
    }

    /// The next rows, at most so many; none at the end.
    ///
    /// # Errors
    /// [`TableError::Csv`] where reading fails.
    pub fn next_chunk(&mut self, most: usize) -> Result<Option<Chunk>, TableError> {
        let mut numbers = Vec::with_capacity(most * self.columns.len());
        let (mut lines, mut copied) = (Vec::with_capacity(most), Vec::new());
        let mut record = ByteRecord::new();
        while lines.len() < most && self.next_row(&mut record)? {
            for column in &self.columns {
                let value = column.value(&record, &mut self.dirt.strange);
                numbers.push(value);
            }
            lines.push(self.line);
            if !self.copied.is_empty() {
                let of_row = self
                    .copied
                    .iter()
                    .map(|place| text(&record[*place]).into_owned());
                copied.push(of_row.collect());
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let rows = Array2::from_shape_vec((lines.len(), self.columns.len()), numbers);
        // As many numbers as columns were put in for each row.
        let rows = rows.unwrap_or_default();
        Ok(Some(Chunk {
            rows,
            lines,
            copied,
        }))
    }

    /// Reads on to a row that has a field for each column and is no header.
    fn next_row(&mut self, record: &mut ByteRecord) -> Result<bool, TableError> {
        loop {
            if let Some(first) = self.first.take() {
                *record = first;
            } else if !self.rows.next(record)? {
                return Ok(false);
            }
            self.line = self.rows.line_of(record);
            if record.len() != self.header.names.len() {
                let (rows, _) = self.dirt.ragged.get_or_insert((0, self.line));
                *rows += 1;
            } else if self.header.is_repeated_by(record) {
                self.dirt.repeated_headers += 1;
            } else {
                return Ok(true);
            }
        }
    }
}

impl Column {
    fn value(&self, record: &ByteRecord, strange: &mut BTreeMap<String, usize>) -> f32 {
        let Some(place) = self.place else {
            return f32::NAN;
        };
        let cell = text(&record[place]);
        let found = match &self.words {
            Some(words) => words.get(cell.as_ref()).copied().or_else(|| {
                // A word may be a number that was written otherwise, as 80 and 80.0.
                let number = number(&cell, self.has_decimal_comma)?;
                words.get(&number.to_string()).copied()
            }),
            None => {
                number(&cell, self.has_decimal_comma).map(|number| number.clamp(f32::MIN, f32::MAX))
            }
        };
        found.unwrap_or_else(|| {
            if !is_nothing(&cell) {
                *strange.entry(self.name.clone()).or_default() += 1;
            }
            f32::NAN
        })
    }
}
