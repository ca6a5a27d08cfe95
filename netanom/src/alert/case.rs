//! One case: all that counts for one attack on, or by, one host or prefix; and the alert that it becomes.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use super::class::Grouping;
use super::evidence::{Sum, fade};
use super::example::Examples;
use super::naming::likeliest;
use super::parties::{Parties, Room};
use super::raised::Raised;
use super::severity::{Size, grade};
use super::technique::techniques;
use super::{
    Alert, Alternative, Class, Facts, Finding, Interfaces, Prefix, Probabilities, Severity, State,
};
use crate::flow::{Timestamp, protocol_name};

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    /// A host that does something.
    Source(IpAddr),
    /// A host that something is done to.
    Target(IpAddr),
    /// Hosts of a prefix that do something.
    Sources(Prefix),
    /// Hosts of a prefix that something is done to.
    Targets(Prefix),
    /// All that is over the budget of alerts.
    Rest,
}

/// Which case a finding belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) interface: u32,
    pub(super) class: Class,
    pub(super) anchor: Anchor,
    /// The port, where each has a case of its own; else 0.
    pub(super) service: u16,
}

impl Key {
    /// The case of a class between two hosts.
    pub(super) fn of(
        class: Class,
        interface: u32,
        source: IpAddr,
        target: IpAddr,
        port: u16,
    ) -> Self {
        let (anchor, service) = match class.grouping() {
            Grouping::Target => (Anchor::Target(target), 0),
            Grouping::Source => (Anchor::Source(source), 0),
            Grouping::SourceAndService => (Anchor::Source(source), port),
        };
        Self {
            interface,
            class,
            anchor,
            service,
        }
    }

    /// The case of a crowd at `target`, which may stand for all destinations of a prefix.
    pub(super) fn of_crowd(self, target: IpAddr, length: u8) -> Self {
        let whole = if target.is_ipv4() { 32 } else { 128 };
        let anchor = match self.anchor {
            Anchor::Target(_) if length < whole => Anchor::Targets(Prefix::new(target, length)),
            anchor => anchor,
        };
        Self { anchor, ..self }
    }

    /// Cases of wider scope that a case lends evidence to: its anchor's network, and for what is grouped by source the
    /// target, which many sources may share.
    pub(super) fn wider(self, target: IpAddr) -> [Option<Self>; 2] {
        let with = |anchor| Some(Self { anchor, ..self });
        match self.anchor {
            Anchor::Source(ip) => [
                with(Anchor::Sources(Prefix::network_of(ip))),
                with(Anchor::Target(target)),
            ],
            Anchor::Target(ip) => [with(Anchor::Targets(Prefix::network_of(ip))), None],
            Anchor::Sources(_) | Anchor::Targets(_) | Anchor::Rest => [None, None],
        }
    }

    /// Whether it is about many hosts that share something.
    pub(super) fn is_wide(self) -> bool {
        match self.anchor {
            Anchor::Sources(_) | Anchor::Targets(_) => true,
            Anchor::Target(_) => self.class.grouping() != Grouping::Target,
            Anchor::Source(_) | Anchor::Rest => false,
        }
    }
}

/// What a judged row adds to a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) row: usize,
    pub(super) fact: &'a Facts,
    /// Evidence, also negative.
    pub(super) added: f32,
    /// How surely it is an attack, 0 to 1.
    pub(super) anomaly: f32,
    pub(super) names: &'a Probabilities,
    /// The class under which it counts.
    pub(super) class: Class,
}

/// Who can explain a case in this window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Witness {
    /// A row of the window.
    Row(usize),
    /// A conversation of the window.
    Conversation(usize),
    /// A finding of the window.
    Finding(usize),
}

/// Shares of classes fade to a half in this time: an alert says what goes on now.
const NAMES_HALF_LIFE: Duration = Duration::from_secs(8);
/// A class with less of the evidence is no alternative.
const NEAR_SHARE: f64 = 0.2;
/// Merged cases whose flows are known to be counted.
const MAX_MERGED: usize = 4096;

