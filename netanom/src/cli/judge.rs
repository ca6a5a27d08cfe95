//! The arguments of `judge` and `describe`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::FormatArg;

/// `netanom judge`.
#[derive(Debug, clap::Args)]
pub struct JudgeArgs {
    /// Tables without labels: CSV (by comma, semicolon or tab), JSON lines or logs of Zeek; plain or compressed by gzip or
    /// zstd; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Model file that `netanom train` wrote.
    #[arg(long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Say of each row that is not normal which columns made it so.
    #[arg(long)]
    pub explain: bool,
    /// How to write verdicts [default: csv, or jsonl for an --output that ends so].
    #[arg(long, value_enum)]
    pub format: Option<RowFormatArg>,
    /// Where verdicts go [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Columns of the table whose text stands beside the verdict, such as addresses and times; `*` for all.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The first line is a row [default: when there is a number in it].
    #[arg(long)]
    pub no_header: bool,
    /// Numbers have a decimal comma, as in 1,5 or 1.234,5.
    #[arg(long)]
    pub decimal_comma: bool,
}

/// `--format` of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowFormatArg {
    /// A header and a line a row.
    Csv,
    /// An object a row.
    Jsonl,
}

/// `netanom describe`.
#[derive(Debug, clap::Args)]
pub struct DescribeArgs {
    /// Table: CSV (by comma, semicolon or tab), JSON lines or a log of Zeek; plain or compressed by gzip or zstd; `-` is
    /// standard input.
    #[arg(value_name = "TABLE")]
    pub table: PathBuf,
    /// Column that says what a row is: its name, or its number from 1 [default: one with a usual name, as `label`].
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The first line is a row [default: when there is a number in it].
    #[arg(long)]
    pub no_header: bool,
    /// Numbers have a decimal comma, as in 1,5 or 1.234,5.
    #[arg(long)]
    pub decimal_comma: bool,
    /// Write a page with plots here, in one file.
    #[arg(long, value_name = "OUT.html")]
    pub report: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
}
