//! What a score is worth: the share of held-out normal rows that have one at least as high.
//!
//! p = (1 + number of held-out scores ≥ s) / (1 + their number) is a conformal p-value (Vovk, Gammerman and Shafer 2005):
//! of new normal rows a share of at most a has p ≤ a. Between two held-out scores it is drawn as a line, which only makes
//! it larger. Beyond the highest it is hardly more than 1 / (1 + number), falling, so that rows stay in order, but never below:
//! that is all that so many rows can say.

use super::{ArrayError, NamedArrays};

/// Points that are kept of however many scores; a power of two, half of them for the highest scores.
const POINTS: usize = 4096;

/// How much of the p-value of what is beyond the highest score is for the order of such rows.
const ORDER: f32 = 0.05;

/// A table from scores to p-values.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// Rising, no two the same.
    scores: Vec<f32>,
    /// Falling, from 1.
    p_values: Vec<f32>,
    /// From the median to the highest: the unit of what is beyond.
    spread: f32,
    /// 1 / (1 + number of held-out scores).
    floor: f32,
}

impl Ranks {
    /// Of the scores of normal rows that the detector has not seen; without any, every score is ordinary.
    #[must_use]
    pub fn of(mut held_out: Vec<f32>) -> Self {
        held_out.retain(|score| score.is_finite());
        held_out.sort_by(f32::total_cmp);
        let all = held_out.len();
        let (Some(first), Some(last)) = (held_out.first(), held_out.last()) else {
            return Self {
                scores: vec![f32::MAX],
                p_values: vec![1.0],
                spread: 1.0,
                floor: 1.0,
            };
        };
        let spread = (last - held_out[all / 2])
            .max(f32::EPSILON * last.abs())
            .max(f32::MIN_POSITIVE);
        let is_kept = |place: usize| {
            let tail = all.saturating_sub(POINTS / 2);
            place >= tail || place.is_multiple_of((tail / (POINTS / 2)).max(1) + 1)
        };
        let (mut scores, mut p_values) = (vec![*first], vec![1.0]);
        for (place, score) in held_out.iter().enumerate() {
            // The first of equal ones has all of them at or above it.
            let is_first = place == 0 || held_out[place - 1] < *score;
            if is_first && is_kept(place) && scores.last() < Some(score) {
                scores.push(*score);
                p_values.push((1 + all - place) as f32 / (1 + all) as f32);
            }
        }
        Self {
            scores,
            p_values,
            spread,
            floor: 1.0 / (1 + all) as f32,
        }
    }

    /// Above 0, at most 1.
    #[must_use]
    pub fn p_value(&self, score: f32) -> f32 {
        let above = self.scores.partition_point(|point| *point <= score);
        let Some(before) = above.checked_sub(1) else {
            return 1.0;
        };
        let (from, p) = (self.scores[before], self.p_values[before]);
        match self.scores.get(above) {
            Some(to) => {
                let share = (score - from) / (to - from);
                p + (self.p_values[above] - p) * share
            }
            // Nothing that was held out is at or above it; a little more than that says, so that rows stay in order.
            None if score > from => {
                let beyond = ((score - from) / self.spread).min(f32::MAX);
                (self.floor * (1.0 + ORDER / (1.0 + beyond.ln_1p()))).min(p)
            }
            None => p,
        }
    }

    /// The smallest p-value that a score can have.
    #[must_use]
    pub fn least(&self) -> f32 {
        self.p_value(f32::MAX).min(self.p_value(f32::INFINITY))
    }

    pub(super) fn store(&self, name: &str, arrays: &mut NamedArrays) {
        arrays.within(name, |arrays| {
            arrays.put_row("scores", self.scores.iter().copied());
            arrays.put_row("p_values", self.p_values.iter().copied());
            arrays.put_one("spread", self.spread);
            arrays.put_one("floor", self.floor);
        });
    }

    pub(super) fn load(name: &str, arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        let ranks = arrays.within(name, |arrays| {
            Ok(Self {
                scores: arrays.take_row("scores")?.to_vec(),
                p_values: arrays.take_row("p_values")?.to_vec(),
                spread: arrays.take_one("spread")?,
                floor: arrays.take_one("floor")?,
            })
        })?;
        let is_sound = !ranks.scores.is_empty()
            && ranks.scores.len() == ranks.p_values.len()
            && ranks.scores.is_sorted_by(|a, b| a < b)
            && ranks.p_values.is_sorted_by(|a, b| a >= b)
            && ranks.p_values.iter().all(|p| *p > 0.0 && *p <= 1.0)
            && ranks.spread > 0.0
            && ranks.floor > 0.0
            && ranks.floor <= 1.0;
        if is_sound {
            Ok(ranks)
        } else {
            Err(ArrayError::Wrong(format!("`{name}` are no ranks")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn p_values_are_those_counted_by_hand() {
        let ranks = Ranks::of(vec![4.0, 1.0, 2.0, 2.0]);
        let p = [0.5, 1.0, 2.0, 4.0].map(|score| ranks.p_value(score));
        assert_eq!(p, [1.0, 1.0, 4.0 / 5.0, 2.0 / 5.0]);
        // Between 2 and 4 by a line; beyond 4 towards a fifth.
        assert!((ranks.p_value(3.0) - 0.6).abs() < 1e-6);
        assert!(ranks.p_value(5.0) > ranks.p_value(1e30) && ranks.least() >= 0.2);
    }

    #[test]
    fn what_is_above_all_of_many_equal_scores_is_as_rare_as_rows_can_say() {
        let ranks = Ranks::of(vec![3.0; 99]);
        assert_eq!(ranks.p_value(3.0), 1.0);
        assert!(
            (ranks.p_value(3.1) - 0.01).abs() < 1e-3,
            "{}",
            ranks.p_value(3.1)
        );
    }

    #[test]
    fn without_rows_nothing_is_out_of_the_ordinary() {
        assert_eq!(Ranks::of(vec![f32::NAN]).p_value(1e30), 1.0);
    }

    #[test]
    fn many_scores_become_a_table_that_says_the_same() {
        let ranks = Ranks::of((0..100_000).map(|score| score as f32).collect());
        assert!(ranks.scores.len() <= POINTS + 2, "{}", ranks.scores.len());
        for score in [10_000, 50_000, 99_000, 99_999] {
            let expected = (100_001 - score) as f32 / 100_001.0;
            let found = ranks.p_value(score as f32);
            assert!(
                (found - expected).abs() < 1e-4 * expected.max(0.1),
                "{found}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_higher_score_is_never_more_ordinary(
            held_out in prop::collection::vec(-1e6_f32..1e6, 1..300), a in -1e7_f32..1e7, b in -1e7_f32..1e7,
        ) {
            let n = held_out.len();
            let ranks = Ranks::of(held_out);
            prop_assert!(ranks.p_value(a.max(b)) <= ranks.p_value(a.min(b)));
            prop_assert!(ranks.p_value(a) >= 0.999 / (n + 1) as f32);
        }
    }
}
