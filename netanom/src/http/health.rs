//! `/livez` and `/readyz`: whether the process answers, and whether the sensor does its work.
//!
//! Each part of the sensor reports itself under a name. Polling is judged by its age, so that a sensor that hangs is
//! found out although it can no longer say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::HttpState;
use super::reply::{self, Reply};

/// The name of the check that the age of the last poll decides.
const POLL: &str = "poll";

/// A handle on what the sensor's parts say of themselves; clones share it.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<Parts>>);

#[derive(Debug)]
struct Parts {
    checks: BTreeMap<&'static str, Check>,
    last_poll: Option<Instant>,
    longest_gap: Duration,
}

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// Whether it does its work.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Check {
    fn passed() -> Self {
        Self {
            ok: true,
            reason: None,
        }
    }

    fn failed(reason: impl Into<String>) -> Self {
        Self {
            ok: false,
            reason: Some(reason.into()),
        }
    }
}

/// All checks at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every check passed.
    pub ready: bool,
    /// The checks by name.
    #[schema(value_type = BTreeMap<String, Check>)]
    pub checks: BTreeMap<&'static str, Check>,
    /// Age of the last poll in seconds; `null` before the first.
    pub last_poll_seconds: Option<f64>,
}

impl Health {
    /// Parts that have yet to report, and the longest time between two polls that is still healthy.
    #[must_use]
    pub fn new(parts: &[&'static str], longest_gap: Duration) -> Self {
        let checks = parts
            .iter()
            .map(|part| (*part, Check::failed("not started yet")))
            .collect();
        Self(Arc::new(Mutex::new(Parts {
            checks,
            last_poll: None,
            longest_gap,
        })))
    }

    /// The part does its work.
    pub fn pass(&self, part: &'static str) {
        self.parts().checks.insert(part, Check::passed());
    }

    /// The part does not do its work.
    pub fn fail(&self, part: &'static str, reason: impl Into<String>) {
        self.parts().checks.insert(part, Check::failed(reason));
    }

    /// The source was polled.
    pub fn polled(&self, at: Instant) {
        self.parts().last_poll = Some(at);
    }

    /// All checks as of `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> Readiness {
        let parts = self.parts();
        let age = parts.last_poll.map(|at| now.saturating_duration_since(at));
        let mut checks = parts.checks.clone();
        checks.insert(POLL, poll_check(age, parts.longest_gap));
        Readiness {
            ready: checks.values().all(|check| check.ok),
            checks,
            last_poll_seconds: age.map(|age| age.as_secs_f64()),
        }
    }

    /// The state stays whole when a holder panics: each change is one step.
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn poll_check(age: Option<Duration>, longest: Duration) -> Check {
    let Some(age) = age else {
        return Check::failed("no poll yet");
    };
    if age <= longest {
        return Check::passed();
    }
    let (age, longest) = (age.as_secs_f64(), longest.as_secs_f64());
    Check::failed(format!(
        "the last poll was {age:.1} s ago, and at most {longest} s are healthy"
    ))
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    alive: bool,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Alive)))]
pub(super) async fn livez() -> Reply {
    reply::json(StatusCode::OK, &Alive { alive: true })
}

/// Whether the sensor works, check by check.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = Readiness), (status = 503, description = "a check failed", body = Readiness))
)]
pub(super) async fn readyz(State(state): State<HttpState>) -> Reply {
    #[expect(
        clippy::disallowed_methods,
        reason = "how old the last poll is can only be told by the clock"
    )]
    let report = state.health.report(Instant::now());
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    reply::json(status, &report)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use expect_test::{Expect, expect};

    use super::Health;

    #[expect(
        clippy::disallowed_methods,
        reason = "any moment will do to count from"
    )]
    fn check(change: impl FnOnce(&Health, Instant), expected: &Expect) {
        let health = Health::new(&["model", "sensor"], Duration::from_secs(2));
        let start = Instant::now();
        change(&health, start);
        let report = health.report(start + Duration::from_secs(3));
        expected.assert_eq(&serde_json::to_string(&report).unwrap());
    }

    #[test]
    fn what_has_not_reported_is_not_ready() {
        check(
            |health, _| health.pass("model"),
            &expect![[
                r#"{"ready":false,"checks":{"model":{"ok":true},"poll":{"ok":false,"reason":"no poll yet"},"sensor":{"ok":false,"reason":"not started yet"}},"last_poll_seconds":null}"#
            ]],
        );
    }

    #[test]
    fn all_is_ready_when_every_part_is() {
        check(
            |health, start| {
                health.pass("model");
                health.pass("sensor");
                health.polled(start + Duration::from_secs(1));
            },
            &expect![[
                r#"{"ready":true,"checks":{"model":{"ok":true},"poll":{"ok":true},"sensor":{"ok":true}},"last_poll_seconds":2.0}"#
            ]],
        );
    }

    #[test]
    fn a_sensor_that_hangs_is_found_out() {
        check(
            |health, start| {
                health.pass("model");
                health.pass("sensor");
                health.polled(start + Duration::from_millis(500));
            },
            &expect![[
                r#"{"ready":false,"checks":{"model":{"ok":true},"poll":{"ok":false,"reason":"the last poll was 2.5 s ago, and at most 2 s are healthy"},"sensor":{"ok":true}},"last_poll_seconds":2.5}"#
            ]],
        );
    }

    #[test]
    fn a_part_that_fails_says_why() {
        check(
            |health, start| {
                health.pass("model");
                health.fail("sensor", "eth0 is gone");
                health.polled(start + Duration::from_secs(3));
            },
            &expect![[
                r#"{"ready":false,"checks":{"model":{"ok":true},"poll":{"ok":true},"sensor":{"ok":false,"reason":"eth0 is gone"}},"last_poll_seconds":0.0}"#
            ]],
        );
    }
}
