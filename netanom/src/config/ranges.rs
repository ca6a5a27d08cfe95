//! Values that are checked against what they may be.

use std::time::Duration;

use super::{Alerts, ConfigError};
use crate::alert::EvidenceSettings;
use crate::model::Evidence;

impl Alerts {
    /// What the file says of evidence, else the model, else the program.
    pub(super) fn evidence(&self, of_model: &Evidence) -> Result<EvidenceSettings, ConfigError> {
        let default = EvidenceSettings::default();
        let in_range = |key, value: Option<f64>, most: f64, expected| match value {
            Some(value) if !(value >= 0.1 && value <= most) => Err(ConfigError::Value {
                key,
                value: value.to_string(),
                expected,
            }),
            value => Ok(value),
        };
        let bar = in_range(
            "alerts.evidence",
            self.evidence,
            1e6,
            "between 0.1 and 1000000",
        )?;
        let half_life = in_range(
            "alerts.half_life",
            self.half_life,
            86_400.0,
            "between 0.1 and 86400 seconds",
        )?;
        let half_life = half_life.or(of_model.half_life);
        Ok(EvidenceSettings {
            bar: bar.or(of_model.bar).unwrap_or(default.bar),
            half_life: half_life.map_or(default.half_life, Duration::from_secs_f64),
        })
    }
}

/// That a value is in its range.
pub(super) fn within<T: PartialOrd + ToString>(
    key: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Value {
        key,
        value: value.to_string(),
        expected,
    })
}
