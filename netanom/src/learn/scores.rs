//! How well verdicts fit the truth.
//!
//! Rows have weights, so the same numbers can be had flow by flow (all 1), or with every capture counting the same
//! ([`DataSet::balance`](super::dataset::DataSet::balance)).

use std::fmt::{self, Write as _};

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::alert::Class;

/// Weight of the rows of each true class (line) that got each verdict (column).
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion<C = Class> {
    classes: Vec<C>,
    weights: Array2<f64>,
}

/// How well one class is told from the others. A share of nothing is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores<C = Class> {
    /// The class.
    pub class: C,
    /// Of the rows that were judged to be it, the share that is.
    pub precision: Option<f64>,
    /// Of the rows that are it, the share that was judged so.
    pub recall: Option<f64>,
    /// Harmonic mean of both; none for a class that neither occurred nor was named.
    pub f1: Option<f64>,
    /// Weight of the rows that are it.
    pub support: f64,
}

impl<C: Clone> Confusion<C> {
    /// No rows yet.
    #[must_use]
    pub fn new(classes: &[C]) -> Self {
        Self {
            classes: classes.to_vec(),
            weights: Array2::zeros((classes.len(), classes.len())),
        }
    }

    /// Counts a row that is `truth` and was judged to be `verdict`, both as positions among the classes. A position
    /// that does not exist is not counted.
    pub fn add(&mut self, truth: usize, verdict: usize, weight: f64) {
        if let Some(cell) = self.weights.get_mut((truth, verdict)) {
            *cell += weight;
        }
    }

    /// Counts each row of class probabilities with the likeliest class as its verdict, the first of equals.
    #[must_use]
    pub fn of_probabilities(
        classes: &[C],
        probabilities: &Array2<f32>,
        labels: &[u8],
        weights: &[f32],
    ) -> Self {
        let mut confusion = Self::new(classes);
        for ((row, &label), &weight) in probabilities.rows().into_iter().zip(labels).zip(weights) {
            let mut likeliest = 0;
            for (class, probability) in row.iter().enumerate() {
                if *probability > row[likeliest] {
                    likeliest = class;
                }
            }
            confusion.add(usize::from(label), likeliest, f64::from(weight));
        }
        confusion
    }

    /// The classes.
    #[must_use]
    pub fn classes(&self) -> &[C] {
        &self.classes
    }

    /// Weight of the rows that are `truth` and were judged to be `verdict`; 0 for a position that does not exist.
    #[must_use]
    pub fn weight(&self, truth: usize, verdict: usize) -> f64 {
        self.weights.get((truth, verdict)).copied().unwrap_or(0.0)
    }

    /// Share of the weight that was judged rightly.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.weights.diag().sum(), self.weights.sum())
    }

    /// The scores of each class.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassScores<C>> {
        let actual = self.weights.sum_axis(Axis(1));
        let judged = self.weights.sum_axis(Axis(0));
        let scores = |(position, class): (usize, &C)| {
            let right: f64 = self.weights[[position, position]];
            ClassScores {
                class: class.clone(),
                precision: share(right, judged[position]),
                recall: share(right, actual[position]),
                f1: share(2.0 * right, actual[position] + judged[position]),
                support: actual[position],
            }
        };
        self.classes.iter().enumerate().map(scores).collect()
    }

    /// Mean F1 of the classes that occurred or were named, each counting the same.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let known: Vec<f64> = self
            .per_class()
            .iter()
            .filter_map(|scores| scores.f1)
            .collect();
        share(known.iter().sum(), known.len() as f64)
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The scores as a table, then the confusion matrix, then the sums.
impl<C: Clone + fmt::Display> fmt::Display for Confusion<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rows that count one each are whole numbers, balanced ones are not.
        let is_whole = self.weights.iter().all(|weight| weight.fract() == 0.0);
        let number = |weight: f64| match is_whole {
            true => grouped(weight as u64),
            false => format!("{weight:.1}"),
        };
        let names = self.classes.iter().map(ToString::to_string);
        let numbers = self.weights.iter().map(|weight| number(*weight));
        let widths = names.chain(numbers).map(|text| text.chars().count());
        let width = widths.max().unwrap_or(0).max(5);
        writeln!(
            f,
            "{:width$}  precision  recall     f1      support",
            "class"
        )?;
        for scores in self.per_class() {
            let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1].map(shown);
            let (class, support) = (scores.class.to_string(), number(scores.support));
            writeln!(
                f,
                "{class:width$}  {precision:>9}  {recall:>6}  {f1:>5}  {support:>11}"
            )?;
        }
        writeln!(f, "\ntruth by line, verdict by column")?;
        let mut head = " ".repeat(width);
        for class in &self.classes {
            write!(head, "  {:>width$}", class.to_string())?;
        }
        writeln!(f, "{head}")?;
        for (class, row) in self.classes.iter().zip(self.weights.rows()) {
            write!(f, "{:width$}", class.to_string())?;
            for weight in row {
                write!(f, "  {:>width$}", number(*weight))?;
            }
            writeln!(f)?;
        }
        let (accuracy, macro_f1) = (shown(self.accuracy()), shown(self.macro_f1()));
        write!(f, "\naccuracy {accuracy}, macro-F1 {macro_f1}")
    }
}

