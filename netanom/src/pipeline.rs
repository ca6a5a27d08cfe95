//! From a window to alerts: flows, features, verdicts, incidents. No I/O, no clock, no threads; it cannot fail.
//!
//! Live, replay, training and tests all run this very code.

mod rehearsal;

use ndarray::Array2;

use crate::alert::{Alert, Facts, IncidentSettings, Incidents, Interfaces, Verdict};
use crate::detect::Detector;
use crate::feature::{self, Context, Features, JudgedFlow, Lately, Records, Seen, Subject};
use crate::flow::{Crowd, Entry, Flow, FlowTable, FlowTimeouts, Timestamp, Window};

/// How the pipeline keeps flows and incidents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PipelineSettings {
    /// Flows that are kept at most.
    pub max_flows: usize,
    /// Flows without an answer and with few packets that are kept at most.
    pub max_unanswered: usize,
    /// When a flow has ended.
    pub timeouts: FlowTimeouts,
    /// When an incident is raised and when it ends.
    pub incidents: IncidentSettings,
}

#[derive(Debug, Default)]
struct Memo {
    seen: Seen,
    verdict: Option<Verdict>,
    incident: Option<u64>,
    judged_at: Timestamp,
    judged_packets: u64,
    judged_bytes: u64,
    features: Vec<f32>,
}

impl Memo {
    /// Takes in the newest verdict and returns what it makes of the flow.
    fn take(&mut self, newest: Verdict) -> Verdict {
        let verdict = self
            .verdict
            .map_or(newest, |before| before.followed_by(newest));
        self.verdict = Some(verdict);
        verdict
    }
}

/// A flow is judged again when its packets have doubled, or after so many nanoseconds.
const JUDGE_AGAIN: u64 = 1_000_000_000;

impl Memo {
    fn is_due(&self, flow: &Flow, now: Timestamp) -> bool {
        self.judged_packets == 0
            || flow.counters.packets() >= 2 * self.judged_packets
            || now.as_nanos() >= self.judged_at.as_nanos() + JUDGE_AGAIN
    }
}

/// The way from windows to alerts.
pub struct Pipeline {
    table: FlowTable<Memo>,
    context: Context,
    detectors: Vec<Box<dyn Detector>>,
    incidents: Incidents,
    judged: Features,
    verdicts: Vec<Verdict>,
    finished: Vec<JudgedFlow>,
    keeps_finished: bool,
    keeps_features: bool,
    only_counts: bool,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("flows", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// A pipeline that has seen nothing yet.
    #[must_use]
    pub fn new(
        settings: PipelineSettings,
        detectors: Vec<Box<dyn Detector>>,
        interfaces: Interfaces,
    ) -> Self {
        Self {
            table: FlowTable::new(settings.max_flows, settings.timeouts)
                .with_most_unanswered(settings.max_unanswered),
            context: Context::default(),
            detectors,
            incidents: Incidents::new(settings.incidents, interfaces),
            judged: Features::default(),
            verdicts: Vec::new(),
            finished: Vec::new(),
            keeps_finished: false,
            keeps_features: false,
            only_counts: false,
        }
    }

    /// Keeps the last features of each flow as well.
    #[must_use]
    pub fn keeping_features(mut self) -> Self {
        self.keeps_features = true;
        self
    }

    /// Merges windows into flows and does no more: no features, no verdicts, no alerts.
    #[must_use]
    pub fn only_counting(mut self) -> Self {
        self.only_counts = true;
        self
    }

    /// Keeps ended flows for [`Self::take_finished`]; without this they are forgotten.
    #[must_use]
    pub fn keeping_finished(mut self) -> Self {
        self.keeps_finished = true;
        self
    }

    /// Alerts call the interface with this index so from now on.
    pub fn name_interface(&mut self, index: u32, name: String) {
        self.incidents.interfaces_mut().insert(index, name);
    }

    /// Forgets the interface that had this name; what is still to be said of it is said without one.
    pub fn forget_interface(&mut self, index: u32, name: &str) {
        let known = self.incidents.interfaces_mut();
        if known.get(&index).is_some_and(|known| known == name) {
            known.remove(&index);
        }
    }

    /// Takes in a window and returns the alerts that began, changed or ended.
    pub fn step(&mut self, window: &Window) -> Vec<Alert> {
        let merged = self.table.merge(window);
        self.finish(merged.ended);
        if self.only_counts {
            return Vec::new();
        }
        let mut due = Vec::with_capacity(merged.changed.len());
        for slot in merged.changed {
            if let Some(entry) = self.table.slot_mut(slot) {
                let (flow, memo) = (&entry.flow, &mut entry.memo);
                let records = self.context.take_in(flow, &mut memo.seen, window.end);
                if memo.is_due(flow, window.end) {
                    due.push((slot, records));
                }
            }
        }
        let crowds = Crowd::all(window, &merged.unclaimed);
        for crowd in &crowds {
            self.context.take_in_crowd(crowd, window.end);
        }
        self.extract(&due, crowds, window.end);
        self.judge(&due)
    }

    /// Ends all flows and incidents, as at the end of a capture; the alerts that this ends.
    pub fn end(&mut self) -> Vec<Alert> {
        let ended = self.table.end_all();
        self.finish(ended);
        self.incidents.end_all()
    }

    /// The flows judged in the last step, with their features.
    #[must_use]
    pub fn judged(&self) -> &Features {
        &self.judged
    }

    /// The verdicts of the last step, a row of [`Self::judged`] each.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Flows that ended since the last call.
    pub fn take_finished(&mut self) -> Vec<JudgedFlow> {
        std::mem::take(&mut self.finished)
    }

    /// Number of open flows.
    #[must_use]
    pub fn open_flows(&self) -> usize {
        self.table.len()
    }

    /// Flows that were ended early because the table was full, or too many of them were unanswered.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.table.evicted()
    }

