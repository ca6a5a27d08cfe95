//! How judged rows and detectors' findings become evidence of cases.

use super::case::{Anchor, Case, Key, Part};
use super::evidence::{EvidenceSettings, fade};
use super::explained::Open;
use super::incident::Incidents;
use super::near_miss::NearMiss;
use super::parties::Room;
use super::trace::Trace;
use super::{Class, Facts, Finding, Judgement, Memory, Subject};
use crate::flow::Timestamp;
use std::net::IpAddr;

/// A pair's evidence is kept up to so many times the bar: then what is normal for as long takes it away.
const MOST_OF_PAIR: f32 = 3.0;
/// What a case lends to a wider one at most, so that no host makes a network suspicious alone.
const MOST_LENT: f32 = 3.0;
/// A wider case needs so many times the bar.
const WIDER_BAR: f32 = 1.5;
/// A flow is worth at most so many flows for its packets, and as many more for those of one window at most.
const MAX_WEIGHT: f32 = 32.0;
const MAX_NEW_WEIGHT: f32 = 4.0;
/// A crowd is worth at most so many flows.
const MAX_CROWD: u64 = 64;

/// A heavy flow is worth one flow more for each so many packets.
fn packets_of_weight(class: Class) -> f32 {
    match class {
        // Two or three attempts; a connection has room for many.
        Class::BruteForce => 20.0,
        _ => 100.0,
    }
}

impl Incidents {
    /// What the newest verdict on a flow changes in its pair's evidence, and what of the flow is now in force.
    pub(super) fn weigh(&mut self, fact: &Facts, worth: f32, now: Timestamp) -> (f32, Memory) {
        if fact.spoken_for.is_some() {
            // Its conversation is the evidence.
            return (0.0, fact.memory);
        }
        let EvidenceSettings { bar, half_life } = self.settings.evidence;
        let left = fade(now.since(fact.memory.at), half_life);
        let mut weight = fact.memory.weight * left;
        let value = if worth > 0.0 {
            let class = self.naming.class(fact).unwrap_or(Class::Anomaly);
            let new = fact.new_packets as f32 / packets_of_weight(class);
            weight = (weight + new.min(MAX_NEW_WEIGHT)).min(MAX_WEIGHT);
            let crowd = fact.crowd.as_ref();
            let flows = crowd.map_or(1, |crowd| crowd.flows.min(MAX_CROWD));
            worth * (flows as f32 + weight)
        } else {
            worth
        };
        let kept = fact.memory.added * left;
        let pair = (fact.interface, fact.initiator.ip, fact.responder.ip);
        let pair = self.pairs.touch(&pair);
        let pair = self.pairs.at(pair);
        let before = pair.at(now, half_life);
        let most = MOST_OF_PAIR * bar as f32;
        // Never below zero; what is more than a pair keeps still counts for its case.
        let added = (value - kept).max(-before);
        pair.add(added.min((most - before).max(0.0)), now, half_life);
        let memory = Memory {
            case: fact.memory.case,
            added: kept + added,
            weight,
            at: now,
        };
        (added, memory)
    }

    /// Adds a row to its case and returns the case's number.
    pub(super) fn add(&mut self, part: &Part<'_>, is_attack: bool, now: Timestamp) -> Option<u64> {
        let fact = part.fact;
        let (source, target) = (fact.initiator.ip, fact.responder.ip);
        let key = Key::of(
            part.class,
            fact.interface,
            source,
            target,
            fact.responder.port,
        );
        if fact.crowd.is_some() && !matches!(key.anchor, Anchor::Target(_)) {
            // Nobody stands behind it whom an alert could name.
            return None;
        }
        let key = match &fact.crowd {
            Some(crowd) => key.of_crowd(target, crowd.key.prefix_length()),
            None => key,
        };
        let half_life = self.settings.evidence.half_life;
        if let Some(number) = self.open_for(key, target) {
            let open = self.open.get_mut(&number)?;
            open.case.evidence.add(part.added, now, half_life);
            match (is_attack, fact.conversation) {
                (true, None) => open.case.take(part, open.key.class, now, &mut self.room),
                (true, Some(_)) => open.case.take_talk(part, now, &mut self.room),
                (false, _) => {}
            }
            return is_attack.then_some(number);
        }
        if !is_attack {
            if let Some(place) = self.candidates.find(&key) {
                let case = self.candidates.at(place);
                case.evidence.add(part.added, now, half_life);
            }
            return None;
        }
        let place = self.candidates.touch(&key);
        let case = self.candidates.at(place);
        if case.number == 0 {
            self.cases += 1;
            case.number = self.cases;
        }
        case.evidence.add(part.added, now, half_life);
        match fact.conversation {
            None => case.take(part, key.class, now, &mut Room::of_candidate()),
            Some(_) => case.take_talk(part, now, &mut Room::of_candidate()),
        }
        let number = case.number;
        let lends = part.added.min(MOST_LENT - case.lent).max(0.0);
        case.lent += lends;
        let evidence = f64::from(case.evidence.at(now, half_life));
        let bar = self.settings.evidence.bar;
        if evidence >= bar {
            let case = std::mem::take(case);
            self.promote(key, case);
        } else if self.near.is_worth(evidence, bar) {
            let miss = near_miss(key, case, evidence, bar);
            self.near.take(number, miss);
        }
        if lends > 0.0 {
            self.lend(key, part, lends, now);
        }
        Some(number)
    }

