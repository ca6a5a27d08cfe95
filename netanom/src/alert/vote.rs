//! What the flows between two hosts are judged to be, all together.
//!
//! Every judged flow votes with the shares of all classes, before calibration: what is sure would outvote what is many.
//! So ten flows that look now like one attack, now like a near relative of it, agree on the likelier of the two; and
//! single odd verdicts on ordinary conversations are outvoted. The pair's flows alone say whether it is an attack.
//! Which one, say also the other flows of its initiator and of its responder, as far as the pair has few of its own: who
//! scans ten hosts scans the eleventh, and who is flooded by a thousand is flooded by one more.

use std::net::IpAddr;

use super::{Class, Facts, Finding, Probabilities};
use crate::flow::Recent;

/// Pairs, and hosts, whose votes are kept at most; those that had none for longest are forgotten.
const MAX_VOTERS: usize = 16_384;
/// Votes that count; older ones lose half of their weight again and again, as what is past must not outweigh what is
/// now.
const MAX_VOTES: f32 = 1000.0;
/// As how many votes of the pair itself those of its initiator count at most, and those of its responder.
const MAX_VOTES_OF_HOST: f32 = 50.0;
/// A pair whose attack has a name gets another when that has so many times the votes: near relatives must not take turns.
const RENAMED_FROM: f32 = 1.25;

/// Interface, initiator, responder.
type Pair = (u32, IpAddr, IpAddr);
/// Interface, host, whether it is the initiator, protocol.
type Host = (u32, IpAddr, bool, u8);

fn pair_of(fact: &Facts) -> Pair {
    (fact.interface, fact.initiator.ip, fact.responder.ip)
}

fn hosts_of(fact: &Facts) -> [Host; 2] {
    [(fact.initiator.ip, true), (fact.responder.ip, false)]
        .map(|(ip, is_initiator)| (fact.interface, ip, is_initiator, fact.protocol))
}

/// The sums of the shares, by pair of hosts and by host.
#[derive(Debug)]
pub(super) struct Votes {
    pairs: Recent<Pair, OfPair>,
    hosts: Recent<Host, Probabilities>,
}

#[derive(Debug, Default)]
struct OfPair {
    sums: Probabilities,
    /// The attack that it was last said to be.
    named: Option<Class>,
}

impl Default for Votes {
    fn default() -> Self {
        Self {
            pairs: Recent::new(MAX_VOTERS),
            hosts: Recent::new(MAX_VOTERS),
        }
    }
}

impl Votes {
    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.hosts.clear();
    }

    /// Counts the vote of a flow.
    pub(super) fn add(&mut self, finding: &Finding, fact: &Facts) {
        let pair = self.pairs.touch(&pair_of(fact));
        count(&mut self.pairs.at(pair).sums, &finding.shares);
        for host in hosts_of(fact) {
            let host = self.hosts.touch(&host);
            count(self.hosts.at(host), &finding.shares);
        }
    }

    /// The likeliest class of the flow's pair; `None` when it is normal.
    pub(super) fn class(&mut self, fact: &Facts) -> Option<Class> {
        let pair = self.pairs.find(&pair_of(fact))?;
        let pair = self.pairs.at(pair);
        if likeliest(&pair.sums) == Class::Normal {
            return None;
        }
        let mut votes = pair.sums;
        votes[Class::Normal as usize] = 0.0;
        for host in hosts_of(fact) {
            let Some(host) = self.hosts.find(&host) else {
                continue;
            };
            let mut of_host = *self.hosts.at(host);
            of_host[Class::Normal as usize] = 0.0;
            let weight = (MAX_VOTES_OF_HOST / of_host.iter().sum::<f32>()).min(1.0);
            for (vote, of_host) in votes.iter_mut().zip(of_host) {
                *vote += weight * of_host;
            }
        }
        let class = likeliest(&votes);
        let class = pair
            .named
            .filter(|named| votes[class as usize] < RENAMED_FROM * votes[*named as usize])
            .unwrap_or(class);
        pair.named = Some(class);
        Some(class)
    }
}

fn count(sums: &mut Probabilities, shares: &Probabilities) {
    for (sum, share) in sums.iter_mut().zip(shares) {
        *sum += share;
    }
    if sums.iter().sum::<f32>() > MAX_VOTES {
        sums.iter_mut().for_each(|sum| *sum /= 2.0);
    }
}

fn likeliest(votes: &Probabilities) -> Class {
    let votes_for = |class: &Class| votes[*class as usize];
    Class::ALL
        .into_iter()
        .max_by(|a, b| votes_for(a).total_cmp(&votes_for(b)))
        .unwrap_or(Class::Normal)
}
