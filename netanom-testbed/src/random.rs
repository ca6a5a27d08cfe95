//! Numbers drawn from a seed: the same seed makes the same plan.

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): small, and good enough to vary traffic.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// One stream of numbers for each seed and each part of what is made.
    pub(crate) fn new(seed: u64, part: usize) -> Self {
        let mut random = Self(seed ^ (part as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// From `low` to `high`.
    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits fit into a double exactly"
        )]
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        low + unit * (high - low)
    }

    /// From `low` to `high`, each power of ten as likely as the next.
    pub(crate) fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        self.real(low.ln(), high.ln()).exp()
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() as u64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_parts_differ() {
        let draw = |seed, part| {
            let mut random = Random::new(seed, part);
            [random.between(0, 1000), random.between(0, 1000)]
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(1, 0);
        for _ in 0..1000 {
            assert!((3..=5).contains(&random.between(3, 5)));
            assert!((10.0..=1000.0).contains(&random.magnitude(10.0, 1000.01).min(1000.0)));
            assert!((0.5..1.5).contains(&random.real(0.5, 1.5)));
        }
    }
}
