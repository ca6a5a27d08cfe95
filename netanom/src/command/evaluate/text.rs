//! The scores for a terminal.

use std::fmt::Write as _;

use super::Evaluated;
use crate::alert::Class;
use crate::learn::evaluation::{CaptureResult, Summary};
use crate::learn::leave_out::UnknownClass;

/// All of it. Writing to a String cannot fail.
pub(super) fn of(report: &Evaluated) -> String {
    let mut text = String::new();
    captures(&mut text, &report.evaluation.captures);
    let _ = writeln!(
        text,
        "\nFlow by flow\n{}",
        report.evaluation.confusion(false)
    );
    let _ = writeln!(
        text,
        "\nBalanced: the flows of a class of a capture count as one\n{}\n",
        report.evaluation.confusion(true)
    );
    if !report.left_out.is_empty() {
        let _ = writeln!(
            text,
            "{:20} {:>14} {:>22}",
            "source left out", "attacks found", "benign with an alert"
        );
        for left in &report.left_out {
            let of = left.evaluation.summary(report.summary.base_rate);
            let _ = writeln!(
                text,
                "{:20} {:>14} {:>22}",
                left.name,
                of_all(of.found, of.attack_captures),
                of_all(of.benign_with_alert, of.benign_captures)
            );
        }
        text.push('\n');
    }
    summary(&mut text, &report.summary);
    let _ = writeln!(
        text,
        "\nJudged by {}. A model knows what it was trained on by heart.",
        report.judge
    );
    text
}

fn of_all(part: usize, all: usize) -> String {
    if all == 0 {
        "-".to_owned()
    } else {
        format!("{part} of {all}")
    }
}

fn captures(text: &mut String, captures: &[CaptureResult]) {
    let _ = writeln!(
        text,
        "{:40} {:12} {:7} {:>9}  alerts",
        "capture", "attack", "found", "after"
    );
    let is_of_interest =
        |capture: &&CaptureResult| capture.found.is_some() || !capture.alerts.is_empty();
    for capture in captures.iter().filter(is_of_interest) {
        let attack = about(capture);
        let found = match capture.found {
            None => "-",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        let delay = capture
            .delay_seconds
            .map_or_else(|| "-".to_owned(), |delay| format!("{delay:.2} s"));
        let alerts: Vec<&str> = capture
            .alerts
            .iter()
            .map(|(_, summary)| summary.as_str())
            .collect();
        let _ = writeln!(
            text,
            "{:40} {attack:12} {found:7} {delay:>9}  {}",
            capture.name,
            alerts.join("; ")
        );
    }
}

/// What a capture is about.
pub(super) fn about(capture: &CaptureResult) -> &'static str {
    let nothing = if capture.is_benign { "none" } else { "ignored" };
    capture.attack.map_or(nothing, Class::name)
}

/// The sums, a line each.
pub(super) fn lines(summary: &Summary) -> Vec<(&'static str, String)> {
    let number =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    vec![
        (
            "attacks found",
            of_all(summary.found, summary.attack_captures),
        ),
        (
            "benign captures with an alert",
            of_all(summary.benign_with_alert, summary.benign_captures),
        ),
        (
            "median delay of detection",
            summary
                .median_delay_seconds
                .map_or_else(|| "-".to_owned(), |delay| format!("{delay:.2} s")),
        ),
        (
            "alerts an hour of normal traffic",
            format!(
                "{} ({:.1} h)",
                number(summary.alerts_per_benign_hour),
                summary.benign_hours
            ),
        ),
        (
            "false calls of 1,000 normal flows",
            number(summary.false_calls_per_1000_flows),
        ),
        ("accuracy, flow by flow", number(summary.accuracy)),
        ("macro-F1, flow by flow", number(summary.macro_f1)),
        ("macro-F1, balanced", number(summary.balanced_macro_f1)),
        (
            "ROC-AUC of attack or not, balanced",
            number(summary.roc_auc),
        ),
        ("PR-AUC of attack or not, balanced", number(summary.pr_auc)),
        ("calibration error", number(summary.calibration_error)),
        (
            "precision at a score of 0.5 or more",
            format!(
                "{} where {} of the flows are attacks",
                number(summary.precision_at_base_rate),
                summary.base_rate
            ),
        ),
    ]
}

fn summary(text: &mut String, summary: &Summary) {
    for (name, value) in lines(summary) {
        let _ = writeln!(text, "{name:36} {value}");
    }
}

/// `--leave-out class`.
pub(super) fn of_unknown(classes: &[UnknownClass]) -> String {
    let mut text = format!(
        "{:12} {:>22} {:>30}\n",
        "never told of", "captures noticed", "flows judged not normal"
    );
    for unknown in classes {
        let share = 100.0 * unknown.not_normal as f64 / unknown.flows.max(1) as f64;
        let _ = writeln!(
            text,
            "{:12} {:>22} {:>30}",
            unknown.class.name(),
            of_all(unknown.noticed, unknown.captures),
            format!("{} of {} ({share:.1} %)", unknown.not_normal, unknown.flows)
        );
    }
    text
}
