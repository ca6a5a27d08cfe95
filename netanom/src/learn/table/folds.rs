//! Cross-validation of a table: each row is judged by a forest that was trained without its fold.
//!
//! The rows of each class are dealt to the folds in turn, in the order of the file: every fold has the same share of each
//! class, and another program can make the same folds. Rows of one recording are near-copies of each other, so such
//! scores are what a model is worth on more of the same, not on another network.

use ndarray::Array2;

use super::scores::shares;
use super::{Classes, Encoding, Learner, Table, TableError};
use crate::learn::dataset::DataSet;
use crate::learn::importance::Sample;

/// How a table is cross-validated.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// Folds, at least 2.
    pub folds: usize,
    /// What learns.
    pub learner: &'a Learner<'a>,
    /// Whether the features' importance is worked out, which with deep trees takes longer than all else.
    pub has_importance: bool,
}

/// What models made of the folds that they were not trained on.
#[derive(Clone, Debug)]
pub struct CrossValidation {
    /// A row of class probabilities for each row that has a class.
    pub probabilities: Array2<f32>,
    /// The share of each fold's rows that was judged rightly.
    pub accuracies: Vec<f64>,
    /// Mean absolute contribution of each feature, most first; empty unless asked for.
    pub importance: Vec<(String, f64)>,
}

/// Trains and judges `folds` times; `progress` is told how many steps are done, [`Learner::steps`] a fold.
///
/// # Errors
/// When there are not enough rows, or a column cannot be used.
pub fn cross_validate(
    table: &Table,
    classes: &Classes,
    trial: Trial<'_>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<CrossValidation, TableError> {
    let Trial { folds, learner, .. } = trial;
    learner.check(table, classes)?;
    let rows = classes.rows.len();
    if folds < 2 || folds > rows {
        return Err(TableError::Folds { folds, rows });
    }
    let fold_of = deal(&classes.labels, classes.names.len(), folds);
    let mut probabilities = Array2::zeros((rows, classes.names.len()));
    let mut accuracies = Vec::with_capacity(folds);
    let mut sums = vec![0.0; table.columns.len()];
    let steps = learner.steps();
    for fold in 0..folds {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..rows).partition(|row| fold_of[*row] == fold);
        let (data, encoding) = data_set(table, classes, &rest)?;
        let grown = |done| progress(fold * steps + done);
        let scorer = learner.learn(&data, &encoding, &grown)?;
        grown(steps);
        let judged = encoding.encode(table, &places(classes, &held))?;
        let of_held = shares(&scorer, judged.view());
        let right = held
            .iter()
            .zip(of_held.outer_iter())
            .filter(|(row, of_row)| {
                probabilities.row_mut(**row).assign(of_row);
                likeliest(of_row.iter()) == usize::from(classes.labels[**row])
            });
        accuracies.push(right.count() as f64 / held.len() as f64);
        let of_class = held.iter().map(|row| classes.labels[*row]);
        if !trial.has_importance {
            continue;
        }
        for (feature, mean) in Sample::of_classes(&judged, of_class).importance(&scorer) {
            sums[feature] += mean / folds as f64;
        }
    }
    let mut importance: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .zip(sums)
        .collect();
    importance.sort_by(|a, b| b.1.total_cmp(&a.1));
    importance.retain(|_| trial.has_importance);
    Ok(CrossValidation {
        probabilities,
        accuracies,
        importance,
    })
}

/// The data set of these rows (places among those that have a class), and how their cells became numbers. Every row
/// counts the same.
///
/// # Errors
/// When a column cannot be used.
pub fn data_set(
    table: &Table,
    classes: &Classes,
    rows: &[usize],
) -> Result<(DataSet, Encoding), TableError> {
    let labels: Vec<u8> = rows.iter().map(|row| classes.labels[*row]).collect();
    let places = places(classes, rows);
    let encoding = Encoding::fit(table, &places, &labels)?;
    let data = DataSet {
        rows: encoding.encode(table, &places)?,
        weights: vec![1.0; labels.len()],
        groups: vec![0; labels.len()],
        made: Default::default(),
        group_names: vec![table.path.display().to_string()],
        classes: classes.names.clone(),
        features: encoding.features.clone(),
        labels,
    };
    Ok((data, encoding))
}

/// Rows of the table.
fn places(classes: &Classes, rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|row| classes.rows[*row]).collect()
}

/// The fold of each row.
fn deal(labels: &[u8], classes: usize, folds: usize) -> Vec<usize> {
    let mut next = vec![0; classes];
    let fold = |label: &u8| {
        let next = &mut next[usize::from(*label)];
        *next += 1;
        (*next - 1) % folds
    };
    labels.iter().map(fold).collect()
}

/// The first of the largest.
pub(super) fn likeliest<'a>(of_row: impl Iterator<Item = &'a f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (class, probability) in of_row.enumerate() {
        if *probability > best.1 {
            best = (class, *probability);
        }
    }
    best.0
}
