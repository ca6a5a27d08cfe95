//! `netanom train`: a model from labelled captures, through the very pipeline that runs live, or from a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::cli::{TrainArgs, TrainerArg};
use crate::config::Config;
use crate::flow::Timestamp;
use crate::learn::dataset::DataSet;
use crate::learn::gather::{self, Content, Gathered};
use crate::learn::histogram::HistogramTrainer;
use crate::learn::labels::Labels;
use crate::learn::smartcore::SmartcoreTrainer;
use crate::learn::trainer::Trainer;
use crate::model::{Forest, Model};

use super::{progress, table};

/// Trains a model and writes it.
///
/// # Errors
/// When the captures or labels cannot be read, when they hold fewer than two classes, or the model cannot be written.
pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let (data, words) = match &args.table.table {
        Some(path) => table::data_set(path, &args.table)?,
        None => (of_captures(args)?, BTreeMap::new()),
    };
    let settings = args.forest.settings();
    let trainer = trainer(args.trainer);
    let bar = progress::bar(settings.trees, "growing trees");
    let trees = trainer.train(&data, &settings, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let model = Model {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_at: trained_at(args.trained_at.as_deref())?,
        classes: data.classes.clone(),
        features: data.features.clone(),
        words,
        typical: data.typical(),
        forest: Forest::new(&trees, data.classes.len(), data.features.len())?,
        trainer: trainer.name().to_owned(),
        settings: serde_json::to_value(&settings)?,
        data_digest: data.digest(),
        scores: serde_json::Value::Null,
        card: args
            .card
            .as_deref()
            .map(read_card)
            .transpose()?
            .unwrap_or_default(),
    };
    let bytes = model.write();
    let output = args.output.display();
    std::fs::write(&args.output, &bytes)
        .with_context(|| format!("cannot write the model to `{output}`"))?;
    log::info!(
        "`{output}`: {} trees over {} rows of {}, {} KiB",
        settings.trees,
        data.labels.len(),
        match &args.table.table {
            Some(path) => format!("`{}`", path.display()),
            None => format!("{} captures", data.group_names.len()),
        },
        bytes.len() / 1024
    );
    if args.table.table.is_some() {
        table::tell_use(&model);
    }
    Ok(())
}

fn of_captures(args: &TrainArgs) -> anyhow::Result<DataSet> {
    check_pairs(&args.captures, &args.labels)?;
    let labels = read_labels(&args.labels)?;
    let captures = gather_all(&args.captures, &labels)?;
    if let Some(path) = &args.contents {
        write_contents(path, &gather::contents(&captures))?;
    }
    let all: Vec<_> = captures.iter().collect();
    Ok(gather::data_set(&all, &|_, _| true)?)
}

/// What was asked for.
pub(super) fn trainer(arg: TrainerArg) -> Box<dyn Trainer> {
    match arg {
        TrainerArg::Histogram => Box::new(HistogramTrainer),
        TrainerArg::Smartcore => Box::new(SmartcoreTrainer),
    }
}

/// Each folder of captures has labels.
pub(super) fn check_pairs(captures: &[PathBuf], labels: &[PathBuf]) -> anyhow::Result<()> {
    if captures.len() != labels.len() {
        bail!(
            "give one --labels for each --captures: there are {} and {}",
            labels.len(),
            captures.len()
        );
    }
    Ok(())
}

pub(super) fn read_labels(files: &[PathBuf]) -> anyhow::Result<Vec<Labels>> {
    Ok(files
        .iter()
        .map(|file| Labels::read(file))
        .collect::<Result<_, _>>()?)
}

/// The rows of all captures of all folders.
pub(super) fn gather_all<'a>(
    folders: &[PathBuf],
    labels: &'a [Labels],
) -> anyhow::Result<Vec<Gathered<'a>>> {
    let config = Config::default();
    let mut all = Vec::new();
    for (folder, labels) in folders.iter().zip(labels) {
        let bar = progress::bar(0, "reading captures");
        let progress = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let (settings, tick) = (config.pipeline()?, config.tick()?);
        all.extend(gather::gather(folder, labels, settings, tick, &progress)?);
        bar.finish_and_clear();
    }
    Ok(all)
}

fn write_contents(path: &Path, contents: &[Content<'_>]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(contents)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

fn read_card(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the model card `{}`", path.display()))
}

/// The given time, so that a model can be rebuilt to the byte, or now.
fn trained_at(given: Option<&str>) -> anyhow::Result<String> {
    if let Some(given) = given {
        let time: Timestamp = given
            .parse()
            .with_context(|| format!("`{given}` is no RFC 3339 time"))?;
        return Ok(time.to_string());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the model says when it was trained"
    )]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Timestamp::default().plus(now).to_string())
}
