//! The part of the model card that is measured: between two marks in docs/model-card.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use netanom::alert::Class;
use netanom::learn::corpus::source_of;
use netanom::learn::evaluation::CaptureResult;
use netanom::learn::gather::Content;
use netanom::learn::leave_out::UnknownClass;
use netanom::learn::scores::ClassScores;

use crate::random::Random;

use super::folder::{Counts, Scores, mistake};

const BEGIN: &str = "<!-- measured by `cargo xtask train-default`; do not edit -->";
const END: &str = "<!-- end of what is measured -->";

/// Replaces what stands between the marks.
pub(super) fn write(file: &Path, measured: &str) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let text = replace(&text, measured)
        .with_context(|| format!("`{}` lacks the lines `{BEGIN}` and `{END}`", file.display()))?;
    fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))
}

/// What stood there before, about sources that were left out: it takes too long to be measured every time.
pub(super) fn held_out_before(file: &Path) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let section = text
        .split_once(HELD_OUT)
        .and_then(|(_, rest)| rest.split_once(END));
    Ok(section.map_or_else(String::new, |(section, _)| format!("{HELD_OUT}{section}")))
}

fn replace(text: &str, measured: &str) -> anyhow::Result<String> {
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        bail!("the marks are missing")
    };
    Ok(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        measured.trim()
    ))
}

/// What a model was trained on, by class and source.
pub(super) fn contents(contents: &[Content<'_>]) -> String {
    let mut table: BTreeMap<(&str, &str), (BTreeSet<&str>, usize)> = BTreeMap::new();
    for content in contents {
        let entry = table
            .entry((content.class.name(), source_of(&content.capture)))
            .or_default();
        entry.0.insert(&content.capture);
        entry.1 += content.rows;
    }
    let mut text = "## Trained on\n\nA row is a flow as it was judged at one tick. At most 4,000 rows of a class are taken \
                    from one capture.\n\n| Class | Source | Captures | Rows |\n|---|---|---:|---:|\n"
        .to_owned();
    for ((class, source), (captures, rows)) in table {
        let _ = writeln!(
            text,
            "| `{class}` | {source} | {} | {rows} |",
            captures.len()
        );
    }
    text
}

/// Scores on what was trained on.
pub(super) fn on_training_data(scores: &[(String, Scores)]) -> String {
    let mut text = "## On its own training data\n\nThese say that it learned, not that it knows: each of these captures \
                    was trained on.\n\n"
        .to_owned();
    for (name, scores) in scores {
        let _ = writeln!(
            text,
            "{name}: {}.\n\n{}",
            sums(scores),
            classes("Flows of", &scores.summary.scores)
        );
    }
    text
}

const HELD_OUT: &str = "## On sources that it has not seen";

/// Scores on sources that were left out.
pub(super) fn held_out(scores: &Scores) -> String {
    let mut text = format!(
        "{HELD_OUT}\n\nSources in five groups: for each group a model was trained without it (made captures included), and \
         judged on it alone. An attack is noticed when an alert names one of its hosts, and named when one of its class does. \
         The range behind a number is where it lies in 95 of 100 draws of sources with replacement.\n\n"
    );
    kinds(&mut text, scores);
    text.push('\n');
    sources(&mut text, scores);
    balanced(&mut text, scores);
    let mistakes: Vec<String> = scores.core().filter_map(mistake).collect();
    if !mistakes.is_empty() {
        let _ = writeln!(text, "What went wrong, and the alerts that there were:\n");
        for mistake in mistakes {
            let _ = writeln!(text, "- {mistake}");
        }
    }
    text
}

/// Scores of a model that was trained on no real capture at all.
pub(super) fn made_alone(with_range: bool, scores: &[Scores]) -> String {
    let made = if with_range {
        "simulated captures and those of the range"
    } else {
        "simulated captures"
    };
    let mut text = format!(
        "### By a model that has seen none of them\n\nTrained on {made} alone, and judged on every real capture.\n\n"
    );
    for scores in scores {
        sources(&mut text, scores);
        balanced(&mut text, scores);
    }
    text
}

/// Noticed and named, by class.
fn kinds(text: &mut String, scores: &Scores) {
    text.push_str("| Class | Captures | Noticed | Named |\n|---|---:|---:|---:|\n");
    for class in Class::ALL {
        let of: Vec<_> = scores
            .core()
            .filter(|one| one.attack == Some(class))
            .collect();
        if !of.is_empty() {
            kind(text, &format!("`{class}`"), &of);
        }
    }
    let all: Vec<_> = scores.core().filter(|one| one.attack.is_some()).collect();
    kind(text, "**all**", &all);
    let benign: Vec<_> = scores.core().filter(|one| one.is_benign).collect();
    let alarms = |one: &CaptureResult| !one.alerts.is_empty();
    let _ = writeln!(
        text,
        "\nOf {} benign captures {} have an alert.",
        benign.len(),
        with_range(&benign, &alarms)
    );
}

fn kind(text: &mut String, name: &str, of: &[&CaptureResult]) {
    let noticed = with_range(of, &|one| one.noticed == Some(true));
    let named = with_range(of, &|one| one.named == Some(true));
    let _ = writeln!(text, "| {name} | {} | {noticed} | {named} |", of.len());
}

/// How many captures `holds` is true of, with the range of that number over draws of their sources.
fn with_range(of: &[&CaptureResult], holds: &dyn Fn(&CaptureResult) -> bool) -> String {
    const DRAWS: usize = 2000;
    let mut of_source: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in of {
        let (all, held) = of_source.entry(source_of(&one.name)).or_default();
        *all += 1;
        *held += usize::from(holds(one));
    }
    let sources: Vec<(usize, usize)> = of_source.into_values().collect();
    let held: usize = sources.iter().map(|(_, held)| held).sum();
    if sources.len() < 3 {
        return held.to_string();
    }
    let mut random = Random::new(1, 0);
    let mut shares: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..sources.len())
                .map(|_| sources[random.between(0, sources.len() as u64 - 1) as usize]);
            let (all, held) = drawn.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            held as f64 / all as f64
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    let number = |at: usize| (shares[at] * of.len() as f64).round();
    format!(
        "{held} ({} to {})",
        number(DRAWS / 40),
        number(DRAWS - 1 - DRAWS / 40)
    )
}

