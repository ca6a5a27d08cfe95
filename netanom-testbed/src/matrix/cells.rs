//! The cells of the matrix: which attack follows which, after how long, beside what.

use std::time::Duration;

use crate::attacks::{self, Attack};
use crate::random::Random;

/// Seconds between two attacks: while the first is still in every memory, when its alert has ended, and long after.
pub(super) const GAPS: [u64; 4] = [5, 20, 60, 600];

/// A second attack on the hosts of a first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    /// None in the run that shows what the second one is alone.
    first: Option<usize>,
    second: usize,
    gap: u64,
    /// Whether an office works beside.
    pub(super) is_among: bool,
}

impl Cell {
    /// The attack that comes before.
    pub(super) fn first(self) -> Option<&'static Attack> {
        self.first.map(attack)
    }

    /// The attack that is asked about.
    pub(super) fn second(self) -> &'static Attack {
        attack(self.second)
    }

    /// From the end of the first to the begin of the second.
    pub(super) fn gap(self) -> Duration {
        Duration::from_secs(self.gap)
    }

    /// What has a line of the table: both attacks.
    pub(super) fn pair(self) -> (Option<usize>, usize) {
        (self.first, self.second)
    }

    /// The second attack without a first one.
    pub(super) fn alone(self) -> Self {
        Self {
            first: None,
            gap: 0,
            ..self
        }
    }
}

fn attack(number: usize) -> &'static Attack {
    &attacks::ATTACKS[number]
}

/// Every cell.
pub(super) fn all() -> Vec<Cell> {
    let numbers = || 0..attacks::ATTACKS.len();
    let mut cells = Vec::new();
    for first in numbers() {
        for second in numbers().filter(|second| *second != first) {
            for is_among in [false, true] {
                cells.extend(GAPS.map(|gap| Cell {
                    first: Some(first),
                    second,
                    gap,
                    is_among,
                }));
            }
        }
    }
    cells
}

/// So many of them, each as likely as the others, in the order of [`all`].
pub(super) fn drawn(number: usize, seed: u64) -> Vec<Cell> {
    let mut random = Random::new(seed, 0);
    let mut left = all();
    let mut cells = Vec::new();
    while cells.len() < number && !left.is_empty() {
        let place = random.between(0, left.len() as u64 - 1);
        cells.push(left.swap_remove(place as usize));
    }
    cells.sort_unstable();
    cells
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attack_follows_every_other_one_in_eight_ways() {
        let cells = all();
        let distinct: BTreeSet<Cell> = cells.iter().copied().collect();
        assert_eq!((cells.len(), distinct.len()), (21 * 20 * 8, 21 * 20 * 8));
        assert!(cells.iter().all(|cell| cell.first() != Some(cell.second())));
    }

    #[test]
    fn a_sample_is_drawn_by_its_seed_and_has_no_cell_twice() {
        assert_eq!(drawn(12, 1), drawn(12, 1));
        assert_ne!(drawn(12, 1), drawn(12, 2));
        let distinct: BTreeSet<Cell> = drawn(500, 1).into_iter().collect();
        assert_eq!(distinct.len(), 500);
        assert_eq!(drawn(1_000_000, 1).len(), all().len());
    }
}
