//! `cargo xtask quality`: whether the built-in model is as good as it was, on captures that are made on the spot.
//!
//! The captures are the range's quick set, with another seed than those that the model was trained on. What it must
//! reach is in `xtask/quality.toml`, with where the numbers come from.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::lab::stop::Stop;
use crate::{build, command, range};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seed of the captures; may be given several times [default: that of xtask/quality.toml]
    #[arg(long)]
    seed: Vec<u64>,
    /// A netanom that is built already, in place of building one
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// What must be reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    seed: u64,
    balanced_macro_f1_at_least: f64,
    found_at_least: u64,
    benign_with_alert_at_most: u64,
    false_calls_per_1000_flows_at_most: f64,
}

/// What `netanom evaluate` says.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Scores {
    attack_captures: u64,
    found: u64,
    benign_captures: u64,
    benign_with_alert: u64,
    balanced_macro_f1: Option<f64>,
    false_calls_per_1000_flows: Option<f64>,
}

/// What came of the gate.
pub(crate) enum Gate {
    Passed,
    /// With what was missed.
    Failed(String),
    /// It cannot be tried here, and why.
    Skipped(String),
}

/// Measures, and fails when a bound is missed.
pub(crate) fn quality(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    range::prepare()?;
    let bounds = Bounds::read()?;
    let seeds = match arguments.seed.as_slice() {
        [] => &[bounds.seed],
        seeds => seeds,
    };
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => build::release()?,
    };
    let stop = Stop::on_signals()?;
    let mut missed = Vec::new();
    let mut lines = String::new();
    for &seed in seeds {
        let scores = measure(&program, seed, &stop)?;
        let _ = writeln!(lines, "seed {seed}: {}", scores.text());
        missed.extend(bounds.missed(&scores));
    }
    show(&lines);
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!(
        "the model is worse than xtask/quality.toml asks for: {}",
        missed.join("; ")
    )
}

/// The same as one more test, for those who run all.
pub(crate) fn gate() -> Gate {
    if let Err(error) = range::prepare() {
        return Gate::Skipped(format!("{error:#}"));
    }
    let arguments = Arguments {
        seed: Vec::new(),
        program: None,
    };
    match quality(&arguments) {
        Ok(_) => Gate::Passed,
        Err(error) => Gate::Failed(format!("{error:#}")),
    }
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(lines: &str) {
    print!("{lines}");
}

/// Makes the captures of a seed and lets the built-in model judge them.
fn measure(program: &Path, seed: u64, stop: &Stop) -> anyhow::Result<Scores> {
    let folder = tempfile::tempdir().context("cannot make a folder for captures")?;
    range::quick(folder.path(), seed, stop)?;
    let mut evaluate = Command::new(program);
    evaluate.args(["evaluate", "--format", "json", "--captures"]);
    evaluate.arg(folder.path()).arg("--labels");
    evaluate.arg(folder.path().join("labels.json"));
    let text = command::shown(&evaluate);
    eprintln!("$ {text}");
    let output = evaluate
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{text}`"))?;
    ensure!(output.status.success(), "`{text}` failed");
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("cannot read what `{text}` prints"))
}

impl Bounds {
    fn read() -> anyhow::Result<Self> {
        let file = command::workspace()?.join("xtask/quality.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot understand `{}`", file.display()))
    }

    /// What is worse than it may be. A score of nothing is: the captures have attacks and normal traffic.
    fn missed(&self, scores: &Scores) -> Vec<String> {
        let mut missed = Vec::new();
        let f1 = scores.balanced_macro_f1.unwrap_or(0.0);
        if f1 < self.balanced_macro_f1_at_least {
            let least = self.balanced_macro_f1_at_least;
            missed.push(format!("balanced macro-F1 {f1:.3}, at least {least}"));
        }
        if scores.found < self.found_at_least {
            let (found, least) = (scores.found, self.found_at_least);
            missed.push(format!("{found} attacks found, at least {least}"));
        }
        if scores.benign_with_alert > self.benign_with_alert_at_most {
            let (alarms, most) = (scores.benign_with_alert, self.benign_with_alert_at_most);
            missed.push(format!(
                "{alarms} normal captures with an alert, at most {most}"
            ));
        }
        let calls = scores.false_calls_per_1000_flows.unwrap_or(f64::INFINITY);
        if calls > self.false_calls_per_1000_flows_at_most {
            let most = self.false_calls_per_1000_flows_at_most;
            missed.push(format!(
                "{calls:.1} false calls of 1,000 flows, at most {most}"
            ));
        }
        missed
    }
}

impl Scores {
    fn text(&self) -> String {
        let shown =
            |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |n| format!("{n:.3}"));
        format!(
            "balanced macro-F1 {}, {} of {} attacks found, {} of {} normal captures with an alert, {} false calls of \
             1,000 flows",
            shown(self.balanced_macro_f1),
            self.found,
            self.attack_captures,
            self.benign_with_alert,
            self.benign_captures,
            shown(self.false_calls_per_1000_flows),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Scores = Scores {
        attack_captures: 11,
        found: 11,
        benign_captures: 3,
        benign_with_alert: 0,
        balanced_macro_f1: Some(1.0),
        false_calls_per_1000_flows: Some(0.0),
    };

    fn bounds() -> Bounds {
        toml::from_str(include_str!("../quality.toml")).unwrap()
    }

    #[test]
    fn a_model_without_mistakes_passes() {
        assert!(bounds().missed(&GOOD).is_empty());
    }

    #[test]
    fn each_bound_can_be_missed_and_is_named() {
        let told = |scores: &Scores| bounds().missed(scores).join("; ");
        let blind = Scores {
            balanced_macro_f1: Some(0.5),
            ..GOOD
        };
        assert!(
            told(&blind).starts_with("balanced macro-F1 0.500"),
            "{}",
            told(&blind)
        );
        let silent = Scores { found: 0, ..GOOD };
        assert!(told(&silent).starts_with("0 attacks found"));
        let shrill = Scores {
            benign_with_alert: 3,
            ..GOOD
        };
        assert!(told(&shrill).starts_with("3 normal captures with an alert"));
        let jumpy = Scores {
            false_calls_per_1000_flows: Some(900.0),
            ..GOOD
        };
        assert!(told(&jumpy).starts_with("900.0 false calls"));
        let nothing = Scores {
            balanced_macro_f1: None,
            false_calls_per_1000_flows: None,
            ..GOOD
        };
        assert_eq!(bounds().missed(&nothing).len(), 2);
    }

    #[test]
    fn the_gate_does_not_draw_what_the_model_was_trained_on() {
        assert_ne!(bounds().seed, range::DEFAULT_SEED);
    }
}
