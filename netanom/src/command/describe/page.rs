//! The description of a table as one self-contained page.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{content, kind, numbers};
use crate::command::evaluate::parts;
use crate::command::evaluate::plot::Plot;
use crate::learn::scores::grouped;
use crate::learn::table::describe::{Description, Shape};

/// The page.
///
/// # Errors
/// When a plot cannot be drawn.
pub(super) fn of(table: &str, found: &Description) -> anyhow::Result<String> {
    let shapes = found.shapes.iter().map(drawn);
    let shapes: Vec<Markup> = shapes.collect::<anyhow::Result<_>>()?;
    let classes = found.classes.iter();
    let classes: BTreeMap<&str, u64> = classes
        .map(|(name, rows)| (name.as_str(), *rows as u64))
        .collect();
    Ok(parts::whole(
        "netanom: a table",
        &html! { p.note { (table) } },
        &numbers(found),
        &html! {
            @if !classes.is_empty() { h2 { "Classes" } (parts::distribution(&classes, "rows")) }
            h2 { "Columns" }
            (columns(found))
            @if !found.leaks.is_empty() {
                h2 { "What a column alone says of the label" }
                p.note { "Rows judged rightly by this column's values alone, on rows that these were not learned from. A \
                          column that gives the label away makes a model that looks at nothing else." }
                (leaks(found))
            }
            @if !shapes.is_empty() {
                h2 { "How the most telling columns are spread" }
                p.note { "All rows in the order of the column, in twentieths; the share of each class's rows that lie there. \
                          Classes whose lines differ can be told apart." }
                div.row { @for shape in shapes { (shape) } }
            }
            @if !found.correlations.is_empty() { h2 { "Columns that go together" } (correlations(found)) }
        },
    ))
}

fn drawn(shape: &Shape) -> anyhow::Result<Markup> {
    let lines = shape.classes.iter().map(|(class, parts)| {
        let points = parts.iter().enumerate();
        let points = points.map(|(part, share)| ((part as f64 + 0.5) / parts.len() as f64, *share));
        (class.clone(), points.collect())
    });
    let lines: Vec<(String, Vec<(f64, f64)>)> = lines.collect();
    let shares = lines.iter().flat_map(|(_, points)| points);
    let most = shares.map(|point| point.1).fold(0.0, f64::max);
    parts::drawn(Plot {
        title: &shape.column,
        axes: ("share of all rows", "share of the class"),
        to: (1.0, most * 1.05),
        lines,
        diagonal: None,
        is_logarithmic: false,
    })
}

fn columns(found: &Description) -> Markup {
    html! {
        table {
            tr {
                th { "column" } th { "kind" } th.n { "gaps" } th.n { "different" }
                th { "least, median, most; or the most frequent words" } th {}
            }
            @for one in &found.columns {
                tr.bad[one.remark.is_some()] {
                    td { code { (one.name) } }
                    td { (kind(one)) }
                    td.n { (grouped(one.gaps as u64)) }
                    td.n { (grouped(one.distinct as u64)) }
                    td { (content(one)) }
                    td { (one.remark.unwrap_or_default()) }
                }
            }
        }
    }
}

fn leaks(found: &Description) -> Markup {
    html! {
        table {
            tr { th { "column" } th.n { "rows judged rightly" } th {} }
            @for leak in found.leaks.iter().take(25) {
                tr.bad[leak.is_all()] {
                    td { code { (leak.column) } }
                    td.n { (format!("{:.4}", leak.accuracy)) }
                    td { @if leak.is_all() { "gives the label away" } }
                }
            }
        }
    }
}

fn correlations(found: &Description) -> Markup {
    html! {
        table {
            tr { th { "column" } th { "column" } th.n { "Pearson's coefficient" } }
            @for one in found.correlations.iter().take(50) {
                tr {
                    td { code { (one.columns[0]) } }
                    td { code { (one.columns[1]) } }
                    td.n { (format!("{:.4}", one.coefficient)) }
                }
            }
        }
    }
}
