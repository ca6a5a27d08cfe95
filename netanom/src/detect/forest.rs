//! The model: the class of each flow from its features, with how sure it is.
//!
//! Blind spot: what looks like none of the classes that it was trained on gets the nearest of them.

use std::sync::Arc;

use ndarray::ArrayView1;

use super::Classifier;
use crate::alert::{Class, Contribution, Judgement, Probabilities, Verdict};
use crate::feature::{self, Features};
use crate::model::{self, Columns, Model};

/// Contributions that an alert carries: what a person reads.
const EXPLAINED: usize = 8;

/// Judges flows by a trained model.
#[derive(Debug)]
pub(super) struct ForestClassifier {
    name: &'static str,
    model: Arc<Model>,
    /// Names and units of the columns of the rows.
    ours: Vec<(&'static str, &'static str)>,
    /// Where its features stand among them.
    columns: Columns,
    /// The model's classes, in its order.
    classes: Vec<Class>,
}

impl ForestClassifier {
    /// A classifier of flows by `model`, whose features and classes were checked when it was read.
    #[must_use]
    pub(super) fn of_flows(model: Arc<Model>) -> Self {
        let ours = feature::features().map(|feature| (feature.name, feature.unit));
        Self::new("forest", model, ours.collect())
    }

    /// The same of conversations.
    #[must_use]
    pub(super) fn of_conversations(model: Arc<Model>) -> Self {
        let ours = feature::COLUMNS.iter();
        let ours = ours.map(|column| (column.name, column.unit));
        Self::new("conversations", model, ours.collect())
    }

    /// The same of rows with other columns.
    #[must_use]
    pub(super) fn new(
        name: &'static str,
        model: Arc<Model>,
        ours: Vec<(&'static str, &'static str)>,
    ) -> Self {
        // What was not checked and has no name here is unusual without a name.
        let class = |name: &String| model::flow_class(name).unwrap_or(Class::Anomaly);
        let classes = model.classes.iter().map(class).collect();
        let names: Vec<_> = ours.iter().map(|(name, _)| *name).collect();
        let columns = Columns::of(&model.features, &names);
        Self {
            name,
            model,
            ours,
            columns,
            classes,
        }
    }

    /// The shares of our classes; kinds of one class add up.
    fn by_class(&self, values: ArrayView1<'_, f32>) -> Probabilities {
        let mut all = Probabilities::default();
        for (class, value) in self.classes.iter().zip(values) {
            all[*class as usize] += *value;
        }
        all
    }
}

impl Classifier for ForestClassifier {
    fn name(&self) -> &'static str {
        self.name
    }

    fn judge(&self, rows: &Features) -> Vec<Judgement> {
        let facts = rows.facts.len();
        let rows = self.columns.select(rows.rows.view());
        let shares = self.model.scorer.shares(rows.view());
        let probabilities = self.model.calibrated(shares.clone());
        let mut judgements = Vec::with_capacity(facts);
        let rows = probabilities.outer_iter().zip(shares.outer_iter());
        for (of_row, shares) in rows {
            let probabilities = self.by_class(of_row);
            let mut best = Class::Normal;
            for class in &self.classes {
                if probabilities[*class as usize] > probabilities[best as usize] {
                    best = *class;
                }
            }
            judgements.push(Judgement {
                verdict: Verdict {
                    class: best,
                    score: probabilities[best as usize],
                    anomaly: 1.0 - probabilities[Class::Normal as usize],
                    probabilities,
                },
                shares: self.by_class(shares),
            });
        }
        judgements
    }

    fn explain(&self, rows: &Features, row: usize, class: Class) -> Vec<Contribution> {
        let row = rows.rows.row(row).to_vec();
        let row = self.columns.select_one(&row);
        let mut sums = vec![0.0; row.len()];
        let kinds = self.classes.iter().enumerate();
        for (kind, _) in kinds.filter(|(_, known)| **known == class) {
            let contributions = self.model.scorer.contributions(&row, kind).features;
            for (sum, contribution) in sums.iter_mut().zip(contributions) {
                *sum += contribution;
            }
        }
        let places = self.columns.places().iter();
        let mut explanation: Vec<Contribution> = places
            .zip(row.iter())
            .zip(sums)
            .zip(&self.model.typical)
            .filter(|(((_, _), contribution), _)| *contribution != 0.0)
            .filter_map(|(((place, value), contribution), typical)| {
                let (name, unit) = self.ours[(*place)?];
                Some(Contribution {
                    feature: name.to_owned(),
                    value: f64::from(*value),
                    unit: unit.to_owned(),
                    typical: *typical,
                    contribution,
                })
            })
            .collect();
        explanation.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        explanation.truncate(EXPLAINED);
        explanation.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        explanation
    }
}
