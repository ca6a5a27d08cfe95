//! Why a table cannot be used: where, and what to do.

use std::path::PathBuf;

use crate::learn::trainer::TrainError;
use crate::model::{ForestError, MAX_CLASSES, MAX_FEATURES};
use crate::source::SourceError;

use super::MAX_WORDS;
use super::bounds::{LONGEST, MOST_COLUMNS};

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] SourceError),
    /// It cannot be read.
    #[error(
        "cannot read the table `{}` after line {line}; when it was cut or damaged on its way, copy it again", file.display()
    )]
    Csv {
        /// The table.
        file: PathBuf,
        /// The last line that could be read.
        line: u64,
        /// Why.
        source: csv::Error,
    },
    /// A record that is too long.
    #[error(
        "the table `{}` has a record of more than {} MiB after line {line}, or a quote that is never closed there; mend it, \
         or see whether it is a table at all", file.display(), LONGEST >> 20
    )]
    Long {
        /// The table.
        file: PathBuf,
        /// The last line that could be read.
        line: u64,
    },
    /// Too many columns.
    #[error(
        "the table `{}` has {columns} columns, of at most {MOST_COLUMNS}; choose those that tell most before it is read, as \
         with `cut -d, -f1-200`", file.display()
    )]
    Wide {
        /// The table.
        file: PathBuf,
        /// How many there are.
        columns: usize,
    },
    /// A folder.
    #[error("`{}` is a folder; name one table in it", .0.display())]
    Folder(PathBuf),
    /// There are no rows.
    #[error("the table `{}` has no row with a label", .0.display())]
    Empty(PathBuf),
    /// There is nothing in it.
    #[error("the table `{}` has no row", .0.display())]
    NoRow(PathBuf),
    /// A row has more or fewer fields than the first.
    #[error(
        "`{}`, line {line}: {found} fields where line 1 has {expected}; mend or remove the line", file.display()
    )]
    Ragged {
        /// The table.
        file: PathBuf,
        /// Which line.
        line: u64,
        /// Its fields.
        found: usize,
        /// Those of the first line.
        expected: usize,
    },
    /// No column has this name.
    #[error("`{}` has no column `{column}`; it has {columns}", file.display())]
    NoColumn {
        /// The table.
        file: PathBuf,
        /// What was asked for.
        column: String,
        /// What there is.
        columns: String,
    },
    /// A column of identifiers.
    #[error(
        "`{}`, line {line}, column `{column}`: more than {MAX_WORDS} different words, so it names rows rather than \
         kinds of them; leave it out with --drop '{column}'", file.display()
    )]
    TooManyWords {
        /// The table.
        file: PathBuf,
        /// Where it became too many.
        line: u64,
        /// Which column.
        column: String,
    },
    /// A word among numbers.
    #[error(
        "`{}`, line {line}, column `{column}`: `{word}` is no number, as most others there are; mend it, or give \
         --words '{column}' when numbers are names there, or --drop '{column}'", file.display()
    )]
    Word {
        /// The table.
        file: PathBuf,
        /// Which line.
        line: u64,
        /// Which column.
        column: String,
        /// What stands there.
        word: String,
    },
    /// Numbers of a country that writes them so.
    #[error(
        "`{}`, line {line}, column `{column}`: `{word}` looks like a number with a decimal comma; give --decimal-comma, \
         or --words '{column}' when it is a name", file.display()
    )]
    DecimalComma {
        /// The table.
        file: PathBuf,
        /// Which line.
        line: u64,
        /// Which column.
        column: String,
        /// What stands there.
        word: String,
    },
    /// Columns of gaps.
    #[error(
        "`{}`: nothing stands in any row of `{columns}`, so there is nothing to learn from; leave it out with \
         --drop '{drop}'", file.display()
    )]
    Nothing {
        /// The table.
        file: PathBuf,
        /// Which columns.
        columns: String,
        /// The same as --drop takes them.
        drop: String,
    },
    /// A label that the map does not name.
    #[error(
        "`{}`, line {line}, column `{column}`: the label `{label}` is not in `{}`; add it to one of its classes, \
         to `ignore`, or give a class \"*\" for all others", file.display(), map.display()
    )]
    Unmapped {
        /// The table.
        file: PathBuf,
        /// Which line.
        line: u64,
        /// The label's column.
        column: String,
        /// The label.
        label: String,
        /// The map.
        map: PathBuf,
    },
    /// The map cannot be understood.
    #[error(
        "cannot use the map `{}`: {detail}; it is a JSON object of classes with their labels, such as \
         {{\"normal\": [\"normal\"], \"dos\": [\"neptune\", \"smurf\"], \"other\": \"*\"}}", file.display()
    )]
    Map {
        /// The map.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No class is normal traffic.
    #[error(
        "no class is `{wanted}`; name the one of normal traffic with --normal: there are {classes}"
    )]
    NoNormal {
        /// What was looked for.
        wanted: String,
        /// What there is.
        classes: String,
    },
    /// Nothing to tell apart.
    #[error(
        "`{}`: every row is of the class {classes}, and a forest tells two or more apart; look at column `{column}`, \
         --label and --map", file.display()
    )]
    OneClass {
        /// The table.
        file: PathBuf,
        /// The label's column.
        column: String,
        /// The class.
        classes: String,
    },
    /// Too many classes.
    #[error(
        "column `{column}` of `{}` has {found} different labels and a forest tells {MAX_CLASSES} apart; name another \
         column with --label, or group them with --map", file.display()
    )]
    TooManyClasses {
        /// The table.
        file: PathBuf,
        /// The label's column.
        column: String,
        /// Different labels.
        found: usize,
    },
    /// Too many columns, or none.
    #[error(
        "`{}` has {found} columns beside its label and a forest takes 1 to {MAX_FEATURES}; leave some out with --drop",
        file.display()
    )]
    Width {
        /// The table.
        file: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// A class of the table that the model does not know.
    #[error(
        "`{}`: the model `{model}` does not know the class `{class}`; it has {known}; group the labels with --map as \
         they were for training", file.display()
    )]
    UnknownClass {
        /// The table.
        file: PathBuf,
        /// The model's name.
        model: String,
        /// The table's class.
        class: String,
        /// The model's classes.
        known: String,
    },
    /// Folds without rows.
    #[error(
        "{folds} folds of {rows} rows cannot be trained on; give 2 folds or more, and not more than rows"
    )]
    Folds {
        /// Folds.
        folds: usize,
        /// Rows.
        rows: usize,
    },
    /// The forest cannot be grown.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The trees are no forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}
