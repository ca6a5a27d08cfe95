//! What the pages of captures and of tables, judged or described, share: no script, nothing is loaded from elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::{self, Plot};
use crate::learn::curves::{Bin, Point};
use crate::learn::scores::{Confusion, grouped};

/// Features that are shown with their importance.
const FEATURES: usize = 25;
/// Points of a curve that are drawn: more cannot be told apart.
const POINTS: usize = 400;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;max-width:84rem;margin:2rem auto;padding:0 1rem}\
    h1{margin:0}h2{margin:2.2rem 0 .6rem}p.note{color:#57606a;max-width:60rem;margin:.2rem 0 .8rem}\
    table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;max-width:100%;overflow-x:auto}\
    .row>div{max-width:100%}\
    th,td{padding:.2rem .7rem;border-bottom:1px solid #e3e6e8;text-align:left;vertical-align:top}\
    td.n,th.n{text-align:right}tr.bad{background:#fdecea}.row{display:flex;flex-wrap:wrap;gap:1.2rem}\
    svg{max-width:100%;height:auto;border:1px solid #e3e6e8}.bar{background:#0072b2;height:.8rem;min-width:1px}\
    .cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}.card{border:1px solid #e3e6e8;border-radius:.4rem;\
    padding:.6rem .9rem}.card b{display:block;font-size:1.15rem}.card span{color:#57606a;font-size:.85rem}\
    details summary{cursor:pointer;color:#57606a}";

/// A page with this title and this below it, then the numbers, then the rest.
pub(in crate::command) fn whole(
    title: &str,
    top: &Markup,
    numbers: &[(&str, String)],
    rest: &Markup,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (top)
                div.cards {
                    @for (name, value) in numbers {
                        div.card { b { (value) } span { (name) } }
                    }
                }
                (rest)
            }
        }
    };
    page.into_string()
}

/// Writes a page to a file.
///
/// # Errors
/// When it cannot be written.
pub(in crate::command) fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    std::fs::write(path, page)
        .with_context(|| format!("cannot write the report to `{}`", path.display()))?;
    log::info!("report: `{}`", path.display());
    Ok(())
}

pub(in crate::command) fn drawn(plot: Plot<'_>) -> anyhow::Result<Markup> {
    Ok(PreEscaped(plot::svg(&plot)?))
}

/// ROC, precision and recall, and where there are bins, calibration.
///
/// # Errors
/// When one cannot be drawn.
pub(in crate::command) fn curve_plots(
    curves: &[(String, Vec<Point>)],
    bins: Option<&[Bin]>,
) -> anyhow::Result<Vec<Markup>> {
    let lines = |point: fn(&Point) -> (f64, f64), start: (f64, f64)| {
        let line =
            |(name, curve): &(String, Vec<Point>)| (name.clone(), thinned(curve, point, start));
        curves.iter().map(line).collect()
    };
    let mut plots = vec![
        drawn(Plot {
            title: "ROC",
            axes: ("false positive rate", "true positive rate"),
            to: (1.0, 1.0),
            lines: lines(
                |at| (at.false_positive_rate, at.true_positive_rate),
                (0.0, 0.0),
            ),
            diagonal: Some("a guess"),
            is_logarithmic: false,
        })?,
        drawn(Plot {
            title: "Precision and recall",
            axes: ("recall", "precision"),
            to: (1.0, 1.02),
            lines: lines(|at| (at.true_positive_rate, at.precision), (0.0, 1.0)),
            diagonal: None,
            is_logarithmic: false,
        })?,
    ];
    if let Some(bins) = bins {
        plots.push(drawn(Plot {
            title: "Calibration",
            axes: ("mean score", "share of attacks"),
            to: (1.0, 1.0),
            lines: vec![(
                "attack or not".to_owned(),
                bins.iter().map(|bin| (bin.said, bin.is)).collect(),
            )],
            diagonal: Some("a perfect score"),
            is_logarithmic: false,
        })?);
    }
    Ok(plots)
}

fn thinned(curve: &[Point], point: fn(&Point) -> (f64, f64), start: (f64, f64)) -> Vec<(f64, f64)> {
    let step = (curve.len() / POINTS).max(1);
    let mut points = vec![start];
    points.extend(curve.iter().step_by(step).map(point));
    points.extend(curve.last().map(point));
    points
}

/// A share of the widest bar, which fits a narrow window, too.
fn bar_width(share: f64) -> String {
    format!("calc({share:.3} * min(24rem, 36vw))")
}

/// How many there are of each class.
pub(in crate::command) fn distribution<C: fmt::Display>(
    counts: &BTreeMap<C, u64>,
    what: &str,
) -> Markup {
    let most = counts.values().copied().max().unwrap_or(1).max(2) as f64;
    html! {
        table {
            tr { th { "class" } th.n { (what) } th { "on a scale of powers of ten" } }
            @for (class, count) in counts {
                tr {
                    td { (class.to_string()) }
                    td.n { (grouped(*count)) }
                    td { div.bar style={ "width:" (bar_width((1.0 + *count as f64).ln() / most.ln())) } {} }
                }
            }
        }
    }
}

/// A confusion matrix; the colour says what share of a line it is.
pub(in crate::command) fn matrix<C: Clone + fmt::Display>(
    confusion: &Confusion<C>,
    digits: usize,
) -> Markup {
    let classes = confusion.classes();
    let total_of = |truth: usize| -> f64 {
        (0..classes.len())
            .map(|verdict| confusion.weight(truth, verdict))
            .sum()
    };
    html! {
        table {
            tr { th {} @for class in classes { th.n { (class.to_string()) } } }
            @for (truth, class) in classes.iter().enumerate() {
                tr {
                    th { (class.to_string()) }
                    @for verdict in 0..classes.len() {
                        @let weight = confusion.weight(truth, verdict);
                        @let share = weight / total_of(truth).max(1e-9);
                        @let colour = if truth == verdict { "0,158,115" } else { "213,94,0" };
                        td.n style={ "background:rgba(" (colour) "," (format!("{:.2}", 0.7 * share)) ")" } {
                            @if weight > 0.0 { (shown(weight, digits)) }
                        }
                    }
                }
            }
        }
    }
}

/// A weight with so many digits after the point, thousands parted where it has none.
fn shown(weight: f64, digits: usize) -> String {
    match digits {
        0 => grouped(weight.round() as u64),
        _ => format!("{weight:.digits$}"),
    }
}

/// The features that count most.
pub(in crate::command) fn importance(features: &[(String, f64)], note: &str) -> Markup {
    let most = features.first().map_or(1.0, |(_, mean)| mean.max(1e-9));
    html! {
        h2 { "Features" }
        p.note { (note) }
        table {
            @for (name, mean) in features.iter().take(FEATURES) {
                tr {
                    td { code { (name) } }
                    td.n { (format!("{mean:.4}")) }
                    td { div.bar style={ "width:" (bar_width(mean / most)) } {} }
                }
            }
        }
    }
}
