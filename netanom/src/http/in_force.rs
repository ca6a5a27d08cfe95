//! What can change while the sensor runs, when the configuration is read anew: who may ask, and what is shown of it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::guard::Access;
use crate::alert::EvidenceSettings;

/// The settings that answers depend on.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// For `/config`: without secrets.
    pub shown: Value,
    /// What raises an alert.
    pub evidence: EvidenceSettings,
    /// Who may ask for what.
    pub access: Access,
    /// Names by which the sensor may be asked, beside those of the loopback.
    pub hosts: Vec<String>,
}

/// A handle on them; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Settings(Arc<Mutex<Arc<InForce>>>);

impl Settings {
    /// These are in force.
    #[must_use]
    pub fn new(settings: InForce) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(settings))))
    }

    /// These are in force from now on.
    pub fn set(&self, settings: InForce) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// What is in force now.
    #[must_use]
    pub fn get(&self) -> Arc<InForce> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
