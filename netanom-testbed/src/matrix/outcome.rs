//! What was told of a second attack, and what must never be told.

use std::collections::BTreeSet;
use std::time::Duration;

use netanom::alert::{Alert, Class, State};

use super::traffic::Play;
use crate::attacks::Party;
use crate::judging::Told;

/// An active alert is at least so sure.
const LEAST_SCORE: f64 = 0.3;

/// What came of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// From the first packet of the second attack to an alert of its class that names it; none when there was none.
    pub(super) delay: Option<Duration>,
    /// Class and protocol of alerts that cannot be.
    pub(super) forbidden: BTreeSet<(Class, String)>,
    /// Classes of active alerts with a score below [`LEAST_SCORE`].
    pub(super) doubtful: BTreeSet<Class>,
}

impl Outcome {
    /// Of all that was told while the cell was played.
    pub(super) fn of(play: &Play<'_>, told: &[Told]) -> Self {
        let alerts = || told.iter().map(|told| &told.alert);
        let is_impossible = |alert: &&Alert| !may_have(alert.class, &alert.protocol);
        let is_doubtful =
            |alert: &&Alert| alert.state == State::Active && alert.score < LEAST_SCORE;
        Self {
            delay: delay(play, told),
            forbidden: alerts()
                .filter(is_impossible)
                .map(|alert| (alert.class, alert.protocol.clone()))
                .collect(),
            doubtful: alerts()
                .filter(is_doubtful)
                .map(|alert| alert.class)
                .collect(),
        }
    }
}

fn delay(play: &Play<'_>, told: &[Told]) -> Option<Duration> {
    let named = play.named.parse().ok();
    let is_right = |alert: &Alert| {
        let party = match play.attack.named {
            Party::Source => &alert.source,
            Party::Target => &alert.target,
        };
        alert.class == play.attack.class && party.ip == named
    };
    let begins = play.begins;
    // The last word on each alert before the attack.
    let mut going_on: BTreeSet<&str> = BTreeSet::new();
    for Told { at, alert } in told {
        let id = alert.id.as_str();
        if *at <= begins {
            if alert.state == State::Active && is_right(alert) {
                going_on.insert(id);
            } else {
                going_on.remove(id);
            }
        } else if is_right(alert) && alert.last_seen >= begins {
            // One that goes on and takes it in need not be told again.
            if going_on.contains(id) {
                return Some(Duration::ZERO);
            }
            if alert.state == State::Active {
                return Some(at.since(begins));
            }
        }
    }
    None
}

/// Whether a class can be an attack by this protocol: connections are TCP's, what counts pings is ICMP's.
fn may_have(class: Class, protocol: &str) -> bool {
    let allowed: &[&str] = match class {
        Class::SynFlood | Class::BruteForce | Class::SlowHttp => &["tcp"],
        Class::UdpFlood => &["udp"],
        Class::IcmpFlood => &["icmp", "icmpv6"],
        Class::PortScan => &["tcp", "udp", "sctp", "icmp", "icmpv6"],
        // QUIC is UDP.
        Class::HttpFlood => &["tcp", "udp"],
        _ => return true,
    };
    allowed.contains(&protocol)
}

#[cfg(test)]
mod tests {
    use netanom::flow::Timestamp;

    use super::*;
    use crate::hosts::SERVER;
    use crate::judging;
    use crate::matrix::cells;
    use crate::matrix::traffic::Traffic;

    /// Of a cell whose second attack is a SYN flood.
    fn outcome(told: &[(i64, Alert)]) -> Outcome {
        let is_flood = |cell: &cells::Cell| cell.second().mode.name() == "syn-flood";
        let cell = cells::all().into_iter().find(is_flood).unwrap();
        let traffic = Traffic::make(&[cell], 1).unwrap();
        let play = Play::of(cell, &traffic);
        let at = |milliseconds: i64| {
            let nanos = play.begins.as_nanos() as i64 + milliseconds * 1_000_000;
            Timestamp::from_nanos(nanos as u64)
        };
        let told: Vec<Told> = told
            .iter()
            .map(|(milliseconds, alert)| Told {
                at: at(*milliseconds),
                alert: Alert {
                    last_seen: at(*milliseconds),
                    ..alert.clone()
                },
            })
            .collect();
        Outcome::of(&play, &told)
    }

    fn alert(id: &str, class: Class) -> Alert {
        judging::alert(id, class, SERVER)
    }

    const FLOOD: Class = Class::SynFlood;

    #[test]
    fn the_first_alert_of_the_right_class_gives_the_delay() {
        let told = [
            (250, alert("a", Class::PortScan)),
            (500, alert("b", FLOOD)),
            (750, alert("b", FLOOD)),
        ];
        assert_eq!(outcome(&told).delay, Some(Duration::from_millis(500)));
    }

    #[test]
    fn an_alert_on_others_is_not_the_right_one() {
        let mut other = alert("a", FLOOD);
        other.target.ip = other.source.ip;
        assert_eq!(outcome(&[(250, other)]).delay, None);
    }

    #[test]
    fn an_alert_that_goes_on_and_takes_the_attack_in_is_there_at_once() {
        let told = [(-500, alert("a", FLOOD)), (750, alert("a", FLOOD))];
        assert_eq!(outcome(&told).delay, Some(Duration::ZERO));
        // Told before alone, it may be of the first attack alone.
        assert_eq!(outcome(&told[..1]).delay, None);
    }

    #[test]
    fn what_ended_before_has_to_begin_again() {
        let ended = Alert {
            state: State::Ended,
            ..alert("a", FLOOD)
        };
        let told = [
            (-900, alert("a", FLOOD)),
            (-500, ended),
            (750, alert("b", FLOOD)),
        ];
        assert_eq!(outcome(&told).delay, Some(Duration::from_millis(750)));
    }

    #[test]
    fn impossible_names_and_doubtful_alerts_are_noted_whenever_they_are_told() {
        let impossible = Alert {
            protocol: "icmp".to_owned(),
            score: 0.0,
            ..alert("a", FLOOD)
        };
        let outcome = outcome(&[(-500, impossible)]);
        assert_eq!(
            outcome.forbidden,
            BTreeSet::from([(FLOOD, "icmp".to_owned())])
        );
        assert_eq!(outcome.doubtful, BTreeSet::from([FLOOD]));
    }
}
