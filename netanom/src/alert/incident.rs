//! Groups findings into incidents, so that an attack of 40,000 flows is one alert.
//!
//! A flow that is not normal is evidence of what its pair of hosts is judged to be, as much as it is unlike normal
//! traffic: that something is wrong is often clear before it is clear what. Floods are grouped by their target, scans and log-in attempts by
//! their source. An alert is raised when a case has enough evidence, and ends when no more comes.
//!
//! Blind spot: an attack of fewer flows than the evidence asks for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::parties::Parties;
use super::severity::{Size, grade};
use super::vote::Votes;
use super::{Alert, Class, Contribution, Facts, Finding, State};
use crate::flow::{Timestamp, protocol_name};

/// Interface names by index.
pub type Interfaces = HashMap<u32, String>;

/// When an incident is raised and when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IncidentSettings {
    /// Evidence that raises an alert; a flow that is surely not normal is worth 1.
    pub evidence: f64,
    /// An incident without a finding for this long has ended.
    pub quiet: Duration,
    /// An alert is told again at most this often while it goes on.
    pub update: Duration,
}

impl Default for IncidentSettings {
    fn default() -> Self {
        Self {
            evidence: 8.0,
            quiet: Duration::from_secs(30),
            update: Duration::from_secs(1),
        }
    }
}

/// Cases that are kept at most; the one that was quiet for longest makes room.
const MAX_CASES: usize = 4096;
/// A heavy flow is worth one more flow of evidence for each so many packets, up to four a window.
fn packets_of_evidence(class: Class) -> f64 {
    match class {
        // Two or three attempts; a connection has room for many.
        Class::BruteForce => 20.0,
        _ => 100.0,
    }
}

type CaseKey = (u32, Class, IpAddr);

/// All incidents that go on, and those that may become one.
#[derive(Debug)]
pub struct Incidents {
    settings: IncidentSettings,
    interfaces: Interfaces,
    cases: Vec<Case>,
    index: HashMap<CaseKey, usize, RandomState>,
    votes: Votes,
    opened: u64,
    raised: u64,
    counted: Vec<(usize, u64)>,
}

#[derive(Debug)]
struct Case {
    key: CaseKey,
    number: u64,
    detector: &'static str,
    protocol: u8,
    evidence: f64,
    score_sum: f64,
    findings: u64,
    flows: u64,
    packets: u64,
    bytes: u64,
    sources: Parties,
    targets: Parties,
    first_seen: Timestamp,
    last_seen: Timestamp,
    last_finding: Timestamp,
    id: Option<String>,
    told: Timestamp,
    is_changed: bool,
    strongest: Option<Finding>,
    explanation: Vec<Contribution>,
}

impl Incidents {
    /// No incident yet.
    #[must_use]
    pub fn new(settings: IncidentSettings, interfaces: Interfaces) -> Self {
        Self {
            settings,
            interfaces,
            cases: Vec::new(),
            index: HashMap::default(),
            votes: Votes::default(),
            opened: 0,
            raised: 0,
            counted: Vec::new(),
        }
    }

    /// Forgets everything but the names of interfaces, and keeps the memory.
    pub fn clear(&mut self) {
        self.cases.clear();
        self.index.clear();
        self.votes.clear();
        self.counted.clear();
        (self.opened, self.raised) = (0, 0);
    }

    /// What the interfaces are called.
    pub fn interfaces_mut(&mut self) -> &mut Interfaces {
        &mut self.interfaces
    }

