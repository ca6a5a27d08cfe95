//! `netanom train` and `evaluate` on access logs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, bail};
use ndarray::Array2;
use serde::Serialize;
use serde_json::json;

use crate::alert::Class;
use crate::cli::{EvaluateArgs, FormatArg, TrainArgs};
use crate::feature::access::{ACCESS_FEATURES, names};
use crate::learn::access::{self, KnownLog, Rows, Score, mixed, rows_of, score};
use crate::model::{Evidence, Forest, Model};
use crate::simulate::DEFAULT_START;
use crate::simulate::access_log::{ATTACKS, Actors, NORMAL};
use crate::source::access_log::AccessLog;

use super::train::{read_card, trained_at, trainer};
use super::{answer, check_outputs, load_access_model, progress};

/// Trains a model of access logs and writes it.
///
/// # Errors
/// When a log cannot be read, when there is one class only, or the model cannot be written.
pub(super) fn train(args: &TrainArgs) -> anyhow::Result<()> {
    let trained_at = trained_at(args.trained_at.as_deref())?;
    let card = args.card.as_deref().map(read_card).transpose()?;
    check_outputs([Some(&args.output)])?;
    let mut rows = Rows::default();
    for log in known(&args.access_logs)? {
        let account = rows.add_log(&log)?;
        tell(&log, &account);
    }
    add_simulated(&mut rows, args.simulated_clients, args.forest.seed);
    let data = rows.data_set();
    let settings = args.forest.settings();
    let trainer = trainer(args.trainer);
    let bar = progress::bar(settings.trees, "growing trees");
    let trees = trainer.train(&data, &settings, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let model = Model {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_at,
        evidence: Some(Evidence::default()),
        trainer: trainer.name().to_owned(),
        settings: serde_json::to_value(&settings)?,
        data_digest: data.digest(),
        scores: json!({ "rows": data.labels.len(), "origins": data.group_names }),
        card: card.unwrap_or_default(),
        ..Model::new(
            Forest::new(&trees, data.classes.len(), data.features.len())?,
            data.classes.clone(),
            data.features.clone(),
            data.typical(),
        )
    };
    model.save(&args.output)?;
    log::info!(
        "`{}`: {} trees over {} rows of access logs, {} KiB",
        args.output.display(),
        settings.trees,
        data.labels.len(),
        std::fs::metadata(&args.output)?.len() / 1024
    );
    Ok(())
}

/// Minutes that simulated clients act at most: many short ones, as their first minutes differ from each other more than
/// their tenth ones.
const MINUTES: [u64; 4] = [2, 3, 6, 15];

/// Adds the rows of so many simulated clients of each kind, each at a site of its own.
fn add_simulated(rows: &mut Rows, clients: usize, seed: u64) {
    let mut actors = Actors::of_many_sites(seed);
    let kinds: BTreeSet<_> = NORMAL.iter().chain(ATTACKS).copied().collect();
    for kind in kinds {
        let origin = rows.origin(kind.name());
        for number in 0..clients {
            // Not all begin with a minute.
            let start = DEFAULT_START.plus(Duration::from_secs(7 * number as u64));
            let most = Duration::from_mins(MINUTES[number % MINUTES.len()]);
            let actor = actors.draw(kind, start, most);
            let lines = actor
                .lines
                .into_iter()
                .map(|line| (line.request, line.class));
            rows.add_client(origin, &lines.collect::<Vec<_>>());
        }
    }
}

/// `FILE=CLASS`.
fn known(given: &[String]) -> anyhow::Result<Vec<KnownLog>> {
    let logs = given.iter().map(|text| {
        let (path, class) = text.rsplit_once('=').with_context(|| {
            format!(
                "`{text}` says not what is in the log: give FILE=CLASS, such as access.log=normal"
            )
        })?;
        let class: Class = class.parse().with_context(|| format!("`{text}`"))?;
        anyhow::Ok(KnownLog {
            path: path.into(),
            class,
        })
    });
    logs.collect()
}

fn tell(log: &KnownLog, account: &AccessLog) {
    let refused = account.refused.lines();
    if refused > 0 {
        let example = account.refused.examples().first();
        log::warn!(
            "{refused} of {} lines of `{}` could not be read{}",
            account.lines,
            log.path.display(),
            example.map_or_else(String::new, |example| format!(
                ", the first in line {} ({}): {}",
                example.line, example.reason, example.text
            ))
        );
    }
}

#[derive(Serialize)]
struct OfLog {
    log: String,
    class: Class,
    #[serde(flatten)]
    score: Score,
    named: usize,
    mixed: Vec<OfMixture>,
}

#[derive(Serialize)]
struct OfMixture {
    share: f64,
    requests: f64,
    #[serde(flatten)]
    score: Score,
}

/// Scores a model on access logs of which it is known what they are.
///
/// # Errors
/// When a log or the model cannot be read, or no log is normal.
pub(super) fn evaluate(args: &EvaluateArgs) -> anyhow::Result<()> {
    let model = load_access_model(args.model.as_deref())?;
    let columns = model.columns(&names())?;
    let classes = model.flow_classes()?;
    let normal_place = classes.iter().position(|class| *class == Class::Normal);
    let judge = |rows: &[Vec<f32>]| -> Vec<(f32, Class)> {
        let values: Vec<f32> = rows.iter().flatten().copied().collect();
        let shape = (rows.len(), ACCESS_FEATURES.len());
        let rows = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape));
        let shares = model.predict(columns.select(rows.view()).view());
        let rows = shares.outer_iter().map(|shares| {
            let best = (0..classes.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
            let unlike = normal_place.map_or(1.0, |place| 1.0 - shares[place]);
            (unlike, best.map_or(Class::Anomaly, |best| classes[best]))
        });
        rows.collect()
    };
    let unlike =
        |judged: &[(f32, Class)]| judged.iter().map(|(unlike, _)| *unlike).collect::<Vec<_>>();
    let (mut normal, mut attacks) = (Vec::new(), Vec::new());
    for log in known(&args.access_logs)? {
        let (requests, account) = access::read(&log.path)?;
        tell(&log, &account);
        match log.class {
            Class::Normal => normal.extend(requests),
            _ => attacks.push((log, requests)),
        }
    }
    if normal.is_empty() || attacks.is_empty() {
        bail!(
            "give one log of normal traffic at least, FILE=normal, and one of an attack, such as FILE=web_scan"
        );
    }
    let of_normal: Vec<_> = rows_of(&normal).into_values().collect();
    let of_normal = unlike(&judge(&of_normal));
    let mut results = Vec::new();
    for (log, requests) in attacks {
        let rows: Vec<_> = rows_of(&requests).into_values().collect();
        let judged = judge(&rows);
        let mixtures = args.mix.iter().map(|share| {
            let mixed = mixed(&normal, &requests, *share);
            OfMixture {
                share: *share,
                requests: mixed.requests,
                score: score(&unlike(&judge(&mixed.rows)), &of_normal),
            }
        });
        results.push(OfLog {
            log: log.path.display().to_string(),
            class: log.class,
            score: score(&unlike(&judged), &of_normal),
            named: judged
                .iter()
                .filter(|(unlike, class)| *unlike >= 0.5 && *class == log.class)
                .count(),
            mixed: mixtures.collect(),
        });
    }
    match args.format {
        FormatArg::Json => answer(&(serde_json::to_string_pretty(&results)? + "\n")),
        FormatArg::Text => answer(&text(&results)),
    }
}

