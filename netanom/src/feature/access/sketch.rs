//! How many distinct things one client asked for in one minute, in memory that does not grow with them.

/// Linear counting (Whang, Vander-Zanden, Taylor 1990) over `64 × WORDS` bits: exact to a few per cent up to as many
/// things as there are bits, saturated at about five times as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Default for Bits<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> Bits<WORDS> {
    /// Notes the thing with this hash.
    pub(super) fn note(&mut self, hash: u64) {
        let bit = hash as usize % (WORDS * 64);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// The estimate of how many there were.
    pub(super) fn count(&self) -> f64 {
        let bits = (WORDS * 64) as f64;
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let free = (bits - f64::from(set)).max(1.0);
        (-bits * (free / bits).ln()).round()
    }
}

/// How often each of `SLOTS` groups of things was asked for; things are put into groups by their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Groups<const SLOTS: usize>([u16; SLOTS]);

impl<const SLOTS: usize> Default for Groups<SLOTS> {
    fn default() -> Self {
        Self([0; SLOTS])
    }
}

impl<const SLOTS: usize> Groups<SLOTS> {
    /// Notes the thing with this hash.
    pub(super) fn note(&mut self, hash: u64) {
        let slot = &mut self.0[(hash >> 32) as usize % SLOTS];
        *slot = slot.saturating_add(1);
    }

    /// How often the busiest group was asked for.
    pub(super) fn busiest(&self) -> f64 {
        self.0.iter().copied().max().map_or(0.0, f64::from)
    }

    /// Shannon entropy of the groups, in bits: 0 when all were of one, log₂ `SLOTS` at most.
    pub(super) fn entropy(&self) -> f64 {
        let sum: f64 = self.0.iter().copied().map(f64::from).sum();
        let used = self.0.iter().filter(|count| **count > 0);
        used.map(|count| f64::from(*count) / sum)
            .map(|share| -share * share.log2())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use foldhash::quality::FixedState;

    use super::*;

    fn hash(number: u32) -> u64 {
        FixedState::with_seed(7).hash_one(number)
    }

    #[test]
    fn distinct_things_are_counted_to_a_few_per_cent() {
        let mut bits = Bits::<16>::default();
        for number in 0..400 {
            bits.note(hash(number));
            bits.note(hash(number));
        }
        assert!((370.0..430.0).contains(&bits.count()), "{}", bits.count());
    }

    #[test]
    fn one_thing_has_no_entropy_and_many_have_much() {
        let mut one = Groups::<64>::default();
        let mut many = Groups::<64>::default();
        for number in 0..1000 {
            one.note(hash(1));
            many.note(hash(number));
        }
        assert_eq!((one.entropy(), one.busiest()), (0.0, 1000.0));
        assert!((5.8..6.0).contains(&many.entropy()), "{}", many.entropy());
    }
}