    /// Those of [`Self::evicted`] that went because too many were unanswered.
    #[must_use]
    pub fn evicted_unanswered(&self) -> u64 {
        self.table.evicted_unanswered()
    }

    /// Computes the features of the flows in `due` and of the typical flow of each crowd into `judged`.
    fn extract(&mut self, due: &[(u32, Records)], crowds: Vec<Crowd>, now: Timestamp) {
        let rows = due.len() + crowds.len();
        let mut values = Vec::with_capacity(rows * feature::COUNT);
        let mut facts = Vec::with_capacity(rows);
        for &(slot, records) in due {
            let Some(entry) = self.table.slot_mut(slot) else {
                continue;
            };
            let (flow, memo) = (&entry.flow, &mut entry.memo);
            let context = self.context.of(flow, records, now);
            let row = feature::vector(&Subject { flow, context, now });
            values.extend_from_slice(&row);
            facts.push(facts_of(flow, memo));
            memo.judged_at = now;
            memo.judged_packets = flow.counters.packets();
            memo.judged_bytes = flow.counters.bytes();
            if self.keeps_features {
                memo.features.clear();
                memo.features.extend_from_slice(&row);
            }
        }
        for crowd in crowds {
            let mut source = Lately::default();
            values.extend_from_slice(&feature::vector(&Subject {
                flow: &crowd.typical,
                context: self.context.of_crowd(&crowd, &mut source, now),
                now,
            }));
            facts.push(facts_of_crowd(crowd));
        }
        let shape = (facts.len(), feature::COUNT);
        let rows = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape));
        self.judged = Features { now, rows, facts };
    }

    fn judge(&mut self, due: &[(u32, Records)]) -> Vec<Alert> {
        self.verdicts.clear();
        let mut alerts = Vec::new();
        let judged = &self.judged;
        for detector in &mut self.detectors {
            let findings = detector.judge(judged);
            for finding in &findings {
                let verdict = Verdict {
                    class: finding.class,
                    score: finding.score,
                    anomaly: finding.anomaly,
                    probabilities: finding.probabilities,
                };
                let memo = due
                    .get(finding.row)
                    .and_then(|&(slot, _)| self.table.slot_mut(slot))
                    .map(|entry| &mut entry.memo);
                let verdict = match memo {
                    Some(memo) => memo.take(verdict),
                    None => verdict,
                };
                self.verdicts.push(verdict);
            }
            let mut explain = |finding: &_| detector.explain(judged, finding);
            alerts.extend(self.incidents.absorb(
                &findings,
                &judged.facts,
                judged.now,
                &mut explain,
            ));
            for &(row, incident) in self.incidents.counted() {
                let entry = due
                    .get(row)
                    .and_then(|&(slot, _)| self.table.slot_mut(slot));
                if let Some(entry) = entry {
                    entry.memo.incident = Some(incident);
                }
            }
        }
        alerts
    }

    fn finish(&mut self, ended: Vec<Entry<Memo>>) {
        if self.keeps_finished {
            self.finished
                .extend(ended.into_iter().map(|entry| JudgedFlow {
                    flow: entry.flow,
                    features: entry.memo.features,
                    verdict: entry.memo.verdict,
                }));
        }
    }
}

fn facts_of(flow: &Flow, memo: &Memo) -> Facts {
    Facts {
        initiator: flow.initiator(),
        responder: flow.responder(),
        protocol: flow.protocol(),
        interface: flow.key.interface(),
        first_seen: flow.first_seen(),
        last_seen: flow.last_seen(),
        packets: flow.counters.packets(),
        bytes: flow.counters.bytes(),
        new_packets: flow.counters.packets().saturating_sub(memo.judged_packets),
        new_bytes: flow.counters.bytes().saturating_sub(memo.judged_bytes),
        before: memo.verdict.map(|verdict| verdict.class),
        incident: memo.incident,
        crowd: None,
    }
}

/// A crowd is new in each window: its flows had no place in the one before.
fn facts_of_crowd(crowd: Crowd) -> Facts {
    let (flow, counters) = (&crowd.typical, &crowd.counters);
    Facts {
        initiator: flow.initiator(),
        responder: flow.responder(),
        protocol: flow.protocol(),
        interface: flow.key.interface(),
        first_seen: Timestamp::from_nanos(counters.first),
        last_seen: Timestamp::from_nanos(counters.last),
        packets: counters.total.packets,
        bytes: counters.total.bytes,
        new_packets: counters.total.packets,
        new_bytes: counters.total.bytes,
        before: None,
        incident: None,
        crowd: Some(Box::new(crowd)),
    }
}
