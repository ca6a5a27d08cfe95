//! What the live pipeline with a model makes of a labelled capture.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::corpus::Labelled;
use super::labels::{CaptureRules, Label};
use crate::alert::{Alert, Class, Interfaces, Verdict};
use crate::detect;
use crate::flow::{Flow, Timestamp, Window};
use crate::model::Model;
use crate::pipeline::{Pipeline, PipelineSettings};
use crate::source::capture::CaptureSource;
use crate::source::{FlowSource, SourceError};

/// What the pipeline made of a capture.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The flows that the rules label and the model judged.
    pub flows: Vec<LabelledFlow>,
    /// The last state of each alert, with the time at which it was raised.
    pub alerts: Vec<(Alert, Timestamp)>,
    /// Who attacked and who was attacked, by class.
    attacks: BTreeMap<Class, Attack>,
    /// Flows that have a label, judged or not, and those that the rules ignore.
    labelled: u64,
    ignored: u64,
    /// Up to [`TIMELINE`] seconds.
    pub timeline: Timeline,
    /// First and last time.
    span: Option<(Timestamp, Timestamp)>,
    /// Length of all windows with packets together: a capture may have days of nothing in its midst.
    pub busy: Duration,
}

/// Packets and bytes of each class in each second since a capture began.
pub type Timeline = BTreeMap<Class, Vec<(u64, u64)>>;

/// Seconds of a capture that [`Outcome::timeline`] covers.
pub const TIMELINE: usize = 120;

/// What a flow is, and what it was judged to be in the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledFlow {
    /// What it is.
    pub class: Class,
    /// What it was judged to be.
    pub verdict: Verdict,
}

/// The hosts and the beginning of the flows of one class.
#[derive(Clone, Debug)]
struct Attack {
    initiators: BTreeSet<IpAddr>,
    responders: BTreeSet<IpAddr>,
    flows: u64,
    begins: Timestamp,
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
        outcome.take_window(&window, capture.rules);
        let alerts = pipeline.step(&window);
        outcome.take(&mut pipeline, alerts, window.end, capture.rules);
    }
    source.check()?;
    let alerts = pipeline.end();
    let end = outcome.span.map_or(Timestamp::default(), |(_, end)| end);
    outcome.take(&mut pipeline, alerts, end, capture.rules);
    Ok(outcome)
}

impl Outcome {
    /// The class that the capture is about: the attack with the most flows; `None` for normal traffic.
    #[must_use]
    pub fn attack(&self) -> Option<Class> {
        self.attacks
            .iter()
            .max_by_key(|(_, attack)| attack.flows)
            .map(|(class, _)| *class)
    }

    /// Whether it is of normal traffic alone. A capture all of whose flows are ignored is of neither: nobody says what an
    /// alert in it would be.
    #[must_use]
    pub fn is_benign(&self) -> bool {
        self.attacks.is_empty() && (self.labelled > 0 || self.ignored == 0)
    }

    /// Whether the attack was found: an alert of its class with its source or target, and none of another class that
    /// outlives it. `None` when the capture has no attack.
    #[must_use]
    pub fn is_found(&self) -> Option<bool> {
        let class = self.attack()?;
        let last_seen = |alert: &Alert| alert.last_seen;
        let right = self.right(class).map(|(alert, _)| last_seen(alert)).max();
        let others = self.alerts.iter().filter(|(alert, _)| alert.class != class);
        let wrong = others.map(|(alert, _)| last_seen(alert)).max();
        Some(right.is_some() && right >= wrong)
    }

    /// Whether any alert, of whatever class, names a host of the attack of `class`.
    #[must_use]
    pub fn is_noticed(&self, class: Class) -> bool {
        self.attacks
            .get(&class)
            .is_some_and(|attack| self.alerts.iter().any(|(alert, _)| attack.concerns(alert)))
    }

    /// Whether an alert of the attack's class names a host of it, whatever else was said. `None` when the capture has no
    /// attack.
    #[must_use]
    pub fn is_named(&self) -> Option<bool> {
        let class = self.attack()?;
        Some(self.right(class).next().is_some())
    }

    /// From the first packet of the attack to the first right alert, in the capture's time.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        let class = self.attack()?;
        let raised = self.right(class).map(|(_, raised)| *raised).min()?;
        Some(raised.since(self.attacks.get(&class)?.begins))
    }

    /// From the first to the last window.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.span
            .map_or(Duration::ZERO, |(begin, end)| end.since(begin))
    }

    /// Alerts of `class` that name a host of that attack.
    fn right(&self, class: Class) -> impl Iterator<Item = &(Alert, Timestamp)> {
        let attack = self.attacks.get(&class);
        self.alerts.iter().filter(move |(alert, _)| {
            alert.class == class && attack.is_some_and(|attack| attack.concerns(alert))
        })
    }

    fn take_window(&mut self, window: &Window, rules: &CaptureRules) {
        let begin = self.span.map_or(window.start, |(begin, _)| begin);
        self.span = Some((begin, window.end));
        self.busy += window.end.since(window.start);
        let second = window.start.since(begin).as_secs() as usize;
        if second >= TIMELINE {
            return;
        }
        for (key, counters) in &window.flows {
            let flow = Flow {
                key: *key,
                initiator: counters.initiator(key),
                counters: *counters,
            };
            if let Some(class) = class_of(rules, &flow) {
                let seconds = self.timeline.entry(class).or_default();
                if seconds.len() <= second {
                    seconds.resize(second + 1, (0, 0));
                }
                seconds[second].0 += counters.packets();
                seconds[second].1 += counters.bytes();
            }
        }
    }

    fn take(
        &mut self,
        pipeline: &mut Pipeline,
        alerts: Vec<Alert>,
        now: Timestamp,
        rules: &CaptureRules,
    ) {
        for alert in alerts {
            match self
                .alerts
                .iter_mut()
                .find(|(known, _)| known.id == alert.id)
            {
                Some((known, _)) => *known = alert,
                None => self.alerts.push((alert, now)),
            }
        }
        for judged in pipeline.take_finished() {
            let Some(class) = class_of(rules, &judged.flow) else {
                self.ignored += 1;
                continue;
            };
            self.labelled += 1;
            if class != Class::Normal {
                self.take_attack(class, &judged.flow);
            }
            if let Some(verdict) = judged.verdict {
                self.flows.push(LabelledFlow { class, verdict });
            }
        }
    }

    fn take_attack(&mut self, class: Class, flow: &Flow) {
        let begins = flow.first_seen();
        let attack = self.attacks.entry(class).or_insert_with(|| Attack {
            initiators: BTreeSet::new(),
            responders: BTreeSet::new(),
            flows: 0,
            begins,
        });
        attack.initiators.insert(flow.initiator().ip);
        attack.responders.insert(flow.responder().ip);
        attack.flows += 1;
        attack.begins = attack.begins.min(begins);
    }
}

impl Attack {
    fn concerns(&self, alert: &Alert) -> bool {
        let is_source = |ip| self.initiators.contains(&ip);
        let is_target = |ip| self.responders.contains(&ip);
        alert.source.ip.is_some_and(is_source) || alert.target.ip.is_some_and(is_target)
    }
}

fn class_of(rules: &CaptureRules, flow: &Flow) -> Option<Class> {
    match rules.class_of(flow.initiator(), flow.responder(), flow.protocol()) {
        Label::Class(class, _) => Some(class),
        Label::Ignore => None,
    }
}
