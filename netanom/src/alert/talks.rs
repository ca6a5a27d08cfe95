//! How judged conversations become evidence: one is worth as many flows as it has, and its newest verdict takes the place
//! of the earlier ones. What else its hosts do takes nothing away from it, so a host that also works is seen.

use super::case::Part;
use super::evidence::{self, fade};
use super::incident::{Incidents, Scene};
use super::{Class, Facts, Judgement, Memory};
use crate::flow::Timestamp;

/// A conversation is worth so many flows at most.
const MOST_FLOWS: f32 = 12.0;

impl Incidents {
    /// Takes in the conversations of a window.
    pub(super) fn absorb_talks(&mut self, scene: &Scene<'_>) {
        let talks = scene.talks.iter().zip(scene.talk_judgements);
        for (row, (fact, judgement)) in talks.enumerate() {
            let memory = self.absorb_talk(row, fact, judgement, scene.now);
            self.talk_memories.push((judgement.shares, memory));
        }
    }

    fn absorb_talk(
        &mut self,
        row: usize,
        fact: &Facts,
        judgement: &Judgement,
        now: Timestamp,
    ) -> Memory {
        let shares = evidence::allowed(&judgement.shares, fact.protocol);
        let names = evidence::names(&shares, fact);
        let worth = evidence::worth_of_talk(&shares);
        let half_life = self.settings.evidence.half_life;
        let kept = fact.memory.added * fade(now.since(fact.memory.at), half_life);
        let flows = fact.conversation.unwrap_or(1.0).min(MOST_FLOWS);
        let value = worth * flows;
        let mut memory = Memory {
            added: value,
            at: now,
            ..fact.memory
        };
        let added = value - kept;
        let anomaly = 1.0 - shares[Class::Normal as usize];
        if worth > 0.0 {
            self.naming.add(&names, fact, now);
        }
        let named = (added != 0.0).then(|| self.naming.class(fact)).flatten();
        if let Some(class) = named {
            let part = Part {
                row,
                fact,
                added,
                anomaly,
                names: &names,
                class,
            };
            if let Some(number) = self.add(&part, worth > 0.0, now) {
                memory.case = Some(number);
            }
        }
        self.trace(now, fact, judgement, (anomaly, added, named));
        memory
    }
}