    /// Takes the findings of a window and returns the alerts that began, changed or ended.
    ///
    /// `facts` are those of the window's rows; `explain` gives the contributions behind a finding.
    pub fn absorb(
        &mut self,
        findings: &[Finding],
        facts: &[Facts],
        now: Timestamp,
        explain: &mut dyn FnMut(&Finding) -> Vec<Contribution>,
    ) -> Vec<Alert> {
        self.counted.clear();
        let with_facts = || {
            findings
                .iter()
                .filter_map(move |finding| Some((finding, facts.get(finding.row)?)))
        };
        for (finding, fact) in with_facts() {
            self.votes.add(finding, fact);
        }
        for (finding, fact) in with_facts() {
            if finding.class != Class::Normal
                && let Some(class) = self.votes.class(fact)
            {
                self.add(&finding.of_class(class), fact, now);
            }
        }
        let mut alerts = Vec::new();
        for case in &mut self.cases {
            let is_due = match case.id {
                None => case.evidence >= self.settings.evidence,
                Some(_) => case.is_changed && now.since(case.told) >= self.settings.update,
            };
            if is_due {
                if case.id.is_none() {
                    self.raised += 1;
                    case.id = Some(format!(
                        "{:x}-{}",
                        case.first_seen.as_nanos() / 1000,
                        self.raised
                    ));
                    case.explanation = case
                        .strongest
                        .as_ref()
                        .map(&mut *explain)
                        .unwrap_or_default();
                }
                case.told = now;
                case.is_changed = false;
                alerts.extend(case.alert(State::Active, &self.interfaces));
            }
            // It names a row of this window.
            case.strongest = None;
        }
        self.end_quiet(now, &mut alerts);
        alerts
    }

    /// Ends every incident, as at the end of a capture.
    pub fn end_all(&mut self) -> Vec<Alert> {
        self.index.clear();
        let cases = std::mem::take(&mut self.cases);
        cases
            .iter()
            .filter_map(|case| case.alert(State::Ended, &self.interfaces))
            .collect()
    }

    /// Rows of the last findings that an incident has counted as its flows, each with that incident's number. Who
    /// gives [`Facts`] gives it back as [`Facts::incident`], so that no flow is counted twice.
    #[must_use]
    pub fn counted(&self) -> &[(usize, u64)] {
        &self.counted
    }

    fn add(&mut self, finding: &Finding, fact: &Facts, now: Timestamp) {
        let anchor = match finding.class {
            Class::PortScan | Class::BruteForce | Class::Anomaly => fact.initiator.ip,
            _ => fact.responder.ip,
        };
        if fact.crowd.is_some() && anchor == fact.initiator.ip {
            // Nobody stands behind it whom an alert could name.
            return;
        }
        let key = (fact.interface, finding.class, anchor);
        let slot = match self.index.get(&key) {
            Some(&slot) => slot,
            None => self.open(key, finding, fact),
        };
        let case = &mut self.cases[slot];
        if fact.incident != Some(case.number) {
            self.counted.push((finding.row, case.number));
        }
        case.add(finding, fact, now);
    }

    fn open(&mut self, key: CaseKey, finding: &Finding, fact: &Facts) -> usize {
        if self.cases.len() >= MAX_CASES
            && let Some(quietest) =
                (0..self.cases.len()).min_by_key(|&slot| self.cases[slot].last_finding)
        {
            self.cases.remove(quietest);
            self.reindex();
        }
        self.opened += 1;
        self.cases.push(Case::new(key, self.opened, finding, fact));
        self.index.insert(key, self.cases.len() - 1);
        self.cases.len() - 1
    }

    fn end_quiet(&mut self, now: Timestamp, alerts: &mut Vec<Alert>) {
        let quiet = self.settings.quiet;
        let before = self.cases.len();
        let interfaces = &self.interfaces;
        self.cases.retain(|case| {
            let goes_on = now.since(case.last_finding) < quiet;
            if !goes_on {
                alerts.extend(case.alert(State::Ended, interfaces));
            }
            goes_on
        });
        if self.cases.len() != before {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        self.index = self
            .cases
            .iter()
            .enumerate()
            .map(|(slot, case)| (case.key, slot))
            .collect();
    }
}

impl Case {
    fn new(key: CaseKey, number: u64, finding: &Finding, fact: &Facts) -> Self {
        Self {
            key,
            number,
            detector: finding.detector,
            protocol: fact.protocol,
            evidence: 0.0,
            score_sum: 0.0,
            findings: 0,
            flows: 0,
            packets: 0,
            bytes: 0,
            sources: Parties::default(),
            targets: Parties::default(),
            first_seen: fact.first_seen,
            last_seen: fact.last_seen,
            last_finding: fact.last_seen,
            id: None,
            told: Timestamp::default(),
            is_changed: false,
            strongest: None,
            explanation: Vec::new(),
        }
    }

