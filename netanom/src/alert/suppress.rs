//! Rules that keep alerts from being sent: a scanner of our own, a maintenance window. Such an alert stays visible, marked with
//! the rule's name, and is counted.
//!
//! A rule matches what it names in full: an alert of many sources is not that of a rule's source, so that nothing is hidden by a
//! rule for something else.

use serde::{Deserialize, Serialize};

use super::{Alert, Class, Party, Prefix};
use crate::flow::Timestamp;

/// A rule, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Suppression {
    /// Its name, which alerts that it matches carry.
    pub name: String,
    /// Classes; none for any.
    pub class: Vec<Class>,
    /// Addresses or prefixes of who does it; none for any.
    pub source: Vec<String>,
    /// Addresses or prefixes of to whom it is done; none for any.
    pub target: Vec<String>,
    /// When it ends to hold, RFC 3339 (`2026-12-01T08:00:00Z`); empty for never.
    pub until: String,
    /// Why it is there.
    pub comment: String,
    /// Whether it may match every alert.
    pub force: bool,
}

/// Why a rule cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SuppressionError {
    /// It has no name.
    #[error(
        "a suppression has no name: give it one, by which alerts tell what keeps them from being sent"
    )]
    Nameless,
    /// Two have one name.
    #[error("two suppressions are called `{0}`: give each a name of its own")]
    Twice(String),
    /// It names nothing.
    #[error(
        "the suppression `{0}` matches every alert: name a class, a source or a target, or write `force = true` when that is \
         what you want"
    )]
    Everything(String),
    /// No address and no prefix.
    #[error(
        "the suppression `{name}` has the {what} `{value}`, which is no address and no prefix such as 192.0.2.0/24"
    )]
    Address {
        /// Which rule.
        name: String,
        /// `source` or `target`.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// No time.
    #[error(
        "the suppression `{name}` has `until = \"{value}\"`, which is no time such as 2026-12-01T08:00:00Z"
    )]
    Time {
        /// Which rule.
        name: String,
        /// What stands there.
        value: String,
    },
}

/// A rule, checked.
#[derive(Clone, Debug)]
struct Rule {
    name: String,
    class: Vec<Class>,
    source: Vec<Prefix>,
    target: Vec<Prefix>,
    until: Option<Timestamp>,
}

/// All rules, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Suppressions(Vec<Rule>);

impl Suppressions {
    /// From the rules as they are written.
    ///
    /// # Errors
    /// [`SuppressionError`] of the first that cannot be used.
    pub fn new(written: &[Suppression]) -> Result<Self, SuppressionError> {
        let mut rules: Vec<Rule> = Vec::with_capacity(written.len());
        for one in written {
            if rules.iter().any(|rule| rule.name == one.name) {
                return Err(SuppressionError::Twice(one.name.clone()));
            }
            rules.push(Rule::new(one)?);
        }
        Ok(Self(rules))
    }

    /// Marks an alert with the first rule that matches it at `now`.
    pub fn mark(&self, alert: &mut Alert, now: Timestamp) {
        let mut rules = self.0.iter();
        let rule = rules.find(|rule| rule.holds(now) && rule.matches(alert));
        alert.suppressed_by = rule.map(|rule| rule.name.clone());
    }

    /// Names of the rules that have ended at `now`.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Vec<&str> {
        let expired = self.0.iter().filter(|rule| !rule.holds(now));
        expired.map(|rule| rule.name.as_str()).collect()
    }
}

