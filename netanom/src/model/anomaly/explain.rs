//! Which columns a detector blames, where its score does not fall into parts by itself: by ablation. Each column in turn
//! becomes what is typical of normal rows, and what the score loses by it is that column's part.

use ndarray::{Array1, Array2, ArrayView1, s};

use super::Detector;

pub(super) fn by_ablation(
    detector: &Detector,
    row: ArrayView1<'_, f32>,
    typical: &Array1<f32>,
) -> Vec<f64> {
    let width = row.len();
    // The row as it is, then with one column after the other as usual.
    let mut rows = Array2::zeros((width + 1, width));
    rows.outer_iter_mut().for_each(|mut copy| copy.assign(&row));
    for column in 0..width {
        rows[(column + 1, column)] = typical[column];
    }
    let scores = detector.scores(rows.view());
    let without = scores.slice(s![1..]);
    without
        .iter()
        .map(|score| f64::from(scores[0]) - f64::from(*score))
        .collect()
}

/// Parts of 1, with nothing for what is below 0.
pub(super) fn shares(parts: Vec<f64>) -> Vec<f64> {
    let blamed = |part: &f64| part.is_finite() && *part > 0.0;
    let all: f64 = parts.iter().filter(|part| blamed(part)).sum();
    let share = |part: f64| if blamed(&part) { part / all } else { 0.0 };
    parts.into_iter().map(share).collect()
}
