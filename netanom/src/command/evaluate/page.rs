//! The scores of captures as one self-contained page.

use maud::{Markup, html};

use super::Evaluated;
use super::parts::{curve_plots, distribution, drawn, importance, matrix, whole};
use super::plot::Plot;
use super::text::{about, lines};
use crate::alert::Class;
use crate::learn::curves::{self, Point};
use crate::learn::evaluation::{CaptureResult, Evaluation};
use crate::learn::scores::Confusion;

/// The page.
///
/// # Errors
/// When a plot cannot be drawn.
pub(super) fn of(report: &Evaluated) -> anyhow::Result<String> {
    let evaluation = &report.evaluation;
    let [packets, lengths] = over_time(evaluation)?;
    let plots = curve_plots(&curves_of(evaluation), Some(&evaluation.calibration()))?;
    Ok(whole(
        "netanom evaluation",
        &html! {
            p.note { "Judged by " (report.judge) ". A model knows the captures that it was trained on by heart; what it is worth shows on others." }
        },
        &lines(&report.summary),
        &html! {
            h2 { "What was judged" }
            p.note { "Sums over core captures, by seconds since each capture began." }
            div.row { (packets) (lengths) }
            (distribution(&evaluation.flows_of(), "flows"))
            h2 { "Verdicts on flows" }
            p.note { "Balanced: the flows of each class of each capture count as one, so that a flood's tens of \
                      thousands do not hide a scan's fifteen. Truth by line, verdict by column." }
            div.row {
                div { h3 { "Balanced" } (matrix(&evaluation.confusion(true), 1)) }
                div { h3 { "Flow by flow" } (matrix(&evaluation.confusion(false), 0)) }
            }
            (classes(&evaluation.confusion(true), &evaluation.confusion(false)))
            h2 { "Attack or not" }
            p.note { "The score is one less the probability of normal traffic. Balanced." }
            div.row { @for plot in plots { (plot) } }
            @if !report.left_out.is_empty() { (sources(report)) }
            @if !report.importance.is_empty() { (importance(&report.importance, "Mean absolute contribution to the shares of the trees, before calibration, over a few rows of each class of each capture."))  }
            h2 { "Captures" }
            (captures(&evaluation.captures))
        },
    ))
}

/// Attack or not, then each class of attack; balanced.
fn curves_of(evaluation: &Evaluation) -> Vec<(String, Vec<Point>)> {
    let classes = evaluation.flows_of().into_keys();
    let attacks = classes.filter(|class| *class != Class::Normal);
    let mut lines = vec![("attack or not".to_owned(), evaluation.curve())];
    lines.extend(attacks.map(|class| {
        let curve = curves::curve(&evaluation.scored(Some(class)));
        (class.name().to_owned(), curve)
    }));
    lines
}

/// Packets a second and the mean frame length of each class.
fn over_time(evaluation: &Evaluation) -> anyhow::Result<[Markup; 2]> {
    let of = |value: &dyn Fn(&(u64, u64)) -> f64| -> Vec<(String, Vec<(f64, f64)>)> {
        let line = |(class, seconds): (&Class, &Vec<(u64, u64)>)| {
            let busy = seconds.iter().enumerate().filter(|(_, sums)| sums.0 > 0);
            let points = busy.map(|(second, sums)| (second as f64, value(sums)));
            (class.name().to_owned(), points.collect())
        };
        evaluation.timeline.iter().map(line).collect()
    };
    // Floods are a thousand times what else there is, so the scale is that of powers of ten.
    let packets = of(&|(packets, _)| (*packets as f64).log10());
    let lengths = of(&|(packets, bytes)| *bytes as f64 / (*packets).max(1) as f64);
    Ok([
        drawn(Plot {
            title: "Packets a second, all captures together",
            axes: ("seconds since a capture began", "packets, by powers of ten"),
            to: ends(&packets),
            lines: packets,
            diagonal: None,
            is_logarithmic: true,
        })?,
        drawn(Plot {
            title: "Mean frame length",
            axes: ("seconds since a capture began", "bytes"),
            to: ends(&lengths),
            lines: lengths,
            diagonal: None,
            is_logarithmic: false,
        })?,
    ])
}

fn ends(lines: &[(String, Vec<(f64, f64)>)]) -> (f64, f64) {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let highest = |value: fn(&(f64, f64)) -> f64| points().map(value).fold(0.0, f64::max);
    (highest(|point| point.0), highest(|point| point.1) * 1.05)
}

fn classes(balanced: &Confusion, flows: &Confusion) -> Markup {
    let shown =
        |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
    html! {
        h3 { "By class" }
        table {
            tr {
                th { "class" } th.n { "precision" } th.n { "recall" } th.n { "F1" }
                th.n { "precision, flow by flow" } th.n { "recall, flow by flow" } th.n { "F1, flow by flow" }
            }
            @for (one, other) in balanced.per_class().iter().zip(flows.per_class()) {
                tr {
                    td { (one.class.name()) }
                    @for share in [one.precision, one.recall, one.f1, other.precision, other.recall, other.f1] {
                        td.n { (shown(share)) }
                    }
                }
            }
        }
    }
}

fn sources(report: &Evaluated) -> Markup {
    html! {
        h2 { "Sources left out" }
        table {
            tr { th { "source" } th.n { "attacks" } th.n { "found" } th.n { "benign captures" } th.n { "with an alert" } }
            @for left in &report.left_out {
                @let of = left.evaluation.summary(report.summary.base_rate);
                tr.bad[of.found < of.attack_captures || of.benign_with_alert > 0] {
                    td { (left.name) } td.n { (of.attack_captures) } td.n { (of.found) }
                    td.n { (of.benign_captures) } td.n { (of.benign_with_alert) }
                }
            }
        }
    }
}

fn captures(captures: &[CaptureResult]) -> Markup {
    let is_bad = |capture: &&CaptureResult| match capture.found {
        Some(found) => !found,
        None => capture.is_benign && !capture.alerts.is_empty(),
    };
    let (quiet, loud): (Vec<_>, Vec<_>) = captures
        .iter()
        .partition(|capture| capture.found.is_none() && !is_bad(capture));
    let (bad, good): (Vec<_>, Vec<_>) = loud.into_iter().partition(is_bad);
    let table = |captures: &[&CaptureResult]| {
        html! {
            table {
                tr {
                    th { "capture" } th { "tier" } th { "attack" } th { "found" } th.n { "after" } th.n { "flows" }
                    th.n { "seconds" } th { "alerts" }
                }
                @for capture in captures {
                    tr.bad[is_bad(capture)] {
                        td { (capture.name) }
                        td { (capture.tier) }
                        td { (about(capture)) }
                        td { (match capture.found { None => "-", Some(true) => "yes", Some(false) => "no" }) }
                        td.n { @if let Some(delay) = capture.delay_seconds { (format!("{delay:.2} s")) } }
                        td.n { (capture.flows) }
                        td.n { (format!("{:.0}", capture.seconds)) }
                        td { @for (_, summary) in &capture.alerts { div { (summary) } } }
                    }
                }
            }
        }
    };
    html! {
        @if !bad.is_empty() { h3 { "Attacks missed and false alerts" } (table(&bad)) }
        h3 { "Attacks found" } (table(&good))
        details { summary { (quiet.len()) " captures of normal traffic without an alert, or ignored" } (table(&quiet)) }
    }
}
