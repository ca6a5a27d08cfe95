//! Labelled captures as training data and as a test: the live pipeline runs over each, and the label rules say what
//! its flows are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::alert::{Alert, Class, Facts, Interfaces};
use crate::detect;
use crate::flow::Endpoint;
use crate::model::Model;
use crate::pipeline::{Pipeline, PipelineSettings};
use crate::source::capture::CaptureSource;
use crate::source::{FlowSource, SourceError};

use super::labels::{CaptureRules, Label, Labels};

/// Rows that are kept of one class of one capture; more are near-copies. Evenly spread over the capture's time.
const MAX_ROWS: usize = 4000;

/// A capture and the rules that label it.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    /// Its name, as the labels give it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What its flows are.
    pub rules: &'a CaptureRules,
}

/// Every labelled capture that is present under `directory`, in the order of their names.
#[must_use]
pub fn captures<'a>(directory: &Path, labels: &'a Labels) -> Vec<Labelled<'a>> {
    let named = labels
        .iter()
        .map(|(name, rules)| (name, directory.join(name), rules));
    named
        .filter(|(_, path, _)| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
                && path.is_file()
        })
        .map(|(name, path, rules)| Labelled {
            name: name.to_owned(),
            path,
            rules,
        })
        .collect()
}

/// Judged rows of one class of one capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRows {
    /// Feature vectors.
    pub rows: Vec<Vec<f32>>,
    /// How many rows there were before they were thinned out.
    pub seen: usize,
}

/// Runs the pipeline over a capture without judging, and returns the rows that would have been judged, by class.
/// What the rules ignore is left out.
///
/// # Errors
/// When the capture cannot be read.
pub fn rows(
    capture: &Labelled<'_>,
    settings: PipelineSettings,
    tick: Duration,
) -> Result<BTreeMap<Class, ClassRows>, SourceError> {
    let mut source = CaptureSource::open(&capture.path, tick)?;
    let mut pipeline = Pipeline::new(settings, Vec::new(), Interfaces::default());
    let mut rows: BTreeMap<Class, ClassRows> = BTreeMap::new();
    while let Some(window) = source.next_window()? {
        pipeline.step(&window);
        let judged = pipeline.judged();
        for (row, facts) in judged.rows.outer_iter().zip(&judged.facts) {
            if let Some(class) = class_of(capture.rules, facts) {
                let of_class = rows.entry(class).or_default();
                of_class.seen += 1;
                of_class.rows.push(row.to_vec());
            }
        }
    }
    source.check()?;
    for of_class in rows.values_mut() {
        thin(&mut of_class.rows);
    }
    Ok(rows)
}

fn thin(rows: &mut Vec<Vec<f32>>) {
    let total = rows.len();
    if total > MAX_ROWS {
        let mut index = 0;
        rows.retain(|_| {
            let kept = index * MAX_ROWS / total != (index + 1) * MAX_ROWS / total;
            index += 1;
            kept
        });
    }
}

fn class_of(rules: &CaptureRules, facts: &Facts) -> Option<Class> {
    match rules.class_of(facts.initiator, facts.responder, facts.protocol) {
        Label::Class(class, _) => Some(class),
        Label::Ignore => None,
    }
}

/// What the pipeline with a model made of a capture.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Flows by their label and their last verdict.
    pub verdicts: BTreeMap<(Class, Class), u64>,
    /// The last state of each alert.
    pub alerts: Vec<Alert>,
    /// Who attacked and who was attacked, by class.
    pub attacks: BTreeMap<Class, Attack>,
}

/// The hosts of the flows of one class.
#[derive(Clone, Debug, Default)]
pub struct Attack {
    initiators: BTreeSet<IpAddr>,
    responders: BTreeSet<IpAddr>,
    flows: u64,
}

impl Outcome {
    /// The class that the capture is about: the attack with the most flows, else normal traffic.
    #[must_use]
    pub fn attack(&self) -> Option<Class> {
        self.attacks
            .iter()
            .max_by_key(|(_, attack)| attack.flows)
            .map(|(class, _)| *class)
    }

    /// Whether the attack was found: an alert of its class with its source or target, and none of another class that
    /// outlives it. `None` when the capture has no attack.
    #[must_use]
    pub fn is_found(&self) -> Option<bool> {
        let class = self.attack()?;
        let attack = &self.attacks[&class];
        let is_right = |alert: &&Alert| {
            let by = alert
                .source
                .ip
                .is_some_and(|ip| attack.initiators.contains(&ip));
            let on = alert
                .target
                .ip
                .is_some_and(|ip| attack.responders.contains(&ip));
            alert.class == class && (by || on)
        };
        let right = self
            .alerts
            .iter()
            .filter(is_right)
            .map(|alert| alert.last_seen)
            .max();
        let wrong = self
            .alerts
            .iter()
            .filter(|alert| alert.class != class)
            .map(|alert| alert.last_seen)
            .max();
        Some(right.is_some() && right >= wrong)
    }
}

/// Runs the pipeline with `model` over a capture.
///
/// # Errors
/// When the capture cannot be read.
pub fn judge(
    capture: &Labelled<'_>,
    model: Arc<Model>,
    settings: PipelineSettings,
    tick: Duration,
) -> Result<Outcome, SourceError> {
    let mut source = CaptureSource::open(&capture.path, tick)?;
    let mut pipeline =
        Pipeline::new(settings, detect::all(model), Interfaces::default()).keeping_finished();
    let mut outcome = Outcome::default();
    while let Some(window) = source.next_window()? {
        let alerts = pipeline.step(&window);
        outcome.take(&mut pipeline, alerts, capture.rules);
    }
    source.check()?;
    let alerts = pipeline.end();
    outcome.take(&mut pipeline, alerts, capture.rules);
    Ok(outcome)
}

impl Outcome {
    fn take(&mut self, pipeline: &mut Pipeline, alerts: Vec<Alert>, rules: &CaptureRules) {
        for alert in alerts {
            match self.alerts.iter_mut().find(|known| known.id == alert.id) {
                Some(known) => *known = alert,
                None => self.alerts.push(alert),
            }
        }
        for judged in pipeline.take_finished() {
            let (initiator, responder): (Endpoint, Endpoint) =
                (judged.flow.initiator(), judged.flow.responder());
            let Label::Class(class, _) =
                rules.class_of(initiator, responder, judged.flow.protocol())
            else {
                continue;
            };
            if class != Class::Normal {
                let attack = self.attacks.entry(class).or_default();
                attack.initiators.insert(initiator.ip);
                attack.responders.insert(responder.ip);
                attack.flows += 1;
            }
            if let Some(verdict) = judged.verdict {
                *self.verdicts.entry((class, verdict.class)).or_default() += 1;
            }
        }
    }
}
