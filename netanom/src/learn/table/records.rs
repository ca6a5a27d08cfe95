//! The records of a table one after the other, whatever it is written in, with the line of each.

use std::io::{BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Position, Reader, ReaderBuilder, Trim};

use super::TableError;
use super::bounds::{Bounded, MOST_COLUMNS, Meter};
use super::dialect::Dialect;

pub(super) struct Records<'a> {
    path: PathBuf,
    reader: Reader<Bounded<Box<dyn BufRead + Send + 'a>>>,
    meter: Meter,
    /// Lines that were put in front of those of the file.
    added: u64,
    /// The last line that could be read.
    line: u64,
}

impl<'a> Records<'a> {
    /// Looks at the beginning of a table.
    pub(super) fn of(input: impl Read + Send + 'a, path: &Path) -> Result<Self, TableError> {
        let dialect = Dialect::of(input).map_err(|error| wrong(error.into(), path, 0))?;
        let meter = Meter::default();
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(dialect.delimiter)
            .quoting(dialect.has_quotes)
            .from_reader(Bounded {
                input: dialect.input,
                meter: meter.clone(),
            });
        Ok(Self {
            path: path.to_owned(),
            reader,
            meter,
            added: dialect.added,
            line: 0,
        })
    }

    /// Whether the first record has the names, whatever they look like: it was made of those of JSON lines.
    pub(super) fn has_names(&self) -> bool {
        self.added > 0
    }

    /// The first record; none where nothing is there.
    pub(super) fn first(&mut self) -> Result<Option<ByteRecord>, TableError> {
        let mut record = ByteRecord::new();
        if !self.next(&mut record)? {
            return Ok(None);
        }
        if record.len() > MOST_COLUMNS {
            return Err(TableError::Wide {
                file: self.path.clone(),
                columns: record.len(),
            });
        }
        Ok(Some(record))
    }

    /// Reads the next record; false at the end.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<bool, TableError> {
        let read = self.reader.read_byte_record(record);
        let is_there = read.map_err(|error| wrong(error, &self.path, self.line))?;
        self.meter.reset();
        if is_there {
            self.line = self.line_of(record);
        }
        Ok(is_there)
    }

    /// Where a record begins in the file.
    pub(super) fn line_of(&self, record: &ByteRecord) -> u64 {
        let line = record.position().map_or(0, Position::line);
        line.saturating_sub(self.added)
    }
}

fn wrong(source: csv::Error, path: &Path, line: u64) -> TableError {
    let file = path.to_owned();
    match source.kind() {
        csv::ErrorKind::Io(error) if error.kind() == ErrorKind::FileTooLarge => {
            TableError::Long { file, line }
        }
        _ => TableError::Csv { file, line, source },
    }
}