/// A case, raised or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) number: u64,
    /// Numbers of cases that it has taken in.
    merged: HashSet<u64>,
    detector: &'static str,
    protocol: u8,
    pub(super) evidence: Sum,
    /// Evidence that wider cases were lent.
    pub(super) lent: f32,
    score_sum: f64,
    pub(super) findings: u64,
    pub(super) flows: u64,
    pub(super) packets: u64,
    bytes: u64,
    pub(super) sources: Parties,
    pub(super) targets: Parties,
    pub(super) first_seen: Timestamp,
    last_seen: Timestamp,
    /// When evidence came last, of any class and of its own.
    pub(super) last_finding: Timestamp,
    pub(super) last_own: Timestamp,
    /// Recent evidence by class.
    names: Probabilities,
    named_at: Timestamp,
    examples: Examples,
    /// A detector's own words.
    pub(super) sentence: Option<String>,
    /// The surest of the window that brought evidence last; rows of earlier ones are gone.
    strongest: Option<(f32, Witness, Timestamp)>,
}

impl Case {
    /// Whether a flow that was counted by the case `number` is counted here.
    pub(super) fn has_counted(&self, number: Option<u64>) -> bool {
        number.is_some_and(|number| number == self.number || self.merged.contains(&number))
    }

    /// Takes in a row whose evidence is not negative.
    pub(super) fn take(&mut self, part: &Part<'_>, own: Class, now: Timestamp, room: &mut Room) {
        let fact = part.fact;
        let is_new = !self.has_counted(fact.memory.case);
        self.begin("forest", fact.protocol, fact.first_seen);
        self.examples.take(fact);
        self.score_sum += f64::from(part.anomaly);
        self.findings += 1;
        if is_new {
            self.packets += fact.packets;
            self.bytes += fact.bytes;
            let flows = fact.crowd.as_ref().map_or(1, |crowd| crowd.flows);
            self.flows += flows;
            match &fact.crowd {
                Some(crowd) => self.sources.add_crowd(crowd),
                None => self
                    .sources
                    .add(fact.initiator.ip, fact.initiator.port, 1, room),
            }
            self.targets
                .add(fact.responder.ip, fact.responder.port, flows, room);
        } else {
            self.packets += fact.new_packets;
            self.bytes += fact.new_bytes;
        }
        self.last_seen = self.last_seen.max(fact.last_seen);
        self.last_finding = now;
        if part.class == own {
            self.last_own = now;
        }
        self.name(part.names, part.added.max(0.1), now);
        // Else its conversation explains the case.
        if fact.spoken_for.is_none() {
            self.witness(part.anomaly, Witness::Row(part.row), now);
        }
    }

    /// Takes in a conversation; its packets count with its flows.
    pub(super) fn take_talk(&mut self, part: &Part<'_>, now: Timestamp, room: &mut Room) {
        let fact = part.fact;
        self.begin("conversations", fact.protocol, fact.first_seen);
        self.score_sum += f64::from(part.anomaly);
        self.findings += 1;
        self.sources.add_host(fact.initiator.ip, 0, room);
        self.targets
            .add(fact.responder.ip, fact.responder.port, 0, room);
        self.last_seen = self.last_seen.max(fact.last_seen);
        (self.last_finding, self.last_own) = (now, now);
        self.name(part.names, part.added.max(1.0), now);
        self.witness(1.0 + part.anomaly, Witness::Conversation(part.row), now);
    }

    /// Takes in a detector's finding.
    pub(super) fn take_finding(
        &mut self,
        number: usize,
        finding: &Finding,
        parties: (Option<IpAddr>, Option<IpAddr>),
        now: Timestamp,
        room: &mut Room,
    ) {
        self.begin(finding.detector, finding.protocol, finding.seen.0);
        self.score_sum += f64::from(finding.score);
        self.findings += 1;
        self.flows += finding.flows;
        self.packets += finding.packets;
        self.bytes += finding.bytes;
        let flows = finding.flows.max(1);
        if let Some(source) = parties.0 {
            self.sources.add_host(source, flows, room);
        }
        if let Some(target) = parties.1 {
            self.targets.add_host(target, flows, room);
        }
        self.last_seen = self.last_seen.max(finding.seen.1);
        (self.last_finding, self.last_own) = (now, now);
        let mut names = Probabilities::default();
        names[finding.class as usize] = 1.0;
        self.name(&names, finding.evidence, now);
        if self.detector == finding.detector {
            self.sentence = Some(finding.sentence.clone());
        }
        self.witness(finding.score, Witness::Finding(number), now);
    }

