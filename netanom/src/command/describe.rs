//! `netanom describe`: what is in a table before a model is made of it.

mod page;

use std::fmt::Write as _;

use super::evaluate::parts;
use super::{answer, check_outputs};
use crate::cli::{DescribeArgs, FormatArg};
use crate::learn::scores::grouped;
use crate::learn::table::describe::{ColumnSummary, Description, describe};
use crate::learn::table::{RowsOptions, TableError};
use crate::source::capture;

/// Lines that are shown of what could be many.
const LINES: usize = 10;

/// Describes a table.
///
/// # Errors
/// When it cannot be read, has no row, or the page cannot be written.
pub fn run(args: &DescribeArgs) -> anyhow::Result<()> {
    check_outputs([args.report.as_ref()])?;
    if args.table.is_dir() {
        return Err(TableError::Folder(args.table.clone()).into());
    }
    let options = RowsOptions {
        has_no_header: args.no_header,
        has_decimal_comma: args.decimal_comma,
        ..RowsOptions::default()
    };
    let input = capture::open_decompressed(&args.table)?;
    let found = describe(input, &args.table, args.label.as_deref(), &options)?;
    if let Some(path) = &args.report {
        parts::write(path, &page::of(&args.table.display().to_string(), &found)?)?;
    }
    answer(&match args.format {
        FormatArg::Text => text(&found),
        FormatArg::Json => serde_json::to_string_pretty(&found)? + "\n",
    })
}

/// The description for a terminal. Writing to a String cannot fail.
fn text(found: &Description) -> String {
    let mut text = String::new();
    for (name, value) in numbers(found) {
        let _ = writeln!(text, "{name:36} {value}");
    }
    let width = found.columns.iter().map(|one| one.name.chars().count());
    let width = width.max().unwrap_or(0).clamp(6, 40);
    let _ = writeln!(
        text,
        "\n{:width$}  kind    {:>9}  {:>9}  least, median, most; or the most frequent words",
        "column", "gaps", "different"
    );
    for one in &found.columns {
        let _ = writeln!(
            text,
            "{:width$}  {:6}  {:>9}  {:>9}  {}{}",
            one.name,
            kind(one),
            grouped(one.gaps as u64),
            grouped(one.distinct as u64),
            content(one),
            one.remark
                .map_or_else(String::new, |remark| format!("  [{remark}]"))
        );
    }
    if !found.classes.is_empty() {
        let _ = writeln!(text, "\nclasses");
        for (class, rows) in found.classes.iter().take(4 * LINES) {
            let _ = writeln!(text, "{class:24} {:>11}", grouped(*rows as u64));
        }
    }
    if !found.leaks.is_empty() {
        let _ = writeln!(
            text,
            "\nwhat a column alone says of the label: rows judged rightly"
        );
        for leak in found.leaks.iter().take(LINES) {
            let told = if leak.is_all() {
                "  gives the label away: leave it out with --drop"
            } else {
                ""
            };
            let _ = writeln!(text, "{:width$}  {:.4}{told}", leak.column, leak.accuracy);
        }
    }
    if !found.correlations.is_empty() {
        let _ = writeln!(text, "\ncolumns that go together: Pearson's coefficient");
        for one in found.correlations.iter().take(LINES) {
            let _ = writeln!(
                text,
                "{}, {}  {:.4}",
                one.columns[0], one.columns[1], one.coefficient
            );
        }
    }
    text
}

/// The sums, a line each.
fn numbers(found: &Description) -> Vec<(&'static str, String)> {
    let count = |number: usize| grouped(number as u64);
    let mut numbers = vec![
        ("rows", count(found.rows)),
        ("columns", count(found.columns.len())),
    ];
    if let Some(label) = &found.label {
        numbers.push(("label", format!("{label}, {} classes", found.classes.len())));
    }
    numbers.push(("rows that repeat one before", count(found.duplicates)));
    if found.label.is_some() {
        numbers.push(("of these with another label", count(found.contradictions)));
    }
    for (what, rows) in [
        ("rows of another width", found.ragged),
        ("lines that repeat the header", found.repeated_headers),
    ] {
        if rows > 0 {
            numbers.push((what, count(rows)));
        }
    }
    numbers
}

fn kind(one: &ColumnSummary) -> &'static str {
    use crate::learn::table::describe::ColumnKind;
    match one.kind {
        ColumnKind::Number => "number",
        ColumnKind::Word => "word",
        ColumnKind::Mixed => "mixed",
        ColumnKind::Empty => "empty",
    }
}

fn content(one: &ColumnSummary) -> String {
    let shown = |number: f32| match number.abs() == f32::MAX {
        true => if number > 0.0 {
            "infinite"
        } else {
            "-infinite"
        }
        .to_owned(),
        false => number.to_string(),
    };
    let common: Vec<String> = one
        .common
        .iter()
        .map(|(word, count)| format!("{word} ({})", grouped(*count as u64)))
        .collect();
    match one.range {
        Some(range) if common.is_empty() => range.map(shown).join(", "),
        _ => common.join(", "),
    }
}
