//! The part of the model card that is measured: between two marks in docs/model-card.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::folder::{ClassScore, Content, Judged, Scores, source_of};
use super::hold_out::HeldOut;

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
pub(super) fn contents(contents: &[Content]) -> String {
    let mut table: BTreeMap<(&str, &str), (BTreeSet<&str>, u64)> = BTreeMap::new();
    for content in contents {
        let entry = table
            .entry((&content.class, source_of(&content.capture)))
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
            classes(&scores.scores)
        );
    }
    text
}

const HELD_OUT: &str = "## On sources that it has not seen";

/// Scores on sources that were left out.
pub(super) fn held_out(sources: &[HeldOut]) -> String {
    let mut text = format!(
        "{HELD_OUT}\n\nFor each source a model was trained without it (simulated captures, and those of the range, \
         included), and judged on it alone.\n\n"
    );
    table(&mut text, sources, true);
    text
}

/// Scores of a model that was trained on no real capture at all.
pub(super) fn made_alone(with_range: bool, sources: &[HeldOut]) -> String {
    let made = if with_range {
        "simulated captures and those of the range"
    } else {
        "simulated captures"
    };
    let mut text = format!(
        "### By a model that has seen none of them\n\nTrained on {made} alone, and judged on every real capture.\n\n"
    );
    table(&mut text, sources, false);
    text
}

fn table(text: &mut String, sources: &[HeldOut], with_mistakes: bool) {
    text.push_str("| Source | Attacks found | Benign captures with an alert |\n|---|---:|---:|\n");
    let mut all = Scores::default();
    for HeldOut { source, scores } in sources {
        row(text, source, scores);
        all.add(scores);
    }
    row(text, "**all**", &all);
    let mistakes: Vec<String> = all.captures.iter().filter_map(Judged::mistake).collect();
    if with_mistakes && !mistakes.is_empty() {
        let _ = writeln!(text, "\nWhat went wrong, and the alerts that there were:\n");
        for mistake in mistakes {
            let _ = writeln!(text, "- {mistake}");
        }
    }
}

fn row(text: &mut String, name: &str, scores: &Scores) {
    let Scores {
        found,
        attack_captures,
        benign_with_alert,
        benign_captures,
        ..
    } = scores;
    let share = |part: &u64, whole: &u64| {
        if *whole == 0 {
            "-".to_owned()
        } else {
            format!("{part} of {whole}")
        }
    };
    let (attacks, benign) = (
        share(found, attack_captures),
        share(benign_with_alert, benign_captures),
    );
    let _ = writeln!(text, "| {name} | {attacks} | {benign} |");
}

/// The sums over captures, in words.
pub(super) fn sums(scores: &Scores) -> String {
    let Scores {
        found,
        attack_captures,
        benign_with_alert,
        benign_captures,
        ..
    } = scores;
    format!(
        "{found} of {attack_captures} attacks found, {benign_with_alert} of {benign_captures} benign captures with an alert"
    )
}

fn classes(scores: &BTreeMap<String, ClassScore>) -> String {
    let mut text =
        "| Flows of | Flows | Precision | Recall | F1 |\n|---|---:|---:|---:|---:|\n".to_owned();
    for (
        class,
        ClassScore {
            flows,
            precision,
            recall,
            f1,
        },
    ) in scores
    {
        let _ = writeln!(
            text,
            "| `{class}` | {flows} | {precision:.3} | {recall:.3} | {f1:.3} |"
        );
    }
    text
}

#[cfg(test)]
mod tests {
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
        let content = |capture: &str, class: &str, rows| Content {
            capture: capture.into(),
            class: class.into(),
            rows,
        };
        let text = contents(&[
            content("x/lab_a.pcap", "normal", 5),
            content("x/lab_b.pcap", "normal", 6),
            content("x/lab_b.pcap", "port_scan", 7),
        ]);
        assert!(
            text.ends_with("| `normal` | lab | 2 | 11 |\n| `port_scan` | lab | 1 | 7 |\n"),
            "{text}"
        );
    }

    #[test]
    fn sources_that_were_left_out_are_summed() {
        let scores = |found, attack_captures| Scores {
            found,
            attack_captures,
            ..Scores::default()
        };
        let held = |source: &str, scores| HeldOut {
            source: source.to_owned(),
            scores,
        };
        let text = held_out(&[held("a", scores(1, 2)), held("b", scores(3, 3))]);
        assert!(
            text.ends_with("| a | 1 of 2 | - |\n| b | 3 of 3 | - |\n| **all** | 4 of 5 | - |\n"),
            "{text}"
        );
    }
}
