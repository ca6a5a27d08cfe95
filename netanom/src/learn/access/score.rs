//! How well rows of a log are told from normal ones.

use serde::Serialize;

use crate::learn::curves::{self, Scored};

/// One log against normal rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Rows of the log.
    pub rows: usize,
    /// Normal rows.
    pub normal: usize,
    /// Chance that a row of the log scores above a normal one.
    pub roc_auc: Option<f64>,
    /// Rows that score above every normal one.
    pub above_all_normal: usize,
    /// Rows that score at least a half.
    pub noticed: usize,
    /// Normal rows that do.
    pub false_alarms: usize,
}

/// From how unlike normal the rows are, 0 to 1.
#[must_use]
pub fn score(attack: &[f32], normal: &[f32]) -> Score {
    let scored = |scores: &[f32], is_positive| {
        let rows = scores.iter().map(move |score| Scored {
            score: *score,
            is_positive,
            weight: 1.0,
        });
        rows.collect::<Vec<_>>()
    };
    let all = [scored(attack, true), scored(normal, false)].concat();
    let most = normal.iter().copied().fold(0.0, f32::max);
    let half = |scores: &[f32]| scores.iter().filter(|score| **score >= 0.5).count();
    Score {
        rows: attack.len(),
        normal: normal.len(),
        roc_auc: curves::roc_auc(&curves::curve(&all)),
        above_all_normal: attack.iter().filter(|score| **score > most).count(),
        noticed: half(attack),
        false_alarms: half(normal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_against_the_worst_normal_one() {
        let found = score(&[0.9, 0.6, 0.2], &[0.1, 0.5]);
        assert_eq!(
            (found.above_all_normal, found.noticed, found.false_alarms),
            (2, 2, 1)
        );
        assert!((found.roc_auc.unwrap() - 5.0 / 6.0).abs() < 1e-9);
    }
}
