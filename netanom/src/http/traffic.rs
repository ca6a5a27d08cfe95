//! What the sensor sees: `/summary`, `/flows`, `/normal_traffic`, `/hosts/{ip}`, `/evidence/{ip}`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::HttpState;
use super::live::{FlowView, FlowsPage, FlowsQuery, HostView, Slice, Totals};
use super::query::{self, BadParameter, Set};
use super::reply::{self, Problem, Reply};
use super::segment::Address;
use crate::alert::{Alert, NearMiss, Severity, State as AlertState};
use crate::flow::Timestamp;
use crate::sink::store::AlertQuery;

const FLOW_PARAMETERS: &str =
    "source, target, host, port, protocol, class, since, until, limit, cursor";
/// Flows and alerts that are shown of a host.
const OF_HOST: usize = 50;
/// Alerts and hosts in a summary.
const IN_SUMMARY: usize = 10;

/// The whole in one answer.
#[derive(Serialize, ToSchema)]
pub(super) struct Summary {
    /// When the first window began; `null` before it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    began: Option<Timestamp>,
    /// The end of the last window; `null` before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    now: Option<Timestamp>,
    /// Sums since the sensor began.
    totals: Totals,
    /// The last five minutes by the second.
    seconds: Vec<Slice>,
    /// The last two hours by the minute.
    minutes: Vec<Slice>,
    /// The last week by the hour.
    hours: Vec<Slice>,
    threats: Threats,
    /// Hosts with the most bytes of late.
    busiest_hosts: Vec<HostView>,
    /// Windows that are in the metrics but not here, as the picture was behind.
    windows_missed: u64,
}

/// The alerts that are kept, counted.
#[derive(Serialize, ToSchema)]
struct Threats {
    total: usize,
    active: usize,
    by_severity: BTreeMap<&'static str, usize>,
    by_class: BTreeMap<&'static str, usize>,
    /// The newest.
    #[schema(value_type = Vec<Alert>)]
    #[serde(serialize_with = "reply::each")]
    recent: Vec<Arc<Alert>>,
}

/// Connection statistics, traffic by second, minute and hour, threats by severity and class, recent threats.
#[utoipa::path(get, path = "/summary", tag = "live", responses((status = 200, body = Summary)))]
pub(super) async fn summary(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    if let Err(bad) = query::none(text.as_deref()) {
        return bad.into();
    }
    let threats = Threats::of(&state);
    let picture = state.live.picture();
    let minutes = picture.minutes();
    let summary = Summary {
        began: picture.began(),
        now: picture.began().map(|_| picture.now()),
        totals: picture.totals(),
        seconds: picture.seconds(),
        minutes: minutes[minutes.len().saturating_sub(120)..].to_vec(),
        hours: picture.hours(),
        threats,
        busiest_hosts: picture.busiest_hosts(IN_SUMMARY),
        windows_missed: state.live.missed(),
    };
    drop(picture);
    reply::json(StatusCode::OK, &summary)
}

impl Threats {
    fn of(state: &HttpState) -> Self {
        let page = state.alerts.query(&AlertQuery {
            limit: usize::MAX,
            ..AlertQuery::default()
        });
        let mut threats = Self {
            total: page.total,
            active: 0,
            by_severity: Severity::ALL.map(|severity| (severity.name(), 0)).into(),
            by_class: BTreeMap::new(),
            recent: Vec::new(),
        };
        for alert in &page.alerts {
            threats.active += usize::from(alert.state == AlertState::Active);
            *threats
                .by_severity
                .entry(alert.severity.name())
                .or_default() += 1;
            *threats.by_class.entry(alert.class.name()).or_default() += 1;
        }
        threats.recent = page.alerts;
        threats.recent.truncate(IN_SUMMARY);
        threats
    }
}

/// Flows.
#[derive(Serialize, ToSchema)]
pub(super) struct FlowList {
    flows: Vec<FlowView>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
    /// Matches on all pages.
    total: usize,
}

