//! The sample that a tree grows on: rows drawn with replacement, from captures drawn with replacement.
//!
//! Rows of one capture are near-copies, so a tree that draws rows alone (Breiman 2001) sees every capture, and all
//! trees make the mistakes of the same captures. What a tree has not seen, it judges as it would judge a network that
//! is new to it: the forest's probabilities become more honest for that (a cluster bootstrap: Davison and Hinkley
//! 1997, section 3.8).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::dataset::DataSet;

/// A capture that was not drawn still counts so much of one that was: some kinds of attack are in one capture only,
/// and no tree should have to guess at them.
const NOT_DRAWN: f64 = 0.3;

/// A row of the sample.
#[derive(Clone, Copy, Default)]
pub(super) struct Drawn {
    pub(super) row: u32,
    pub(super) label: u32,
    /// How much it counts in the sample.
    pub(super) weight: f64,
}

/// The weight of each row of the data in a tree's sample, 0 for rows that were not drawn.
pub(super) fn weights(data: &DataSet, random: &mut ChaCha8Rng) -> Vec<f64> {
    let rows = draws(data.labels.len(), random);
    let captures = match data.group_names.len() {
        0 | 1 => vec![1.0; 1],
        several => draws(several, random)
            .into_iter()
            .map(|drawn| (drawn + NOT_DRAWN) / (1.0 + NOT_DRAWN))
            .collect(),
    };
    let of_row = |row: usize| f64::from(data.weights[row]) * captures[data.groups[row] as usize];
    let weighted = rows.iter().enumerate();
    weighted.map(|(row, drawn)| drawn * of_row(row)).collect()
}

/// How often each of `count` is drawn in `count` draws.
fn draws(count: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    let mut draws = vec![0.0; count];
    for _ in 0..count {
        draws[random.random_range(0..count)] += 1.0;
    }
    draws
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::SeedableRng;

    use super::*;
    use crate::learn::test_support::data;

    /// 100 captures of 100 rows.
    fn set() -> DataSet {
        let labels: Vec<u8> = (0..10_000_u32).map(|row| (row % 2) as u8).collect();
        DataSet {
            groups: (0..10_000).map(|row| row / 100).collect(),
            made: Default::default(),
            group_names: (0..100).map(|capture| format!("{capture}.pcap")).collect(),
            ..data(Array2::zeros((10_000, 1)), &labels)
        }
    }

    #[test]
    fn some_captures_are_drawn_often_and_none_is_lost() {
        let weights = weights(&set(), &mut ChaCha8Rng::seed_from_u64(1));
        let of_capture: Vec<f64> = weights.chunks(100).map(|rows| rows.iter().sum()).collect();
        // Not drawn: about 100 rows of weight 0.3 / 1.3. A share of 1/e of all captures.
        let not_drawn = of_capture.iter().filter(|weight| **weight < 40.0).count();
        assert!((25..50).contains(&not_drawn), "{not_drawn}");
        assert!(of_capture.iter().all(|weight| *weight > 10.0));
        assert!(of_capture.iter().any(|weight| *weight > 150.0));
    }

    #[test]
    fn the_sample_weighs_about_as_much_as_the_data() {
        let weights = weights(&set(), &mut ChaCha8Rng::seed_from_u64(2));
        let total: f64 = weights.iter().sum();
        assert!((9_000.0..11_000.0).contains(&total), "{total}");
    }
}
