//! From judgements and findings to alerts, so that an attack of 40,000 flows is one alert.
//!
//! Detect first, name second. Each judged flow is evidence in its pair of hosts (`evidence.rs`); what a pair gains or
//! loses goes to the case of the class that the pair is called (`naming.rs`). Floods are grouped by their target, scans
//! and log-in attempts by their source. A case at the bar becomes an alert, unless one that goes on explains it
//! (`explained.rs`) or the minute has had enough of them (`surge.rs`). Cases lend evidence to wider ones: a network, or
//! a target of many sources. An alert ends when no more evidence comes.
//!
//! Blind spot: an attack of less evidence in a few half-lives than the bar asks for.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::case::{Case, Key, Part};
use super::evidence::{self, EvidenceSettings, Sum};
use super::explained::Open;
use super::naming::Naming;
use super::near_miss::NearMisses;
use super::parties::Room;
use super::surge::Surge;
use super::trace::Watch;
use super::{
    Alert, Began, Class, Contribution, Facts, Finding, Judgement, Memory, NearMiss, State, Trace,
};
use crate::flow::{Recent, Timestamp};

pub use super::case::Witness;

/// Interface names by index.
pub type Interfaces = HashMap<u32, String>;

/// When an incident is raised and when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IncidentSettings {
    /// How evidence adds up to an alert.
    pub evidence: EvidenceSettings,
    /// An incident without a finding for this long has ended.
    pub quiet: Duration,
    /// An alert is told again at most this often while it goes on.
    pub update: Duration,
}

impl Default for IncidentSettings {
    fn default() -> Self {
        Self {
            evidence: EvidenceSettings::default(),
            quiet: Duration::from_secs(30),
            update: Duration::from_secs(1),
        }
    }
}

/// What a window brings to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The beginning of the window.
    pub start: Timestamp,
    /// Its end.
    pub now: Timestamp,
    /// The rows.
    pub facts: &'a [Facts],
    /// What the classifier says of each row.
    pub judgements: &'a [Judgement],
    /// What detectors say.
    pub findings: &'a [Finding],
}

/// Cases that may become incidents; those without evidence for longest are forgotten.
const MAX_CANDIDATES: usize = 1024;
/// Pairs whose evidence is kept; as above.
const MAX_PAIRS: usize = 16_384;
/// Cases of wider scope; as above.
const MAX_WIDER: usize = 512;
/// Explanations that are worked out in a window; other alerts get theirs in the next.
const MAX_EXPLAINED: usize = 4;

/// All incidents that go on, and those that may become one.
#[derive(Debug)]
pub struct Incidents {
    pub(super) settings: IncidentSettings,
    interfaces: Interfaces,
    pub(super) naming: Naming,
    pub(super) pairs: Recent<(u32, IpAddr, IpAddr), Sum>,
    pub(super) candidates: Recent<Key, Case>,
    pub(super) wider: Recent<Key, Case>,
    pub(super) open: BTreeMap<u64, Open>,
    /// Open cases by what they are about; also of what was explained by one.
    pub(super) by_key: HashMap<Key, u64, RandomState>,
    pub(super) rest: Option<u64>,
    pub(super) room: Room,
    pub(super) surge: Surge,
    pub(super) near: NearMisses,
    pub(super) watch: Option<Watch>,
    pub(super) cases: u64,
    pub(super) raised: u64,
    /// Cases that have reached the bar in this window.
    pub(super) hot: Vec<u64>,
    memories: Vec<(usize, Memory)>,
}

impl Incidents {
    /// No incident yet.
    #[must_use]
    pub fn new(settings: IncidentSettings, interfaces: Interfaces) -> Self {
        Self {
            settings,
            interfaces,
            naming: Naming::default(),
            pairs: Recent::new(MAX_PAIRS),
            candidates: Recent::new(MAX_CANDIDATES),
            wider: Recent::new(MAX_WIDER),
            open: BTreeMap::new(),
            by_key: HashMap::default(),
            rest: None,
            room: Room::of_incidents(),
            surge: Surge::default(),
            near: NearMisses::default(),
            watch: None,
            cases: 0,
            raised: 0,
            hot: Vec::new(),
            memories: Vec::new(),
        }
    }

    /// Keeps what judged flows of this host do to the evidence.
    pub fn watch(&mut self, host: IpAddr) {
        self.watch = Some(Watch::of(host));
    }

    /// What flows of the watched host did.
    #[must_use]
    pub fn traces(&self) -> &[Trace] {
        self.watch.as_ref().map_or(&[], |watch| &watch.traces)
    }

    /// Forgets everything but the names of interfaces, and keeps the memory.
    pub fn clear(&mut self) {
        self.naming.clear();
        self.pairs.clear();
        self.candidates.clear();
        self.wider.clear();
        self.open.clear();
        self.by_key.clear();
        self.rest = None;
        self.room = Room::of_incidents();
        self.surge = Surge::default();
        self.near.clear();
        (self.cases, self.raised) = (0, 0);
        self.hot.clear();
        self.memories.clear();
    }

    /// What the interfaces are called.
    pub fn interfaces_mut(&mut self) -> &mut Interfaces {
        &mut self.interfaces
    }

    /// When incidents are raised and end.
    #[must_use]
    pub fn settings(&self) -> &IncidentSettings {
        &self.settings
    }

