//! The scores of a table as a page: the parts of a page that rows without captures have.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts;
use super::table::{TableReport, lines};
use crate::learn::curves;
use crate::learn::scores::grouped;
use crate::learn::table::{TableScores, scored};

/// Curves of so many classes can be told apart, those with most rows.
const CURVES: usize = 8;

/// The page.
///
/// # Errors
/// When a plot cannot be drawn.
pub(super) fn of(report: &TableReport) -> anyhow::Result<String> {
    let confusion = TableScores::confusion(&report.classes, &report.probabilities);
    let rows: BTreeMap<&str, u64> = confusion
        .per_class()
        .iter()
        .zip(&report.classes.names)
        .map(|(scores, name)| (name.as_str(), scores.support as u64))
        .collect();
    let bins = TableScores::calibration(&report.classes, &report.probabilities);
    // Ranks are no probabilities.
    let has_bins = !bins.is_empty() && report.false_alarms.is_none();
    let plots = parts::curve_plots(&curves_of(report), has_bins.then_some(&bins[..]))?;
    Ok(parts::whole(
        "netanom evaluation",
        &html! {
            p.note { (report.table) ", judged by " (report.judge) ". Rows of one recording are near-copies of each \
                     other: such scores say little of another network." }
        },
        &lines(report),
        &html! {
            h2 { "What was judged" }
            (parts::distribution(&rows, "rows"))
            h2 { "Verdicts" }
            p.note { "Rows; truth by line, verdict by column." }
            (parts::matrix(&confusion, 0))
            (classes(&report.scores))
            h2 { "Curves" }
            p.note { "Attack or not: the score is one less the probability of normal traffic. Each class: against all others." }
            div.row { @for plot in plots { (plot) } }
            @if !report.importance.is_empty() { (parts::importance(&report.importance, "Mean absolute contribution to the shares of the trees, over a few rows of each class.")) }
        },
    ))
}

/// Attack or not where that can be said, then the classes.
fn curves_of(report: &TableReport) -> Vec<(String, Vec<curves::Point>)> {
    let curve = |class| curves::curve(&scored(&report.classes, &report.probabilities, class));
    let mut curves = Vec::new();
    let names = &report.classes.names;
    if report.classes.has_normal {
        curves.push(("attack or not".to_owned(), curve(None)));
        if names.len() == 2 {
            return curves;
        }
    }
    let mut classes: Vec<usize> = (usize::from(report.classes.has_normal)..names.len()).collect();
    classes.sort_by(|a, b| {
        let rows = |class: &usize| report.scores.scores[*class].support;
        rows(b).total_cmp(&rows(a))
    });
    classes.truncate(CURVES - curves.len());
    curves.extend(
        classes
            .into_iter()
            .map(|class| (names[class].clone(), curve(Some(class)))),
    );
    curves
}

fn classes(scores: &TableScores) -> Markup {
    let shown =
        |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
    html! {
        h3 { "By class" }
        table {
            tr {
                th { "class" } th.n { "precision" } th.n { "recall" } th.n { "F1" } th.n { "ROC-AUC" } th.n { "rows" }
            }
            @for one in &scores.scores {
                tr {
                    td { (one.class) }
                    @for share in [one.precision, one.recall, one.f1, scores.class_roc_auc.get(&one.class).copied().flatten()] {
                        td.n { (shown(share)) }
                    }
                    td.n { (grouped(one.support.round() as u64)) }
                }
            }
        }
    }
}
