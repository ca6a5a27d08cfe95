//! What the flows between two hosts are judged to be, all together.
//!
//! Every judged flow votes with the shares of all classes, before calibration: what is sure would outvote what is many. So ten flows that look now like one attack, now
//! like a near relative of it, agree on the likelier of the two; and single odd verdicts on ordinary conversations
//! are outvoted.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::{Class, Facts, Finding, Probabilities};

/// Pairs whose votes are kept at most; those that had none for longest are forgotten.
const MAX_PAIRS: usize = 16_384;
/// Votes that count; older ones lose half of their weight again and again, as what is past must not outweigh what is
/// now.
const MAX_VOTES: f32 = 1000.0;

/// Interface, initiator, responder.
type Pair = (u32, IpAddr, IpAddr);

fn pair_of(fact: &Facts) -> Pair {
    (fact.interface, fact.initiator.ip, fact.responder.ip)
}

/// The sums of the shares, by pair of hosts.
#[derive(Debug, Default)]
pub(super) struct Votes {
    young: HashMap<Pair, Probabilities, RandomState>,
    /// What was young until that held half of all. A pair that votes again becomes young.
    old: HashMap<Pair, Probabilities, RandomState>,
}

impl Votes {
    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// Counts the vote of a flow.
    pub(super) fn add(&mut self, finding: &Finding, fact: &Facts) {
        if self.young.len() >= MAX_PAIRS / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        let pair = pair_of(fact);
        let old = &mut self.old;
        let sums = self
            .young
            .entry(pair)
            .or_insert_with(|| old.remove(&pair).unwrap_or_default());
        for (sum, share) in sums.iter_mut().zip(finding.shares) {
            *sum += share;
        }
        if sums.iter().sum::<f32>() > MAX_VOTES {
            sums.iter_mut().for_each(|sum| *sum /= 2.0);
        }
    }

    /// The likeliest class of the flow's pair; `None` when it is normal.
    pub(super) fn class(&self, fact: &Facts) -> Option<Class> {
        let pair = pair_of(fact);
        let sums = self.young.get(&pair).or_else(|| self.old.get(&pair))?;
        let sum_of = |class: &Class| sums[*class as usize];
        let likeliest = Class::ALL
            .into_iter()
            .max_by(|a, b| sum_of(a).total_cmp(&sum_of(b)))?;
        (likeliest != Class::Normal).then_some(likeliest)
    }
}
