//! Detectors: each judges the features of a window on its own. `all` is the one list of them.

mod forest;

use std::sync::Arc;

use crate::alert::{Contribution, Finding};
use crate::feature::Features;
use crate::model::Model;

use forest::ForestDetector;

/// Judges flows by their features.
pub trait Detector: Send {
    /// The name in alerts and metrics.
    fn name(&self) -> &'static str;
    /// One finding for each row that this detector has an opinion on, in the order of the rows.
    fn judge(&mut self, window: &Features) -> Vec<Finding>;
    /// What made it think so, strongest first; empty when it cannot say.
    fn explain(&self, _window: &Features, _finding: &Finding) -> Vec<Contribution> {
        Vec::new()
    }
}

/// Every detector, in the order in which they judge.
#[must_use]
pub fn all(model: Arc<Model>) -> Vec<Box<dyn Detector>> {
    vec![Box::new(ForestDetector::new(model))]
}
