//! `netanom evaluate`: what the live pipeline makes of labelled captures, flow by flow and incident by incident; or what
//! a model makes of a table.

mod page;
pub(super) mod parts;
pub(super) mod plot;
mod table;
mod table_page;
mod text;

use serde::Serialize;

use crate::alert::Class;
use crate::cli::{EvaluateArgs, FormatArg, LeaveOutArg};
use crate::config::Config;
use crate::feature;
use crate::learn::corpus;
use crate::learn::evaluation::{CaptureResult, Evaluation, Summary};
use crate::learn::leave_out::{self, LeftOut, Parts, Trial, UnknownClass};
use crate::learn::{importance, outcome};

use super::captures::{check_apart, find_all, gather_all, gather_made, read_labels};
use super::{answer, check_outputs, load_model, progress};

/// What was judged, and by what.
struct Evaluated {
    /// What judged: a model's name, or that there were several.
    judge: String,
    evaluation: Evaluation,
    summary: Summary,
    /// With `--leave-out source`.
    left_out: Vec<LeftOut>,
    /// Mean absolute contribution of each feature to the shares of the trees, most first; of one model only.
    importance: Vec<(String, f64)>,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<(&'a str, Summary)>,
    captures: &'a [CaptureResult],
}

/// Judges every labelled capture and prints the scores.
///
/// # Errors
/// When the captures, the labels or the model cannot be read, what is left cannot be trained on, or the report cannot
/// be written.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    check_outputs([args.report.as_ref()])?;
    if !args.access_logs.is_empty() {
        return super::access::evaluate(args);
    }
    if let Some(path) = &args.table.table {
        return table::run(path, args);
    }
    if args.leave_out == Some(LeaveOutArg::Class) {
        anyhow::ensure!(
            args.report.is_none(),
            "--report is of one evaluation; give it without --leave-out or with --leave-out source"
        );
        return leave_out_classes(args);
    }
    let report = match args.leave_out {
        None => judge_with_model(args)?,
        Some(_) => leave_out_sources(args)?,
    };
    if let Some(path) = &args.report {
        parts::write(path, &page::of(&report)?)?;
    }
    answer(&match args.format {
        FormatArg::Text => text::of(&report),
        FormatArg::Json => {
            let of_source = |left: &'_ LeftOut| left.evaluation.summary(args.base_rate);
            serde_json::to_string_pretty(&Json {
                summary: &report.summary,
                sources: report
                    .left_out
                    .iter()
                    .map(|left| (left.name.as_str(), of_source(left)))
                    .collect(),
                captures: &report.evaluation.captures,
            })? + "\n"
        }
    })
}

fn judge_with_model(args: &EvaluateArgs) -> anyhow::Result<Evaluated> {
    let model = load_model(args.model.as_deref())?;
    let labels = read_labels(&args.captures, &args.labels)?;
    let captures = find_all(&args.captures, &labels)?;
    let config = Config::default();
    let (settings, tick) = (config.pipeline()?, config.tick()?);
    let mut evaluation = Evaluation::default();
    let bar = progress::bar(captures.len(), "judging captures");
    let mut rows = importance::Sample::default();
    for capture in &captures {
        evaluation.add(
            capture,
            &outcome::judge(capture, model.clone(), settings, tick)?,
        );
        if args.report.is_some() {
            rows.take(corpus::rows(capture, settings, tick)?.flows);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let columns = model.columns(&feature::names())?;
    let importance = rows.select(&columns).importance(&model.scorer);
    Ok(Evaluated {
        judge: format!("model `{}`, trained {}", model.name, model.trained_at),
        summary: evaluation.summary(args.base_rate),
        evaluation,
        left_out: Vec::new(),
        importance: importance
            .into_iter()
            .map(|(feature, mean)| (model.features[feature].clone(), mean))
            .collect(),
    })
}

fn trial(args: &EvaluateArgs) -> anyhow::Result<Trial> {
    let config = Config::default();
    Ok(Trial {
        forest: args.forest.settings(),
        calibration: args.forest.calibration.method(),
        folds: args.forest.calibrate.into(),
        pipeline: config.pipeline()?,
        tick: config.tick()?,
    })
}

/// Groups of sources with `--leave-out group`.
const GROUPS: usize = 5;

/// `a,b` as a list.
fn alike(lists: &[String]) -> Vec<Vec<String>> {
    let names = |list: &String| list.split(',').map(|name| name.trim().to_owned()).collect();
    lists.iter().map(names).collect()
}

fn leave_out_sources(args: &EvaluateArgs) -> anyhow::Result<Evaluated> {
    let labels = read_labels(&args.captures, &args.labels)?;
    let also = read_labels(&args.also_captures, &args.also_labels)?;
    let captures = gather_all(&args.captures, &labels)?;
    let always = gather_made(&args.also_captures, &also)?;
    check_apart(&captures, &always)?;
    let trial = trial(args)?;
    let parts = match args.leave_out {
        Some(LeaveOutArg::Group) => Parts::groups(&captures, GROUPS, &alike(&args.alike)),
        _ => Parts::sources(&captures),
    };
    let count = parts.names().len();
    let bar = progress::bar(2 * count, "leaving out captures");
    let mut evaluation = Evaluation::default();
    let left_out = leave_out::each_part(&captures, &parts, &always, &trial, &|| bar.inc(1))?;
    for left in &left_out {
        evaluation.merge(left.evaluation.clone());
    }
    bar.finish_and_clear();
    Ok(Evaluated {
        judge: format!("{count} models, each trained without what it judged"),
        summary: evaluation.summary(args.base_rate),
        evaluation,
        left_out,
        importance: Vec::new(),
    })
}

fn leave_out_classes(args: &EvaluateArgs) -> anyhow::Result<()> {
    let labels = read_labels(&args.captures, &args.labels)?;
    let also = read_labels(&args.also_captures, &args.also_labels)?;
    let captures = gather_all(&args.captures, &labels)?;
    let always = gather_made(&args.also_captures, &also)?;
    check_apart(&captures, &always)?;
    let trial = trial(args)?;
    let classes: Vec<Class> = leave_out::classes(&captures).into_iter().collect();
    let bar = progress::bar(classes.len(), "leaving out classes");
    let mut unknown: Vec<UnknownClass> = Vec::new();
    for class in classes {
        unknown.push(leave_out::class(class, &captures, &always, &trial)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    answer(&match args.format {
        FormatArg::Text => text::of_unknown(&unknown),
        FormatArg::Json => serde_json::to_string_pretty(&unknown)? + "\n",
    })
}
