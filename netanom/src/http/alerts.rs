//! `/alerts` and `/alerts/{id}`: the alerts of late, filtered and page by page.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::HttpState;
use super::query::{self, BadParameter, Set};
use super::reply::{self, Problem, Reply};
use super::segment::Segment;
use crate::alert::Alert;
use crate::sink::store::AlertQuery;

/// Bytes of a page at most, if it has more than one alert: about 250 alerts with full explanations.
pub(super) const MAX_BYTES: usize = 512 * 1024;

const PARAMETERS: &str = "class, severity, state, source, target, since, until, limit, cursor";

/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub(super) struct AlertList {
    /// Newest first.
    #[schema(value_type = Vec<Alert>)]
    #[serde(serialize_with = "reply::each")]
    alerts: Vec<Arc<Alert>>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
    /// Matches on all pages.
    total: usize,
}

/// Alerts, newest first, with filters.
#[utoipa::path(
    get, path = "/alerts", tag = "alerts",
    params(
        ("class" = Option<String>, Query, description = "only of this class"),
        ("severity" = Option<String>, Query, description = "only of this severity: low, medium, high"),
        ("state" = Option<String>, Query, description = "only active or only ended ones"),
        ("source" = Option<String>, Query, description = "only with this source address"),
        ("target" = Option<String>, Query, description = "only with this target address"),
        ("since" = Option<String>, Query, description = "only with a packet at or after this moment (RFC 3339)"),
        ("until" = Option<String>, Query, description = "only with a packet at or before this moment (RFC 3339)"),
        ("limit" = Option<usize>, Query, description = "at most so many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = AlertList),
        (status = 400, description = "a parameter is unknown, malformed or given twice", body = Problem),
    )
)]
pub(super) async fn list(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    let mut query = match parse(text.as_deref()) {
        Ok(query) => query,
        Err(bad) => return bad.into(),
    };
    loop {
        let page = state.alerts.query(&query);
        let list = AlertList {
            alerts: page.alerts,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
            total: page.total,
        };
        // A page that would be too long gets fewer alerts; its cursor goes on after them.
        match reply::short_json(MAX_BYTES, &list) {
            Some(reply) => return reply,
            None if list.alerts.len() > 1 => query.limit = fitting(&list.alerts),
            None => return reply::json(StatusCode::OK, &list),
        }
    }
}

/// How many of the alerts fit a page: less than all, and at least one.
fn fitting(alerts: &[Arc<Alert>]) -> usize {
    // The rest of a page.
    let mut left = MAX_BYTES - 200;
    let fitting = alerts.iter().take_while(|alert| {
        let length = reply::json_length(left, alert.as_ref());
        left -= length.unwrap_or(left);
        length.is_some()
    });
    fitting.count().clamp(1, alerts.len() - 1)
}

/// One alert.
#[utoipa::path(
    get, path = "/alerts/{id}", tag = "alerts",
    params(("id" = String, Path, description = "the alert's `id`")),
    responses(
        (status = 200, body = Alert),
        (status = 404, description = "it never was, or made room for newer ones", body = Problem),
    )
)]
pub(super) async fn one(State(state): State<HttpState>, Segment(id): Segment) -> Reply {
    match state.alerts.get(&id) {
        Some(alert) => reply::json(StatusCode::OK, alert.as_ref()),
        None => reply::error(
            StatusCode::NOT_FOUND,
            format!("there is no alert `{id}`; it never was, or made room for newer ones"),
        ),
    }
}

/// What a query asks for; also for `/events`.
pub(super) fn parse(text: Option<&str>) -> Result<AlertQuery, BadParameter> {
    let mut query = AlertQuery::default();
    query::read(text, PARAMETERS, |name, value| set(&mut query, name, value))?;
    query::in_order(query.since, query.until)?;
    Ok(query)
}

fn set(query: &mut AlertQuery, name: &str, value: &str) -> Result<Set, String> {
    match name {
        "class" => query.class = Some(value.parse().map_err(query::say)?),
        "severity" => query.severity = Some(value.parse().map_err(query::say)?),
        "state" => query.state = Some(value.parse().map_err(query::say)?),
        "source" => query.source = Some(query::address(value)?),
        "target" => query.target = Some(query::address(value)?),
        "since" => query.since = Some(query::time(value)?),
        "until" => query.until = Some(query::time(value)?),
        "limit" => query.limit = query::limit(value)?,
        "cursor" => query.cursor = Some(value.parse().map_err(query::say)?),
        _ => return Ok(Set::Unknown),
    }
    Ok(Set::Done)
}

#[cfg(test)]
mod tests {
    use super::{PARAMETERS, parse};
    use crate::alert::{Class, Severity, State};

    #[test]
    fn every_parameter_is_read_and_decoded() {
        let query = parse(Some(
            "class=syn_flood&severity=high&state=active&source=192.0.2.1&target=2001%3Adb8%3A%3A1\
             &since=2026-01-31T12:00:00%2B01:00&until=2026-01-31T12:00:00Z&limit=7&cursor=cff",
        ))
        .unwrap();
        assert_eq!(query.class, Some(Class::SynFlood));
        assert_eq!(query.severity, Some(Severity::High));
        assert_eq!(query.state, Some(State::Active));
        assert_eq!(query.source.unwrap().to_string(), "192.0.2.1");
        assert_eq!(query.target.unwrap().to_string(), "2001:db8::1");
        assert_eq!(
            query.since.unwrap().to_string(),
            "2026-01-31T11:00:00.000000Z"
        );
        assert_eq!(
            query.until.unwrap().to_string(),
            "2026-01-31T12:00:00.000000Z"
        );
        assert_eq!(query.limit, 7);
        assert_eq!(query.cursor.unwrap().to_string(), "cff");
    }

    #[test]
    fn each_malformed_parameter_is_named() {
        let bad = [
            "class=worm",
            "class=",
            "severity=urgent",
            "state=open",
            "source=example.org",
            "source=1.2.3",
            "target=::g",
            "since=yesterday",
            "until=2026-13-01T00:00:00Z",
            "until=1700000000",
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=ten",
            "cursor=12",
            "colour=red",
            "class=normal&class=normal",
            "limit",
            "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        ];
        for text in bad {
            let error = parse(Some(text)).unwrap_err();
            assert_eq!(error.parameter, text.split('=').next().unwrap(), "{text}");
            assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn the_list_of_parameters_is_the_one_that_is_read() {
        for name in PARAMETERS.split(", ") {
            let error = parse(Some(&format!("{name}=%00"))).unwrap_err();
            assert!(!error.message.starts_with("unknown"), "{name}");
        }
    }
}
