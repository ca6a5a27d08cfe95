//! What the lab found, and whether that is what it had to find.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use netanom::alert::Party;

use super::sensor::Packets;
use super::traffic::Sent;
use super::watch::{Seen, seconds};
use crate::attacks::{self, Attack};

/// What an operator may expect: an alert within a second.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// All that was measured.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    /// Normal traffic, of both phases.
    pub(super) normal: Sent,
    /// Alerts before the attack.
    pub(super) quiet: Vec<Seen>,
    pub(super) attacked: Option<Attacked>,
    pub(super) packets: Packets,
}

/// The phase of the attack.
#[derive(Clone, Debug)]
pub(super) struct Attacked {
    pub(super) attack: &'static Attack,
    /// Who attacks; a prefix has no single source that an alert could name.
    pub(super) source: Option<IpAddr>,
    pub(super) target: IpAddr,
    pub(super) sent: Sent,
    pub(super) first: Timestamp,
    /// Alerts from the first packet on.
    pub(super) alerts: Vec<Seen>,
}

/// One thing that had to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) passed: bool,
    pub(super) text: String,
}

impl Findings {
    /// Everything that was sent.
    pub(super) fn sent(&self) -> u64 {
        self.normal.frames
            + self
                .attacked
                .as_ref()
                .map_or(0, |attacked| attacked.sent.frames)
    }

    /// Measured values with their names, as a table.
    pub(super) fn table(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("packets sent", self.sent().to_string())];
        if let Some(Attacked { attack, sent, .. }) = &self.attacked {
            let split = format!(
                "{} (normal {}, {} {})",
                self.sent(),
                self.normal.frames,
                attack.mode,
                sent.frames
            );
            rows = vec![("packets sent", split)];
        }
        rows.push(("packets counted", self.packets.counted.to_string()));
        let reasons = self
            .packets
            .ignored
            .iter()
            .filter(|(_, packets)| **packets > 0);
        let reasons: Vec<String> = reasons
            .map(|(reason, packets)| format!("{reason} {packets}"))
            .collect();
        let ignored = match reasons.as_slice() {
            [] => "0".to_owned(),
            reasons => format!("{} ({})", self.packets.ignored(), reasons.join(", ")),
        };
        rows.push(("packets ignored", ignored));
        rows.push(("alerts, normal", self.quiet.len().to_string()));
        if let Some(Attacked { alerts, first, .. }) = &self.attacked {
            rows.push(("alerts, attack", alerts.len().to_string()));
            let delay = alerts
                .first()
                .map_or_else(|| "none".to_owned(), |seen| seconds(seen.delay(*first)));
            rows.push(("delay", delay));
        }
        rows
    }

    /// What had to be so, and whether it was.
    pub(super) fn checks(&self) -> Vec<Check> {
        let (sent, seen) = (self.sent(), self.packets.seen());
        let mut checks = vec![
            check(
                sent == seen,
                format!(
                    "every packet was counted or ignored with a reason: {sent} sent, {seen} seen"
                ),
            ),
            check(sent > 0, "packets were sent".to_owned()),
            check(
                self.quiet.is_empty(),
                format!("no alert in the normal phase: {}", listed(&self.quiet)),
            ),
        ];
        if let Some(attacked) = &self.attacked {
            checks.extend(attacked.checks());
        }
        checks
    }
}

impl Attacked {
    fn checks(&self) -> Vec<Check> {
        let Attack {
            mode, class, named, ..
        } = self.attack;
        let one = check(
            self.alerts.len() == 1,
            format!("exactly one alert for the {mode}: {}", listed(&self.alerts)),
        );
        let right = self.alerts.iter().find(|seen| seen.alert.class == *class);
        let of_class = check(right.is_some(), format!("it is of class {class}"));
        let Some(seen) = right else {
            return vec![one, of_class];
        };
        let (side, party, expected) = match named {
            attacks::Party::Source => ("source", &seen.alert.source, self.source),
            attacks::Party::Target => ("target", &seen.alert.target, Some(self.target)),
        };
        let delay = seen.delay(self.first);
        vec![
            one,
            of_class,
            check(
                party.ip == expected,
                format!("its {side} is {}: {}", shown(expected), party_of(party)),
            ),
            check(
                delay < SOON,
                format!(
                    "it was there under {} s after the first packet: {}",
                    SOON.as_secs(),
                    seconds(delay)
                ),
            ),
        ]
    }
}

