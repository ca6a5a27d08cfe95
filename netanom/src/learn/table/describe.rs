//! What is in a table, before a model is made of it: kinds of columns, gaps, ranges, classes, rows that repeat, and columns
//! that give the label away.
//!
//! The table is held in memory: 4 bytes a number and 8 a word, as for training.

mod columns;
mod leaks;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::Path;

use csv::ByteRecord;
use serde::Serialize;

use super::records::Records;
use super::{Column, Header, RowsOptions, Selection, TableError, text};

pub use columns::{ColumnKind, ColumnSummary};
pub use leaks::{Correlation, Leak, Shape};

/// What a column of labels is called, in lower case, likeliest first.
const LABELS: [&str; 9] = [
    "label",
    "class",
    "attack_cat",
    "verdict",
    "category",
    "attack",
    "outcome",
    "target",
    "type",
];

/// What was found in a table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Description {
    /// Rows that have a field for each column.
    pub rows: usize,
    /// Column by column.
    pub columns: Vec<ColumnSummary>,
    /// The column that says what a row is.
    pub label: Option<String>,
    /// Rows by label, most first.
    pub classes: Vec<(String, usize)>,
    /// Rows with more or fewer fields than the first line.
    pub ragged: usize,
    /// Lines that repeat the header.
    pub repeated_headers: usize,
    /// Rows that are the same as one before, but for the label.
    pub duplicates: usize,
    /// Rows that are the same as one before with another label: no model can tell these apart.
    pub contradictions: usize,
    /// What each column alone says of the label, most telling first.
    pub leaks: Vec<Leak>,
    /// Columns of numbers that rise and fall together, closest first.
    pub correlations: Vec<Correlation>,
    /// How the most telling columns of numbers are spread, by class.
    #[serde(skip)]
    pub shapes: Vec<Shape>,
}

/// The columns of a table with all that is in them.
struct Cells {
    columns: Vec<Column>,
    /// By column: cells whose word was one too many to be kept.
    crowded: Vec<usize>,
    rows: usize,
    ragged: usize,
    repeated_headers: usize,
}

/// Looks at a whole table; the label is the column of this name or number, or one with a usual name.
///
/// # Errors
/// [`TableError`]: it cannot be read, has no row, or not the column.
pub fn describe(
    input: impl Read + Send,
    path: &Path,
    label: Option<&str>,
    options: &RowsOptions,
) -> Result<Description, TableError> {
    let (cells, header) = Cells::read(input, path, options)?;
    let label = match label {
        Some(name) => Some(header.find(name, path)?),
        None => usual_label(&header.names),
    };
    let labels = label.map(|place| numbered(&cells.columns[place], cells.rows));
    let features = || (0..cells.columns.len()).filter(|place| Some(*place) != label);
    let mut description = Description {
        rows: cells.rows,
        columns: cells
            .columns
            .iter()
            .zip(&cells.crowded)
            .map(|(column, crowded)| ColumnSummary::of(column, *crowded))
            .collect(),
        label: label.map(|place| header.names[place].clone()),
        ragged: cells.ragged,
        repeated_headers: cells.repeated_headers,
        ..Description::default()
    };
    let numbers = labels.as_ref().map(|(labels, _)| labels.as_slice());
    let places: Vec<usize> = features().collect();
    (description.duplicates, description.contradictions) = repeats(&cells, &places, numbers);
    let columns: Vec<&Column> = places.iter().map(|place| &cells.columns[*place]).collect();
    description.correlations = leaks::correlations(&columns);
    if let Some((labels, names)) = &labels {
        let mut counts = vec![0; names.len()];
        labels.iter().for_each(|label| counts[*label as usize] += 1);
        description.classes = names.iter().cloned().zip(counts).collect();
        description
            .classes
            .sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        description.leaks = leaks::leaks(&columns, labels, names.len());
        description.shapes = leaks::shapes(&columns, labels, names, &description.leaks);
    }
    Ok(description)
}

impl Cells {
    fn read(
        input: impl Read + Send,
        path: &Path,
        options: &RowsOptions,
    ) -> Result<(Self, Header), TableError> {
        let mut rows = Records::of(input, path)?;
        let Some(mut record) = rows.first()? else {
            return Err(TableError::NoRow(path.to_owned()));
        };
        let selection = Selection {
            has_no_header: options.has_no_header,
            ..Selection::default()
        };
        let header = Header::of(&record, &selection, rows.has_names());
        let column = |name: &String| Column {
            name: name.clone(),
            has_decimal_comma: options.has_decimal_comma,
            ..Column::default()
        };
        let mut cells = Self {
            columns: header.names.iter().map(column).collect(),
            crowded: vec![0; header.names.len()],
            rows: 0,
            ragged: 0,
            repeated_headers: 0,
        };
        let mut is_left = !header.is_line || rows.next(&mut record)?;
        while is_left {
            cells.take(&record, &header);
            is_left = rows.next(&mut record)?;
        }
        if cells.rows == 0 {
            return Err(TableError::NoRow(path.to_owned()));
        }
        Ok((cells, header))
    }

    fn take(&mut self, record: &ByteRecord, header: &Header) {
        if record.len() != header.names.len() {
            self.ragged += 1;
            return;
        }
        if header.is_repeated_by(record) {
            self.repeated_headers += 1;
            return;
        }
        let columns = self.columns.iter_mut().zip(&mut self.crowded);
        for ((column, crowded), cell) in columns.zip(record) {
            if !column.take(self.rows as u32, &text(cell)) {
                *crowded += 1;
            }
        }
        self.rows += 1;
    }
}

fn usual_label(names: &[String]) -> Option<usize> {
    let place = |wanted: &&str| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(wanted))
    };
    LABELS.iter().find_map(place)
}

/// Each row's label as a number, and what the numbers mean; nothing is one, too.
fn numbered(column: &Column, rows: usize) -> (Vec<u32>, Vec<String>) {
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    let mut names = Vec::new();
    let words = column.word_of_each();
    let labels = (0..rows).map(|row| {
        let name = match words[row] {
            Some(word) => column.vocabulary[word as usize].clone(),
            None if column.numbers[row].is_nan() => "(nothing)".to_owned(),
            None => column.numbers[row].to_string(),
        };
        *known.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            names.len() as u32 - 1
        })
    });
    (labels.collect(), names)
}

/// Rows that are the same as one before, and those of them that have another label. Rows are compared by a hash of 64 bits:
/// of a million, two different ones are taken for the same once in ten million tables.
fn repeats(cells: &Cells, places: &[usize], labels: Option<&[u32]>) -> (usize, usize) {
    let mut hashes = vec![DefaultHasher::new(); cells.rows];
    for place in places {
        let column = &cells.columns[*place];
        let words = column.word_of_each();
        for ((hash, number), word) in hashes.iter_mut().zip(&column.numbers).zip(words) {
            (number.to_bits(), word).hash(hash);
        }
    }
    let (mut duplicates, mut contradictions) = (0, 0);
    let mut first: HashMap<u64, u32> = HashMap::new();
    for (row, hash) in hashes.into_iter().enumerate() {
        let label = labels.map_or(0, |labels| labels[row]);
        match first.entry(hash.finish()) {
            Entry::Vacant(place) => {
                place.insert(label);
            }
            Entry::Occupied(before) => {
                duplicates += 1;
                contradictions += usize::from(*before.get() != label);
            }
        }
    }
    (duplicates, contradictions)
}

#[cfg(test)]
mod tests;