    fn add(&mut self, finding: &Finding, fact: &Facts, now: Timestamp) {
        let is_new = fact.incident != Some(self.number);
        let heavy = (fact.new_packets as f64 / packets_of_evidence(finding.class)).min(4.0);
        let unlike_normal = 1.0 - finding.shares[Class::Normal as usize];
        self.evidence += f64::from(unlike_normal) * (heavy + if is_new { 1.0 } else { 0.0 });
        self.score_sum += f64::from(finding.score);
        self.findings += 1;
        if is_new {
            self.flows += fact.crowd.as_ref().map_or(1, |crowd| crowd.flows);
            self.packets += fact.packets;
            self.bytes += fact.bytes;
            match &fact.crowd {
                Some(crowd) => {
                    self.sources.add_crowd(crowd);
                    self.targets
                        .add_many(fact.responder.ip, fact.responder.port, crowd.flows);
                }
                None => {
                    self.sources.add(fact.initiator.ip, fact.initiator.port);
                    self.targets.add(fact.responder.ip, fact.responder.port);
                }
            }
        } else {
            self.packets += fact.new_packets;
            self.bytes += fact.new_bytes;
        }
        self.first_seen = self.first_seen.min(fact.first_seen);
        self.last_seen = self.last_seen.max(fact.last_seen);
        self.last_finding = now;
        self.is_changed = true;
        if self
            .strongest
            .as_ref()
            .is_none_or(|strongest| finding.score > strongest.score)
        {
            self.strongest = Some(finding.clone());
        }
    }

    fn size(&self) -> Size {
        let seconds = self.last_seen.since(self.first_seen).as_secs_f64().max(1.0);
        Size {
            packet_rate: self.packets as f64 / seconds,
            flows: self.flows,
            targets: (self.targets.ports() as u64).saturating_mul(self.targets.hosts() as u64),
        }
    }

    /// The alert, once it was raised.
    fn alert(&self, state: State, interfaces: &Interfaces) -> Option<Alert> {
        let (interface, class, _) = self.key;
        Some(Alert {
            id: self.id.clone()?,
            class,
            severity: grade(class, self.size()),
            score: self.score_sum / self.findings.max(1) as f64,
            state,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            source: self.sources.party(),
            target: self.targets.party(),
            protocol: protocol_name(self.protocol),
            interface: interfaces.get(&interface).cloned().unwrap_or_default(),
            flows: self.flows,
            packets: self.packets,
            bytes: self.bytes,
            detector: self.detector.to_owned(),
            summary: self.summary(),
            explanation: self.explanation.clone(),
        })
    }

    fn summary(&self) -> String {
        let (source, target) = (self.sources.party(), self.targets.party());
        let who = source
            .ip
            .map_or_else(|| format!("{} hosts", source.count), |ip| ip.to_string());
        let whom = target
            .ip
            .map_or_else(|| format!("{} hosts", target.count), |ip| ip.to_string());
        let rate = self.size().packet_rate;
        match self.key.1 {
            Class::PortScan => {
                format!(
                    "{who} tried {} of {whom} with {} flows",
                    self.targets.ports_text(),
                    self.flows
                )
            }
            Class::BruteForce => format!("{who} tried to log in to {whom} {} times", self.flows),
            Class::SlowHttp => format!(
                "{who} keeps {} unfinished requests open at {whom}",
                self.flows
            ),
            class => format!(
                "{class}: {who} sent {whom} {rate:.0} packets a second in {} flows",
                self.flows
            ),
        }
    }
}
