//! Label rules of one capture, as they are carried along: hosts renamed, rules put before others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netanom_common::packet::protocol;
use serde_json::{Value, json};

use super::conversations::Conversation;
use super::{Known, RewriteError};
use crate::alert::Class;
use crate::flow::Endpoint;
use crate::learn::labels::{CaptureRules, Label};

/// The rules of a capture.
#[derive(Clone, Debug)]
pub struct CarriedRules(Value);

impl CarriedRules {
    /// Rules as a label file has them.
    #[must_use]
    pub fn new(rules: Value) -> Self {
        Self(rules)
    }

    /// All that is normal, where there are no labels.
    #[must_use]
    pub fn unknown() -> Self {
        Self(json!({ "tier": "core", "default": Class::Normal, "rules": [] }))
    }

    /// What is known by them.
    #[must_use]
    pub fn known(&self) -> Known {
        let rules = self.0.get("rules").and_then(Value::as_array);
        let named = rules.into_iter().flatten().map(|rule| &rule["class"]);
        let classes = named.chain([&self.0["default"]]);
        let mut classes = classes.filter_map(|class| class.as_str()?.parse::<Class>().ok());
        if classes.any(|class| class != Class::Normal) {
            Known::Attack
        } else {
            Known::Labels
        }
    }

    /// As a label file has them.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// What the conversations are, in their order.
    pub(super) fn classes(&self, all: &[Conversation]) -> Result<Vec<Class>, RewriteError> {
        let rules: CaptureRules = serde_json::from_value(self.0.clone())?;
        let end = |(ip, port)| Endpoint { ip, port };
        let class = |one: &Conversation| match rules.class_of(
            end(one.client),
            end(one.server),
            one.protocol,
        ) {
            Label::Class(class, _) => class,
            Label::Ignore => Class::Normal,
        };
        Ok(all.iter().map(class).collect())
    }

    fn rules_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.0.get_mut("rules")?.as_array_mut()
    }

    /// Gives every host that is named its new address.
    pub(super) fn rename(&mut self, new: &impl Fn(IpAddr) -> IpAddr) {
        for rule in self.rules_mut().into_iter().flatten() {
            for key in ["host", "peer"] {
                if let Some(hosts) = rule.get_mut(key) {
                    *hosts = renamed(hosts, new);
                }
            }
        }
    }

    /// Lets rules for ICMP hold for that of IPv6, too.
    pub(super) fn widen_to_ipv6(&mut self) {
        for rule in self.rules_mut().into_iter().flatten() {
            let Some(protocols) = rule.get_mut("proto") else {
                continue;
            };
            let mut numbers: BTreeSet<u64> = match protocols.as_array() {
                Some(numbers) => numbers.iter().filter_map(Value::as_u64).collect(),
                None => protocols.as_u64().into_iter().collect(),
            };
            if numbers.contains(&u64::from(protocol::ICMP)) {
                numbers.insert(u64::from(protocol::ICMPV6));
            }
            *protocols = json!(numbers);
        }
    }

    /// Says first that what these hosts do, by these ports where there are any, is normal.
    pub(super) fn are_innocent(&mut self, hosts: &BTreeSet<IpAddr>, ports: &BTreeSet<u16>) {
        let mut rule = json!({ "host": hosts, "class": Class::Normal });
        if !ports.is_empty() {
            rule["port"] = json!(ports);
        }
        if let Some(rules) = self.rules_mut() {
            rules.insert(0, rule);
        }
    }
}

fn renamed(hosts: &Value, new: &impl Fn(IpAddr) -> IpAddr) -> Value {
    let one = |host: &Value| {
        let ip: Option<IpAddr> = host.as_str().and_then(|text| text.parse().ok());
        ip.map_or_else(|| host.clone(), |ip| json!(new(ip)))
    };
    match hosts.as_array() {
        Some(list) => {
            let mut all: Vec<Value> = Vec::new();
            for host in list.iter().map(one) {
                if !all.contains(&host) {
                    all.push(host);
                }
            }
            Value::Array(all)
        }
        None => one(hosts),
    }
}