impl From<FlowsPage> for FlowList {
    fn from(page: FlowsPage) -> Self {
        Self {
            flows: page.flows,
            next_cursor: page.next.map(|place| format!("f{place:x}")),
            total: page.total,
        }
    }
}

/// Flows with the most bytes a second now.
#[utoipa::path(
    get, path = "/flows", tag = "live",
    params(
        ("source" = Option<String>, Query, description = "only opened by this address"),
        ("target" = Option<String>, Query, description = "only to this address"),
        ("host" = Option<String>, Query, description = "only from or to this address"),
        ("port" = Option<u16>, Query, description = "only to this port"),
        ("protocol" = Option<String>, Query, description = "only of this protocol, such as tcp"),
        ("class" = Option<String>, Query, description = "only judged so"),
        ("since" = Option<String>, Query, description = "only with a packet at or after this moment (RFC 3339)"),
        ("until" = Option<String>, Query, description = "only with a packet at or before this moment (RFC 3339)"),
        ("limit" = Option<usize>, Query, description = "at most so many", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = FlowList),
        (status = 400, description = "a parameter is unknown, malformed or given twice", body = Problem),
    )
)]
pub(super) async fn flows(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    match parse(text.as_deref()) {
        Ok(query) if query.before.is_some() => BadParameter {
            parameter: "cursor".to_owned(),
            message: "what is busiest changes all the time, so there is one page alone".to_owned(),
        }
        .into(),
        Ok(query) => {
            let page = state.live.picture().busiest(&query);
            reply::json(StatusCode::OK, &FlowList::from(page))
        }
        Err(bad) => bad.into(),
    }
}

/// Flows that were judged normal of late, newest first.
#[utoipa::path(
    get, path = "/normal_traffic", tag = "live",
    params(
        ("source" = Option<String>, Query, description = "only opened by this address"),
        ("target" = Option<String>, Query, description = "only to this address"),
        ("host" = Option<String>, Query, description = "only from or to this address"),
        ("port" = Option<u16>, Query, description = "only to this port"),
        ("protocol" = Option<String>, Query, description = "only of this protocol, such as tcp"),
        ("since" = Option<String>, Query, description = "only with a packet at or after this moment (RFC 3339)"),
        ("until" = Option<String>, Query, description = "only with a packet at or before this moment (RFC 3339)"),
        ("limit" = Option<usize>, Query, description = "at most so many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = FlowList),
        (status = 400, description = "a parameter is unknown, malformed or given twice", body = Problem),
    )
)]
pub(super) async fn normal(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    match parse(text.as_deref()) {
        Ok(query) => {
            let page = state.live.picture().normal(&query);
            reply::json(StatusCode::OK, &FlowList::from(page))
        }
        Err(bad) => bad.into(),
    }
}

fn parse(text: Option<&str>) -> Result<FlowsQuery, BadParameter> {
    let mut wanted = FlowsQuery {
        limit: 100,
        ..FlowsQuery::default()
    };
    query::read(text, FLOW_PARAMETERS, |name, value| {
        match name {
            "source" => wanted.source = Some(query::address(value)?),
            "target" => wanted.target = Some(query::address(value)?),
            "host" => wanted.host = Some(query::address(value)?),
            "port" => wanted.port = Some(query::number(value, "a port")?),
            "protocol" => wanted.protocol = Some(value.to_ascii_lowercase()),
            "class" => wanted.class = Some(value.parse().map_err(query::say)?),
            "since" => wanted.since = Some(query::time(value)?),
            "until" => wanted.until = Some(query::time(value)?),
            "limit" => wanted.limit = query::limit(value)?,
            "cursor" => wanted.before = Some(cursor(value)?),
            _ => return Ok(Set::Unknown),
        }
        Ok(Set::Done)
    })?;
    query::in_order(wanted.since, wanted.until)?;
    Ok(wanted)
}

fn cursor(value: &str) -> Result<u64, String> {
    let digits = value
        .strip_prefix('f')
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| "not a cursor: take `next_cursor` of the page before as it is".to_owned())
}