    /// Takes in all that another case has counted.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp, room: &mut Room) {
        self.begin(other.detector, other.protocol, other.first_seen);
        if self.merged.len() < MAX_MERGED {
            self.merged.insert(other.number);
        }
        self.score_sum += other.score_sum;
        self.findings += other.findings;
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.sources.merge(&other.sources, room);
        self.targets.merge(&other.targets, room);
        self.examples.merge(&other.examples);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.last_finding = self.last_finding.max(other.last_finding);
        self.last_own = self.last_own.max(other.last_own);
        self.name(&other.names, 1.0, now);
        if let Some((score, witness, at)) = other.strongest {
            self.witness(score, witness, at);
        }
    }

    fn begin(&mut self, detector: &'static str, protocol: u8, first_seen: Timestamp) {
        if self.findings == 0 && self.flows == 0 {
            self.detector = detector;
            self.protocol = protocol;
            self.first_seen = first_seen;
        }
        self.first_seen = self.first_seen.min(first_seen);
    }

    fn name(&mut self, names: &Probabilities, weight: f32, now: Timestamp) {
        let kept = fade(now.since(self.named_at), NAMES_HALF_LIFE);
        self.named_at = self.named_at.max(now);
        for (sum, name) in self.names.iter_mut().zip(names) {
            *sum = *sum * kept + name * weight;
        }
    }

    fn witness(&mut self, score: f32, witness: Witness, at: Timestamp) {
        let is_better = self
            .strongest
            .is_none_or(|(best, _, before)| before < at || (before == at && score > best));
        if is_better {
            self.strongest = Some((score, witness, at));
        }
    }

    /// Who can explain it best in the window that ends now.
    pub(super) fn witness_at(&self, now: Timestamp) -> Option<Witness> {
        self.strongest
            .filter(|(_, _, at)| *at == now)
            .map(|(_, witness, _)| witness)
    }

    /// Recent evidence of a class.
    pub(super) fn recent(&self, class: Class) -> f32 {
        self.names[class as usize]
    }

    /// The class that most of the recent evidence is of.
    pub(super) fn likeliest(&self) -> Option<Class> {
        likeliest(&self.names)
    }

    pub(super) fn size(&self) -> Size {
        let seconds = self.last_seen.since(self.first_seen).as_secs_f64().max(1.0);
        Size {
            packet_rate: self.packets as f64 / seconds,
            flows: self.flows,
            targets: (self.targets.ports() as u64).saturating_mul(self.targets.hosts() as u64),
        }
    }

    pub(super) fn severity(&self, class: Class) -> Severity {
        grade(class, self.size())
    }

    fn alternatives(&self, class: Class) -> Vec<Alternative> {
        let all: f32 = self.names.iter().sum();
        let share =
            |class: Class| f64::from(self.names[class as usize] / all.max(f32::MIN_POSITIVE));
        let mut near: Vec<_> = Class::ALL
            .into_iter()
            .filter(|other| *other != class && share(*other) >= NEAR_SHARE)
            .map(|class| Alternative {
                class,
                share: share(class),
            })
            .collect();
        near.sort_by(|a, b| b.share.total_cmp(&a.share));
        near
    }

    /// The alert as it stands.
    pub(super) fn alert(
        &self,
        key: Key,
        raised: &Raised,
        state: State,
        interfaces: &Interfaces,
    ) -> Alert {
        let (mut source, mut target) = (self.sources.party(), self.targets.party());
        match key.anchor {
            Anchor::Sources(prefix) => source.prefix = Some(prefix),
            Anchor::Targets(prefix) => target.prefix = Some(prefix),
            Anchor::Source(_) | Anchor::Target(_) | Anchor::Rest => {}
        }
        Alert {
            id: raised.id.clone(),
            class: key.class,
            severity: self.severity(key.class),
            score: self.score_sum / self.findings.max(1) as f64,
            state,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            source,
            target,
            protocol: protocol_name(self.protocol),
            interface: interfaces.get(&key.interface).cloned().unwrap_or_default(),
            flows: self.flows,
            packets: self.packets,
            bytes: self.bytes,
            detector: self.detector.to_owned(),
            summary: self.summary(key),
            explanation: raised.explanation.clone(),
            alternatives: self.alternatives(key.class),
            began: raised.began.clone(),
            rate: raised.rate,
            attack: techniques(key.class, self.sources.host())
                .iter()
                .map(|&technique| technique.to_owned())
                .collect(),
            suppressed_by: None,
            example_flows: self.examples.shown(),
        }
    }
}