/// A whole number with its thousands parted.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn shown(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ndarray::array;

    use super::*;

    const CLASSES: [Class; 3] = [Class::Normal, Class::PortScan, Class::SlowHttp];

    /// 8 normal rows judged 6 right and 2 as scans; 4 scans judged 3 right and 1 normal; no slow HTTP at all.
    fn confusion() -> Confusion {
        let mut confusion = Confusion::new(&CLASSES);
        for (truth, verdict, weight) in [(0, 0, 6.0), (0, 1, 2.0), (1, 1, 3.0), (1, 0, 1.0)] {
            confusion.add(truth, verdict, weight);
        }
        confusion
    }

    #[test]
    fn the_scores_are_those_worked_out_by_hand() {
        let [normal, scan, slow] = confusion().per_class().try_into().unwrap();
        assert_eq!(
            (normal.precision, normal.recall),
            (Some(6.0 / 7.0), Some(0.75))
        );
        assert_eq!(normal.f1, Some(12.0 / 15.0));
        assert_eq!(
            (scan.precision, scan.recall, scan.support),
            (Some(0.6), Some(0.75), 4.0)
        );
        assert_eq!(scan.f1, Some(6.0 / 9.0));
        assert_eq!((slow.precision, slow.recall, slow.f1), (None, None, None));
        assert_eq!(confusion().accuracy(), Some(0.75));
        let mean = f64::midpoint(12.0 / 15.0, 6.0 / 9.0);
        assert!((confusion().macro_f1().unwrap() - mean).abs() < 1e-12);
    }

    #[test]
    fn a_class_that_was_named_wrongly_counts_as_zero() {
        let mut confusion = confusion();
        confusion.add(0, 2, 1.0);
        let slow = confusion.per_class()[2];
        assert_eq!(
            (slow.precision, slow.recall, slow.f1),
            (Some(0.0), None, Some(0.0))
        );
    }

    #[test]
    fn nothing_has_no_scores() {
        let empty = Confusion::new(&CLASSES);
        assert_eq!((empty.accuracy(), empty.macro_f1()), (None, None));
    }

    #[test]
    fn the_likeliest_class_is_the_verdict_and_weights_count() {
        let probabilities = array![[0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [0.0, 0.1, 0.9]];
        let confusion =
            Confusion::of_probabilities(&CLASSES, &probabilities, &[1, 0, 1], &[1.0, 2.0, 5.0]);
        assert_eq!(confusion.weight(1, 1), 1.0);
        assert_eq!(confusion.weight(0, 0), 2.0);
        assert_eq!(confusion.weight(1, 2), 5.0);
        assert_eq!(confusion.accuracy(), Some(3.0 / 8.0));
    }

    #[test]
    fn the_table_reads_as_it_should() {
        expect![[r#"
            class      precision  recall     f1      support
            normal         0.857   0.750  0.800            8
            port_scan      0.600   0.750  0.667            4
            slow_http          -       -      -            0

            truth by line, verdict by column
                          normal  port_scan  slow_http
            normal             6          2          0
            port_scan          1          3          0
            slow_http          0          0          0

            accuracy 0.750, macro-F1 0.733"#]]
        .assert_eq(&confusion().to_string());
    }
}