fn sources(text: &mut String, scores: &Scores) {
    text.push_str("| Source | Attacks found | Benign captures with an alert |\n|---|---:|---:|\n");
    let mut of_source: BTreeMap<&str, Counts> = BTreeMap::new();
    for capture in scores.core() {
        of_source
            .entry(source_of(&capture.name))
            .or_default()
            .add(capture);
    }
    for (source, counts) in &of_source {
        row(text, source, *counts);
    }
    row(text, "**all**", scores.counts());
}

fn balanced(text: &mut String, scores: &Scores) {
    let _ = writeln!(
        text,
        "\nVerdicts on flows, the flows of each class of each capture counting as one; macro-F1 {}:\n\n{}",
        shown(scores.summary.balanced_macro_f1),
        classes("Class", &scores.summary.balanced_scores)
    );
}

/// Scores on classes that were left out.
pub(super) fn unknown(classes: &[UnknownClass]) -> String {
    let mut text = "\n### By a model that was never told of the attack\n\nFor each class a model was trained without it. \
                    An attack is noticed when an alert of any class names one of its hosts.\n\n\
                    | Class | Captures noticed | Flows judged not normal |\n|---|---:|---:|\n"
        .to_owned();
    for of in classes {
        let UnknownClass {
            class,
            captures,
            noticed,
            flows,
            not_normal,
        } = of;
        let share = 100.0 * *not_normal as f64 / (*flows).max(1) as f64;
        let _ = writeln!(
            text,
            "| `{class}` | {noticed} of {captures} | {not_normal} of {flows} ({share:.0} %) |"
        );
    }
    text
}

