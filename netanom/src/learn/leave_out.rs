//! Scores on what a model has not seen: it is trained without a part of the captures, and judged on that part alone.
//!
//! Two flows of one capture, and two captures of one source, are near-copies. A split flow by flow at random measures
//! memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calibration::{self, Method};
use super::corpus::source_of;
use super::dataset::DataSet;
use super::evaluation::Evaluation;
use super::gather::{self, GatherError, Gathered, Keeps};
use super::held_out::{self, HeldOut, HeldOutError, Plan};
use super::histogram::HistogramTrainer;
use super::outcome;
use super::talks;
use super::trainer::{ForestSettings, Trainer};
use crate::alert::Class;
use crate::model::{Forest, Model};
use crate::pipeline::PipelineSettings;
use crate::source::SourceError;

/// How forests are grown and captures judged.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The forest.
    pub forest: ForestSettings,
    /// How it is calibrated.
    pub calibration: Method,
    /// Folds that it is calibrated on; fewer than two leave it uncalibrated.
    pub folds: usize,
    /// The pipeline.
    pub pipeline: PipelineSettings,
    /// The length of a window.
    pub tick: Duration,
}

/// A part could not be left out.
#[derive(Debug, thiserror::Error)]
pub enum LeaveOutError {
    /// What is left without a source is no training set.
    #[error(
        "cannot train without the source `{name}` (what its captures' names begin with, up to the first `_`): give \
         captures of other sources, too"
    )]
    Without {
        /// The source.
        name: String,
        /// Why.
        source: GatherError,
    },
    /// A forest cannot be grown on what is left, or not calibrated.
    #[error(transparent)]
    HeldOut(#[from] HeldOutError),
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

/// Which part of the captures each belongs to; parts are left out one after the other.
#[derive(Clone, Debug)]
pub struct Parts {
    of_capture: Vec<String>,
}

impl Parts {
    /// Each source is a part.
    #[must_use]
    pub fn sources(captures: &[Gathered<'_>]) -> Self {
        let names = captures.iter().map(|one| one.capture.name.as_str());
        Self {
            of_capture: names.map(|name| source_of(name).to_owned()).collect(),
        }
    }

    /// As many groups of sources, about equally large; the sources of a list in `alike` count as one.
    #[must_use]
    pub fn groups(captures: &[Gathered<'_>], count: usize, alike: &[Vec<String>]) -> Self {
        let source = |name: &str| {
            let source = source_of(name);
            let list = alike
                .iter()
                .find(|list| list.iter().any(|one| one == source));
            list.and_then(|list| list.first())
                .map_or_else(|| source.to_owned(), Clone::clone)
        };
        let names = captures.iter().map(|one| one.capture.name.as_str());
        let folds = held_out::dealt(names, count, &source);
        let named = |fold: usize| format!("group {}", fold + 1);
        Self {
            of_capture: folds.into_iter().map(named).collect(),
        }
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.of_capture.iter().map(String::as_str).collect()
    }
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

/// For each part, trains without its captures and judges them; `always` are trained on in any case. `progress` is told
/// of each source twice: when its model is trained, and when that has judged.
///
/// A forest is calibrated on what the other sources' forests said of what they had not seen.
///
/// # Errors
/// When what is left cannot be trained on, or a capture cannot be read again.
pub fn each_part(
    captures: &[Gathered<'_>],
    parts: &Parts,
    always: &[Gathered<'_>],
    trial: &Trial,
    progress: &dyn Fn(),
) -> Result<Vec<LeftOut>, LeaveOutError> {
    let keeps: &Keeps<'_> = &|_, _| true;
    let all: Vec<_> = captures.iter().collect();
    let judged = gather::data_set(&all, keeps).map_err(HeldOutError::from)?;
    let part_of: BTreeMap<&str, &str> = captures
        .iter()
        .zip(&parts.of_capture)
        .map(|(one, part)| (one.capture.name.as_str(), part.as_str()))
        .collect();
    let is_of = |part: &str, one: &Gathered<'_>| part_of[one.capture.name.as_str()] == part;
    let mut held = HeldOut::new(&judged.classes);
    let mut models = Vec::new();
    for (fold, part) in parts.names().into_iter().enumerate() {
        let rest = all.iter().copied().filter(|other| !is_of(part, other));
        let rest: Vec<_> = rest.chain(always).collect();
        let data = gather::data_set(&rest, keeps).map_err(|error| LeaveOutError::Without {
            name: part.to_owned(),
            source: error,
        })?;
        let model = model(&data, &rest, keeps, trial)?;
        let is_held = |group: u32| part_of[judged.group_names[group as usize].as_str()] == part;
        held.add(fold, &judged, &is_held, &model.scorer, &model.classes);
        models.push((part, model));
        progress();
    }
    let mut left_out = Vec::new();
    for (fold, (part, mut model)) in models.into_iter().enumerate() {
        if trial.folds > 1 {
            let others = held.without(fold, &model.classes);
            model.calibration = calibration::fit(trial.calibration, &others);
        }
        let of_part = captures.iter().filter(|one| is_of(part, one));
        left_out.push(LeftOut {
            name: part.to_owned(),
            evaluation: judge(of_part, &Arc::new(model), trial)?.0,
        });
        progress();
    }
    Ok(left_out)
}

/// What a model makes of a class of attack that it was never told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
/// As [`each_part`].
pub fn class(
    class: Class,
    captures: &[Gathered<'_>],
    always: &[Gathered<'_>],
    trial: &Trial,
) -> Result<UnknownClass, LeaveOutError> {
    let (dealt, always): (Vec<_>, Vec<_>) = (captures.iter().collect(), always.iter().collect());
    let all: Vec<_> = dealt.iter().chain(&always).copied().collect();
    let keeps: &Keeps<'_> = &|_, other| other != class;
    let data = gather::data_set(&all, keeps).map_err(HeldOutError::from)?;
    let plan = Plan {
        captures: &dealt,
        always: &always,
        keeps,
        folds: trial.folds,
    };
    let held = held_out::judge(
        plan,
        &data.classes,
        &HistogramTrainer,
        &trial.forest,
        &|_, _| (),
    )?;
    let mut model = model(&data, &all, keeps, trial)?;
    model.calibration = calibration::fit(trial.calibration, &held);
    let model = Arc::new(model);
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

/// A model for this trial alone, not calibrated: what a file would say of it is left empty.
fn model(
    data: &DataSet,
    captures: &[&Gathered<'_>],
    keeps: &Keeps<'_>,
    trial: &Trial,
) -> Result<Model, HeldOutError> {
    let trees = HistogramTrainer.train(data, &trial.forest, &|_| ())?;
    let conversations = talks::model(captures, keeps, &trial.forest)?;
    Ok(Model {
        conversations: conversations.map(Box::new),
        ..Model::new(
            Forest::new(&trees, data.classes.len(), data.features.len())?,
            data.classes.clone(),
            data.features.clone(),
            data.typical(),
        )
    })
}
