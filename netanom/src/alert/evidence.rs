//! What verdicts are worth as evidence, and how it adds up: a sequential test in place of votes.
//!
//! Each judged flow counts as a log likelihood ratio of attack to normal, capped on both sides, so that no single flow
//! decides. The sum never falls below zero, as in CUSUM (Page 1954), so what was normal for hours does not hide what
//! begins now; and it ages with a half-life in the data's time, so what is past does not weigh on what is now. The
//! model is the threshold random walk for scans of Jung, Paxson, Berger, Balakrishnan (2004).

use std::time::Duration;

use netanom_common::packet::protocol;

use super::{Class, Facts, Probabilities, class};
use crate::flow::Timestamp;

/// How evidence adds up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvidenceSettings {
    /// The sum that raises an alert, in flows that surely are an attack.
    pub bar: f64,
    /// The data's time in which evidence fades to a half.
    pub half_life: Duration,
}

impl Default for EvidenceSettings {
    /// Chosen on captures whose source each forest had not seen; `netanom model bar` says what others give.
    fn default() -> Self {
        Self {
            bar: 8.0,
            half_life: Duration::from_mins(1),
        }
    }
}

/// The log likelihood ratio, in nats, at which the evidence of a flow is capped: twice as likely an attack as not. Forests
/// are trained with as much attack as normal traffic, so the ratio of their shares is that of the likelihoods.
const SURE: f32 = 0.7;
/// A flow that surely is normal takes back as much as so many that surely are an attack bring.
const NORMAL: f32 = 1.0;
/// Shares closer to 0 and 1 than a few trees are chance.
const FEW_TREES: f32 = 0.02;

/// Shares of the classes that the protocol allows, and how the attack is named: what is left of the forbidden ones goes
/// to the others in proportion.
pub(super) fn allowed(shares: &Probabilities, protocol: u8) -> Probabilities {
    let mut allowed = *shares;
    for class in Class::ALL {
        if !class.is_possible(protocol) {
            allowed[class as usize] = 0.0;
        }
    }
    let sum: f32 = allowed.iter().sum();
    if sum < FEW_TREES {
        // Nothing that it can be: then it is nothing.
        let mut normal = Probabilities::default();
        normal[Class::Normal as usize] = 1.0;
        return normal;
    }
    allowed.iter_mut().for_each(|share| *share /= sum);
    allowed
}

/// A TCP flow of so many packets is a conversation: a probe has fewer.
const CONVERSATION: u64 = 10;
/// How much of a share moves to the class that the port makes likelier.
const MOVED: f32 = 0.8;

/// The shares of attacks alone, for naming what was detected. At a TCP port where people log in, many requests are many
/// log-ins, and so are conversations that look like a scan; a flood of datagrams is one of requests at a port of QUIC alone.
pub(super) fn names(allowed: &Probabilities, fact: &Facts) -> Probabilities {
    let mut names = *allowed;
    names[Class::Normal as usize] = 0.0;
    let mut moves = |from: Class, to: Class| {
        let moved = MOVED * names[from as usize];
        names[from as usize] -= moved;
        names[to as usize] += moved;
    };
    let port = fact.responder.port;
    if fact.protocol == protocol::TCP && class::is_login_port(port) {
        moves(Class::HttpFlood, Class::BruteForce);
        moves(Class::SlowHttp, Class::BruteForce);
        if fact.packets >= CONVERSATION {
            moves(Class::PortScan, Class::BruteForce);
        }
    }
    if fact.protocol == protocol::UDP && !class::is_quic_port(port) {
        moves(Class::HttpFlood, Class::UdpFlood);
    }
    names
}

/// The same of a conversation, which is judged once and counts for many flows: four times as likely an attack as not. Chosen
/// on captures whose source each model had not seen; at [`SURE`] one attack more of 87 is noticed, and five benign captures
/// more of 356 have an alert.
const TALK_SURE: f32 = 1.4;

/// What a verdict is worth: −[`NORMAL`] to 1.
pub(super) fn worth(allowed: &Probabilities) -> f32 {
    (ratio(allowed) / SURE).clamp(-NORMAL, 1.0)
}

/// What the verdict on a conversation is worth for each of its flows: 0 to 1.
pub(super) fn worth_of_talk(allowed: &Probabilities) -> f32 {
    (ratio(allowed) / TALK_SURE).clamp(0.0, 1.0)
}

/// The log likelihood ratio of attack to normal, in nats.
fn ratio(allowed: &Probabilities) -> f32 {
    let normal = allowed[Class::Normal as usize];
    ((1.0 - normal + FEW_TREES) / (normal + FEW_TREES)).ln()
}

