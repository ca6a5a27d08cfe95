//! Label rules of one capture: by the attacker's address, or by the target of an attack whose sources are forged.

use std::collections::BTreeSet;

use netanom::alert::Class;
use serde_json::{Value, json};

use super::attack::Plan;

const ICMP: u8 = 1;

/// Rules in the order in which they are tried. What no rule matches is normal.
///
/// An attacker's other packets, such as errors of closed ports, are neither attack nor normal traffic.
pub(super) fn rules(attackers: &[(String, Plan)], people: &BTreeSet<String>) -> Value {
    let mut rules = Vec::new();
    for (own, plan) in attackers
        .iter()
        .filter(|(_, plan)| plan.forged_at.is_none())
    {
        rules.push(json!({ "host": own, "proto": plan.protocol, "class": plan.class }));
        rules.push(json!({ "host": own, "class": "ignore" }));
    }
    let forged: Vec<(&String, &Plan)> = attackers
        .iter()
        .filter_map(|(_, plan)| plan.forged_at.as_ref().map(|target| (target, plan)))
        .collect();
    if !forged.is_empty() && !people.is_empty() {
        // The target's other visitors are known; whoever else comes is forged.
        rules.push(json!({ "host": people, "class": Class::Normal }));
    }
    for (target, plan) in forged {
        rules.push(json!({ "host": target, "proto": plan.protocol, "class": plan.class }));
        rules.push(json!({ "host": target, "proto": ICMP, "class": "ignore" }));
    }
    json!({ "tier": "core", "default": Class::Normal, "rules": rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(class: Class, forged_at: Option<&str>) -> Plan {
        Plan {
            script: String::new(),
            class,
            protocol: 6,
            forged_at: forged_at.map(str::to_owned),
        }
    }

    #[test]
    fn people_come_before_a_forged_flood_of_the_same_target() {
        let people = BTreeSet::from(["10.0.0.9".to_owned()]);
        let attackers = [(
            "10.9.0.2".to_owned(),
            plan(Class::SynFlood, Some("10.1.0.10")),
        )];
        let rules = rules(&attackers, &people);
        assert_eq!(rules["rules"][0]["class"], "normal");
        assert_eq!(
            rules["rules"][1],
            json!({ "host": "10.1.0.10", "proto": 6, "class": "syn_flood" })
        );
    }

    #[test]
    fn an_attacker_is_known_by_its_address() {
        let attackers = [("10.9.0.2".to_owned(), plan(Class::PortScan, None))];
        let rules = rules(&attackers, &BTreeSet::new());
        assert_eq!(
            rules["rules"][0],
            json!({ "host": "10.9.0.2", "proto": 6, "class": "port_scan" })
        );
        assert_eq!(rules["rules"][1]["class"], "ignore");
    }
}
