//! What forests say of captures that they were not trained on, all captures in turn.
//!
//! Captures are dealt into folds by source, as two captures of one source are near-copies. A forest for each fold is
//! trained without it and judges it, so every row is judged once by a forest that has seen nothing like it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, ArrayView1, Axis};

use super::corpus::source_of;
use super::dataset::DataSet;
use super::gather::{self, GatherError, Gathered, Keeps};
use super::trainer::{ForestSettings, TrainError, Trainer};
use crate::model::{Forest, ForestError, Scorer};

/// With fewer sources, too much is missing when one is left out.
const LEAST_SOURCES: usize = 3;

/// Rows that were judged by forests that had not seen them.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// The classes.
    pub classes: Vec<String>,
    /// Shares of the trees that say so, a column a class.
    pub shares: Array2<f32>,
    /// What the rows are, as positions among the classes.
    pub labels: Vec<u8>,
    /// What they count for ([`DataSet::balance`]).
    pub weights: Vec<f32>,
    /// The fold that each was left out with.
    pub folds: Vec<usize>,
}

impl HeldOut {
    /// No rows yet.
    #[must_use]
    pub fn new(classes: &[String]) -> Self {
        Self {
            classes: classes.to_vec(),
            shares: Array2::zeros((0, classes.len())),
            labels: Vec::new(),
            weights: Vec::new(),
            folds: Vec::new(),
        }
    }

    /// Adds what `scorer`, which tells `known` classes apart, makes of the rows of `data` whose captures `is_held` says
    /// to take. Rows of a class that it was not told of are left out.
    pub fn add(
        &mut self,
        fold: usize,
        data: &DataSet,
        is_held: &dyn Fn(u32) -> bool,
        scorer: &Scorer,
        known: &[String],
    ) {
        let columns: Vec<_> = known.iter().map(|class| self.place(class)).collect();
        let labels: Vec<_> = data
            .classes
            .iter()
            .map(|class| {
                let place = self.place(class);
                place.filter(|place| columns.contains(&Some(*place)))
            })
            .collect();
        let label = |row: usize| labels[usize::from(data.labels[row])];
        let rows: Vec<usize> = (0..data.labels.len())
            .filter(|&row| is_held(data.groups[row]) && label(row).is_some())
            .collect();
        let judged = scorer.shares(data.rows.select(Axis(0), &rows).view());
        for (&row, of_row) in rows.iter().zip(judged.rows()) {
            let label = label(row).unwrap_or_default();
            self.push(&columns, of_row, label, data.weights[row], fold);
        }
    }

    /// The rows of other folds, for a model of these classes: rows of others are left out.
    #[must_use]
    pub fn without(&self, fold: usize, classes: &[String]) -> Self {
        let mut part = Self::new(classes);
        let columns: Vec<_> = self.classes.iter().map(|class| part.place(class)).collect();
        for (row, shares) in self.shares.rows().into_iter().enumerate() {
            let Some(label) = columns[usize::from(self.labels[row])] else {
                continue;
            };
            if self.folds[row] == fold {
                continue;
            }
            part.push(&columns, shares, label, self.weights[row], self.folds[row]);
        }
        part
    }

    /// Adds a row; `columns` are the places of its shares among our classes.
    fn push(
        &mut self,
        columns: &[Option<usize>],
        shares: ArrayView1<'_, f32>,
        label: usize,
        weight: f32,
        fold: usize,
    ) {
        let mut row = vec![0.0; self.classes.len()];
        for (column, share) in columns.iter().zip(shares) {
            if let Some(column) = column {
                row[*column] = *share;
            }
        }
        // As wide as every other row.
        let _ = self.shares.push_row(ArrayView1::from(&row));
        self.labels.push(label as u8);
        self.weights.push(weight);
        self.folds.push(fold);
    }

    /// By fold, the weighted squared distances between the rows' probabilities and the truth, summed over classes.
    /// `probabilities` has the rows of `shares`.
    #[must_use]
    pub fn distances(&self, probabilities: &Array2<f32>) -> BTreeMap<usize, f64> {
        let mut sums = BTreeMap::new();
        for (row, of_row) in probabilities.rows().into_iter().enumerate() {
            let truth = usize::from(self.labels[row]);
            let distance = |(class, probability): (usize, &f32)| {
                (probability - f32::from(u8::from(class == truth))).powi(2)
            };
            let distance: f32 = of_row.iter().enumerate().map(distance).sum();
            *sums.entry(self.folds[row]).or_default() +=
                f64::from(self.weights[row]) * f64::from(distance);
        }
        sums
    }

    /// Weighted mean of those distances (Brier score): 0 to 2.
    #[must_use]
    pub fn brier(&self, probabilities: &Array2<f32>) -> f64 {
        let all: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        let sum: f64 = self.distances(probabilities).values().sum();
        sum / all.max(f64::MIN_POSITIVE)
    }

