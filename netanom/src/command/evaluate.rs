//! `netanom evaluate`: what the live pipeline makes of labelled captures, flow by flow and incident by incident.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::alert::Class;
use crate::cli::{EvaluateArgs, FormatArg};
use crate::config::Config;
use crate::learn::corpus::{self, Outcome};
use crate::learn::labels::Labels;

use super::{load_model, progress};

/// What the command prints.
#[derive(Debug, Default, Serialize)]
struct Evaluation {
    attack_captures: usize,
    found: usize,
    benign_captures: usize,
    benign_with_alert: usize,
    /// By class, over flows.
    scores: BTreeMap<Class, ClassScore>,
    /// Flows by label, then by verdict.
    confusion: BTreeMap<Class, BTreeMap<Class, u64>>,
    captures: Vec<CaptureResult>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct ClassScore {
    flows: u64,
    precision: f64,
    recall: f64,
    f1: f64,
}

#[derive(Debug, Serialize)]
struct CaptureResult {
    name: String,
    tier: String,
    attack: Option<Class>,
    found: Option<bool>,
    /// Class and summary of each alert.
    alerts: Vec<(Class, String)>,
}

/// Judges every labelled capture and prints the scores.
///
/// # Errors
/// When the captures, the labels or the model cannot be read.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let model = load_model(args.model.as_deref())?;
    let labels = Labels::read(&args.labels)?;
    let captures = corpus::captures(&args.captures, &labels);
    anyhow::ensure!(
        !captures.is_empty(),
        "no labelled capture is under `{}`: the labels name captures by their path there",
        args.captures.display()
    );
    let config = Config::default();
    let mut evaluation = Evaluation::default();
    let bar = progress::bar(captures.len(), "judging captures");
    for capture in &captures {
        let outcome = corpus::judge(capture, model.clone(), config.pipeline()?, config.tick()?)?;
        evaluation.add(&capture.name, &capture.rules.tier, &outcome);
        bar.inc(1);
    }
    bar.finish_and_clear();
    evaluation.score();
    let text = match args.format {
        FormatArg::Text => evaluation.text(),
        FormatArg::Json => serde_json::to_string_pretty(&evaluation)? + "\n",
    };
    #[expect(clippy::print_stdout, reason = "the scores are the command's result")]
    {
        print!("{text}");
    }
    Ok(())
}

impl Evaluation {
    /// Captures of other tiers than `core` are listed and not counted.
    fn add(&mut self, name: &str, tier: &str, outcome: &Outcome) {
        let found = outcome.is_found();
        if tier == "core" {
            match found {
                Some(found) => {
                    self.attack_captures += 1;
                    self.found += usize::from(found);
                }
                None => {
                    self.benign_captures += 1;
                    self.benign_with_alert += usize::from(!outcome.alerts.is_empty());
                }
            }
            for (&(label, verdict), flows) in &outcome.verdicts {
                *self
                    .confusion
                    .entry(label)
                    .or_default()
                    .entry(verdict)
                    .or_default() += flows;
            }
        }
        self.captures.push(CaptureResult {
            name: name.to_owned(),
            tier: tier.to_owned(),
            attack: outcome.attack(),
            found,
            alerts: outcome
                .alerts
                .iter()
                .map(|alert| (alert.class, alert.summary.clone()))
                .collect(),
        });
    }

    fn score(&mut self) {
        for class in self.confusion.keys().copied().collect::<Vec<_>>() {
            let row = &self.confusion[&class];
            let flows: u64 = row.values().sum();
            let right = row.get(&class).copied().unwrap_or_default();
            let said: u64 = self
                .confusion
                .values()
                .filter_map(|row| row.get(&class))
                .sum();
            let share = |whole: u64| {
                if whole == 0 {
                    0.0
                } else {
                    right as f64 / whole as f64
                }
            };
            let (precision, recall) = (share(said), share(flows));
            let f1 = if precision + recall > 0.0 {
                2.0 * precision * recall / (precision + recall)
            } else {
                0.0
            };
            self.scores.insert(
                class,
                ClassScore {
                    flows,
                    precision,
                    recall,
                    f1,
                },
            );
        }
    }

    fn text(&self) -> String {
        // Writing to a String cannot fail.
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:40} {:12} {:7} alerts",
            "capture", "attack", "found"
        );
        for capture in self
            .captures
            .iter()
            .filter(|capture| capture.found.is_some() || !capture.alerts.is_empty())
        {
            let attack = capture.attack.map_or("none", Class::name);
            let found = capture
                .found
                .map_or("-", |found| if found { "yes" } else { "NO" });
            let alerts: Vec<&str> = capture
                .alerts
                .iter()
                .map(|(_, summary)| summary.as_str())
                .collect();
            let _ = writeln!(
                text,
                "{:40} {attack:12} {found:7} {}",
                capture.name,
                alerts.join("; ")
            );
        }
        let _ = writeln!(
            text,
            "\n{:12} {:>8} {:>9} {:>7} {:>7}",
            "flows of", "flows", "precision", "recall", "F1"
        );
        for (class, score) in &self.scores {
            let ClassScore {
                flows,
                precision,
                recall,
                f1,
            } = score;
            let _ = writeln!(
                text,
                "{:12} {flows:8} {precision:9.3} {recall:7.3} {f1:7.3}",
                class.name()
            );
        }
        let _ = writeln!(
            text,
            "\ncore captures: {} of {} attacks found, {} of {} benign captures with an alert",
            self.found, self.attack_captures, self.benign_with_alert, self.benign_captures
        );
        text
    }
}
