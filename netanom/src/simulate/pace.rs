//! When an attacker sends: at a steady mean rate, yet never at regular times.

use std::time::Duration;

use rand::RngExt;

use super::chance::Rng;
use super::scenario::Scenario;
use crate::flow::Timestamp;

/// Moments that hold a rate exactly: time is cut into equal slots, and each slot has one packet somewhere in it.
pub(super) struct Pace {
    start: Timestamp,
    /// Length of a slot in seconds.
    slot: f64,
    /// Slots that are used up.
    used: u64,
}

impl Pace {
    /// The pace of a scenario's rate, from its start on.
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            start: scenario.start,
            slot: scenario.rate().recip(),
            used: 0,
        }
    }

    /// The moment of the next packet; not before those returned earlier.
    pub(super) fn next(&mut self, rng: &mut Rng) -> Timestamp {
        self.next_of(1, rng)
    }

    /// The moment at which the next `packets` packets begin; they use up as many slots.
    pub(super) fn next_of(&mut self, packets: usize, rng: &mut Rng) -> Timestamp {
        let moment = (self.used as f64 + rng.random::<f64>() * packets as f64) * self.slot;
        self.used += packets as u64;
        self.start.plus(Duration::from_secs_f64(moment))
    }

    /// Leaves out the slots before `moment`.
    pub(super) fn skip_to(&mut self, moment: Timestamp) {
        let slots = moment.since(self.start).as_secs_f64() / self.slot;
        self.used = self.used.max(slots.ceil() as u64);
    }
}
