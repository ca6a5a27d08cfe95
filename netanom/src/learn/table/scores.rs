//! The scores of verdicts on the rows of a table, every row counting the same.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::{Classes, Encoding, Table, TableError};
use crate::learn::anomaly::by_rows;
use crate::learn::curves::{self, Scored};
use crate::learn::scores::{ClassScores, Confusion};
use crate::model::{Model, Scorer};

/// The numbers.
#[derive(Clone, Debug, Serialize)]
pub struct TableScores {
    /// Rows that were judged.
    pub rows: usize,
    /// Share of the rows that were judged rightly.
    pub accuracy: Option<f64>,
    /// The same by fold, of cross-validation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fold_accuracies: Vec<f64>,
    /// Mean F1 over classes.
    pub macro_f1: Option<f64>,
    /// Class by class.
    pub scores: Vec<ClassScores<String>>,
    /// Area under each class's ROC curve, of that class against all others.
    pub class_roc_auc: BTreeMap<String, Option<f64>>,
    /// Attack or not, where a class is normal traffic: area under the ROC curve, and average precision.
    pub roc_auc: Option<f64>,
    /// See [`Self::roc_auc`].
    pub pr_auc: Option<f64>,
    /// Mean distance between the score and the share of attacks.
    pub calibration_error: Option<f64>,
    /// Normal rows that were judged an attack, of a thousand.
    pub false_calls_per_1000: Option<f64>,
    /// The share of attacks that the precision is stated for, and that precision.
    pub base_rate: f64,
    /// See [`Self::base_rate`].
    pub precision_at_base_rate: Option<f64>,
    /// Rows by label, then by verdict.
    pub confusion: BTreeMap<String, BTreeMap<String, u64>>,
}

impl TableScores {
    /// The scores of a row of probabilities for each row that has a class.
    #[must_use]
    pub fn of(classes: &Classes, probabilities: &Array2<f32>, base_rate: f64) -> Self {
        let confusion = Self::confusion(classes, probabilities);
        let curve = curves::curve(&scored(classes, probabilities, None));
        let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let mut called = (0.0, 0.0);
        for (truth, of_class) in classes.names.iter().enumerate() {
            for (verdict, of_verdict) in classes.names.iter().enumerate() {
                let rows = confusion.weight(truth, verdict);
                let line = counts.entry(of_class.clone()).or_default();
                line.insert(of_verdict.clone(), rows as u64);
                if truth == 0 && classes.has_normal {
                    called.0 += if verdict == 0 { 0.0 } else { rows };
                    called.1 += rows;
                }
            }
        }
        let class_roc_auc = classes.names.iter().enumerate().map(|(class, name)| {
            let curve = curves::curve(&scored(classes, probabilities, Some(class)));
            (name.clone(), curves::roc_auc(&curve))
        });
        let bins = Self::calibration(classes, probabilities);
        Self {
            rows: classes.rows.len(),
            accuracy: confusion.accuracy(),
            fold_accuracies: Vec::new(),
            macro_f1: confusion.macro_f1(),
            scores: confusion.per_class(),
            class_roc_auc: class_roc_auc.collect(),
            roc_auc: curves::roc_auc(&curve),
            pr_auc: curves::pr_auc(&curve),
            calibration_error: curves::calibration_error(&bins),
            false_calls_per_1000: (called.1 > 0.0).then(|| 1000.0 * called.0 / called.1),
            base_rate,
            precision_at_base_rate: curves::precision_at(&curve, 0.5, base_rate),
            confusion: counts,
        }
    }

    /// The confusion of all rows.
    #[must_use]
    pub fn confusion(classes: &Classes, probabilities: &Array2<f32>) -> Confusion<String> {
        let weights = vec![1.0; classes.labels.len()];
        Confusion::of_probabilities(&classes.names, probabilities, &classes.labels, &weights)
    }

    /// How far the score of attack or not can be trusted as a probability; empty without a class of normal traffic.
    #[must_use]
    pub fn calibration(classes: &Classes, probabilities: &Array2<f32>) -> Vec<curves::Bin> {
        curves::calibration(&scored(classes, probabilities, None))
    }
}

/// The rows of a curve: is it this class, or with `None`, is it any attack; empty for that where no class is normal.
#[must_use]
pub fn scored(classes: &Classes, probabilities: &Array2<f32>, class: Option<usize>) -> Vec<Scored> {
    if class.is_none() && !classes.has_normal {
        return Vec::new();
    }
    let rows = probabilities.outer_iter().zip(&classes.labels);
    rows.map(|(of_row, label)| {
        let label = usize::from(*label);
        Scored {
            score: class.map_or(1.0 - of_row[0], |class| of_row[class]),
            is_positive: class.map_or(label != 0, |class| label == class),
            weight: 1.0,
        }
    })
    .collect()
}

/// [`Scorer::shares`] of many rows, by every core where a kind takes its time; forests are as fast as rows come.
#[must_use]
pub fn shares(scorer: &Scorer, rows: ArrayView2<'_, f32>) -> Array2<f32> {
    if scorer.anomaly().is_none() {
        return scorer.shares(rows);
    }
    let of_rows = |rows: ArrayView2<'_, f32>| scorer.shares(rows).into_iter().collect();
    let flat = by_rows(rows, of_rows);
    let whole = Array2::from_shape_vec((rows.nrows(), scorer.classes()), flat);
    // Every row has one share a class.
    whole.unwrap_or_else(|_| scorer.shares(rows))
}

/// What a model makes of the rows: its probabilities, with the columns in the order of `classes`, which are first
/// extended by those that only the model has.
///
/// # Errors
/// When the model does not know a class, or a column does not fit.
pub fn judge(
    table: &Table,
    classes: &mut Classes,
    model: &Model,
) -> Result<Array2<f32>, TableError> {
    if let Some(unknown) = classes
        .names
        .iter()
        .find(|name| !model.classes.contains(name))
    {
        return Err(TableError::UnknownClass {
            file: table.path.clone(),
            model: model.name.clone(),
            class: unknown.clone(),
            known: model.classes.join(", "),
        });
    }
    let encoded = Encoding::of_model(model).encode(table, &classes.rows)?;
    let judged = model.calibrated(shares(&model.scorer, encoded.view()));
    classes.extend(&model.classes);
    let mut probabilities = Array2::zeros(judged.raw_dim());
    for (name, of_class) in model.classes.iter().zip(judged.columns()) {
        if let Some(class) = classes.names.iter().position(|other| other == name) {
            probabilities.column_mut(class).assign(&of_class);
        }
    }
    Ok(probabilities)
}