/// A sum that ages and never falls below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    amount: f32,
    at: Timestamp,
}

impl Sum {
    /// The sum as it is at `now`.
    pub(super) fn at(&self, now: Timestamp, half_life: Duration) -> f32 {
        self.amount * fade(now.since(self.at), half_life)
    }

    /// Adds `by`, which may take away, and returns what it really changed.
    pub(super) fn add(&mut self, by: f32, now: Timestamp, half_life: Duration) -> f32 {
        let before = self.at(now, half_life);
        self.amount = (before + by).max(0.0);
        self.at = self.at.max(now);
        self.amount - before
    }
}

/// What is left of 1 after `age`.
pub(super) fn fade(age: Duration, half_life: Duration) -> f32 {
    if age.is_zero() {
        return 1.0;
    }
    (-age.as_secs_f32() / half_life.as_secs_f32()).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Memory;
    use crate::flow::Endpoint;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(second: u64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    fn shares(of: &[(Class, f32)]) -> Probabilities {
        let mut shares = Probabilities::default();
        for (class, share) in of {
            shares[*class as usize] = *share;
        }
        shares
    }

    #[test]
    fn evidence_fades_to_a_half_and_never_below_nothing() {
        let mut sum = Sum::default();
        assert_eq!(sum.add(4.0, at(0), MINUTE), 4.0);
        assert_eq!(sum.at(at(60), MINUTE), 2.0);
        assert_eq!(sum.add(-5.0, at(60), MINUTE), -2.0);
        assert_eq!(sum.at(at(60), MINUTE), 0.0);
        assert_eq!(sum.add(1.0, at(61), MINUTE), 1.0);
    }

    #[test]
    fn an_even_verdict_is_worth_nothing_and_a_sure_one_is_worth_1() {
        let worth_at = |normal| {
            worth(&shares(&[
                (Class::Normal, normal),
                (Class::SynFlood, 1.0 - normal),
            ]))
        };
        assert_eq!(worth_at(0.5), 0.0);
        assert_eq!(worth_at(0.0), 1.0);
        assert_eq!(worth_at(1.0), -NORMAL);
        // ln(0.62 / 0.42) / 0.7
        assert!((worth_at(0.4) - 0.556).abs() < 1e-3, "{}", worth_at(0.4));
    }

    #[test]
    fn what_the_protocol_forbids_is_taken_out() {
        let said = shares(&[
            (Class::Normal, 0.2),
            (Class::UdpFlood, 0.6),
            (Class::SynFlood, 0.2),
        ]);
        let tcp = allowed(&said, 6);
        assert_eq!((tcp[0], tcp[Class::SynFlood as usize]), (0.5, 0.5));
        let igmp = allowed(&shares(&[(Class::UdpFlood, 1.0)]), 2);
        assert_eq!(igmp[Class::Normal as usize], 1.0);
    }

    fn named(share: Class, protocol: u8, port: u16, packets: u64) -> Class {
        let endpoint = |port| Endpoint {
            ip: [192, 0, 2, 1].into(),
            port,
        };
        let fact = Facts {
            key: None,
            initiator: endpoint(40_000),
            responder: endpoint(port),
            protocol,
            interface: 0,
            first_seen: at(0),
            last_seen: at(0),
            packets,
            bytes: 0,
            new_packets: packets,
            new_bytes: 0,
            before: None,
            memory: Memory::default(),
            spoken_for: None,
            conversation: None,
            crowd: None,
        };
        let said = shares(&[(Class::Normal, 0.5), (share, 0.5)]);
        let names = names(&said, &fact);
        assert_eq!(names[Class::Normal as usize], 0.0);
        crate::alert::naming::likeliest(&names).unwrap()
    }

    #[test]
    fn many_requests_at_a_port_for_logging_in_are_log_ins() {
        assert_eq!(named(Class::HttpFlood, 6, 22, 20), Class::BruteForce);
        assert_eq!(named(Class::HttpFlood, 6, 80, 20), Class::HttpFlood);
        assert_eq!(named(Class::PortScan, 6, 22, 20), Class::BruteForce);
        assert_eq!(named(Class::PortScan, 6, 22, 2), Class::PortScan);
    }

    #[test]
    fn datagrams_are_requests_at_a_port_of_quic_alone() {
        assert_eq!(named(Class::HttpFlood, 17, 443, 1), Class::HttpFlood);
        assert_eq!(named(Class::HttpFlood, 17, 9, 1), Class::UdpFlood);
    }
}
