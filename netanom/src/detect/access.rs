//! What judges rows of access logs: the forest of a model that was trained on such rows.
//!
//! Blind spot: a request that looks like any other, in a client's minute that looks like any other; bodies, which no log
//! shows.

use std::sync::Arc;

use super::Judges;
use super::forest::ForestClassifier;
use crate::feature::access::ACCESS_FEATURES;
use crate::model::Model;

/// Everything that judges access logs: the forest of `model`, whose features and classes were checked before.
#[must_use]
pub fn of_access_logs(model: Arc<Model>) -> Judges {
    let columns = ACCESS_FEATURES.iter();
    let columns = columns.map(|feature| (feature.name, feature.unit));
    let classifier = ForestClassifier::new("access", model, columns.collect());
    Judges {
        classifier: Some(Box::new(classifier)),
        ..Judges::default()
    }
}
