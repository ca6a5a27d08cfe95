//! Fixed-size summaries of what went by lately: sums and distinct counts over a sliding window, and a bounded table.
//!
//! Memory does not grow with the traffic, and nothing here asks for the time: it comes with each call.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::fast::{FixedState, RandomState};

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

    /// Adds `amount` to sum `which` at `now`. A time before the last one counts as the last one.
    pub(super) fn add(&mut self, which: usize, amount: f32, now: Timestamp) {
        self.advance(now);
        self.current[which] += amount;
    }

    /// Sum `which` as of `now`.
    #[must_use]
    pub(super) fn sum(&self, which: usize, now: Timestamp) -> f32 {
        let epoch = now.as_nanos() / Self::NANOS;
        let elapsed = (now.as_nanos() % Self::NANOS) as f32 / Self::NANOS as f32;
        match epoch.saturating_sub(self.epoch) {
            0 if epoch < self.epoch => self.current[which],
            0 => self.current[which] + self.previous[which] * (1.0 - elapsed),
            1 => self.current[which] * (1.0 - elapsed),
            _ => 0.0,
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
pub(super) struct Distinct {
    /// Second of the last hit plus one, modulo 2¹⁶; 0 for never.
    hits: [u16; SLOTS],
}

impl Default for Distinct {
    fn default() -> Self {
        Self { hits: [0; SLOTS] }
    }
}

impl Distinct {
    /// Notes that `thing` was seen at `now`.
    pub(super) fn note<T: Hash>(&mut self, thing: &T, now: Timestamp) {
        // A fixed seed: replays must count alike.
        let hash = FixedState::with_seed(0x6e65_7461).hash_one(thing);
        self.hits[hash as usize % SLOTS] = stamp(now);
    }

    /// How many distinct things were seen within `window` before `now`.
    #[must_use]
    pub(super) fn count(&self, window: Duration, now: Timestamp) -> f32 {
        let now = stamp(now);
        let window = window.as_secs().min(30_000) as u16;
        let is_free = |&&hit: &&u16| hit == 0 || now.wrapping_sub(hit) > window;
        let free = self.hits.iter().filter(is_free).count().max(1);
        let slots = SLOTS as f32;
        // Whole, as things are: the estimate of few is theirs exactly.
        (-slots * (free as f32 / slots).ln()).round()
    }
}

fn stamp(now: Timestamp) -> u16 {
    ((now.as_nanos() / 1_000_000_000) % 0xffff) as u16 + 1
}

/// A table of at most `capacity` records that forgets those that were not used for longest.
///
/// Two maps: when the young one has grown to half the capacity it becomes the old one, and the old one is dropped.
/// A record that is used moves to the young map.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    half: usize,
}

impl<K: Hash + Eq + Clone, V: Default> Recent<K, V> {
    /// An empty table.
    #[must_use]
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            half: (capacity / 2).max(1),
        }
    }

    /// The record of `key`, a new one if there is none.
    pub(super) fn touch(&mut self, key: &K) -> &mut V {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key).unwrap_or_default();
            if self.young.len() >= self.half {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key.clone(), value);
        }
        self.young.entry(key.clone()).or_default()
    }

    /// The record of `key`, without using it.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_nanos((seconds * 1e9) as u64)
    }

    #[test]
    fn a_sum_counts_for_one_window_and_fades_over_the_next() {
        let mut sums = Sliding::<1, 10>::default();
        sums.add(0, 4.0, at(101.0));
        assert_eq!(sums.sum(0, at(109.0)), 4.0);
        assert_eq!(sums.sum(0, at(115.0)), 2.0);
        assert_eq!(sums.sum(0, at(121.0)), 0.0);
    }

    #[test]
    fn the_window_before_counts_by_what_is_left_of_it() {
        let mut sums = Sliding::<2, 10>::default();
        sums.add(1, 8.0, at(105.0));
        sums.add(1, 1.0, at(112.0));
        assert_eq!(sums.sum(1, at(112.5)), 1.0 + 8.0 * 0.75);
        assert_eq!(sums.sum(0, at(112.5)), 0.0);
    }

    #[test]
    fn few_distinct_things_are_counted_almost_exactly() {
        let mut seen = Distinct::default();
        for port in 0..40_u16 {
            seen.note(&port, at(1000.0));
            seen.note(&port, at(1000.5));
        }
        let count = seen.count(Duration::from_secs(10), at(1001.0));
        assert!((35.0..46.0).contains(&count), "{count}");
    }

    #[test]
    fn things_seen_before_the_window_do_not_count() {
        let mut seen = Distinct::default();
        seen.note(&1, at(1000.0));
        seen.note(&2, at(1030.0));
        let count = seen.count(Duration::from_secs(10), at(1031.0));
        assert!((0.9..1.1).contains(&count), "{count}");
        let count = seen.count(Duration::from_secs(60), at(1031.0));
        assert!((1.9..2.1).contains(&count), "{count}");
    }

    #[test]
    fn a_thousand_distinct_things_saturate_without_harm() {
        let mut seen = Distinct::default();
        for port in 0..60_000_u16 {
            seen.note(&port, at(1000.0));
        }
        assert!(seen.count(Duration::from_secs(10), at(1000.0)) > 500.0);
    }

    #[test]
    fn a_record_in_use_survives_a_flood_of_others() {
        let mut table = Recent::<u32, u32>::new(100);
        *table.touch(&7) = 1;
        for other in 1000..100_000 {
            table.touch(&other);
            *table.touch(&7) += 1;
        }
        assert_eq!(table.get(&7), Some(&99_001));
        assert!(table.young.len() + table.old.len() <= 101);
    }
}
