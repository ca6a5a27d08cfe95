//! From a window to alerts: flows, features, verdicts, incidents. No I/O, no clock, no threads; it cannot fail.
//!
//! Two stages: from windows to rows of features, and from rows to alerts. Live, replay, training and tests all run this
//! very code.

mod flow_stage;
mod judge_stage;
mod rehearsal;

use std::net::IpAddr;

use crate::alert::{
    Alert, IncidentSettings, Incidents, Interfaces, NearMiss, Suppressions, Trace, Verdict,
};
use crate::detect::Judges;
use crate::feature::{Features, JudgedFlow};
use crate::flow::{FlowTimeouts, Window};

use flow_stage::FlowStage;
pub use judge_stage::JudgeStage;

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

/// The way from windows to alerts.
#[derive(Debug)]
pub struct Pipeline {
    flows: FlowStage,
    judge: JudgeStage,
    suppressions: Suppressions,
    verdicts: Vec<Verdict>,
    finished: Vec<JudgedFlow>,
    keeps_finished: bool,
}

impl Pipeline {
    /// A pipeline that has seen nothing yet.
    #[must_use]
    pub fn new(settings: PipelineSettings, judges: Judges, interfaces: Interfaces) -> Self {
        Self {
            flows: FlowStage::new(&settings),
            judge: JudgeStage::new(judges, Incidents::new(settings.incidents, interfaces)),
            suppressions: Suppressions::default(),
            verdicts: Vec::new(),
            finished: Vec::new(),
            keeps_finished: false,
        }
    }

    /// Counts distinct hosts and ports with this seed; without it, with one that is always the same.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.flows.seed(seed);
        self
    }

    /// Keeps the last features of each flow as well.
    #[must_use]
    pub fn keeping_features(mut self) -> Self {
        self.flows.keeps_features = true;
        self
    }

    /// Merges windows into flows and does no more: no features, no verdicts, no alerts.
    #[must_use]
    pub fn only_counting(mut self) -> Self {
        self.flows.only_counts = true;
        self
    }

    /// Keeps ended flows for [`Self::take_finished`]; without this they are forgotten.
    #[must_use]
    pub fn keeping_finished(mut self) -> Self {
        self.keeps_finished = true;
        self
    }

    /// Keeps what flows of this host do to the evidence, for [`Self::traces`].
    #[must_use]
    pub fn watching(mut self, host: IpAddr) -> Self {
        self.judge.incidents_mut().watch(host);
        self
    }

    /// Raises and ends incidents by these settings from now on; those that go on do so.
    pub fn set_incidents(&mut self, settings: IncidentSettings) {
        self.judge.incidents_mut().set_settings(settings);
    }

    /// Alerts call the interface with this index so from now on.
    pub fn name_interface(&mut self, index: u32, name: String) {
        let known = self.judge.incidents_mut().interfaces_mut();
        known.insert(index, name);
    }

    /// Forgets the interface that had this name; what is still to be said of it is said without one.
    pub fn forget_interface(&mut self, index: u32, name: &str) {
        let known = self.judge.incidents_mut().interfaces_mut();
        if known.get(&index).is_some_and(|known| known == name) {
            known.remove(&index);
        }
    }

    /// Marks alerts by these rules from now on, in place of those before; a rule that has ended matches nothing.
    pub fn set_suppressions(&mut self, rules: Suppressions) {
        self.suppressions = rules;
    }

    /// Takes in a window and returns the alerts that began, changed or ended.
    pub fn step(&mut self, window: &Window) -> Vec<Alert> {
        self.flows.step(window);
        let alerts = if self.flows.only_counts {
            Vec::new()
        } else {
            self.judge(window)
        };
        self.keep_finished();
        alerts
    }

    /// Ends all flows and incidents, as at the end of a capture; the alerts that this ends.
    pub fn end(&mut self) -> Vec<Alert> {
        self.flows.end();
        self.keep_finished();
        let mut alerts = self.judge.end();
        for alert in &mut alerts {
            let end = alert.last_seen;
            self.suppressions.mark(alert, end);
        }
        alerts
    }

    /// The flows judged in the last step, with their features.
    #[must_use]
    pub fn judged(&self) -> &Features {
        &self.flows.rows
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
        self.flows.open()
    }

    /// Flows that were ended early because the table was full, or too many of them were unanswered.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.flows.evicted()
    }

    /// Those of [`Self::evicted`] that went because too many were unanswered.
    #[must_use]
    pub fn evicted_unanswered(&self) -> u64 {
        self.flows.evicted_unanswered()
    }

    /// The cases that came nearest to an alert and raised none.
    #[must_use]
    pub fn near_misses(&self) -> Vec<NearMiss> {
        self.judge.incidents().near_misses()
    }

    /// What flows of the watched host did to the evidence.
    #[must_use]
    pub fn traces(&self) -> &[Trace] {
        self.judge.incidents().traces()
    }

    fn judge(&mut self, window: &Window) -> Vec<Alert> {
        let mut alerts = self.judge.step(window, &self.flows.rows, &self.flows.ended);
        for alert in &mut alerts {
            self.suppressions.mark(alert, window.end);
        }
        self.verdicts.clear();
        for (row, judgement) in self.judge.judgements().iter().enumerate() {
            let verdict = self.flows.take_verdict(row, judgement.verdict);
            self.verdicts.push(verdict);
        }
        for &(row, memory) in self.judge.incidents().memories() {
            self.flows.remember(row, memory);
        }
        alerts
    }

    fn keep_finished(&mut self) {
        if self.keeps_finished {
            self.finished.append(&mut self.flows.ended);
        }
    }
}
