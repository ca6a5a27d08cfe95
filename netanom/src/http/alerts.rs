//! `/alerts` and `/alerts/{id}`: the alerts of late, filtered and page by page.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hyper::StatusCode;
use serde::Serialize;

use super::HttpState;
use super::reply::{self, Reply};
use super::routes::Call;
use crate::alert::Alert;
use crate::sink::store::AlertQuery;

/// Alerts on one page at most.
const MAX_LIMIT: usize = 1000;
/// Bytes of a page at most, if it has more than one alert: about 250 alerts with full explanations.
const MAX_BYTES: usize = 512 * 1024;

const PARAMETERS: &str = "class, severity, state, source, target, since, until, limit, cursor";

#[derive(Serialize)]
struct List<'a> {
    alerts: Vec<&'a Alert>,
    next_cursor: Option<String>,
    total: usize,
}

/// The alerts that the query asks for, newest first.
pub(super) fn list(state: &HttpState, call: &Call<'_>) -> Reply {
    let mut query = match parse(call.query) {
        Ok(query) => query,
        Err(bad) => return reply::bad_parameter(&bad.parameter, &bad.message),
    };
    loop {
        let page = state.alerts.query(&query);
        let list = List {
            alerts: page.alerts.iter().map(AsRef::as_ref).collect(),
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
fn fitting(alerts: &[&Alert]) -> usize {
    // The rest of a page.
    let mut left = MAX_BYTES - 200;
    let fitting = alerts.iter().take_while(|alert| {
        let length = reply::json_length(left, alert);
        left -= length.unwrap_or(left);
        length.is_some()
    });
    fitting.count().clamp(1, alerts.len() - 1)
}

/// The alert with the id in the path.
pub(super) fn one(state: &HttpState, call: &Call<'_>) -> Reply {
    match state.alerts.get(&call.segment) {
        Some(alert) => reply::json(StatusCode::OK, alert.as_ref()),
        None => reply::error(
            StatusCode::NOT_FOUND,
            &format!(
                "there is no alert `{}`; it never was, or made room for newer ones",
                call.segment
            ),
        ),
    }
}

#[derive(Debug)]
struct BadParameter {
    parameter: String,
    message: String,
}

fn parse(text: &str) -> Result<AlertQuery, BadParameter> {
    let mut query = AlertQuery::default();
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let bad = |message| BadParameter {
            parameter: name.to_string(),
            message,
        };
        if !seen.insert(name.clone()) {
            return Err(bad(format!("`{name}` is given twice")));
        }
        set(&mut query, &name, &value).map_err(bad)?;
    }
    if let (Some(since), Some(until)) = (query.since, query.until)
        && since > until
    {
        let message = format!("`since` ({since}) is after `until` ({until})");
        return Err(BadParameter {
            parameter: "since".to_owned(),
            message,
        });
    }
    Ok(query)
}

fn set(query: &mut AlertQuery, name: &str, value: &str) -> Result<(), String> {
    match name {
        "class" => query.class = Some(value.parse().map_err(say)?),
        "severity" => query.severity = Some(value.parse().map_err(say)?),
        "state" => query.state = Some(value.parse().map_err(say)?),
        "source" => query.source = Some(address(value)?),
        "target" => query.target = Some(address(value)?),
        "since" => query.since = Some(value.parse().map_err(|_| not_a_time(value))?),
        "until" => query.until = Some(value.parse().map_err(|_| not_a_time(value))?),
        "limit" => query.limit = limit(value)?,
        "cursor" => query.cursor = Some(value.parse().map_err(say)?),
        _ => {
            return Err(format!(
                "unknown parameter `{name}`; known are {PARAMETERS}"
            ));
        }
    }
    Ok(())
}

fn say(error: impl std::error::Error) -> String {
    error.to_string()
}

fn address(value: &str) -> Result<IpAddr, String> {
    let parsed: Result<IpAddr, _> = value.parse();
    parsed
        .map(|ip| ip.to_canonical())
        .map_err(|_| format!("`{value}` is not an IPv4 or IPv6 address"))
}

fn not_a_time(value: &str) -> String {
    format!(
        "`{value}` is not a time as in RFC 3339, like 2026-01-31T12:00:00Z (in an offset write + as %2B)"
    )
}

fn limit(value: &str) -> Result<usize, String> {
    let parsed = value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
    parsed.ok_or_else(|| format!("`{value}` is not a number from 1 to {MAX_LIMIT}"))
}

#[cfg(test)]
mod tests {
    use super::{PARAMETERS, parse};
    use crate::alert::{Class, Severity, State};

    #[test]
    fn every_parameter_is_read_and_decoded() {
        let query = parse(
            "class=syn_flood&severity=high&state=active&source=192.0.2.1&target=2001%3Adb8%3A%3A1\
             &since=2026-01-31T12:00:00%2B01:00&until=2026-01-31T12:00:00Z&limit=7&cursor=cff",
        )
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
            let error = parse(text).unwrap_err();
            assert_eq!(error.parameter, text.split('=').next().unwrap(), "{text}");
            assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn the_list_of_parameters_is_the_one_that_is_read() {
        for name in PARAMETERS.split(", ") {
            let error = parse(&format!("{name}=%00")).unwrap_err();
            assert!(!error.message.starts_with("unknown"), "{name}");
        }
    }
}
