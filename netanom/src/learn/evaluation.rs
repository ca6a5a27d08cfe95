//! The scores of a model over labelled captures: per flow, per capture and per hour.
//!
//! Floods have tens of thousands of flows and normal captures a few hundred, so each number over flows is given twice:
//! flow by flow, and balanced, where the flows of each class of each capture count as one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::corpus::Labelled;
use super::curves::{self, Bin, Point, Scored};
use super::outcome::{LabelledFlow, Outcome, Timeline};
use super::scores::{ClassScores, Confusion};
use crate::alert::Class;

/// What was made of all captures.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Each capture, of whatever tier.
    pub captures: Vec<CaptureResult>,
    /// Flows of core captures.
    flows: Vec<WeighedFlow>,
    /// Packets and bytes of each class by second since the captures began, summed over core captures.
    pub timeline: Timeline,
    benign: Duration,
}

#[derive(Clone, Copy, Debug)]
struct WeighedFlow {
    flow: LabelledFlow,
    /// Its share of the flows of its class in its capture.
    balanced: f64,
}

/// What was made of one capture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaptureResult {
    /// Its name.
    pub name: String,
    /// Its tier; others than `core` are listed and not counted.
    pub tier: String,
    /// The attack that it is about, if it is.
    pub attack: Option<Class>,
    /// Whether it is of normal traffic alone; neither this nor an attack where all of its flows are ignored.
    pub is_benign: bool,
    /// Whether the attack was found: an alert of its class with its source or target, and none of a wrong class that
    /// outlives it.
    pub found: Option<bool>,
    /// Whether any alert names a host of the attack, and whether one of its class does.
    #[serde(default)]
    pub noticed: Option<bool>,
    /// See [`Self::noticed`].
    #[serde(default)]
    pub named: Option<bool>,
    /// From the attack's first packet to the first right alert, in seconds.
    pub delay_seconds: Option<f64>,
    /// How long it is.
    pub seconds: f64,
    /// Flows that are labelled.
    pub flows: usize,
    /// Class and summary of each alert.
    pub alerts: Vec<(Class, String)>,
}

/// The numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Core captures with an attack, and those of which it was found.
    pub attack_captures: usize,
    /// See [`Self::attack_captures`].
    pub found: usize,
    /// Core captures of normal traffic, and those with any alert.
    pub benign_captures: usize,
    /// See [`Self::benign_captures`].
    pub benign_with_alert: usize,
    /// Median delay of the attacks that were found, in seconds.
    pub median_delay_seconds: Option<f64>,
    /// Hours of normal traffic (windows with packets alone), and alerts in an hour of it.
    pub benign_hours: f64,
    /// See [`Self::benign_hours`].
    pub alerts_per_benign_hour: Option<f64>,
    /// Normal flows that were judged an attack, of a thousand.
    pub false_calls_per_1000_flows: Option<f64>,
    /// Flow by flow.
    pub scores: Vec<ClassScores>,
    /// Mean F1 over classes, flow by flow.
    pub macro_f1: Option<f64>,
    /// Share of the flows that were judged rightly.
    pub accuracy: Option<f64>,
    /// Each class of each capture counting the same.
    pub balanced_scores: Vec<ClassScores>,
    /// Mean F1 over classes, balanced.
    pub balanced_macro_f1: Option<f64>,
    /// Attack or not, balanced: area under the ROC curve, and average precision.
    pub roc_auc: Option<f64>,
    /// See [`Self::roc_auc`].
    pub pr_auc: Option<f64>,
    /// Mean distance between the score and the share of attacks, balanced.
    pub calibration_error: Option<f64>,
    /// The share of attacks among flows that the precision is stated for, and that precision.
    pub base_rate: f64,
    /// See [`Self::base_rate`].
    pub precision_at_base_rate: Option<f64>,
    /// Flows by label, then by verdict.
    pub confusion: BTreeMap<Class, BTreeMap<Class, u64>>,
}

impl Evaluation {
    /// Takes in what was made of a capture.
    pub fn add(&mut self, capture: &Labelled<'_>, outcome: &Outcome) {
        if capture.is_core() {
            self.add_flows(&outcome.flows);
            self.add_timeline(&outcome.timeline);
            if outcome.is_benign() {
                self.benign += outcome.busy;
            }
        }
        let alerts = outcome.alerts.iter().map(|(alert, _)| alert);
        self.captures.push(CaptureResult {
            name: capture.name.clone(),
            tier: capture.rules.tier.clone(),
            attack: outcome.attack(),
            is_benign: outcome.is_benign(),
            found: outcome.is_found(),
            noticed: outcome.attack().map(|class| outcome.is_noticed(class)),
            named: outcome.is_named(),
            delay_seconds: outcome.delay().map(|delay| delay.as_secs_f64()),
            seconds: outcome.duration().as_secs_f64(),
            flows: outcome.flows.len(),
            alerts: alerts
                .map(|alert| (alert.class, alert.summary.clone()))
                .collect(),
        });
    }

    /// Adds another evaluation's captures.
    pub fn merge(&mut self, other: Self) {
        self.captures.extend(other.captures);
        self.flows.extend(other.flows);
        self.benign += other.benign;
        self.add_timeline(&other.timeline);
    }

