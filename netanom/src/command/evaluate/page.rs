//! The scores as one self-contained page: no script, nothing is loaded from elsewhere.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use super::plot::{self, Names, Plot};
use super::text::lines;
use crate::alert::Class;
use crate::learn::curves::{self, Point};
use crate::learn::evaluation::{CaptureResult, Evaluation};
use crate::learn::scores::Confusion;

/// Features that are shown with their importance.
const FEATURES: usize = 25;
/// Points of a curve that are drawn: more cannot be told apart.
const POINTS: usize = 400;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;max-width:84rem;margin:2rem auto;padding:0 1rem}\
    h1{margin:0}h2{margin:2.2rem 0 .6rem}p.note{color:#57606a;max-width:60rem;margin:.2rem 0 .8rem}\
    table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
    th,td{padding:.2rem .7rem;border-bottom:1px solid #e3e6e8;text-align:left;vertical-align:top}\
    td.n,th.n{text-align:right}tr.bad{background:#fdecea}.row{display:flex;flex-wrap:wrap;gap:1.2rem}\
    svg{max-width:100%;height:auto;border:1px solid #e3e6e8}.bar{background:#0072b2;height:.8rem;min-width:1px}\
    .cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}.card{border:1px solid #e3e6e8;border-radius:.4rem;\
    padding:.6rem .9rem}.card b{display:block;font-size:1.15rem}.card span{color:#57606a;font-size:.85rem}\
    details summary{cursor:pointer;color:#57606a}";

/// The page.
///
/// # Errors
/// When a plot cannot be drawn.
pub(super) fn of(report: &Report) -> anyhow::Result<String> {
    let evaluation = &report.evaluation;
    let [packets, lengths] = over_time(evaluation)?;
    let [roc, precision, calibration] = curves_of(evaluation)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "netanom evaluation" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "netanom evaluation" }
                p.note { "Judged by " (report.judge) ". A model knows the captures that it was trained on by heart; what it is worth shows on others." }
                div.cards {
                    @for (name, value) in lines(&report.summary) {
                        div.card { b { (value) } span { (name) } }
                    }
                }
                h2 { "What was judged" }
                p.note { "Sums over core captures, by seconds since each capture began." }
                div.row { (packets) (lengths) }
                (distribution(&evaluation.flows_of()))
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
                div.row { (roc) (precision) (calibration) }
                @if !report.left_out.is_empty() { (sources(report)) }
                @if !report.importance.is_empty() { (importance(&report.importance)) }
                h2 { "Captures" }
                (captures(&evaluation.captures))
            }
        }
    };
    Ok(page.into_string())
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
    let packets = of(&|(packets, _)| (1.0 + *packets as f64).log10());
    let lengths = of(&|(packets, bytes)| *bytes as f64 / (*packets).max(1) as f64);
    Ok([
        drawn(Plot {
            title: "Packets a second, all captures together",
            axes: ("seconds since a capture began", "packets, power of ten"),
            to: ends(&packets),
            lines: packets,
            names: Names::UpperRight,
            has_diagonal: false,
        })?,
        drawn(Plot {
            title: "Mean frame length",
            axes: ("seconds since a capture began", "bytes"),
            to: ends(&lengths),
            lines: lengths,
            names: Names::UpperRight,
            has_diagonal: false,
        })?,
    ])
}

fn ends(lines: &[(String, Vec<(f64, f64)>)]) -> (f64, f64) {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let highest = |value: fn(&(f64, f64)) -> f64| points().map(value).fold(0.0, f64::max);
    (highest(|point| point.0), highest(|point| point.1) * 1.05)
}

fn drawn(plot: Plot<'_>) -> anyhow::Result<Markup> {
    Ok(PreEscaped(plot::svg(&plot)?))
}

fn curves_of(evaluation: &Evaluation) -> anyhow::Result<[Markup; 3]> {
    let lines = |point: fn(&Point) -> (f64, f64), start: (f64, f64)| {
        let mut lines = vec![(
            "attack or not".to_owned(),
            thinned(&evaluation.curve(), point, start),
        )];
        for class in evaluation
            .flows_of()
            .into_keys()
            .filter(|class| *class != Class::Normal)
        {
            let curve = curves::curve(&evaluation.scored(Some(class)));
            lines.push((class.name().to_owned(), thinned(&curve, point, start)));
        }
        lines
    };
    let bins = evaluation.calibration();
    Ok([
        drawn(Plot {
            title: "ROC",
            axes: ("false positive rate", "true positive rate"),
            to: (1.0, 1.0),
            lines: lines(
                |at| (at.false_positive_rate, at.true_positive_rate),
                (0.0, 0.0),
            ),
            names: Names::LowerRight,
            has_diagonal: true,
        })?,
        drawn(Plot {
            title: "Precision and recall",
            axes: ("recall", "precision"),
            to: (1.0, 1.02),
            lines: lines(|at| (at.true_positive_rate, at.precision), (0.0, 1.0)),
            names: Names::LowerLeft,
            has_diagonal: false,
        })?,
        drawn(Plot {
            title: "Calibration",
            axes: ("mean score", "share of attacks"),
            to: (1.0, 1.0),
            lines: vec![(
                "attack or not".to_owned(),
                bins.iter().map(|bin| (bin.said, bin.is)).collect(),
            )],
            names: Names::LowerRight,
            has_diagonal: true,
        })?,
    ])
}

fn thinned(curve: &[Point], point: fn(&Point) -> (f64, f64), start: (f64, f64)) -> Vec<(f64, f64)> {
    let step = (curve.len() / POINTS).max(1);
    let mut points = vec![start];
    points.extend(curve.iter().step_by(step).map(point));
    points.extend(curve.last().map(point));
    points
}

fn distribution(flows: &BTreeMap<Class, u64>) -> Markup {
    let most = flows.values().copied().max().unwrap_or(1).max(2) as f64;
    html! {
        table {
            tr { th { "class" } th.n { "flows" } th { "on a scale of powers of ten" } }
            @for (class, count) in flows {
                tr {
                    td { (class.name()) }
                    td.n { (count) }
                    td { div.bar style={ "width:" (format!("{:.1}", 24.0 * (1.0 + *count as f64).ln() / most.ln())) "rem" } {} }
                }
            }
        }
    }
}

fn matrix(confusion: &Confusion, digits: usize) -> Markup {
    let classes = confusion.classes();
    let total_of = |truth: usize| -> f64 {
        (0..classes.len())
            .map(|verdict| confusion.weight(truth, verdict))
            .sum()
    };
    html! {
        table {
            tr { th {} @for class in classes { th.n { (class.name()) } } }
            @for (truth, class) in classes.iter().enumerate() {
                tr {
                    th { (class.name()) }
                    @for verdict in 0..classes.len() {
                        @let weight = confusion.weight(truth, verdict);
                        @let share = weight / total_of(truth).max(1e-9);
                        @let colour = if truth == verdict { "0,158,115" } else { "213,94,0" };
                        td.n style={ "background:rgba(" (colour) "," (format!("{:.2}", 0.7 * share)) ")" } {
                            @if weight > 0.0 { (format!("{weight:.digits$}")) }
                        }
                    }
                }
            }
        }
    }
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

fn sources(report: &Report) -> Markup {
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

fn importance(features: &[(String, f64)]) -> Markup {
    let most = features.first().map_or(1.0, |(_, mean)| mean.max(1e-9));
    html! {
        h2 { "Features" }
        p.note { "Mean absolute contribution to the probabilities, over a few rows of each class of each capture." }
        table {
            @for (name, mean) in features.iter().take(FEATURES) {
                tr {
                    td { code { (name) } }
                    td.n { (format!("{mean:.4}")) }
                    td { div.bar style={ "width:" (format!("{:.1}", 24.0 * mean / most)) "rem" } {} }
                }
            }
        }
    }
}

fn captures(captures: &[CaptureResult]) -> Markup {
    let is_bad = |capture: &&CaptureResult| match capture.found {
        Some(found) => !found,
        None => !capture.alerts.is_empty(),
    };
    let (quiet, loud): (Vec<_>, Vec<_>) = captures
        .iter()
        .partition(|capture| capture.found.is_none() && capture.alerts.is_empty());
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
                        td { (capture.attack.map_or("none", Class::name)) }
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
        details { summary { (quiet.len()) " captures of normal traffic without an alert" } (table(&quiet)) }
    }
}
