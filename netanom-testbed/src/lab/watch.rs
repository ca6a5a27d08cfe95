//! Looks for alerts as often as an impatient operator, and shows each one when it can first be fetched.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use netanom::alert::{Alert, Party};

use super::sensor::Sensor;

/// Time between two looks.
pub(super) const STEP: Duration = Duration::from_millis(20);

/// An alert and when it could first be fetched over HTTP.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) alert: Alert,
    pub(super) at: Timestamp,
}

impl Seen {
    /// How long after `start` it could be fetched.
    pub(super) fn delay(&self, start: Timestamp) -> SignedDuration {
        self.at.duration_since(start)
    }
}

/// What is known of the sensor's alerts.
#[derive(Default)]
pub(super) struct Watch {
    known: BTreeSet<String>,
}

impl Watch {
    /// Fetches the alerts and returns those that were not there before.
    pub(super) fn look(&mut self, sensor: &Sensor) -> anyhow::Result<Vec<Seen>> {
        let alerts = sensor.alerts()?;
        let at = now();
        let new = alerts
            .into_iter()
            .filter(|alert| self.known.insert(alert.id.clone()));
        Ok(new.map(|alert| Seen { alert, at }).collect())
    }
}

/// The wall clock: that of who waits for an alert.
#[expect(
    clippy::disallowed_methods,
    reason = "the lab is outside of the sensor, and measures it"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// An alert in a line; with its delay after the first packet of an attack, if there was one.
#[expect(clippy::print_stdout, reason = "alerts are what the lab is for")]
pub(super) fn show(seen: &Seen, attack: Option<Timestamp>) {
    let Alert {
        class,
        severity,
        source,
        target,
        summary,
        ..
    } = &seen.alert;
    let delay = attack.map_or_else(
        || "before any attack".to_owned(),
        |start| seconds(seen.delay(start)),
    );
    println!(
        "alert  {delay}  {class}  {}  from {}  to {}: {summary}",
        severity.name(),
        named(source),
        named(target)
    );
}

/// A duration in seconds, to the millisecond.
pub(super) fn seconds(duration: SignedDuration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

fn named(party: &Party) -> String {
    match party.ip {
        Some(ip) => ip.to_string(),
        None => format!("{} hosts", party.count),
    }
}