/// A host with its flows and alerts.
#[derive(Serialize, ToSchema)]
pub(super) struct HostPage {
    #[serde(flatten)]
    host: HostView,
    /// Its flows, newest first.
    flows: Vec<FlowView>,
    /// Alerts that name it as source or target, newest first.
    #[schema(value_type = Vec<Alert>)]
    #[serde(serialize_with = "reply::each")]
    alerts: Vec<Arc<Alert>>,
}

/// What one host did of late.
#[utoipa::path(
    get, path = "/hosts/{ip}", tag = "live",
    params(("ip" = String, Path, description = "its address")),
    responses(
        (status = 200, body = HostPage),
        (status = 400, description = "not an address", body = Problem),
        (status = 404, description = "no packet of it was seen of late", body = Problem),
    )
)]
pub(super) async fn host(State(state): State<HttpState>, Address(ip): Address) -> Reply {
    let alerts = alerts_of(&state, ip);
    let picture = state.live.picture();
    let Some(host) = picture.host(ip) else {
        return reply::error(
            StatusCode::NOT_FOUND,
            format!("no packet of {ip} was seen of late; `/summary` lists the busiest hosts"),
        );
    };
    let page = HostPage {
        flows: picture.flows_of(ip, OF_HOST),
        host,
        alerts,
    };
    drop(picture);
    reply::json(StatusCode::OK, &page)
}

/// What stands against a host.
#[derive(Serialize, ToSchema)]
pub(super) struct Evidence {
    #[schema(value_type = String)]
    ip: IpAddr,
    /// Evidence that raises an alert: about so many flows that surely are an attack.
    needed: f64,
    /// Seconds in which evidence fades to a half.
    half_life_seconds: f64,
    /// Of the cases that came nearest to an alert since the start and raised none, those that are about it.
    near_misses: Vec<NearMiss>,
    /// Its flows that are judged an attack, newest first.
    suspicious_flows: Vec<FlowView>,
    /// How many of these are remembered.
    suspicious_total: usize,
    /// Alerts that name it as source or target, newest first.
    #[schema(value_type = Vec<Alert>)]
    #[serde(serialize_with = "reply::each")]
    alerts: Vec<Arc<Alert>>,
}

/// What stands against a host, and how much more an alert needs.
#[utoipa::path(
    get, path = "/evidence/{ip}", tag = "live",
    params(("ip" = String, Path, description = "its address")),
    responses(
        (status = 200, body = Evidence),
        (status = 400, description = "not an address", body = Problem),
    )
)]
pub(super) async fn evidence(State(state): State<HttpState>, Address(ip): Address) -> Reply {
    let alerts = alerts_of(&state, ip);
    let settings = state.settings.get().evidence;
    let picture = state.live.picture();
    let suspicious = picture.attacks_of(ip, OF_HOST);
    let about = |subject: &str| {
        subject
            .split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
            .any(|word| word.parse() == Ok(ip))
    };
    let near_misses = picture.near_misses().iter();
    let page = Evidence {
        ip,
        needed: settings.bar,
        half_life_seconds: settings.half_life.as_secs_f64(),
        near_misses: near_misses
            .filter(|miss| about(&miss.subject))
            .cloned()
            .collect(),
        suspicious_flows: suspicious.flows,
        suspicious_total: suspicious.total,
        alerts,
    };
    drop(picture);
    reply::json(StatusCode::OK, &page)
}

/// Alerts that name the address as source or target.
fn alerts_of(state: &HttpState, ip: IpAddr) -> Vec<Arc<Alert>> {
    let as_source = AlertQuery {
        source: Some(ip),
        limit: OF_HOST,
        ..AlertQuery::default()
    };
    let as_target = AlertQuery {
        source: None,
        target: Some(ip),
        ..as_source.clone()
    };
    let mut alerts = state.alerts.query(&as_source).alerts;
    alerts.extend(state.alerts.query(&as_target).alerts);
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.first_seen));
    alerts.dedup_by(|a, b| a.id == b.id);
    alerts.truncate(OF_HOST);
    alerts
}