    /// The open case that a row of `key` counts for: its own, one that explains it, or one of its network.
    fn open_for(&self, key: Key, target: IpAddr) -> Option<u64> {
        if self.open.is_empty() {
            return None;
        }
        let wider = key.wider(target).into_iter().flatten();
        let keys = std::iter::once(key).chain(wider);
        keys.filter_map(|key| self.by_key.get(&key).copied()).next()
    }

    fn lend(&mut self, key: Key, part: &Part<'_>, lends: f32, now: Timestamp) {
        let EvidenceSettings { bar, half_life } = self.settings.evidence;
        for key in key.wider(part.fact.responder.ip).into_iter().flatten() {
            let place = self.wider.touch(&key);
            let case = self.wider.at(place);
            if case.number == 0 {
                self.cases += 1;
                case.number = self.cases;
            }
            case.evidence.add(lends, now, half_life);
            let mut room = Room::of_candidate();
            case.take(part, key.class, now, &mut room);
            if case.evidence.at(now, half_life) >= WIDER_BAR * bar as f32 {
                let case = std::mem::take(case);
                self.promote(key, case);
            }
        }
    }

    pub(super) fn add_finding(&mut self, number: usize, finding: &Finding, now: Timestamp) {
        let (source, target, anchor) = match finding.subject {
            Subject::Pair(source, target) => {
                let key = Key::of(finding.class, finding.interface, source, target, 0);
                (Some(source), Some(target), key.anchor)
            }
            Subject::Source(source) => (Some(source), None, Anchor::Source(source)),
            Subject::Target(target) => (None, Some(target), Anchor::Target(target)),
            Subject::Targets(prefix) => (None, None, Anchor::Targets(prefix)),
        };
        let key = Key {
            interface: finding.interface,
            class: finding.class,
            anchor,
            service: 0,
        };
        let half_life = self.settings.evidence.half_life;
        if let Some(open) = self.by_key.get(&key) {
            if let Some(open) = self.open.get_mut(open) {
                open.case.evidence.add(finding.evidence, now, half_life);
                open.case
                    .take_finding(number, finding, (source, target), now, &mut self.room);
            }
            return;
        }
        let place = self.candidates.touch(&key);
        let case = self.candidates.at(place);
        if case.number == 0 {
            self.cases += 1;
            case.number = self.cases;
        }
        case.evidence.add(finding.evidence, now, half_life);
        case.take_finding(
            number,
            finding,
            (source, target),
            now,
            &mut Room::of_candidate(),
        );
        if f64::from(case.evidence.at(now, half_life)) >= self.settings.evidence.bar {
            let case = std::mem::take(case);
            self.promote(key, case);
        }
    }

    /// A case has reached the bar; what becomes of it is settled at the end of the window.
    fn promote(&mut self, key: Key, case: Case) {
        let number = case.number;
        self.near.forget(number);
        self.by_key.insert(key, number);
        self.hot.push(number);
        self.open.insert(
            number,
            Open {
                key,
                case,
                raised: None,
            },
        );
    }

    pub(super) fn trace(
        &mut self,
        at: Timestamp,
        fact: &Facts,
        judgement: &Judgement,
        (anomaly, added, named): (f32, f32, Option<Class>),
    ) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        let (source, target) = (fact.initiator.ip, fact.responder.ip);
        let half_life = self.settings.evidence.half_life;
        let key =
            named.map(|class| Key::of(class, fact.interface, source, target, fact.responder.port));
        let open = key.and_then(|key| self.by_key.get(&key));
        let evidence = match open.and_then(|number| self.open.get(number)) {
            Some(open) => open.case.evidence.at(at, half_life),
            None => key
                .and_then(|key| self.candidates.find(&key))
                .map_or(0.0, |place| {
                    self.candidates.at(place).evidence.at(at, half_life)
                }),
        };
        watch.take(Trace {
            at,
            initiator: fact.initiator,
            responder: fact.responder,
            protocol: fact.protocol,
            conversation: fact.conversation,
            judged: judgement.verdict.class,
            anomaly,
            added,
            named,
            evidence: f64::from(evidence),
        });
    }
}

fn near_miss(key: Key, case: &Case, evidence: f64, needed: f64) -> NearMiss {
    let subject = match key.anchor {
        Anchor::Source(ip) | Anchor::Target(ip) => ip.to_string(),
        Anchor::Sources(prefix) | Anchor::Targets(prefix) => prefix.to_string(),
        Anchor::Rest => String::new(),
    };
    NearMiss {
        subject,
        class: key.class,
        evidence,
        needed,
        flows: case.flows,
        first_seen: case.first_seen,
        last_seen: case.last_finding,
    }
}
