//! Detectors: each judges the features of a window on its own. `all` is the one list of them.

use crate::alert::Finding;
use crate::feature::Features;

/// Judges flows by their features.
pub trait Detector: Send {
    /// The name in alerts and metrics.
    fn name(&self) -> &'static str;
    /// One finding for each row that this detector has an opinion on, in the order of the rows.
    fn judge(&mut self, window: &Features) -> Vec<Finding>;
}
