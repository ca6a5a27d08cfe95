//! Which attack it is, once it is clear that it is one: what the flows of a pair of hosts, of its initiator and of its
//! responder were judged to be lately.
//!
//! Ten flows that look now like one attack, now like a near relative, agree on the likelier of the two. Who scans ten
//! hosts scans the eleventh, and who is flooded by a thousand is flooded by one more. Each protocol has votes of its own,
//! and few of them: what was done a minute ago says nothing of what is done now.

use std::net::IpAddr;
use std::time::Duration;

use super::evidence::fade;
use super::{CLASSES, Class, Facts, Probabilities};
use crate::flow::{Recent, Timestamp};

/// Pairs, and hosts, whose votes are kept at most; those that had none for longest are forgotten.
const MAX_VOTERS: usize = 16_384;
/// Votes of a pair that count at most, and of a host; older ones fade as newer ones come.
const MAX_VOTES_OF_PAIR: f32 = 64.0;
const MAX_VOTES_OF_HOST: f32 = 32.0;
/// Votes fade to a half in this time.
const HALF_LIFE: Duration = Duration::from_secs(8);
/// A pair whose attack has a name gets another when that has so many times the votes: near relatives must not take turns.
const RENAMED_FROM: f32 = 1.25;

/// Interface, initiator, responder, protocol.
type Pair = (u32, IpAddr, IpAddr, u8);
/// Interface, host, whether it is the initiator, protocol.
type Host = (u32, IpAddr, bool, u8);

/// The votes, by pair of hosts and by host.
#[derive(Debug)]
pub(super) struct Naming {
    pairs: Recent<Pair, OfPair>,
    hosts: Recent<Host, Votes>,
}

#[derive(Debug, Default)]
struct OfPair {
    votes: Votes,
    /// The attack that it was last said to be.
    named: Option<Class>,
}

#[derive(Debug, Default)]
struct Votes {
    sums: Probabilities,
    at: Timestamp,
}

impl Votes {
    fn add(&mut self, names: &Probabilities, weight: f32, most: f32, now: Timestamp) {
        let kept = fade(now.since(self.at), HALF_LIFE);
        self.at = self.at.max(now);
        for (sum, name) in self.sums.iter_mut().zip(names) {
            *sum = *sum * kept + name * weight;
        }
        let all: f32 = self.sums.iter().sum();
        if all > most {
            self.sums.iter_mut().for_each(|sum| *sum *= most / all);
        }
    }
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            pairs: Recent::new(MAX_VOTERS),
            hosts: Recent::new(MAX_VOTERS),
        }
    }
}

impl Naming {
    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.hosts.clear();
    }

    /// Counts the vote of a flow, or of as many as a crowd stands for.
    pub(super) fn add(&mut self, names: &Probabilities, fact: &Facts, now: Timestamp) {
        let crowd = fact.crowd.as_ref().map(|crowd| crowd.flows as f32);
        let weight = crowd.or(fact.conversation).unwrap_or(1.0);
        let pair = self.pairs.touch(&pair_of(fact));
        let votes = &mut self.pairs.at(pair).votes;
        votes.add(names, weight, MAX_VOTES_OF_PAIR, now);
        for host in hosts_of(fact) {
            let host = self.hosts.touch(&host);
            let votes = self.hosts.at(host);
            votes.add(names, weight, MAX_VOTES_OF_HOST, now);
        }
    }

    /// The likeliest attack of the flow's pair.
    pub(super) fn class(&mut self, fact: &Facts) -> Option<Class> {
        let pair = self.pairs.find(&pair_of(fact))?;
        let hosts = hosts_of(fact).map(|host| self.hosts.find(&host));
        let mut votes = self.pairs.at(pair).votes.sums;
        for host in hosts.into_iter().flatten() {
            for (vote, of_host) in votes.iter_mut().zip(self.hosts.at(host).sums) {
                *vote += of_host;
            }
        }
        let class = likeliest(&votes)?;
        let pair = self.pairs.at(pair);
        let class = pair
            .named
            .filter(|named| votes[class as usize] < RENAMED_FROM * votes[*named as usize])
            .unwrap_or(class);
        pair.named = Some(class);
        Some(class)
    }
}

fn pair_of(fact: &Facts) -> Pair {
    let (initiator, responder) = (fact.initiator.ip, fact.responder.ip);
    (fact.interface, initiator, responder, fact.protocol)
}

fn hosts_of(fact: &Facts) -> [Host; 2] {
    [(fact.initiator.ip, true), (fact.responder.ip, false)]
        .map(|(ip, is_initiator)| (fact.interface, ip, is_initiator, fact.protocol))
}

/// The class with the most votes; `None` when nothing voted for an attack.
pub(super) fn likeliest(votes: &[f32; CLASSES]) -> Option<Class> {
    let votes_for = |class: &Class| votes[*class as usize];
    let attacks = Class::ALL.into_iter().skip(1);
    attacks
        .max_by(|a, b| votes_for(a).total_cmp(&votes_for(b)))
        .filter(|class| votes_for(class) > 0.0)
}