fn check(passed: bool, text: String) -> Check {
    Check { passed, text }
}

fn listed(alerts: &[Seen]) -> String {
    let classes: Vec<&str> = alerts.iter().map(|seen| seen.alert.class.name()).collect();
    if classes.is_empty() {
        "none".to_owned()
    } else {
        classes.join(", ")
    }
}

fn shown(ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| "several hosts".to_owned(), |ip| ip.to_string())
}

fn party_of(party: &Party) -> String {
    shown(party.ip)
}

#[cfg(test)]
mod tests {
    use netanom::alert::Class;
    use netanom::simulate::Mode;

    use super::*;
    use crate::judging;

    fn time(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_225_600_000 + milliseconds).unwrap()
    }

    fn alert(class: Class, target: &str, after: i64) -> Seen {
        Seen {
            alert: judging::alert(&format!("{class}-{after}"), class, target),
            at: time(after),
        }
    }

    fn flooded(alerts: Vec<Seen>) -> Findings {
        let attacked = Attacked {
            attack: attacks::find(Mode::SynFlood).unwrap(),
            source: "198.19.66.6".parse().ok(),
            target: "198.18.1.10".parse().unwrap(),
            sent: Sent {
                frames: 90,
                first: Some(time(0)),
            },
            first: time(0),
            alerts,
        };
        let packets = Packets {
            counted: 99,
            ignored: [("not_ip".to_owned(), 1)].into(),
        };
        Findings {
            normal: Sent {
                frames: 10,
                first: None,
            },
            quiet: Vec::new(),
            attacked: Some(attacked),
            packets,
        }
    }

    fn failures(findings: &Findings) -> Vec<String> {
        findings
            .checks()
            .into_iter()
            .filter(|check| !check.passed)
            .map(|check| check.text)
            .collect()
    }

    #[test]
    fn one_right_alert_in_time_passes() {
        assert_eq!(
            failures(&flooded(vec![alert(Class::SynFlood, "198.18.1.10", 400)])),
            [""; 0]
        );
    }

    #[test]
    fn no_alert_fails() {
        let failures = failures(&flooded(Vec::new()));
        assert_eq!(
            failures,
            [
                "exactly one alert for the syn-flood: none",
                "it is of class syn_flood"
            ]
        );
    }

    #[test]
    fn a_second_alert_fails() {
        let alerts = vec![
            alert(Class::SynFlood, "198.18.1.10", 400),
            alert(Class::PortScan, "198.18.1.10", 500),
        ];
        assert_eq!(
            failures(&flooded(alerts)),
            ["exactly one alert for the syn-flood: syn_flood, port_scan"]
        );
    }

    #[test]
    fn a_wrong_target_fails() {
        let failures = failures(&flooded(vec![alert(Class::SynFlood, "198.18.0.3", 400)]));
        assert_eq!(failures, ["its target is 198.18.1.10: 198.18.0.3"]);
    }

    #[test]
    fn an_alert_after_a_second_fails() {
        let failures = failures(&flooded(vec![alert(Class::SynFlood, "198.18.1.10", 1000)]));
        assert_eq!(
            failures,
            ["it was there under 1 s after the first packet: 1.000 s"]
        );
    }

    #[test]
    fn an_alert_before_the_attack_fails() {
        let mut findings = flooded(vec![alert(Class::SynFlood, "198.18.1.10", 400)]);
        findings
            .quiet
            .push(alert(Class::Anomaly, "198.18.1.10", -400));
        assert_eq!(
            failures(&findings),
            ["no alert in the normal phase: anomaly"]
        );
    }

    #[test]
    fn a_lost_packet_fails() {
        let mut findings = flooded(vec![alert(Class::SynFlood, "198.18.1.10", 400)]);
        findings.packets.counted -= 1;
        assert_eq!(
            failures(&findings),
            ["every packet was counted or ignored with a reason: 100 sent, 99 seen"]
        );
    }

    #[test]
    fn the_table_says_what_was_measured() {
        let table = flooded(vec![alert(Class::SynFlood, "198.18.1.10", 400)]).table();
        let lines: Vec<String> = table
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            lines,
            [
                "packets sent: 100 (normal 10, syn-flood 90)",
                "packets counted: 99",
                "packets ignored: 1 (not_ip 1)",
                "alerts, normal: 0",
                "alerts, attack: 1",
                "delay: 0.400 s",
            ]
        );
    }
}
