//! What stands after the question mark: every parameter known, given once and well formed, or a 400 that names it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::reply::{self, Reply};
use crate::flow::Timestamp;

/// Entries on one page at most.
pub(super) const MAX_LIMIT: usize = 1000;

/// A parameter that cannot be used.
#[derive(Debug)]
pub(super) struct BadParameter {
    pub(super) parameter: String,
    pub(super) message: String,
}

impl From<BadParameter> for Reply {
    fn from(bad: BadParameter) -> Self {
        reply::bad_parameter(&bad.parameter, &bad.message)
    }
}

/// What becomes of a parameter.
pub(super) enum Set {
    /// It is known.
    Done,
    /// It is not.
    Unknown,
}

/// Reads a query, parameter by parameter; `known` lists them for people.
pub(super) fn read(
    text: Option<&str>,
    known: &str,
    mut set: impl FnMut(&str, &str) -> Result<Set, String>,
) -> Result<(), BadParameter> {
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        let bad = |message| BadParameter {
            parameter: name.to_string(),
            message,
        };
        if !seen.insert(name.clone()) {
            return Err(bad(format!("`{name}` is given twice")));
        }
        match set(&name, &value).map_err(bad)? {
            Set::Done => {}
            Set::Unknown if known.is_empty() => {
                return Err(bad(format!(
                    "unknown parameter `{name}`; there are none here"
                )));
            }
            Set::Unknown => {
                return Err(bad(format!(
                    "unknown parameter `{name}`; known are {known}"
                )));
            }
        }
    }
    Ok(())
}

/// That there are no parameters.
pub(super) fn none(text: Option<&str>) -> Result<(), BadParameter> {
    read(text, "", |_, _| Ok(Set::Unknown))
}

/// That a span of time does not end before it begins.
pub(super) fn in_order(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<(), BadParameter> {
    match (since, until) {
        (Some(since), Some(until)) if since > until => Err(BadParameter {
            parameter: "since".to_owned(),
            message: format!("`since` ({since}) is after `until` ({until})"),
        }),
        _ => Ok(()),
    }
}

pub(super) fn say(error: impl std::error::Error) -> String {
    error.to_string()
}

pub(super) fn address(value: &str) -> Result<IpAddr, String> {
    let parsed: Result<IpAddr, _> = value.parse();
    parsed
        .map(|ip| ip.to_canonical())
        .map_err(|_| format!("`{value}` is not an IPv4 or IPv6 address"))
}

pub(super) fn time(value: &str) -> Result<Timestamp, String> {
    value.parse().map_err(|_| {
        format!(
            "`{value}` is not a time as in RFC 3339, like 2026-01-31T12:00:00Z (in an offset write + as %2B)"
        )
    })
}

pub(super) fn limit(value: &str) -> Result<usize, String> {
    let parsed = value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
    parsed.ok_or_else(|| format!("`{value}` is not a number from 1 to {MAX_LIMIT}"))
}

pub(super) fn number<T: std::str::FromStr>(value: &str, what: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("`{value}` is not {what}"))
}
