//! Scores on what a model has not seen: it is trained without a part of the captures, and judged on that part alone.
//!
//! Two flows of one capture, and two captures of one source, are near-copies. A split flow by flow at random measures
//! memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::corpus::{Labelled, source_of};
use super::evaluation::Evaluation;
use super::gather::{self, GatherError, Gathered};
use super::histogram::HistogramTrainer;
use super::outcome;
use super::trainer::{ForestSettings, TrainError, Trainer};
use crate::alert::Class;
use crate::model::{Forest, ForestError, Model};
use crate::pipeline::PipelineSettings;
use crate::source::SourceError;

/// How forests are grown and captures judged.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The forest.
    pub forest: ForestSettings,
    /// The pipeline.
    pub pipeline: PipelineSettings,
    /// The length of a window.
    pub tick: Duration,
}

/// A part could not be left out.
#[derive(Debug, thiserror::Error)]
pub enum LeaveOutError {
    /// Nothing to train on is left.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// The forest cannot be grown.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The trees are no forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
    /// A capture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// How what was left out fared.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// The source or the class.
    pub name: String,
    /// What was made of its captures.
    pub evaluation: Evaluation,
}

/// The sources of the captures, in order.
#[must_use]
pub fn sources<'a>(captures: &'a [Gathered<'_>]) -> BTreeSet<&'a str> {
    let names = captures
        .iter()
        .map(|gathered| gathered.capture.name.as_str());
    names.map(source_of).collect()
}

/// The classes of attack that the captures hold, in order.
#[must_use]
pub fn classes(captures: &[Gathered<'_>]) -> BTreeSet<Class> {
    let classes = captures.iter().flat_map(|gathered| gathered.rows.keys());
    classes
        .copied()
        .filter(|class| *class != Class::Normal)
        .collect()
}

/// Trains without the captures of `source` and judges them; `always` are trained on in any case.
///
/// # Errors
/// When what is left cannot be trained on, or a capture cannot be read again.
pub fn source(
    source: &str,
    captures: &[Gathered<'_>],
    always: &[Gathered<'_>],
    trial: &Trial,
) -> Result<LeftOut, LeaveOutError> {
    let is_of_source = |capture: &Labelled<'_>| source_of(&capture.name) == source;
    let rest = captures
        .iter()
        .filter(|other| !is_of_source(&other.capture));
    let rest: Vec<_> = rest.chain(always).collect();
    let model = train(&rest, &|_, _| true, trial)?;
    let held = captures.iter().filter(|one| is_of_source(&one.capture));
    Ok(LeftOut {
        name: source.to_owned(),
        evaluation: judge(held, &model, trial)?.0,
    })
}

/// What a model makes of a class of attack that it was never told of.
#[derive(Clone, Debug, Serialize)]
pub struct UnknownClass {
    /// The class.
    pub class: Class,
    /// Captures that are about it, and those of which an alert of any class names a host of the attack.
    pub captures: usize,
    /// See [`Self::captures`].
    pub noticed: usize,
    /// Flows of it in these captures, and those that were judged to be an attack of any class.
    pub flows: usize,
    /// See [`Self::flows`].
    pub not_normal: usize,
}

/// Trains without the rows of `class` and judges the captures that are about it.
///
/// # Errors
/// As [`source`].
pub fn class(
    class: Class,
    captures: &[Gathered<'_>],
    always: &[Gathered<'_>],
    trial: &Trial,
) -> Result<UnknownClass, LeaveOutError> {
    let all: Vec<_> = captures.iter().chain(always).collect();
    let model = train(&all, &|_, other| other != class, trial)?;
    let held = captures.iter().filter(|one| one.rows.contains_key(&class));
    let (_, outcomes) = judge(held, &model, trial)?;
    let about = || {
        outcomes
            .iter()
            .filter(|outcome| outcome.attack() == Some(class))
    };
    let flows = || {
        let flows = about().flat_map(|outcome| &outcome.flows);
        flows.filter(|flow| flow.class == class)
    };
    Ok(UnknownClass {
        class,
        captures: about().count(),
        noticed: about().filter(|outcome| outcome.is_noticed(class)).count(),
        flows: flows().count(),
        not_normal: flows()
            .filter(|flow| flow.verdict.class != Class::Normal)
            .count(),
    })
}

fn judge<'a>(
    held: impl Iterator<Item = &'a Gathered<'a>>,
    model: &Arc<Model>,
    trial: &Trial,
) -> Result<(Evaluation, Vec<outcome::Outcome>), LeaveOutError> {
    let mut evaluation = Evaluation::default();
    let mut outcomes = Vec::new();
    for Gathered { capture, .. } in held {
        let outcome = outcome::judge(capture, model.clone(), trial.pipeline, trial.tick)?;
        evaluation.add(capture, &outcome);
        outcomes.push(outcome);
    }
    Ok((evaluation, outcomes))
}

/// A model for this trial alone: what a file would say of it is left empty.
fn train(
    captures: &[&Gathered<'_>],
    keeps: &dyn Fn(&Labelled<'_>, Class) -> bool,
    trial: &Trial,
) -> Result<Arc<Model>, LeaveOutError> {
    let data = gather::data_set(captures, keeps)?;
    let trees = HistogramTrainer.train(&data, &trial.forest, &|_| ())?;
    Ok(Arc::new(Model {
        name: "trial".to_owned(),
        version: String::new(),
        trained_at: String::new(),
        classes: data.classes.clone(),
        features: data.features.clone(),
        words: BTreeMap::new(),
        typical: data.typical(),
        forest: Forest::new(&trees, data.classes.len(), data.features.len())?,
        trainer: HistogramTrainer.name().to_owned(),
        settings: serde_json::Value::Null,
        data_digest: String::new(),
        scores: serde_json::Value::Null,
        card: String::new(),
    }))
}
