//! `cargo xtask quality`: whether the built-in model is as good as it was, on captures that are made on the spot.
//!
//! The captures are the range's quick set, with another seed than those that the model was trained on. What it must
//! reach is in `netanom-testbed/quality.toml`, with where the numbers come from.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use netanom::config::Config;
use netanom::learn::corpus;
use netanom::learn::evaluation::{Evaluation, Summary};
use netanom::learn::labels::Labels;
use netanom::learn::outcome;
use netanom::model::Model;
use serde::Deserialize;
use xtask::command;

use crate::lab::stop::Stop;
use crate::{matrix, range};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seed of the captures; may be given several times [default: that of netanom-testbed/quality.toml]
    #[arg(long)]
    seed: Vec<u64>,
    /// Judge simulated attacks that follow each other on the same hosts: every pair of modes, after 5, 20, 60 and 600 s,
    /// alone and beside normal traffic; fails unless each second one is alerted by its own class within twice the delay
    /// that it has alone
    #[arg(long)]
    matrix: bool,
    /// Only so many cells of the matrix, drawn by the seed
    #[arg(long, value_name = "N", requires = "matrix")]
    sample: Option<usize>,
}

/// What must be reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    seed: u64,
    balanced_macro_f1_at_least: f64,
    found_at_least: usize,
    benign_with_alert_at_most: usize,
    false_calls_per_1000_flows_at_most: f64,
}

/// The share of attacks that precision would be stated for, which is no part of the bounds.
const BASE_RATE: f64 = 0.001;

/// Measures, and fails when a bound is missed.
pub(crate) fn quality(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.matrix {
        let seed = arguments.seed.first().copied().unwrap_or(1);
        return matrix::matrix(arguments.sample, seed);
    }
    if let Err(error) = range::prepare() {
        return skip(error);
    }
    let bounds = Bounds::read()?;
    let seeds = match arguments.seed.as_slice() {
        [] => &[bounds.seed],
        seeds => seeds,
    };
    let model = Arc::new(Model::built_in()?);
    let stop = Stop::on_signals()?;
    let mut missed = Vec::new();
    let mut lines = String::new();
    for &seed in seeds {
        let summary = measure(&model, seed, &stop)?;
        let _ = writeln!(lines, "seed {seed}: {}", text(&summary));
        missed.extend(bounds.missed(&summary));
    }
    show(&lines);
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!(
        "the model is worse than netanom-testbed/quality.toml asks for: {}",
        missed.join("; ")
    )
}

/// Run as a test, it says why it cannot be one here, as tests do: in the file that `NETANOM_SKIP_LOG` names.
fn skip(reason: anyhow::Error) -> anyhow::Result<ExitCode> {
    let Some(file) = env::var_os("NETANOM_SKIP_LOG") else {
        return Err(reason);
    };
    let log = OpenOptions::new().append(true).create(true).open(&file);
    log.and_then(|mut log| writeln!(log, "quality gate: {reason:#}"))
        .context("cannot say in NETANOM_SKIP_LOG that the quality gate was skipped")?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(lines: &str) {
    print!("{lines}");
}

/// Makes the captures of a seed and lets the model judge them.
fn measure(model: &Arc<Model>, seed: u64, stop: &Stop) -> anyhow::Result<Summary> {
    let folder = tempfile::tempdir().context("cannot make a folder for captures")?;
    range::quick(folder.path(), seed, stop)?;
    let labels = Labels::read(&folder.path().join("labels.json"))?;
    let config = Config::default();
    let (settings, tick) = (config.pipeline()?, config.tick()?);
    let mut evaluation = Evaluation::default();
    for capture in corpus::captures(folder.path(), &labels) {
        stop.check()?;
        let outcome = outcome::judge(&capture, Arc::clone(model), settings, tick)?;
        evaluation.add(&capture, &outcome);
    }
    Ok(evaluation.summary(BASE_RATE))
}

impl Bounds {
    fn read() -> anyhow::Result<Self> {
        let file = command::workspace()?.join("netanom-testbed/quality.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot understand `{}`", file.display()))
    }

    /// What is worse than it may be. A score of nothing is: the captures have attacks and normal traffic.
    fn missed(&self, summary: &Summary) -> Vec<String> {
        let mut missed = Vec::new();
        let f1 = summary.balanced_macro_f1.unwrap_or(0.0);
        if f1 < self.balanced_macro_f1_at_least {
            let least = self.balanced_macro_f1_at_least;
            missed.push(format!("balanced macro-F1 {f1:.3}, at least {least}"));
        }
        if summary.found < self.found_at_least {
            let (found, least) = (summary.found, self.found_at_least);
            missed.push(format!("{found} attacks found, at least {least}"));
        }
        if summary.benign_with_alert > self.benign_with_alert_at_most {
            let (alarms, most) = (summary.benign_with_alert, self.benign_with_alert_at_most);
            missed.push(format!(
                "{alarms} normal captures with an alert, at most {most}"
            ));
        }
        let calls = summary.false_calls_per_1000_flows.unwrap_or(f64::INFINITY);
        if calls > self.false_calls_per_1000_flows_at_most {
            let most = self.false_calls_per_1000_flows_at_most;
            missed.push(format!(
                "{calls:.1} false calls of 1,000 flows, at most {most}"
            ));
        }
        missed
    }
}

fn text(summary: &Summary) -> String {
    let shown = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |n| format!("{n:.3}"));
    format!(
        "balanced macro-F1 {}, {} of {} attacks found, {} of {} normal captures with an alert, {} false calls of \
         1,000 flows",
        shown(summary.balanced_macro_f1),
        summary.found,
        summary.attack_captures,
        summary.benign_with_alert,
        summary.benign_captures,
        shown(summary.false_calls_per_1000_flows),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Summary {
        Summary {
            attack_captures: 11,
            found: 11,
            benign_captures: 3,
            benign_with_alert: 0,
            balanced_macro_f1: Some(1.0),
            false_calls_per_1000_flows: Some(0.0),
            ..Evaluation::default().summary(BASE_RATE)
        }
    }

    fn bounds() -> Bounds {
        toml::from_str(include_str!("../quality.toml")).unwrap()
    }

    #[test]
    fn a_model_without_mistakes_passes() {
        assert!(bounds().missed(&good()).is_empty());
    }

    #[test]
    fn each_bound_can_be_missed_and_is_named() {
        let told = |summary: &Summary| bounds().missed(summary).join("; ");
        let blind = Summary {
            balanced_macro_f1: Some(0.5),
            ..good()
        };
        assert!(
            told(&blind).starts_with("balanced macro-F1 0.500"),
            "{}",
            told(&blind)
        );
        let silent = Summary { found: 0, ..good() };
        assert!(told(&silent).starts_with("0 attacks found"));
        let shrill = Summary {
            benign_with_alert: 3,
            ..good()
        };
        assert!(told(&shrill).starts_with("3 normal captures with an alert"));
        let jumpy = Summary {
            false_calls_per_1000_flows: Some(900.0),
            ..good()
        };
        assert!(told(&jumpy).starts_with("900.0 false calls"));
        let nothing = Summary {
            balanced_macro_f1: None,
            false_calls_per_1000_flows: None,
            ..good()
        };
        assert_eq!(bounds().missed(&nothing).len(), 2);
    }

    #[test]
    fn the_gate_does_not_draw_what_the_model_was_trained_on() {
        assert_ne!(bounds().seed, range::DEFAULT_SEED);
    }
}