fn shown(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"))
}

fn row(text: &mut String, name: &str, counts: Counts) {
    let share = |part: usize, whole: usize| {
        if whole == 0 {
            "-".to_owned()
        } else {
            format!("{part} of {whole}")
        }
    };
    let (attacks, benign) = (
        share(counts.found, counts.attacks),
        share(counts.benign_with_alert, counts.benign),
    );
    let _ = writeln!(text, "| {name} | {attacks} | {benign} |");
}

/// The sums over captures, in words.
fn sums(scores: &Scores) -> String {
    let Counts {
        attacks,
        found,
        benign,
        benign_with_alert,
    } = scores.counts();
    format!(
        "{found} of {attacks} attacks found, {benign_with_alert} of {benign} benign captures with an alert"
    )
}

fn classes(head: &str, scores: &[ClassScores]) -> String {
    let mut text =
        format!("| {head} | Weight | Precision | Recall | F1 |\n|---|---:|---:|---:|---:|\n");
    for of in scores {
        let [precision, recall, f1] = [of.precision, of.recall, of.f1].map(shown);
        let _ = writeln!(
            text,
            "| `{}` | {:.0} | {precision} | {recall} | {f1} |",
            of.class, of.support
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use netanom::learn::evaluation::Evaluation;

    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = format!("by hand\n{BEGIN}\nold\n{END}\nby hand, too\n");
        let new = replace(&text, "\nnew\n").unwrap();
        assert_eq!(
            new,
            format!("by hand\n{BEGIN}\n\nnew\n\n{END}\nby hand, too\n")
        );
        assert!(replace("no marks", "new").is_err());
    }

    #[test]
    fn contents_are_summed_by_class_and_source() {
        let content = |capture: &'static str, class, rows| Content {
            capture: capture.into(),
            class,
            seen: rows,
            rows,
        };
        let text = contents(&[
            content("x/lab_a.pcap", Class::Normal, 5),
            content("x/lab_b.pcap", Class::Normal, 6),
            content("x/lab_b.pcap", Class::PortScan, 7),
        ]);
        assert!(
            text.ends_with("| `normal` | lab | 2 | 11 |\n| `port_scan` | lab | 1 | 7 |\n"),
            "{text}"
        );
    }

    fn scores(captures: Vec<CaptureResult>) -> Scores {
        let mut evaluation = Evaluation::default();
        evaluation.captures = captures;
        Scores {
            summary: evaluation.summary(0.001),
            captures: evaluation.captures,
        }
    }

    #[test]
    fn captures_are_summed_by_their_source() {
        let capture = |name: &str, tier: &str, found: Option<bool>, alerts| CaptureResult {
            name: name.to_owned(),
            tier: tier.to_owned(),
            attack: found.map(|_| Class::PortScan),
            is_benign: found.is_none(),
            found,
            noticed: found,
            named: found,
            delay_seconds: None,
            seconds: 1.0,
            flows: 1,
            alerts,
        };
        let text = held_out(&scores(vec![
            capture("a_1.pcap", "core", Some(true), Vec::new()),
            capture("b_1.pcap", "core", Some(false), Vec::new()),
            capture("b_2.pcap", "core", None, Vec::new()),
            capture(
                "b_3.pcap",
                "extra",
                None,
                vec![(Class::PortScan, "x".to_owned())],
            ),
        ]));
        let table = "| a | 1 of 1 | - |\n| b | 0 of 1 | 0 of 1 |\n| **all** | 1 of 2 | 0 of 1 |\n";
        assert!(text.contains(table), "{text}");
        assert!(
            text.contains("- port_scan in `b_1.pcap`: no alert\n"),
            "{text}"
        );
    }

    #[test]
    fn what_was_made_is_named() {
        let of = |with_range| made_alone(with_range, &[scores(Vec::new())]);
        assert!(of(true).contains("those of the range alone"));
        assert!(of(false).contains("Trained on simulated captures alone"));
    }
}
