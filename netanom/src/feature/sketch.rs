//! Fixed-size summaries of what went by lately: sums and distinct counts over a sliding window.
//!
//! Memory does not grow with the traffic, and nothing here asks for the time: it comes with each call.

use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use foldhash::quality::FixedState;

use crate::flow::Timestamp;

/// `K` sums over about the last `WINDOW` seconds.
///
/// Two halves are kept: the running window and the one before, which fades out linearly. So an amount counts fully
/// for one window length and is gone after two.
#[derive(Clone, Debug)]
pub(super) struct Sliding<const K: usize, const WINDOW: u64> {
    epoch: u64,
    current: [f32; K],
    previous: [f32; K],
}

impl<const K: usize, const WINDOW: u64> Default for Sliding<K, WINDOW> {
    fn default() -> Self {
        Self {
            epoch: 0,
            current: [0.0; K],
            previous: [0.0; K],
        }
    }
}

impl<const K: usize, const WINDOW: u64> Sliding<K, WINDOW> {
    const NANOS: u64 = WINDOW * 1_000_000_000;

    /// Adds to each sum at `now`. A time before the last one counts as the last one.
    pub(super) fn add(&mut self, amounts: &[f32; K], now: Timestamp) {
        self.advance(now);
        for (sum, amount) in self.current.iter_mut().zip(amounts) {
            *sum += amount;
        }
    }

    /// All sums as of `now`.
    #[must_use]
    pub(super) fn sums(&self, now: Timestamp) -> [f32; K] {
        let epoch = now.as_nanos() / Self::NANOS;
        let elapsed = (now.as_nanos() % Self::NANOS) as f32 / Self::NANOS as f32;
        let left = 1.0 - elapsed;
        match epoch.saturating_sub(self.epoch) {
            0 if epoch < self.epoch => self.current,
            0 => std::array::from_fn(|which| self.current[which] + self.previous[which] * left),
            1 => self.current.map(|sum| sum * left),
            _ => [0.0; K],
        }
    }

    fn advance(&mut self, now: Timestamp) {
        let epoch = now.as_nanos() / Self::NANOS;
        match epoch.saturating_sub(self.epoch) {
            0 => return,
            1 => self.previous = self.current,
            _ => self.previous = [0.0; K],
        }
        self.current = [0.0; K];
        self.epoch = epoch;
    }
}

const SLOTS: usize = 128;

/// How many distinct things were seen lately, for any window length up to hours.
///
/// Linear counting (Whang, Vander-Zanden, Taylor 1990) over slots that hold the time of their last hit instead of a
/// bit. Exact to a few per cent up to about 100, saturates at about 600: enough to tell few from many.
#[derive(Clone, Debug)]
pub(super) enum Distinct {
    /// The slots that were hit, as long as they are few: most hosts and pairs have no more.
    Few {
        /// How many they are.
        count: u8,
        /// Which they are.
        slots: [u8; FEW],
        /// Second of the last hit of each plus one, modulo 2¹⁶.
        hits: [u16; FEW],
    },
    /// The same of every slot; 0 for never.
    Many(Box<[u16; SLOTS]>),
}

/// As many as have place in 24 bytes.
const FEW: usize = 7;

/// The slot of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u8);

/// Which slot a thing has. Who knows it can pick things that share one, and are then counted as one: so a sensor's seed
/// is random, and that of a replay and of training fixed, as they must count alike every time.
///
/// foldhash's quality variant, as with the fast one things that share a slot by one seed mostly do by others, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    seed: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self::seeded(0x6e65_7461)
    }
}

impl Slots {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    pub(super) fn of<T: Hash>(&self, thing: &T) -> Slot {
        let hash = FixedState::with_seed(self.seed).hash_one(thing);
        Slot((hash as usize % SLOTS) as u8)
    }
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few {
            count: 0,
            slots: [0; FEW],
            hits: [0; FEW],
        }
    }
}

impl Distinct {
    /// Notes that the thing of this slot was seen at `now`.
    pub(super) fn note(&mut self, slot: Slot, now: Timestamp) {
        let stamp = stamp(now);
        match self {
            Self::Few { count, slots, hits } => {
                let known = usize::from(*count).min(FEW);
                let place = slots[..known].iter().position(|&one| one == slot.0);
                let place = place.unwrap_or(known);
                if place < FEW {
                    slots[place] = slot.0;
                    hits[place] = stamp;
                    *count = known.max(place + 1) as u8;
                } else {
                    let mut all = Box::new([0; SLOTS]);
                    for (slot, hit) in slots.iter().zip(hits) {
                        all[usize::from(*slot) % SLOTS] = *hit;
                    }
                    all[usize::from(slot.0) % SLOTS] = stamp;
                    *self = Self::Many(all);
                }
            }
            Self::Many(hits) => hits[usize::from(slot.0) % SLOTS] = stamp,
        }
    }

