//! What the flows of labelled captures are: rules per capture, the first that matches wins, then the default.
//!
//! The format is a JSON object with a capture's path as key and `{"tier", "default", "rules"}` as value. A rule gives
//! a `class`, optionally a `sub` kind, and keys that must all hold: `host` (either endpoint is one of these
//! addresses), `peer` (the other endpoint), `proto` (IP protocol number), `port` (either port); each one value or a
//! list. The class `ignore`, or one that is not known here, leaves the flow out of training and scoring.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;

use crate::alert::Class;
use crate::flow::Endpoint;

/// What a rule makes of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// It is of this class, and of a finer kind if the rule names one.
    Class(Class, Option<String>),
    /// It is left out of training and scoring.
    Ignore,
}

/// The rules of every labelled capture.
#[derive(Clone, Debug, Default)]
pub struct Labels(BTreeMap<String, CaptureRules>);

/// The rules of one capture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureRules {
    /// `core` captures are trained on and scored; others are reported apart.
    #[serde(default = "core_tier")]
    pub tier: String,
    default: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    host: Option<OneOrMany<IpAddr>>,
    #[serde(default)]
    peer: Option<OneOrMany<IpAddr>>,
    #[serde(default)]
    proto: Option<OneOrMany<u8>>,
    #[serde(default)]
    port: Option<OneOrMany<u16>>,
    class: String,
    #[serde(default)]
    sub: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T: Ord> {
    One(T),
    Many(BTreeSet<T>),
}

impl<T: Ord> OneOrMany<T> {
    fn has(&self, value: &T) -> bool {
        match self {
            Self::One(one) => one == value,
            Self::Many(many) => many.contains(value),
        }
    }
}

fn core_tier() -> String {
    "core".to_owned()
}

/// A label file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// It cannot be read.
    #[error("cannot read the labels `{file}`")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("the labels `{file}` are wrong (docs/training.md has their format)")]
    Parse {
        /// Which file.
        file: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
}

impl Labels {
    /// Reads a label file.
    ///
    /// # Errors
    /// [`LabelsError`] with the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, LabelsError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| LabelsError::Read {
            file: file.clone(),
            source,
        })?;
        Self::parse(&text).map_err(|source| LabelsError::Parse { file, source })
    }

    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// The rules of one capture.
    #[must_use]
    pub fn rules(&self, capture: &str) -> Option<&CaptureRules> {
        self.0.get(capture)
    }

    /// Every capture with its rules, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &CaptureRules)> {
        self.0.iter().map(|(name, rules)| (name.as_str(), rules))
    }
}

impl CaptureRules {
    /// What a flow between `a` and `b` is.
    #[must_use]
    pub fn class_of(&self, a: Endpoint, b: Endpoint, protocol: u8) -> Label {
        match self.rules.iter().find(|rule| rule.matches(a, b, protocol)) {
            Some(rule) => label(&rule.class, rule.sub.as_deref()),
            None => label(&self.default, None),
        }
    }
}

impl Rule {
    fn matches(&self, a: Endpoint, b: Endpoint, protocol: u8) -> bool {
        let between = |one: Endpoint, other: Endpoint| {
            self.host.as_ref().is_none_or(|hosts| hosts.has(&one.ip))
                && self.peer.as_ref().is_none_or(|peers| peers.has(&other.ip))
        };
        (between(a, b) || between(b, a))
            && self
                .proto
                .as_ref()
                .is_none_or(|numbers| numbers.has(&protocol))
            && self
                .port
                .as_ref()
                .is_none_or(|ports| ports.has(&a.port) || ports.has(&b.port))
    }
}

fn label(class: &str, sub: Option<&str>) -> Label {
    match class.parse() {
        Ok(class) => Label::Class(class, sub.map(str::to_owned)),
        Err(_) => Label::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a.pcap": {"tier": "core", "default": "normal", "rules": [
        {"host": "10.0.0.9", "peer": ["10.0.0.1", "10.0.0.2"], "proto": 6, "port": 80, "class": "syn_flood"},
        {"host": "10.0.0.9", "proto": [17], "class": "udp_flood", "sub": "amplification"},
        {"proto": 1, "class": "ignore"},
        {"proto": 47, "class": "dns_tunnel"}]}}"#;

    fn class(a: &str, b: &str, protocol: u8) -> Label {
        let labels = Labels::parse(TEXT).unwrap();
        let endpoint = |text: &str| {
            let address: std::net::SocketAddr = text.parse().unwrap();
            Endpoint {
                ip: address.ip(),
                port: address.port(),
            }
        };
        labels
            .rules("a.pcap")
            .unwrap()
            .class_of(endpoint(a), endpoint(b), protocol)
    }

    #[test]
    fn a_rule_matches_in_either_direction() {
        let expected = Label::Class(Class::SynFlood, None);
        assert_eq!(class("10.0.0.9:5000", "10.0.0.2:80", 6), expected);
        assert_eq!(class("10.0.0.2:80", "10.0.0.9:5000", 6), expected);
    }

    #[test]
    fn every_key_of_a_rule_must_hold() {
        let normal = Label::Class(Class::Normal, None);
        assert_eq!(class("10.0.0.9:5000", "10.0.0.3:80", 6), normal);
        assert_eq!(class("10.0.0.9:5000", "10.0.0.2:81", 6), normal);
    }

    #[test]
    fn a_rule_may_name_a_finer_kind() {
        let expected = Label::Class(Class::UdpFlood, Some("amplification".to_owned()));
        assert_eq!(class("10.0.0.7:53", "10.0.0.9:5000", 17), expected);
    }

    #[test]
    fn what_is_ignored_or_of_no_known_class_is_left_out() {
        assert_eq!(class("10.0.0.7:0", "10.0.0.8:0", 1), Label::Ignore);
        assert_eq!(class("10.0.0.7:0", "10.0.0.8:0", 47), Label::Ignore);
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = Labels::parse(r#"{"a.pcap": {"default": "normal", "rule": []}}"#).unwrap_err();
        assert!(error.to_string().contains("rule"), "{error}");
    }
}
