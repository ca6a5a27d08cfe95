//! The model: the class of each flow from its features, with how sure it is.
//!
//! Blind spot: what looks like none of the classes that it was trained on gets the nearest of them.

use std::sync::Arc;

use ndarray::ArrayView1;

use super::Detector;
use crate::alert::{Class, Contribution, Finding, Probabilities};
use crate::feature::{self, Feature, Features};
use crate::model::{Columns, Model};

/// Contributions that an alert carries: what a person reads.
const EXPLAINED: usize = 8;

/// Judges flows by a trained forest.
#[derive(Debug)]
pub(super) struct ForestDetector {
    model: Arc<Model>,
    /// Where its features stand among ours.
    columns: Columns,
    /// The model's classes, in its order.
    classes: Vec<Class>,
}

impl ForestDetector {
    /// A detector of `model`, whose features and classes were checked when it was read.
    #[must_use]
    pub(super) fn new(model: Arc<Model>) -> Self {
        // What was not checked and has no name here is unusual without a name.
        let class = |name: &String| name.parse().unwrap_or(Class::Anomaly);
        let classes = model.classes.iter().map(class).collect();
        let columns = Columns::of(&model.features, &feature::names());
        Self {
            model,
            columns,
            classes,
        }
    }
}

impl Detector for ForestDetector {
    fn name(&self) -> &'static str {
        "forest"
    }

    fn judge(&mut self, window: &Features) -> Vec<Finding> {
        let normal = self
            .classes
            .iter()
            .position(|class| *class == Class::Normal);
        let rows = self.columns.select(window.rows.view());
        let shares = self.model.scorer.shares(rows.view());
        let probabilities = self.model.calibrated(shares.clone());
        let mut findings = Vec::with_capacity(window.facts.len());
        let rows = probabilities.outer_iter().zip(shares.outer_iter());
        for (row, (of_row, shares)) in rows.enumerate() {
            let mut best = 0;
            for (class, probability) in of_row.iter().enumerate() {
                if *probability > of_row[best] {
                    best = class;
                }
            }
            let anomaly = normal.map_or(1.0, |normal| 1.0 - of_row[normal]);
            let (class, score) = (self.classes[best], of_row[best]);
            let by_class = |values: ArrayView1<'_, f32>| {
                let mut all = Probabilities::default();
                for (class, value) in self.classes.iter().zip(values) {
                    all[*class as usize] = *value;
                }
                all
            };
            findings.push(Finding {
                detector: self.name(),
                row,
                class,
                score,
                anomaly,
                probabilities: by_class(of_row),
                shares: by_class(shares),
            });
        }
        findings
    }

    /// The strongest contributions to the finding's class, most first.
    fn explain(&self, window: &Features, finding: &Finding) -> Vec<Contribution> {
        let Some(class) = self
            .classes
            .iter()
            .position(|class| *class == finding.class)
        else {
            return Vec::new();
        };
        let row = window.rows.row(finding.row).to_vec();
        let row = self.columns.select_one(&row);
        let contributions = self.model.scorer.contributions(&row, class).features;
        let ours: Vec<&Feature> = feature::features().collect();
        let places = self.columns.places().iter();
        let mut explanation: Vec<Contribution> = places
            .zip(row.iter())
            .zip(contributions)
            .zip(&self.model.typical)
            .filter_map(|(((place, value), contribution), typical)| {
                let feature = ours[(*place)?];
                Some(Contribution {
                    feature: feature.name.to_owned(),
                    value: f64::from(*value),
                    unit: feature.unit.to_owned(),
                    typical: *typical,
                    contribution,
                })
            })
            .collect();
        explanation.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        explanation.truncate(EXPLAINED);
        explanation
    }
}
