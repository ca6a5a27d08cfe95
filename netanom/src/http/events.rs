//! `/events`: server-sent events (WHATWG HTML, 9.2), at most four a second: traffic, a sample of judged flows, alerts.
//!
//! A client that is four seconds behind is told so and let go; it may come again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use futures_util::stream;
use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::HttpState;
use super::live::Update;
use super::query::{self, BadParameter, Set};
use super::reply::{self, Problem, Reply};
use crate::alert::Alert;
use crate::sink::store::AlertQuery;

/// When nothing is to be told, a line that says no more than that the connection is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const PARAMETERS: &str = "only, class, severity, state, source, target";

/// Says of an answer that it goes on as long as its client stays.
#[derive(Clone, Debug)]
pub(super) struct Streamed;

/// What a client wants to be told.
#[derive(Clone, Debug)]
struct Wanted {
    traffic: bool,
    flows: bool,
    alerts: Option<AlertQuery>,
}

/// News as they come: events `update`, and `missed` before a client that is too slow is let go.
#[utoipa::path(
    get, path = "/events", tag = "live",
    params(
        ("only" = Option<String>, Query, description = "some of traffic, flows, alerts, with commas between them"),
        ("class" = Option<String>, Query, description = "only alerts of this class"),
        ("severity" = Option<String>, Query, description = "only alerts of this severity"),
        ("state" = Option<String>, Query, description = "only alerts in this state"),
        ("source" = Option<String>, Query, description = "only alerts with this source address"),
        ("target" = Option<String>, Query, description = "only alerts with this target address"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, description = "a parameter is unknown, malformed or given twice", body = Problem),
        (status = 503, description = "as many clients as there may be listen", body = Problem),
    )
)]
pub(super) async fn stream(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    let wanted = match parse(text.as_deref()) {
        Ok(wanted) => wanted,
        Err(bad) => return bad.into(),
    };
    let busy = "as many clients as there may be listen to events; try again later";
    let Ok(place) = state.live.streams().try_acquire_owned() else {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, busy);
    };
    let Some(news) = state.live.listen() else {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, "the sensor stops");
    };
    let listener = Listener {
        news,
        wanted,
        is_over: false,
        _place: place,
    };
    // A browser that lost its connection comes back after so many milliseconds.
    let begin = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"retry: 2000\n\n"))]);
    let rest = stream::unfold(listener, Listener::next);
    let body = Body::from_stream(futures_util::StreamExt::chain(begin, rest));
    let mut reply = reply::stream("text/event-stream", body);
    reply.extensions_mut().insert(Streamed);
    reply
}

struct Listener {
    news: Receiver<Arc<Update>>,
    wanted: Wanted,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        loop {
            let text = match timeout(KEEP_ALIVE, self.news.recv()).await {
                Err(_) => ": nothing new\n\n".to_owned(),
                Ok(Ok(update)) => match self.wanted.of(&update) {
                    Some(data) => format!("event: update\nid: {}\ndata: {data}\n\n", update.number),
                    None => continue,
                },
                Ok(Err(RecvError::Lagged(missed))) => {
                    self.is_over = true;
                    format!("event: missed\ndata: {{\"updates\":{missed}}}\n\n")
                }
                Ok(Err(RecvError::Closed)) => return None,
            };
            return Some((Ok(text.into()), self));
        }
    }
}

impl Wanted {
    /// An update as this client wants it, as JSON; `None` when nothing in it is for it.
    fn of(&self, update: &Update) -> Option<String> {
        let mut parts = Vec::new();
        if self.traffic {
            parts.push(format!("\"traffic\":{}", update.traffic));
        }
        if self.flows {
            parts.push(format!("\"flows\":{}", update.flows));
        }
        if let Some(query) = &self.alerts {
            let alerts = update.alerts.iter().filter(|alert| query.matches(alert));
            let alerts: Vec<&Alert> = alerts.map(AsRef::as_ref).collect();
            if !alerts.is_empty() || self.traffic || self.flows {
                parts.push(format!("\"alerts\":{}", json(&alerts)));
            }
        }
        (!parts.is_empty()).then(|| format!("{{{}}}", parts.join(",")))
    }
}

/// Plain data, which can always be written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parse(text: Option<&str>) -> Result<Wanted, BadParameter> {
    let mut wanted = Wanted {
        traffic: true,
        flows: true,
        alerts: Some(AlertQuery::default()),
    };
    let mut alerts = AlertQuery::default();
    query::read(text, PARAMETERS, |name, value| {
        match name {
            "only" => wanted = only(value)?,
            "class" => alerts.class = Some(value.parse().map_err(query::say)?),
            "severity" => alerts.severity = Some(value.parse().map_err(query::say)?),
            "state" => alerts.state = Some(value.parse().map_err(query::say)?),
            "source" => alerts.source = Some(query::address(value)?),
            "target" => alerts.target = Some(query::address(value)?),
            _ => return Ok(Set::Unknown),
        }
        Ok(Set::Done)
    })?;
    if wanted.alerts.is_some() {
        wanted.alerts = Some(alerts);
    }
    Ok(wanted)
}

fn only(value: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        traffic: false,
        flows: false,
        alerts: None,
    };
    for part in value.split(',') {
        match part {
            "traffic" => wanted.traffic = true,
            "flows" => wanted.flows = true,
            "alerts" => wanted.alerts = Some(AlertQuery::default()),
            other => return Err(format!("`{other}` is not one of traffic, flows, alerts")),
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::store::tests::alert;

    fn told(text: &str, update: &Update) -> Option<String> {
        parse(Some(text)).unwrap().of(update)
    }

    #[test]
    fn a_client_is_told_what_it_wants() {
        let update = Update {
            number: 1,
            traffic: "{\"packets\":7}".to_owned(),
            flows: "[]".to_owned(),
            alerts: vec![Arc::new(alert(1))],
        };
        let both = "{\"traffic\":{\"packets\":7},\"flows\":[]}";
        assert_eq!(told("only=traffic,flows", &update).unwrap(), both);
        assert_eq!(told("only=alerts&class=syn_flood", &update), None);
        let alerts = told("only=alerts&class=port_scan", &update).unwrap();
        assert!(
            alerts.starts_with("{\"alerts\":[{\"id\":\"a1\""),
            "{alerts}"
        );
        let all: serde_json::Value = serde_json::from_str(&told("", &update).unwrap()).unwrap();
        assert_eq!(
            (&all["traffic"]["packets"], &all["alerts"][0]["id"]),
            (&7.into(), &"a1".into())
        );
        for wrong in ["only=news", "only=", "limit=1", "class=worm"] {
            assert!(parse(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
