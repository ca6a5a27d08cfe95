//! What detectors say and what operators read: classes, findings, alerts.
//!
//! Plain data: nothing here does I/O, asks for the time or can fail.

mod case;
mod class;
mod collect;
mod evidence;
mod example;
mod explained;
mod incident;
mod naming;
mod near_miss;
mod parties;
mod prefix;
mod raised;
mod sentence;
mod settle;
mod severity;
mod suppress;
mod surge;
mod talks;
mod technique;
#[cfg(test)]
mod tests;
mod trace;

use std::net::IpAddr;
use std::str::FromStr;

use netanom_common::flow::FlowKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flow::{Crowd, Endpoint, Timestamp};

pub use class::{CLASSES, Class, is_login_port};
pub use evidence::EvidenceSettings;
pub use example::ExampleFlow;
pub use incident::{IncidentSettings, Incidents, Interfaces, Scene, Witness};
pub use near_miss::NearMiss;
pub use prefix::Prefix;
pub use suppress::{Suppression, SuppressionError, Suppressions};
pub use trace::Trace;

/// A name that is none of the known ones.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` is not one of {expected}")]
pub struct UnknownName {
    found: String,
    expected: String,
}

impl UnknownName {
    fn new(found: &str, expected: &[&str]) -> Self {
        Self {
            found: found.to_owned(),
            expected: expected.join(", "),
        }
    }
}

/// How much an alert matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look when there is time.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
}

impl Severity {
    /// Every severity, from low to high.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The name in metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl FromStr for Severity {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
            .ok_or_else(|| UnknownName::new(name, &Self::ALL.map(Self::name)))
    }
}

/// What detectors and alerts need to know of a judged flow beside its features.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The flow's key; of a crowd that of its typical flow; none of what is no flow.
    pub key: Option<FlowKey>,
    /// Who opened the flow.
    pub initiator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// IP protocol number.
    pub protocol: u8,
    /// Index of the interface that saw it.
    pub interface: u32,
    /// First packet.
    pub first_seen: Timestamp,
    /// Last packet.
    pub last_seen: Timestamp,
    /// Packets so far.
    pub packets: u64,
    /// Frame bytes so far.
    pub bytes: u64,
    /// Packets since it was last judged.
    pub new_packets: u64,
    /// Bytes since it was last judged.
    pub new_bytes: u64,
    /// What it was judged to be the last time.
    pub before: Option<Class>,
    /// What judging it left behind the last time, as [`Incidents::memories`] says.
    pub memory: Memory,
    /// What the conversation that the flow belongs to was last judged to be, if it was: it speaks for its flows.
    pub spoken_for: Option<Probabilities>,
    /// Of a conversation: its flows, older ones counting less.
    pub conversation: Option<f32>,
    /// The many flows that this one stands for; its initiator has no address then.
    pub crowd: Option<Box<Crowd>>,
}

/// What the judging of a flow leaves behind for its next judging, so that its newest verdict takes the place of the
/// earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// The number of the case that has counted the flow last.
    pub case: Option<u64>,
    /// Evidence of it that is in force in its pair of hosts.
    pub added: f32,
    /// How many flows more it is worth for its packets.
    pub weight: f32,
    /// When that was.
    pub at: Timestamp,
}

/// How likely each class is, in the order of [`Class::ALL`].
pub type Probabilities = [f32; CLASSES];

/// A classifier's answer on one row: the verdict, and the shares of all classes before calibration. These are the evidence
/// of incidents, which so are the same however a model is calibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// What the row is.
    pub verdict: Verdict,
    /// Shares of all classes; they add up to 1.
    pub shares: Probabilities,
}

/// Whom a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One host that does something to another.
    Pair(IpAddr, IpAddr),
    /// A host that does something.
    Source(IpAddr),
    /// A host that something is done to.
    Target(IpAddr),
    /// Hosts of a prefix that something is done to.
    Targets(Prefix),
}

/// One detector's statement on a pair, a host or a prefix in one window. Detectors speak only where there is something
/// to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Who says so.
    pub detector: &'static str,
    /// Whom it is about.
    pub subject: Subject,
    /// Index of the interface that saw it.
    pub interface: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// What it is.
    pub class: Class,
    /// How much it adds to the case, in flows that surely are an attack.
    pub evidence: f32,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// What it saw, as a sentence.
    pub sentence: String,
    /// The first and the last packet that it speaks of.
    pub seen: (Timestamp, Timestamp),
    /// Flows, packets and frame bytes since the detector's last finding on the subject.
    pub flows: u64,
    /// See [`Self::flows`].
    pub packets: u64,
    /// See [`Self::flows`].
    pub bytes: u64,
}

