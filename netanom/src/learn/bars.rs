//! What a bar of evidence is worth: attacks that are noticed and named, and false alarms, as the bar is moved.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::corpus::Labelled;
use super::outcome;
use crate::model::Model;
use crate::pipeline::PipelineSettings;
use crate::source::SourceError;

/// What one bar gives on labelled captures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BarResult {
    /// Evidence that raises an alert.
    pub bar: f64,
    /// Captures of attacks.
    pub attacks: usize,
    /// Those of which an alert names a host of the attack.
    pub noticed: usize,
    /// Those of which one has the right class, too.
    pub named: usize,
    /// Captures of normal traffic.
    pub benign: usize,
    /// Those with an alert.
    pub alarmed: usize,
    /// Alerts in an hour of normal traffic; `None` without any.
    pub false_alarms_per_hour: Option<f64>,
}

/// Judges core captures with each of `bars`; `progress` is told of each capture.
///
/// # Errors
/// When a capture cannot be read.
pub fn measure(
    captures: &[Labelled<'_>],
    model: &Arc<Model>,
    settings: PipelineSettings,
    tick: Duration,
    bars: &[f64],
    progress: &dyn Fn(),
) -> Result<Vec<BarResult>, SourceError> {
    let mut results: Vec<_> = bars
        .iter()
        .map(|bar| BarResult {
            bar: *bar,
            ..BarResult::default()
        })
        .collect();
    let mut hours = 0.0;
    let mut alarms = vec![0_usize; bars.len()];
    for capture in captures.iter().filter(|capture| capture.is_core()) {
        for (result, alarms) in results.iter_mut().zip(&mut alarms) {
            let mut settings = settings;
            settings.incidents.evidence.bar = result.bar;
            let outcome = outcome::judge(capture, model.clone(), settings, tick)?;
            if let Some(class) = outcome.attack() {
                result.attacks += 1;
                result.noticed += usize::from(outcome.is_noticed(class));
                result.named += usize::from(outcome.delay().is_some());
            } else if outcome.is_benign() {
                result.benign += 1;
                result.alarmed += usize::from(!outcome.alerts.is_empty());
                *alarms += outcome.alerts.len();
                if result.bar == bars[0] {
                    hours += outcome.busy.as_secs_f64() / 3600.0;
                }
            }
        }
        progress();
    }
    for (result, alarms) in results.iter_mut().zip(alarms) {
        result.false_alarms_per_hour = (hours > 0.0).then(|| alarms as f64 / hours);
    }
    Ok(results)
}

/// The lowest bar that raises at most so many false alarms an hour.
#[must_use]
pub fn lowest(results: &[BarResult], most_per_hour: f64) -> Option<&BarResult> {
    let within = results.iter().filter(|result| {
        result
            .false_alarms_per_hour
            .is_some_and(|rate| rate <= most_per_hour)
    });
    within.min_by(|a, b| a.bar.total_cmp(&b.bar))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(bar: f64, rate: Option<f64>) -> BarResult {
        BarResult {
            bar,
            false_alarms_per_hour: rate,
            ..BarResult::default()
        }
    }

    #[test]
    fn the_lowest_bar_within_the_rate_is_taken_wherever_it_stands() {
        let results = [
            result(12.0, Some(0.5)),
            result(8.0, Some(1.0)),
            result(4.0, Some(3.0)),
        ];
        assert_eq!(lowest(&results, 1.0).unwrap().bar, 8.0);
        assert_eq!(lowest(&results, 0.1), None);
        assert_eq!(lowest(&[result(8.0, None)], 1.0), None);
    }
}