    /// These count from now on; what has added up stays.
    pub fn set_settings(&mut self, settings: IncidentSettings) {
        self.settings = settings;
    }

    /// The cases that came nearest to an alert and raised none.
    #[must_use]
    pub fn near_misses(&self) -> Vec<NearMiss> {
        self.near.all()
    }

    /// What each judged row leaves behind. Who gives [`Facts`] gives it back as [`Facts::memory`], so that a flow's newest
    /// verdict replaces its earlier ones and no flow is counted twice.
    #[must_use]
    pub fn memories(&self) -> &[(usize, Memory)] {
        &self.memories
    }

    /// Takes in a window and returns the alerts that began, changed or ended.
    ///
    /// `explain` gives the contributions for the class that is named.
    pub fn absorb(
        &mut self,
        scene: &Scene<'_>,
        explain: &mut dyn FnMut(Witness, Class) -> Vec<Contribution>,
    ) -> Vec<Alert> {
        self.memories.clear();
        let mut alerts = Vec::new();
        // What was quiet until the window began has ended, however long nothing came.
        self.end_quiet(scene.start, &mut alerts);
        let rows = || scene.facts.iter().zip(scene.judgements);
        let shares: Vec<_> = rows()
            .map(|(fact, judgement)| evidence::allowed(&judgement.shares, fact.protocol))
            .collect();
        let names: Vec<_> = rows()
            .zip(&shares)
            .map(|((fact, _), shares)| evidence::names(shares, fact))
            .collect();
        for (fact, names) in scene.facts.iter().zip(&names) {
            self.naming.add(names, fact, scene.now);
        }
        for (row, ((fact, judgement), (shares, names))) in
            rows().zip(shares.iter().zip(&names)).enumerate()
        {
            let anomaly = 1.0 - shares[Class::Normal as usize];
            let worth = evidence::worth(shares);
            let (added, memory) = self.weigh(fact, worth, scene.now);
            let named = (worth > 0.0 || added < 0.0)
                .then(|| self.naming.class(fact))
                .flatten();
            let mut memory = memory;
            if let Some(class) = named {
                let part = Part {
                    row,
                    fact,
                    added,
                    anomaly,
                    names,
                    class,
                };
                if let Some(number) = self.add(&part, worth > 0.0, scene.now) {
                    memory.case = Some(number);
                }
            }
            self.memories.push((row, memory));
            self.trace(scene.now, fact, judgement, (anomaly, added, named));
        }
        for (number, finding) in scene.findings.iter().enumerate() {
            self.add_finding(number, finding, scene.now);
        }
        self.settle(scene.now);
        self.tell(scene.now, explain, &mut alerts);
        self.end_quiet(scene.now, &mut alerts);
        alerts
    }

    /// Ends every incident, as at the end of a capture.
    pub fn end_all(&mut self) -> Vec<Alert> {
        self.by_key.clear();
        self.rest = None;
        let open = std::mem::take(&mut self.open);
        let ended = open.into_values().filter_map(|open| {
            let raised = open.raised.as_ref()?;
            Some(
                open.case
                    .alert(open.key, raised, State::Ended, &self.interfaces),
            )
        });
        ended.collect()
    }

    /// Tells the alerts that are new or have changed.
    fn tell(
        &mut self,
        now: Timestamp,
        explain: &mut dyn FnMut(Witness, Class) -> Vec<Contribution>,
        alerts: &mut Vec<Alert>,
    ) {
        let mut explained = 0;
        let mut absorbed = Vec::new();
        for (number, open) in &mut self.open {
            let witness = open.case.witness_at(now);
            let Some(raised) = &mut open.raised else {
                continue;
            };
            if raised.is_absorbed {
                absorbed.push(*number);
                continue;
            }
            let is_new = raised.began.is_none();
            let is_due = now.since(raised.told.0) >= self.settings.update;
            if !(is_new || is_due && raised.has_news(&open.case)) {
                continue;
            }
            if let Some(witness) = witness
                && explained < MAX_EXPLAINED
            {
                raised.explanation = explain(witness, open.key.class);
                explained += 1;
            }
            raised.tell(&open.case, now);
            let alert = open
                .case
                .alert(open.key, raised, State::Active, &self.interfaces);
            if is_new {
                raised.began = Some(Began {
                    severity: alert.severity,
                    score: alert.score,
                    summary: alert.summary.clone(),
                    explanation: alert.explanation.clone(),
                });
            }
            alerts.push(Alert {
                began: raised.began.clone(),
                ..alert
            });
        }
        for number in absorbed {
            self.end(number, alerts);
        }
    }

    fn end_quiet(&mut self, now: Timestamp, alerts: &mut Vec<Alert>) {
        let quiet = self.settings.quiet;
        let ended: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| now.since(open.case.last_finding) >= quiet)
            .map(|(number, _)| *number)
            .collect();
        for number in ended {
            self.end(number, alerts);
        }
    }

    fn end(&mut self, number: u64, alerts: &mut Vec<Alert>) {
        let Some(open) = self.remove(number) else {
            return;
        };
        if let Some(raised) = &open.raised {
            alerts.push(
                open.case
                    .alert(open.key, raised, State::Ended, &self.interfaces),
            );
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        self.by_key.retain(|_, other| *other != number);
        self.room
            .take_back(open.case.sources.names() + open.case.targets.names());
        if self.rest == Some(number) {
            self.rest = None;
        }
        Some(open)
    }
}