    fn add_timeline(&mut self, timeline: &Timeline) {
        for (class, seconds) in timeline {
            let sums = self.timeline.entry(*class).or_default();
            sums.resize(sums.len().max(seconds.len()), (0, 0));
            for (sum, second) in sums.iter_mut().zip(seconds) {
                *sum = (sum.0 + second.0, sum.1 + second.1);
            }
        }
    }

    fn add_flows(&mut self, flows: &[LabelledFlow]) {
        let mut of_class: BTreeMap<Class, usize> = BTreeMap::new();
        for flow in flows {
            *of_class.entry(flow.class).or_default() += 1;
        }
        self.flows.extend(flows.iter().map(|flow| WeighedFlow {
            flow: *flow,
            balanced: 1.0 / of_class[&flow.class] as f64,
        }));
    }

    /// Flows by class.
    #[must_use]
    pub fn flows_of(&self) -> BTreeMap<Class, u64> {
        let mut flows = BTreeMap::new();
        for flow in &self.flows {
            *flows.entry(flow.flow.class).or_default() += 1;
        }
        flows
    }

    /// The rows of a curve: is it `class`, or with `None`, is it any attack. Balanced.
    #[must_use]
    pub fn scored(&self, class: Option<Class>) -> Vec<Scored> {
        let rows = self.flows.iter().map(|WeighedFlow { flow, balanced }| {
            let verdict = &flow.verdict;
            Scored {
                score: class.map_or(verdict.anomaly, |class| {
                    verdict.probabilities[class as usize]
                }),
                is_positive: class.map_or(flow.class != Class::Normal, |class| flow.class == class),
                weight: *balanced,
            }
        });
        rows.collect()
    }

    /// The curve of attack or not.
    #[must_use]
    pub fn curve(&self) -> Vec<Point> {
        curves::curve(&self.scored(None))
    }

    /// How far the score of attack or not can be trusted as a probability.
    #[must_use]
    pub fn calibration(&self) -> Vec<Bin> {
        curves::calibration(&self.scored(None))
    }

    /// The confusion of flows, balanced or flow by flow, of the classes that occurred or were named.
    #[must_use]
    pub fn confusion(&self, is_balanced: bool) -> Confusion {
        let occurs = |class: &Class| {
            self.flows
                .iter()
                .any(|flow| flow.flow.class == *class || flow.flow.verdict.class == *class)
        };
        let classes: Vec<Class> = Class::ALL.into_iter().filter(occurs).collect();
        let mut confusion = Confusion::new(&classes);
        let position = |class: Class| classes.iter().position(|other| *other == class);
        for WeighedFlow { flow, balanced } in &self.flows {
            if let (Some(truth), Some(verdict)) =
                (position(flow.class), position(flow.verdict.class))
            {
                confusion.add(truth, verdict, if is_balanced { *balanced } else { 1.0 });
            }
        }
        confusion
    }

    /// All numbers; precision also for networks where attacks are a share of `base_rate` of the flows.
    #[must_use]
    pub fn summary(&self, base_rate: f64) -> Summary {
        let core = || {
            self.captures
                .iter()
                .filter(|capture| capture.tier == "core")
        };
        let attacks = || core().filter(|capture| capture.found.is_some());
        let benign = || core().filter(|capture| capture.is_benign);
        let mut delays: Vec<f64> = attacks()
            .filter_map(|capture| capture.delay_seconds)
            .collect();
        delays.sort_by(f64::total_cmp);
        let benign_hours = self.benign.as_secs_f64() / 3600.0;
        let benign_alerts: usize = benign().map(|capture| capture.alerts.len()).sum();
        let (flows, balanced) = (self.confusion(false), self.confusion(true));
        let curve = self.curve();
        let mut confusion: BTreeMap<Class, BTreeMap<Class, u64>> = BTreeMap::new();
        for WeighedFlow { flow, .. } in &self.flows {
            let of_class = confusion.entry(flow.class).or_default();
            *of_class.entry(flow.verdict.class).or_default() += 1;
        }
        let normal: u64 = confusion
            .get(&Class::Normal)
            .map_or(0, |row| row.values().sum());
        let called: u64 = confusion.get(&Class::Normal).map_or(0, |row| {
            let wrong = row.iter().filter(|(verdict, _)| **verdict != Class::Normal);
            wrong.map(|(_, flows)| flows).sum()
        });
        let of = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        Summary {
            attack_captures: attacks().count(),
            found: attacks()
                .filter(|capture| capture.found == Some(true))
                .count(),
            benign_captures: benign().count(),
            benign_with_alert: benign()
                .filter(|capture| !capture.alerts.is_empty())
                .count(),
            median_delay_seconds: delays.get(delays.len() / 2).copied(),
            benign_hours,
            alerts_per_benign_hour: of(benign_alerts as f64, benign_hours),
            false_calls_per_1000_flows: of(1000.0 * called as f64, normal as f64),
            scores: flows.per_class(),
            macro_f1: flows.macro_f1(),
            accuracy: flows.accuracy(),
            balanced_scores: balanced.per_class(),
            balanced_macro_f1: balanced.macro_f1(),
            roc_auc: curves::roc_auc(&curve),
            pr_auc: curves::pr_auc(&curve),
            calibration_error: curves::calibration_error(&self.calibration()),
            base_rate,
            precision_at_base_rate: curves::precision_at(&curve, 0.5, base_rate),
            confusion,
        }
    }
}
