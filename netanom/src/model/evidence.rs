//! How verdicts add up to an alert, as it was set for one model on traffic that it had not seen.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ModelError;

/// What a model file says of the sequential test; what it does not say is the program's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Sum of log likelihood ratios (nats) that raises an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<f64>,
    /// Seconds of the data's time in which evidence fades to a half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_life: Option<f64>,
    /// False alarms for each hour of benign traffic at that bar, as measured when it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_hour: Option<f64>,
    /// What else a newer program has written.
    #[serde(flatten)]
    pub further: Map<String, Value>,
}

impl Evidence {
    /// That a test can be made of it.
    ///
    /// # Errors
    /// Names what is no number above 0 (false alarms: 0 or more).
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let above = |value: Option<f64>| value.is_none_or(|value| value > 0.0 && value.is_finite());
        let wrong = |name| {
            Err(ModelError::Inconsistent(format!(
                "`evidence.{name}` is no number above 0"
            )))
        };
        if !above(self.bar) {
            return wrong("bar");
        }
        if !above(self.half_life) {
            return wrong("half_life");
        }
        if !above(self.false_alarms_per_hour.filter(|rate| *rate != 0.0)) {
            return wrong("false_alarms_per_hour");
        }
        Ok(())
    }
}
