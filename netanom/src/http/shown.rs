//! The settings in force, as they are shown: without secrets, and renewed when the configuration is read anew.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// A handle on them; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<Mutex<Arc<Value>>>);

impl Shown {
    /// These are in force from now on.
    pub fn set(&self, settings: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    pub(super) fn shown(&self) -> Arc<Value> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
