//! `netanom evaluate --table`: what a model, or cross-validation, makes of the rows of a table.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use ndarray::Array2;

use super::{answer, parts, table_page};
use crate::cli::{EvaluateArgs, FormatArg};
use crate::command::train::trainer;
use crate::command::{progress, table};
use crate::learn::anomaly::Kind;
use crate::learn::importance::Sample;
use crate::learn::scores::grouped;
use crate::learn::table::{self as tables, Classes, Encoding, Learner, TableScores, Trial};
use crate::model::Model;

const FOLDS: usize = 5;

/// What was judged, and by what.
pub(super) struct TableReport {
    /// The table.
    pub(super) table: String,
    /// What judged.
    pub(super) judge: String,
    pub(super) classes: Classes,
    /// A row of class probabilities for each row of the table that has a class.
    pub(super) probabilities: Array2<f32>,
    pub(super) scores: TableScores,
    /// The share of normal rows that may be called an anomaly, of a model that knows what is normal alone.
    pub(super) false_alarms: Option<f64>,
    /// Mean absolute contribution of each feature, most first; for a page only.
    pub(super) importance: Vec<(String, f64)>,
}

/// Judges the rows and prints the scores.
///
/// # Errors
/// When the table or the model cannot be used, or the report cannot be written.
pub(super) fn run(path: &Path, args: &EvaluateArgs) -> anyhow::Result<()> {
    let report = match &args.model {
        Some(model) => by_model(path, model, args)?,
        None => by_folds(path, args)?,
    };
    if let Some(path) = &args.report {
        parts::write(path, &table_page::of(&report)?)?;
    }
    answer(&match args.format {
        FormatArg::Text => text(&report),
        FormatArg::Json => serde_json::to_string_pretty(&report.scores)? + "\n",
    })
}

fn by_model(path: &Path, model: &Path, args: &EvaluateArgs) -> anyhow::Result<TableReport> {
    let model = Model::load(model)?;
    let (table, mut classes, _) = table::read(path, &args.table, Kind::Forest, Some(&model))
        .with_context(|| {
            format!(
                "the model `{}` needs the columns that it was trained on",
                model.name
            )
        })?;
    let probabilities = tables::judge(&table, &mut classes, &model)?;
    let mut importance = Vec::new();
    if args.report.is_some() {
        let rows = Encoding::of_model(&model).encode(&table, &classes.rows)?;
        let labels = classes.labels.iter().copied();
        importance = Sample::of_classes(&rows, labels).importance(&model.scorer);
    }
    Ok(TableReport {
        table: path.display().to_string(),
        judge: format!("model `{}`, trained {}", model.name, model.trained_at),
        false_alarms: model
            .scorer
            .anomaly()
            .map(|anomaly| f64::from(anomaly.false_alarms())),
        scores: TableScores::of(&classes, &probabilities, args.base_rate),
        classes,
        probabilities,
        importance: importance
            .into_iter()
            .map(|(feature, mean)| (model.features[feature].clone(), mean))
            .collect(),
    })
}

fn by_folds(path: &Path, args: &EvaluateArgs) -> anyhow::Result<TableReport> {
    let (kind, normal) = args.kind.settings(args.forest.seed)?;
    let (table, classes, _) = table::read(path, &args.table, kind, None)?;
    // Nothing is kept here, so a column of gaps does no harm.
    if let Err(nothing) = table.check_columns() {
        log::warn!("{nothing}");
    }
    let folds = args.folds.unwrap_or(FOLDS);
    let settings = args.forest.settings();
    let trainer = trainer(args.trainer);
    let learner = Learner {
        kind,
        trainer: &*trainer,
        forest: &settings,
        normal: &normal,
    };
    let bar = progress::bar(folds * learner.steps(), "learning");
    let grown = |done| bar.set_position(done as u64);
    let trial = Trial {
        folds,
        learner: &learner,
        has_importance: args.report.is_some(),
    };
    let judged = tables::cross_validate(&table, &classes, trial, &grown)?;
    bar.finish_and_clear();
    let mut scores = TableScores::of(&classes, &judged.probabilities, args.base_rate);
    scores.fold_accuracies = judged.accuracies;
    Ok(TableReport {
        table: path.display().to_string(),
        judge: match kind {
            Kind::Forest => format!(
                "{folds} forests of {} trees ({}), each trained without the part of the rows that it judged",
                settings.trees,
                trainer.name()
            ),
            kind => format!(
                "{folds} models of the kind {}, each trained without the part of the rows that it judged",
                kind.name()
            ),
        },
        false_alarms: kind.is_of_normal().then_some(normal.false_alarms),
        scores,
        classes,
        probabilities: judged.probabilities,
        importance: judged.importance,
    })
}

/// The scores for a terminal. Writing to a String cannot fail.
fn text(report: &TableReport) -> String {
    let confusion = TableScores::confusion(&report.classes, &report.probabilities);
    let mut text = format!("{confusion}\n\n");
    for (name, value) in lines(report) {
        let _ = writeln!(text, "{name:36} {value}");
    }
    let _ = writeln!(text, "\nJudged by {}.", report.judge);
    text
}

/// The sums, a line each; what asks for a class of normal traffic only where there is one.
pub(super) fn lines(report: &TableReport) -> Vec<(&'static str, String)> {
    let scores = &report.scores;
    let shown = |value: f64| format!("{value:.5}");
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), shown);
    let mut lines = vec![
        ("rows", grouped(scores.rows as u64)),
        ("accuracy", number(scores.accuracy)),
    ];
    if let [first, rest @ ..] = scores.fold_accuracies.as_slice() {
        let (least, most) = rest.iter().fold((*first, *first), |(least, most), fold| {
            (fold.min(least), fold.max(most))
        });
        lines.push(("accuracy of a fold", format!("{least:.5} to {most:.5}")));
    }
    lines.push(("macro-F1", number(scores.macro_f1)));
    if scores.roc_auc.is_some() {
        lines.extend([
            ("ROC-AUC of attack or not", number(scores.roc_auc)),
            ("PR-AUC of attack or not", number(scores.pr_auc)),
            (
                "false calls of 1,000 normal rows",
                number(scores.false_calls_per_1000),
            ),
            (
                "precision at a score of 0.5 or more",
                format!(
                    "{} where {} of the rows are attacks",
                    number(scores.precision_at_base_rate),
                    scores.base_rate
                ),
            ),
        ]);
        match report.false_alarms {
            // Its scores are ranks among normal rows, and no probabilities.
            Some(share) => lines.push((
                "threshold: a score of 0.5",
                format!("{share} of normal rows may be called an anomaly"),
            )),
            None => lines.push(("calibration error", number(scores.calibration_error))),
        }
    } else {
        let known: Vec<f64> = scores.class_roc_auc.values().copied().flatten().collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        lines.push(("ROC-AUC, mean of each class", shown(mean)));
    }
    lines
}