/// Writing to a `String` cannot fail.
fn text(results: &[OfLog]) -> String {
    let mut text = String::new();
    for result in results {
        let score = &result.score;
        let _ = writeln!(
            text,
            "{} ({}): {} rows against {} normal ones\n  \
             ROC-AUC {:.4}; above every normal row {}; noticed {}, named {}; false alarms {}",
            result.log,
            result.class,
            score.rows,
            score.normal,
            score.roc_auc.unwrap_or(f64::NAN),
            of(score.above_all_normal, score.rows),
            of(score.noticed, score.rows),
            of(result.named, score.rows),
            of(score.false_alarms, score.normal),
        );
        for OfMixture {
            share,
            requests,
            score,
        } in &result.mixed
        {
            let _ = writeln!(
                text,
                "  mixed in at {:.0} % ({requests:.1} requests a row): {} rows, ROC-AUC {:.4}; above every normal row {}; \
                 noticed {}",
                share * 100.0,
                score.rows,
                score.roc_auc.unwrap_or(f64::NAN),
                of(score.above_all_normal, score.rows),
                of(score.noticed, score.rows),
            );
        }
    }
    text
}

fn of(part: usize, whole: usize) -> String {
    format!(
        "{part} of {whole} ({:.1} %)",
        100.0 * part as f64 / whole.max(1) as f64
    )
}
