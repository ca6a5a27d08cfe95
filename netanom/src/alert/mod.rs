//! What detectors say and what operators read: classes, findings, alerts.
//!
//! Plain data: nothing here does I/O, asks for the time or can fail.

mod incident;
mod parties;
mod severity;
#[cfg(test)]
mod tests;
mod vote;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::flow::{Crowd, Endpoint, Timestamp};

pub use incident::{IncidentSettings, Incidents, Interfaces};

/// What a flow or a host is judged to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Ordinary traffic.
    Normal,
    /// TCP connection requests in a number that is meant to exhaust the target.
    SynFlood,
    /// UDP datagrams in a number that is meant to exhaust the target, reflected ones among them.
    UdpFlood,
    /// ICMP messages in a number that is meant to exhaust the target.
    IcmpFlood,
    /// One source that tries many ports or many hosts.
    PortScan,
    /// Many log-in attempts.
    BruteForce,
    /// Requests that are never finished and keep the server's connections busy.
    SlowHttp,
    /// Complete requests in a number that is meant to exhaust the server.
    HttpFlood,
    /// Unusual without a name; only unsupervised detectors say so.
    Anomaly,
}

impl Class {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::SynFlood,
        Self::UdpFlood,
        Self::IcmpFlood,
        Self::PortScan,
        Self::BruteForce,
        Self::SlowHttp,
        Self::HttpFlood,
        Self::Anomaly,
    ];

    /// The name in labels, metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::SynFlood => "syn_flood",
            Self::UdpFlood => "udp_flood",
            Self::IcmpFlood => "icmp_flood",
            Self::PortScan => "port_scan",
            Self::BruteForce => "brute_force",
            Self::SlowHttp => "slow_http",
            Self::HttpFlood => "http_flood",
            Self::Anomaly => "anomaly",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == name)
            .ok_or_else(|| UnknownName::new(name, &Self::ALL.map(Self::name)))
    }
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// The incident that has counted it last, as [`Incidents::counted`] says.
    pub incident: Option<u64>,
    /// The many flows that this one stands for; its initiator has no address then.
    pub crowd: Option<Box<Crowd>>,
}

/// How likely each class is, in the order of [`Class::ALL`].
pub type Probabilities = [f32; Class::ALL.len()];

/// One detector's statement on one flow of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Who says so.
    pub detector: &'static str,
    /// Row of the window's features that it is about.
    pub row: usize,
    /// What the flow is; `Normal` too, so that every judged flow has a verdict.
    pub class: Class,
    /// How sure the detector is of the class, 0 to 1.
    pub score: f32,
    /// How unlike normal traffic the flow is, 0 to 1.
    pub anomaly: f32,
    /// How likely each class is.
    pub probabilities: Probabilities,
    /// The same before calibration: the evidence of incidents, which so are the same however a model is calibrated.
    pub shares: Probabilities,
}

impl Finding {
    /// The same finding as evidence of another class, with that one's probability.
    fn of_class(&self, class: Class) -> Self {
        Self {
            class,
            score: self.probabilities[class as usize],
            ..self.clone()
        }
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The address, when there is one or when one stands out.
    pub ip: Option<IpAddr>,
    /// The port, when there is one.
    pub port: Option<u16>,
    /// Distinct addresses, counted up to a bound.
    pub count: u64,
}

/// What one feature contributed to a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// An incident with a beginning and an end, as HTTP, replay, the store and webhooks show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Unique among the alerts of a sensor; the same for every update of one incident.
    pub id: String,
    /// What it is.
    pub class: Class,
    /// How much it matters.
    pub severity: Severity,
    /// Mean score of its findings, 0 to 1.
    pub score: f64,
    /// Whether it goes on.
    pub state: State,
    /// First packet of the incident.
    pub first_seen: Timestamp,
    /// Last packet of the incident so far.
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
    /// What made the detector think so, strongest first.
    pub explanation: Vec<Contribution>,
}
