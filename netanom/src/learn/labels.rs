//! What the flows of labelled captures are: rules per capture, the first that matches wins, then the default.
//!
//! The format is a JSON object with a capture's path as key and `{"tier", "default", "rules"}` as value. A rule gives
//! a `class`, optionally a `sub` kind, and keys that must all hold: `host` (either endpoint is one of these
//! addresses), `peer` (the other endpoint), `proto` (IP protocol number), `port` (either port); each one value or a
//! list. The class `ignore` leaves the flow out of training and scoring. A class that is not known here is an error in
//! captures of tier `core`; in others, which are not counted, it is as good as `ignore`.

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
    /// It names a class that there is not.
    #[error(
        "the labels `{file}` call flows of `{capture}` `{found}`, which is none of {}: mend the name, or give the \
         capture another tier than `core` if it is of a class that netanom does not know",
        allowed()
    )]
    Class {
        /// Which file.
        file: String,
        /// Which capture.
        capture: String,
        /// The name.
        found: String,
    },
}

/// The names that rules may give, for people.
fn allowed() -> String {
    let names = Class::ALL
        .into_iter()
        .filter(|class| *class != Class::Anomaly);
    names
        .map(Class::name)
        .chain([IGNORE])
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is neither trained on nor counted.
const IGNORE: &str = "ignore";

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
        Self::parse(&text, &file)
    }

    pub(super) fn parse(text: &str, file: &str) -> Result<Self, LabelsError> {
        let labels = serde_json::from_str(text).map(Self);
        let labels = labels.map_err(|source| LabelsError::Parse {
            file: file.to_owned(),
            source,
        })?;
        for (capture, rules) in labels.iter().filter(|(_, rules)| rules.is_core()) {
            let mut names = rules.names();
            if let Some(found) = names.find(|name| *name != IGNORE && class(name).is_none()) {
                return Err(LabelsError::Class {
                    file: file.to_owned(),
                    capture: capture.to_owned(),
                    found: found.to_owned(),
                });
            }
        }
        Ok(labels)
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
    /// Whether the capture is trained on and counted.
    #[must_use]
    pub fn is_core(&self) -> bool {
        self.tier == "core"
    }

    /// Every class that it names.
    fn names(&self) -> impl Iterator<Item = &str> {
        let rules = self.rules.iter().map(|rule| rule.class.as_str());
        rules.chain([self.default.as_str()])
    }

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

fn label(name: &str, sub: Option<&str>) -> Label {
    match class(name) {
        Some(class) => Label::Class(class, sub.map(str::to_owned)),
        None => Label::Ignore,
    }
}

/// The class of that name; none for what only detectors say.
fn class(name: &str) -> Option<Class> {
    let class = name.parse().ok();
    class.filter(|class| *class != Class::Anomaly)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a.pcap": {"tier": "core", "default": "normal", "rules": [
        {"host": "10.0.0.9", "peer": ["10.0.0.1", "10.0.0.2"], "proto": 6, "port": 80, "class": "syn_flood"},
        {"host": "10.0.0.9", "proto": [17], "class": "udp_flood", "sub": "amplification"},
        {"proto": 1, "class": "ignore"}]}}"#;

    fn class(a: &str, b: &str, protocol: u8) -> Label {
        let labels = Labels::parse(TEXT, "labels.json").unwrap();
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
    fn what_is_ignored_is_left_out() {
        assert_eq!(class("10.0.0.7:0", "10.0.0.8:0", 1), Label::Ignore);
    }

    #[test]
    fn a_misspelt_class_is_an_error_that_names_the_right_ones() {
        let labels = |tier: &str, default: &str, class: &str| {
            let text = format!(
                r#"{{"a.pcap": {{"tier": "{tier}", "default": "{default}", "rules": [{{"class": "{class}"}}]}}}}"#
            );
            Labels::parse(&text, "labels.json")
        };
        let error = labels("core", "normal", "syn-flood")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`a.pcap` `syn-flood`"), "{error}");
        assert!(error.contains("normal, syn_flood, udp_flood"), "{error}");
        assert!(labels("core", "Normal", "ignore").is_err());
        assert!(labels("core", "normal", "anomaly").is_err());
        assert!(labels("core", "normal", "syn_flood").is_ok());
    }

    #[test]
    fn what_is_not_counted_may_be_of_a_class_that_is_not_known() {
        let text = r#"{"a.pcap": {"tier": "extra", "default": "dns_tunnel"}}"#;
        let labels = Labels::parse(text, "labels.json").unwrap();
        let host: std::net::SocketAddr = "10.0.0.1:53".parse().unwrap();
        let host = Endpoint {
            ip: host.ip(),
            port: host.port(),
        };
        let rules = labels.rules("a.pcap").unwrap();
        assert_eq!(rules.class_of(host, host, 17), Label::Ignore);
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let text = r#"{"a.pcap": {"default": "normal", "rule": []}}"#;
        let LabelsError::Parse { source, .. } = Labels::parse(text, "labels.json").unwrap_err()
        else {
            panic!("another error");
        };
        assert!(source.to_string().contains("rule"), "{source}");
    }
}