    /// The place of a class.
    #[must_use]
    pub fn place(&self, class: &str) -> Option<usize> {
        self.classes.iter().position(|other| other == class)
    }
}

/// Nothing could be held out.
#[derive(Debug, thiserror::Error)]
pub enum HeldOutError {
    /// The captures are no training set.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// A forest cannot be grown.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The trees are no forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}

/// The fold of each capture, of at most `count`: all captures of a source in one, and as many in each as can be. Where
/// there are fewer than three sources, each capture counts as its own.
#[must_use]
pub fn folds(captures: &[&Gathered<'_>], count: usize) -> Vec<usize> {
    let names = || captures.iter().map(|one| one.capture.name.as_str());
    let by_source: &dyn Fn(&str) -> String = &|name| source_of(name).to_owned();
    let by_name: &dyn Fn(&str) -> String = &|name| name.to_owned();
    let sources: BTreeSet<String> = names().map(by_source).collect();
    match sources.len() {
        LEAST_SOURCES.. => dealt(names(), count, by_source),
        _ => dealt(names(), count, by_name),
    }
}

/// Deals captures of these names into so many parts at most, those of one group into one part.
pub(super) fn dealt<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    count: usize,
    group_of: &dyn Fn(&str) -> String,
) -> Vec<usize> {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    let groups = names.clone().map(group_of);
    groups.for_each(|group| *sizes.entry(group).or_default() += 1);
    // The largest first, each to the part that has least.
    let mut groups: Vec<_> = sizes.into_iter().collect();
    groups.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    let mut sizes = vec![0; count.max(1).min(groups.len())];
    let mut part_of = BTreeMap::new();
    for (group, size) in groups {
        let smallest = (0..sizes.len())
            .min_by_key(|&part| sizes[part])
            .unwrap_or(0);
        sizes[smallest] += size;
        part_of.insert(group, smallest);
    }
    names.map(|name| part_of[&group_of(name)]).collect()
}

/// What is held out, and how.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Captures that are dealt into folds.
    pub captures: &'a [&'a Gathered<'a>],
    /// Captures that are trained on in any case, and not judged.
    pub always: &'a [&'a Gathered<'a>],
    /// What of them is trained on and judged.
    pub keeps: &'a Keeps<'a>,
    /// Folds at most; none or one holds nothing out.
    pub folds: usize,
}

/// Trains a forest without each fold and lets it judge what it was not trained on; `progress` is told how many folds of
/// how many are done. `classes` are those of all captures.
///
/// Left out are rows of a class that is in one fold alone, as its forest cannot know it, and a fold without which there
/// are fewer than two classes.
///
/// # Errors
/// When what is left without a fold cannot be trained on.
pub fn judge(
    plan: Plan<'_>,
    classes: &[String],
    trainer: &dyn Trainer,
    settings: &ForestSettings,
    progress: &dyn Fn(usize, usize),
) -> Result<HeldOut, HeldOutError> {
    let mut held = HeldOut::new(classes);
    let fold_of = folds(plan.captures, plan.folds);
    let count = fold_of.iter().max().map_or(0, |last| last + 1);
    if count < 2 {
        return Ok(held);
    }
    let Some(judged) = told_apart(plan.captures, plan.keeps)? else {
        return Ok(held);
    };
    let names = plan.captures.iter().map(|one| one.capture.name.as_str());
    let fold_of_name: BTreeMap<&str, usize> = names.zip(fold_of.iter().copied()).collect();
    for fold in 0..count {
        progress(fold, count);
        let dealt = plan.captures.iter().zip(&fold_of);
        let rest = dealt.filter(|(_, other)| **other != fold);
        let rest = rest.map(|(capture, _)| capture).chain(plan.always);
        let rest: Vec<_> = rest.copied().collect();
        let Some(part) = told_apart(&rest, plan.keeps)? else {
            continue;
        };
        let trees = trainer.train(&part, settings, &|_| ())?;
        let forest = Forest::new(&trees, part.classes.len(), part.features.len())?;
        let is_held = |group: u32| {
            let name = judged.group_names[group as usize].as_str();
            fold_of_name.get(name) == Some(&fold)
        };
        held.add(fold, &judged, &is_held, &forest.into(), &part.classes);
    }
    progress(count, count);
    Ok(held)
}

/// The data set of these captures; none where they have fewer than two classes.
fn told_apart(
    captures: &[&Gathered<'_>],
    keeps: &Keeps<'_>,
) -> Result<Option<DataSet>, GatherError> {
    match gather::data_set(captures, keeps) {
        Ok(data) => Ok(Some(data)),
        Err(GatherError::TooFewClasses(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
