//! How well a score sorts attacks from normal traffic, whatever the threshold: ROC, precision and recall, calibration.

use serde::Serialize;

/// A judged row: its score, whether it is positive, and how much it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// How sure the model is that it is positive, 0 to 1.
    pub score: f32,
    /// Whether it is.
    pub is_positive: bool,
    /// Its weight.
    pub weight: f64,
}

/// Threshold by threshold, from the strictest: all rows with at least `score` are called positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The threshold.
    pub score: f32,
    /// Share of the positives that is called so (recall).
    pub true_positive_rate: f64,
    /// Share of the negatives that is called positive.
    pub false_positive_rate: f64,
    /// Share of what is called positive that is.
    pub precision: f64,
}

/// A curve over every threshold that makes a difference; empty without positives or without negatives.
#[must_use]
pub fn curve(rows: &[Scored]) -> Vec<Point> {
    let weight_of = |positive| -> f64 {
        let of_kind = rows.iter().filter(|row| row.is_positive == positive);
        of_kind.map(|row| row.weight).sum()
    };
    let (positives, negatives) = (weight_of(true), weight_of(false));
    if positives <= 0.0 || negatives <= 0.0 {
        return Vec::new();
    }
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut right, mut wrong) = (0.0, 0.0);
    let mut points = Vec::new();
    for same in sorted.chunk_by(|a, b| a.score == b.score) {
        for row in same {
            *(if row.is_positive {
                &mut right
            } else {
                &mut wrong
            }) += row.weight;
        }
        points.push(Point {
            score: same[0].score,
            true_positive_rate: right / positives,
            false_positive_rate: wrong / negatives,
            precision: right / (right + wrong),
        });
    }
    points
}

/// Area under the ROC curve by trapezoids: the chance that a positive scores above a negative.
#[must_use]
pub fn roc_auc(curve: &[Point]) -> Option<f64> {
    let last = curve.last()?;
    let mut before = (0.0, 0.0);
    let mut area = 0.0;
    for point in curve {
        let (x, y) = (point.false_positive_rate, point.true_positive_rate);
        area += (x - before.0) * f64::midpoint(y, before.1);
        before = (x, y);
    }
    (last.true_positive_rate > 0.0).then_some(area)
}

/// Average precision: precision weighted by the recall that each threshold adds (no interpolation, as scikit-learn's
/// `average_precision_score`).
#[must_use]
pub fn pr_auc(curve: &[Point]) -> Option<f64> {
    let mut before = 0.0;
    let mut area = 0.0;
    for point in curve {
        area += (point.true_positive_rate - before) * point.precision;
        before = point.true_positive_rate;
    }
    (!curve.is_empty()).then_some(area)
}

/// The precision where positives are a share of `base_rate` of all rows, with rows of at least `threshold` called
/// positive: what an operator meets, whose network is nearly always quiet.
#[must_use]
pub fn precision_at(curve: &[Point], threshold: f32, base_rate: f64) -> Option<f64> {
    let point = curve
        .iter()
        .take_while(|point| point.score >= threshold)
        .last()?;
    let right = point.true_positive_rate * base_rate;
    let wrong = point.false_positive_rate * (1.0 - base_rate);
    (right + wrong > 0.0).then(|| right / (right + wrong))
}

/// Rows whose scores are alike: what was said on average, and how many are positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Mean score.
    pub said: f64,
    /// Share of positives.
    pub is: f64,
    /// Weight of the rows.
    pub weight: f64,
}

/// Ten bins of equal width; those without rows are left out.
#[must_use]
pub fn calibration(rows: &[Scored]) -> Vec<Bin> {
    let mut sums = [(0.0, 0.0, 0.0); 10];
    for row in rows {
        let (said, is, weight) = &mut sums[((row.score * 10.0) as usize).min(9)];
        *said += f64::from(row.score) * row.weight;
        *is += if row.is_positive { row.weight } else { 0.0 };
        *weight += row.weight;
    }
    let filled = sums.into_iter().filter(|(_, _, weight)| *weight > 0.0);
    filled
        .map(|(said, is, weight)| Bin {
            said: said / weight,
            is: is / weight,
            weight,
        })
        .collect()
}

/// Mean distance between what was said and what is, over the bins by weight.
#[must_use]
pub fn calibration_error(bins: &[Bin]) -> Option<f64> {
    let all: f64 = bins.iter().map(|bin| bin.weight).sum();
    let off: f64 = bins
        .iter()
        .map(|bin| bin.weight * (bin.said - bin.is).abs())
        .sum();
    (all > 0.0).then(|| off / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By falling score: positive, positive, negative, positive, negative.
    fn rows() -> Vec<Scored> {
        let kinds = [
            (0.9, true),
            (0.8, true),
            (0.7, false),
            (0.4, true),
            (0.1, false),
        ];
        let row = |(score, is_positive)| Scored {
            score,
            is_positive,
            weight: 1.0,
        };
        kinds.map(row).to_vec()
    }

    #[test]
    fn areas_are_those_worked_out_by_hand() {
        let curve = curve(&rows());
        // Of six pairs of a positive and a negative, one is in the wrong order.
        assert!((roc_auc(&curve).unwrap() - 5.0 / 6.0).abs() < 1e-12);
        let expected = (1.0 + 1.0 + 3.0 / 4.0) / 3.0;
        assert!((pr_auc(&curve).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_scores_are_one_point_and_half_right() {
        let row = |is_positive| Scored {
            score: 0.5,
            is_positive,
            weight: 2.0,
        };
        let curve = curve(&[row(true), row(false)]);
        assert_eq!(curve.len(), 1);
        assert_eq!(roc_auc(&curve), Some(0.5));
        assert_eq!(pr_auc(&curve), Some(0.5));
    }

    #[test]
    fn one_kind_alone_has_no_curve() {
        let positives: Vec<Scored> = rows().into_iter().filter(|row| row.is_positive).collect();
        let curve = curve(&positives);
        assert_eq!((roc_auc(&curve), pr_auc(&curve)), (None, None));
    }

    #[test]
    fn precision_falls_with_the_share_of_attacks() {
        let curve = curve(&rows());
        // At 0.5 two of three positives and one of two negatives are called positive.
        let expected = (2.0 / 3.0 * 0.01) / (2.0 / 3.0 * 0.01 + 0.5 * 0.99);
        let found = precision_at(&curve, 0.5, 0.01).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found}");
        assert_eq!(precision_at(&curve, 0.95, 0.01), None);
    }

    #[test]
    fn bins_hold_what_was_said_and_what_is() {
        let mut rows = rows();
        rows.push(Scored {
            score: 0.45,
            is_positive: false,
            weight: 3.0,
        });
        let bins = calibration(&rows);
        let of = bins.iter().find(|bin| bin.weight == 4.0).unwrap();
        assert!((of.said - (0.4 + 3.0 * 0.45) / 4.0).abs() < 1e-6);
        assert!((of.is - 0.25).abs() < 1e-12);
        let perfect = [Bin {
            said: 0.2,
            is: 0.2,
            weight: 5.0,
        }];
        assert_eq!(calibration_error(&perfect), Some(0.0));
    }
}
