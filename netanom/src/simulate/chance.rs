//! Draws that look like networks do: waits are exponential, sizes and think times log-normal, never regular.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Where all draws come from: the same seed gives the same traffic on every machine.
pub(crate) type Rng = ChaCha8Rng;

/// An exponential wait: the time to the next of independent events that come `mean` apart on average.
pub(crate) fn wait(rng: &mut Rng, mean: Duration) -> Duration {
    // 1 - u is in (0, 1], so the logarithm is finite.
    mean.mul_f64(-(1.0 - rng.random::<f64>()).ln())
}

/// A log-normal number with the given median, between `median / 1000` and `most`.
///
/// `spread` is the standard deviation of the logarithm: 0.5 is narrow, 1.5 spans orders of magnitude.
pub(crate) fn around(rng: &mut Rng, median: f64, spread: f64, most: f64) -> f64 {
    (median * (spread * standard_normal(rng)).exp()).clamp(median / 1000.0, most)
}

/// A number between `low` and `high`, both above 0, each power of ten as likely as the next.
pub(crate) fn magnitude(rng: &mut Rng, low: f64, high: f64) -> f64 {
    (low.ln() + (high / low).ln() * rng.random::<f64>()).exp()
}

/// A whole number from `low` to `high`, each power of ten as likely as the next.
pub(crate) fn count(rng: &mut Rng, low: usize, high: usize) -> usize {
    // Each whole number gets what lies around it.
    let number = magnitude(rng, low as f64 - 0.5, high as f64 + 0.5).round();
    (number as usize).clamp(low, high)
}

/// A time between `low` and `high` seconds, each power of ten as likely as the next.
pub(crate) fn span(rng: &mut Rng, low: f64, high: f64) -> Duration {
    Duration::from_secs_f64(magnitude(rng, low, high))
}

/// A log-normal time in whole nanoseconds.
pub(crate) fn time(rng: &mut Rng, median: Duration, spread: f64) -> Duration {
    Duration::from_secs_f64(around(
        rng,
        median.as_secs_f64(),
        spread,
        median.as_secs_f64() * 100.0,
    ))
}

/// A log-normal size in bytes, at least 1.
pub(crate) fn size(rng: &mut Rng, median: u32, spread: f64, most: u32) -> u32 {
    (around(rng, median.into(), spread, most.into()) as u32).max(1)
}

/// A port that a client's system would pick: IANA's dynamic range from 49152, or Linux's from 32768.
pub(crate) fn client_port(rng: &mut Rng) -> u16 {
    rng.random_range(32_768..=60_999)
}

/// One element of a list that is not empty.
pub(crate) fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.random_range(0..list.len())]
}

/// Box and Muller, "A note on the generation of random normal deviates", 1958.
fn standard_normal(rng: &mut Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;

    use super::{Rng, around, wait};

    #[test]
    fn waits_have_the_mean_that_was_asked_for() {
        let mut rng = Rng::seed_from_u64(1);
        let sum: Duration = (0..100_000)
            .map(|_| wait(&mut rng, Duration::from_millis(10)))
            .sum();
        assert!((990.0..1010.0).contains(&sum.as_secs_f64()), "{sum:?}");
    }

    #[test]
    fn half_of_the_log_normal_draws_are_below_the_median() {
        let mut rng = Rng::seed_from_u64(1);
        let below = (0..100_000)
            .filter(|_| around(&mut rng, 500.0, 1.5, 1e9) < 500.0)
            .count();
        assert!((49_300..50_700).contains(&below), "{below}");
    }
}