/// The latest verdict on a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// What it is.
    pub class: Class,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// How unlike normal traffic the flow is, 0 to 1.
    pub anomaly: f32,
    /// How likely each class is.
    pub probabilities: Probabilities,
}

impl Verdict {
    /// The verdict on a flow after `next`, the newest one.
    ///
    /// What was more likely an attack than not stays that: unfinished requests look ordinary once they are given up,
    /// and a scan's flow does when its source is quiet. Its name stays until another is as likely as that was, or
    /// likelier than not.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        let was_attack = self.class != Class::Normal && self.anomaly >= 0.5;
        let is_doubtful = next.class == Class::Normal || next.score < self.score.min(0.5);
        if was_attack && is_doubtful {
            self
        } else {
            next
        }
    }
}

/// Whether an alert's incident goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Findings still come.
    Active,
    /// No finding has come for the incident's quiet time.
    Ended,
}

impl State {
    /// The name in JSON and in filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

impl FromStr for State {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Active, Self::Ended]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| UnknownName::new(name, &[Self::Active.name(), Self::Ended.name()]))
    }
}

/// The sources or the targets of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Party {
    /// The address, when there is one or when one stands out.
    #[schema(value_type = Option<String>)]
    pub ip: Option<IpAddr>,
    /// The prefix that all of them are of, where the alert is about a prefix.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub prefix: Option<Prefix>,
    /// The port, when there is one.
    pub port: Option<u16>,
    /// Distinct addresses, counted up to a bound.
    pub count: u64,
}

/// What one feature contributed to a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contribution {
    /// The feature's name.
    pub feature: String,
    /// Its value for the flow that raised the alert.
    pub value: f64,
    /// The value's unit.
    pub unit: String,
    /// The median of normal traffic in the model's training data.
    pub typical: f64,
    /// How much it moved the share of the trees that are for the class, −1 to 1.
    pub contribution: f64,
}

/// Another class that the incident may be of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    /// The class.
    pub class: Class,
    /// Its share of the evidence, 0 to 1.
    pub share: f64,
}

/// What an alert said when it was raised; what it says now stands beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Began {
    /// How much it mattered.
    pub severity: Severity,
    /// How sure the sensor was, 0 to 1.
    pub score: f64,
    /// One sentence.
    pub summary: String,
    /// What made the detector think so.
    pub explanation: Vec<Contribution>,
}

/// Packets a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rate {
    /// Since the alert was told before.
    pub now: f64,
    /// At most, over at least a second.
    pub peak: f64,
}

/// An incident with a beginning and an end, as HTTP, replay, the store and webhooks show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Unique among the alerts of a sensor; the same for every update of one incident.
    pub id: String,
    /// What it is.
    pub class: Class,
    /// How much it matters.
    pub severity: Severity,
    /// How surely its flows are an attack of some class, in the mean; 0 to 1.
    pub score: f64,
    /// Whether it goes on.
    pub state: State,
    /// First packet of the incident.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Last packet of the incident so far.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// Who does it.
    pub source: Party,
    /// To whom.
    pub target: Party,
    /// `tcp`, `udp`, `icmp` or `ip-N`.
    pub protocol: String,
    /// The interface that saw it; empty for captures.
    pub interface: String,
    /// Flows that belong to it.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// Their frame bytes on the wire.
    pub bytes: u64,
    /// Which detector raised it.
    pub detector: String,
    /// One sentence.
    pub summary: String,
    /// What makes the detector think so now: what speaks for the class first, most of it first.
    pub explanation: Vec<Contribution>,
    /// Other classes that it may be of, likeliest first.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// What it said when it was raised.
    #[serde(default)]
    pub began: Option<Began>,
    /// How fast its packets come.
    #[serde(default)]
    pub rate: Rate,
    /// Techniques of MITRE ATT&CK that it may be.
    #[serde(default)]
    pub attack: Vec<String>,
    /// The rule that keeps it from being sent, if there is one.
    #[serde(default)]
    pub suppressed_by: Option<String>,
    /// The first of its flows, ten at most; none where only sums are known.
    #[serde(default)]
    pub example_flows: Vec<ExampleFlow>,
}
