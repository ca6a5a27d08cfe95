//! The arguments of `train --table` and `evaluate --table`.

use std::path::PathBuf;

use crate::learn::table::Selection;

/// A table in place of captures.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Tables")]
pub struct TableArgs {
    /// Table with a row a flow, in place of captures: CSV (by comma, semicolon or tab; UTF-8 or UTF-16) or a log of Zeek,
    /// plain or compressed by gzip or zstd; `-` is standard input.
    #[arg(long, value_name = "FILE.csv", requires = "label", conflicts_with_all = ["captures", "labels"])]
    pub table: Option<PathBuf>,
    /// Column that says what a row is: its name, or its number from 1.
    #[arg(long, value_name = "COLUMN", requires = "table")]
    pub label: Option<String>,
    /// Columns to leave out, such as identifiers; separated by commas, or given several times.
    #[arg(long, value_name = "COLUMN", requires = "table", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// Columns whose numbers are names, such as port numbers.
    #[arg(long, value_name = "COLUMN", requires = "table", value_delimiter = ',')]
    pub words: Vec<String>,
    /// The first line is a row [default: when there is a number in it].
    #[arg(long, requires = "table")]
    pub no_header: bool,
    /// Numbers have a decimal comma, as in 1,5 or 1.234,5.
    #[arg(long, requires = "table")]
    pub decimal_comma: bool,
    /// Classes with their labels (JSON), such as {"normal": "normal", "dos": ["neptune", "smurf"], "other": "*"}.
    #[arg(long, value_name = "FILE.json", requires = "table")]
    pub map: Option<PathBuf>,
    /// Class of normal traffic [default: `normal` or `benign`].
    #[arg(long, value_name = "CLASS", requires = "table")]
    pub normal: Option<String>,
    /// Tell attacks from normal traffic and not from each other: all other classes are one.
    #[arg(long, requires = "table")]
    pub binary: bool,
}

impl TableArgs {
    /// Which columns are wanted.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            label: self.label.clone().unwrap_or_default(),
            drop: self.drop.clone(),
            words: self.words.clone(),
            has_no_header: self.no_header,
            has_decimal_comma: self.decimal_comma,
            only: None,
        }
    }
}