    /// Whether it takes long to count.
    pub(super) fn is_many(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// How many distinct things were seen within each of `windows` (in seconds) before `now`.
    #[must_use]
    pub(super) fn counts<const N: usize>(&self, windows: [u64; N], now: Timestamp) -> [f32; N] {
        let now = stamp(now);
        windows.map(|window| {
            let window = longest(window);
            // Sums of 16 bits, so that the loop runs on whole vector registers.
            let free = |hits: &[u16]| -> u16 {
                let free = |&hit: &u16| u16::from((hit == 0) | (now.wrapping_sub(hit) > window));
                hits.iter().map(free).sum()
            };
            let free = match self {
                Self::Few { hits, .. } => free(hits) + (SLOTS - FEW) as u16,
                Self::Many(hits) => free(hits.as_slice()),
            };
            ESTIMATES[usize::from(free)]
        })
    }
}

/// Whether something that was seen at `then` counts as seen within `window` seconds before `now`.
pub(super) fn is_within(then: Timestamp, window: u64, now: Timestamp) -> bool {
    stamp(now).wrapping_sub(stamp(then)) <= longest(window)
}

/// Stamps begin anew after 18 hours.
fn longest(window: u64) -> u16 {
    window.min(30_000) as u16
}

/// The estimate of how many things there were, by the slots that none of them hit.
static ESTIMATES: LazyLock<[f32; SLOTS + 1]> = LazyLock::new(|| {
    let slots = SLOTS as f32;
    // Whole, as things are: the estimate of few is theirs exactly.
    std::array::from_fn(|free| (-slots * (free.max(1) as f32 / slots).ln()).round())
});

fn stamp(now: Timestamp) -> u16 {
    ((now.as_nanos() / 1_000_000_000) % 0xffff) as u16 + 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_nanos((seconds * 1e9) as u64)
    }

    fn slot<T: Hash>(thing: &T) -> Slot {
        Slots::default().of(thing)
    }

    #[test]
    fn a_sum_counts_for_one_window_and_fades_over_the_next() {
        let mut sums = Sliding::<1, 10>::default();
        sums.add(&[4.0], at(101.0));
        assert_eq!(sums.sums(at(109.0)), [4.0]);
        assert_eq!(sums.sums(at(115.0)), [2.0]);
        assert_eq!(sums.sums(at(121.0)), [0.0]);
    }

    #[test]
    fn the_window_before_counts_by_what_is_left_of_it() {
        let mut sums = Sliding::<2, 10>::default();
        sums.add(&[0.0, 8.0], at(105.0));
        sums.add(&[0.0, 1.0], at(112.0));
        assert_eq!(sums.sums(at(112.5)), [0.0, 1.0 + 8.0 * 0.75]);
    }

    #[test]
    fn few_distinct_things_are_counted_almost_exactly() {
        let mut seen = Distinct::default();
        for port in 0..40_u16 {
            seen.note(slot(&port), at(1000.0));
            seen.note(slot(&port), at(1000.5));
        }
        let [count] = seen.counts([10], at(1001.0));
        assert!((35.0..46.0).contains(&count), "{count}");
    }

    #[test]
    fn few_slots_are_remembered_as_all_of_them_would_be() {
        // One after another, some again, over hours; in place of a sketch that begins with every slot.
        let mut few = Distinct::default();
        let mut all = Distinct::Many(Box::new([0; SLOTS]));
        for step in 0..40_u64 {
            let slot = Slot((step * step % 23) as u8);
            let now = at((1000 + step * 37) as f64);
            few.note(slot, now);
            all.note(slot, now);
            let windows = [10, 60, 300, 3600];
            assert_eq!(few.counts(windows, now), all.counts(windows, now), "{step}");
            assert_eq!(few.is_many(), few_slots(step) > FEW, "{step}");
        }
        assert!(size_of::<Distinct>() <= 24);
    }

    /// Distinct slots of the test above up to a step.
    fn few_slots(step: u64) -> usize {
        let slots: BTreeSet<u64> = (0..=step).map(|n| n * n % 23).collect();
        slots.len()
    }

    #[test]
    fn things_seen_before_the_window_do_not_count() {
        let mut seen = Distinct::default();
        seen.note(slot(&1), at(1000.0));
        seen.note(slot(&2), at(1030.0));
        assert_eq!(seen.counts([10, 60], at(1031.0)), [1.0, 2.0]);
    }

    #[test]
    fn a_thousand_distinct_things_saturate_without_harm() {
        let mut seen = Distinct::default();
        for port in 0..60_000_u16 {
            seen.note(slot(&port), at(1000.0));
        }
        assert!(seen.counts([10], at(1000.0)) > [500.0]);
    }

    #[test]
    fn ports_that_share_a_slot_by_one_seed_are_found_with_another() {
        let known = Slots::default();
        let shared: Vec<u16> = (1..=u16::MAX)
            .filter(|port| known.of(&(6_u8, *port)) == known.of(&(6_u8, 1_u16)))
            .collect();
        assert!(shared.len() > 400, "{}", shared.len());
        let scanned = |slots: Slots| {
            let mut seen = Distinct::default();
            for port in &shared {
                seen.note(slots.of(&(6_u8, *port)), at(1000.0));
            }
            let [count] = seen.counts([300], at(1001.0));
            count
        };
        assert_eq!(scanned(known), 1.0);
        for seed in [1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let (found, ports) = (scanned(Slots::seeded(seed)), shared.len() as f32);
            assert!(
                (0.6 * ports..1.6 * ports).contains(&found),
                "{found} of {ports}"
            );
        }
    }
}