impl Rule {
    fn new(written: &Suppression) -> Result<Self, SuppressionError> {
        let name = written.name.trim().to_owned();
        if name.is_empty() {
            return Err(SuppressionError::Nameless);
        }
        let names_nothing =
            written.class.is_empty() && written.source.is_empty() && written.target.is_empty();
        let prefixes = |what, list: &[String]| {
            let read = list.iter().map(|value| {
                prefix(value).ok_or_else(|| SuppressionError::Address {
                    name: name.clone(),
                    what,
                    value: value.clone(),
                })
            });
            read.collect::<Result<Vec<_>, _>>()
        };
        let rule = Self {
            class: written.class.clone(),
            source: prefixes("source", &written.source)?,
            target: prefixes("target", &written.target)?,
            until: match written.until.as_str() {
                "" => None,
                text => Some(text.parse().map_err(|_| SuppressionError::Time {
                    name: name.clone(),
                    value: text.to_owned(),
                })?),
            },
            name,
        };
        let is_all = |list: &[Prefix]| list.iter().any(Prefix::is_everything);
        let is_everything = names_nothing
            || (rule.class.is_empty()
                && (rule.source.is_empty() || is_all(&rule.source))
                && (rule.target.is_empty() || is_all(&rule.target)));
        if is_everything && !written.force {
            return Err(SuppressionError::Everything(rule.name));
        }
        Ok(rule)
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    fn matches(&self, alert: &Alert) -> bool {
        let has = |list: &[Prefix], party: &Party| list.is_empty() || is_of(list, party);
        (self.class.is_empty() || self.class.contains(&alert.class))
            && has(&self.source, &alert.source)
            && has(&self.target, &alert.target)
    }
}

/// Whether all hosts of a side are of these prefixes.
fn is_of(list: &[Prefix], party: &Party) -> bool {
    list.iter().any(|prefix| match (party.ip, party.prefix) {
        (Some(ip), _) => party.count <= 1 && prefix.contains(ip),
        (None, Some(of)) => *prefix == of || prefix.is_around(&of),
        // Many without a prefix in common.
        (None, None) => prefix.is_everything(),
    })
}

/// A prefix, or an address as one.
fn prefix(text: &str) -> Option<Prefix> {
    match text.parse() {
        Ok(ip) => Some(Prefix::new(ip, u8::MAX)),
        Err(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port scan from 192.0.2.1 to 198.51.100.1.
    fn scan() -> Alert {
        let party = |ip: &str| serde_json::json!({"ip": ip, "port": null, "count": 1});
        serde_json::from_value(serde_json::json!({
            "id": "1-1", "class": "port_scan", "severity": "low", "score": 0.9, "state": "active",
            "first_seen": "2023-11-14T22:13:21Z", "last_seen": "2023-11-14T22:13:31Z",
            "source": party("192.0.2.1"), "target": party("198.51.100.1"), "protocol": "tcp",
            "interface": "eth0", "flows": 120, "packets": 240, "bytes": 14_400,
            "detector": "forest", "summary": "a scan", "explanation": [],
        }))
        .unwrap()
    }

    fn rule(name: &str) -> Suppression {
        Suppression {
            name: name.to_owned(),
            ..Suppression::default()
        }
    }

    /// The name that a port scan from 192.0.2.1 to 198.51.100.1, or what `change` makes of it, is marked with.
    fn marked(written: Suppression, change: impl Fn(&mut Alert)) -> Option<String> {
        let rules = Suppressions::new(&[written]).unwrap();
        let mut alert = scan();
        change(&mut alert);
        let now = alert.last_seen;
        rules.mark(&mut alert, now);
        alert.suppressed_by
    }

    #[test]
    fn a_rule_matches_by_class_source_and_target_and_by_all_that_it_names() {
        let ours = |text: &str| vec![text.to_owned()];
        let by_source = || Suppression {
            source: ours("192.0.2.0/24"),
            ..rule("scanner")
        };
        let scanner = Some("scanner".to_owned());
        assert_eq!(marked(by_source(), |_| {}), scanner);
        let one = Suppression {
            source: ours("192.0.2.1"),
            target: ours("198.51.100.0/24"),
            class: vec![Class::PortScan],
            ..rule("scanner")
        };
        assert_eq!(marked(one.clone(), |_| {}), scanner);
        assert_eq!(marked(one, |alert| alert.class = Class::SynFlood), None);
        let elsewhere = Suppression {
            target: ours("203.0.113.0/24"),
            ..by_source()
        };
        assert_eq!(marked(elsewhere, |_| {}), None);
    }

    #[test]
    fn what_comes_from_others_as_well_is_not_hidden_by_a_rule_for_one() {
        let by_source = || Suppression {
            source: vec!["192.0.2.0/24".to_owned()],
            ..rule("scanner")
        };
        assert_eq!(marked(by_source(), |alert| alert.source.count = 2), None);
        let wider = |alert: &mut Alert| {
            alert.source.ip = None;
            alert.source.prefix = "192.0.0.0/16".parse().ok();
        };
        assert_eq!(marked(by_source(), wider), None);
        let many = |alert: &mut Alert| alert.source.ip = None;
        assert_eq!(marked(by_source(), many), None);
    }

    #[test]
    fn a_rule_holds_until_its_end_and_is_then_told_as_expired() {
        let written = Suppression {
            class: vec![Class::PortScan],
            until: "2023-11-14T22:13:31Z".to_owned(),
            ..rule("window")
        };
        let rules = Suppressions::new(&[written]).unwrap();
        let mut alert = scan();
        let (begin, end) = (alert.first_seen, alert.last_seen);
        rules.mark(&mut alert, begin);
        assert_eq!(alert.suppressed_by.as_deref(), Some("window"));
        assert_eq!(rules.expired(begin), [""; 0]);
        rules.mark(&mut alert, end);
        assert_eq!(
            (alert.suppressed_by, rules.expired(end)),
            (None, vec!["window"])
        );
    }

    #[test]
    fn rules_that_match_everything_or_nothing_that_is_meant_are_refused() {
        let refused = |written: &[Suppression]| Suppressions::new(written).unwrap_err().to_string();
        assert!(refused(&[rule("")]).contains("no name"));
        assert!(refused(&[rule("all")]).contains("matches every alert"));
        let wide = Suppression {
            source: vec!["0.0.0.0/0".to_owned()],
            ..rule("all")
        };
        assert!(refused(&[wide]).contains("force = true"));
        let forced = Suppression {
            force: true,
            ..rule("all")
        };
        assert_eq!(marked(forced.clone(), |_| {}).as_deref(), Some("all"));
        assert!(refused(&[forced.clone(), forced]).contains("two suppressions"));
        let wrong = Suppression {
            target: vec!["192.0.2.0/33".to_owned()],
            ..rule("x")
        };
        assert!(refused(&[wrong]).contains("target `192.0.2.0/33`"));
        let late = Suppression {
            class: vec![Class::PortScan],
            until: "tomorrow".to_owned(),
            ..rule("x")
        };
        assert!(refused(&[late]).contains("until = \"tomorrow\""));
    }
}
