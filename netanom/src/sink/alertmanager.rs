//! Alerts to Prometheus's Alertmanager (API v2), which groups, silences and notifies.
//!
//! Source, target and class are labels, so that a silence of a host holds. Labels say which alert it is there: when one changes
//! (a name, a severity), the alert under the old ones is resolved in the same request. Alertmanager forgets active alerts when
//! it restarts and resolves those that it does not hear of for `resolve_timeout` (five minutes): so what goes on is told
//! again every minute of its time, as long as it has news.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use serde::Serialize;
use ureq::Agent;

use super::{Sink, SinkError};
use crate::alert::{Alert, Party, State};
use crate::flow::Timestamp;

/// For one try, from the name to the answer; the outbox tries again.
const LIMIT: Duration = Duration::from_secs(10);
/// What goes on is told again after so long: five times within the `resolve_timeout` that Alertmanager has by itself.
const AGAIN: Duration = Duration::from_secs(60);
/// Incidents remembered at most. Beyond it further ones are told with every update: too much is said, never nothing.
const MAX_OPEN: usize = 10_000;

/// Where Alertmanager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertmanagerSettings {
    /// Its address with the path that it is served under, such as `http://127.0.0.1:9093`.
    pub url: String,
    /// Where runbooks are: the class is put at its end. Empty: nothing is said of them.
    pub runbooks: String,
}

/// Posts alerts to Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    settings: AlertmanagerSettings,
    agent: Agent,
    /// What was posted of alerts that go on.
    open: HashMap<String, Posted>,
}

/// What was posted last of an alert.
#[derive(Clone, Debug, PartialEq)]
struct Posted {
    labels: Labels,
    starts: Timestamp,
    at: Timestamp,
}

/// What names an alert there, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Labels {
    alertname: &'static str,
    class: &'static str,
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    interface: String,
    protocol: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
}

/// An alert as the API takes it (`postableAlert` of `api/v2/openapi.yaml`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Postable {
    labels: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
    starts_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Annotations {
    summary: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook_url: Option<String>,
}

impl Alertmanager {
    /// One that posts there.
    #[must_use]
    pub fn new(settings: AlertmanagerSettings) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .max_redirects(0)
            .user_agent(concat!("netanom/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            settings,
            agent: agent.into(),
            open: HashMap::new(),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.settings.url.trim_end_matches('/'))
    }

    /// What is to be posted of an alert: nothing when nothing is new.
    fn news(&self, alert: &Alert) -> Vec<Postable> {
        let labels = labels(alert);
        let before = self.open.get(&alert.id);
        let is_ended = alert.state == State::Ended;
        if let Some(before) = before.filter(|before| before.labels == labels && !is_ended)
            && alert.last_seen.since(before.at) < AGAIN
        {
            return Vec::new();
        }
        let mut news = vec![Postable {
            starts_at: alert.first_seen,
            // Its beginning has to be before its end.
            ends_at: is_ended.then(|| later(alert.first_seen, alert.last_seen)),
            annotations: Some(self.annotations(alert)),
            labels,
        }];
        let changed = before.filter(|before| before.labels != news[0].labels);
        news.extend(changed.map(|before| Postable {
            labels: before.labels.clone(),
            annotations: None,
            starts_at: before.starts,
            ends_at: Some(later(before.starts, alert.last_seen)),
        }));
        news
    }

    fn annotations(&self, alert: &Alert) -> Annotations {
        Annotations {
            summary: alert.summary.clone(),
            description: format!(
                "{} flows, {} packets, {} bytes since {}; {:.0} packets a second, {:.0} at most",
                alert.flows,
                alert.packets,
                alert.bytes,
                alert.first_seen,
                alert.rate.now,
                alert.rate.peak
            ),
            runbook_url: Some(&self.settings.runbooks)
                .filter(|url| !url.is_empty())
                .map(|url| format!("{url}{}", alert.class)),
        }
    }

    fn post(&self, news: &[Postable]) -> Result<(), ureq::Error> {
        let answer = self.agent.post(self.at("/api/v2/alerts")).send_json(news)?;
        if answer.status().is_redirection() {
            return Err(ureq::Error::StatusCode(answer.status().as_u16()));
        }
        Ok(())
    }

    fn failed(&self, error: ureq::Error) -> SinkError {
        SinkError::Write {
            target: format!("Alertmanager at {}", self.settings.url),
            source: io::Error::other(error),
        }
    }
}

impl Sink for Alertmanager {
    fn name(&self) -> &'static str {
        "alertmanager"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let news = self.news(alert);
        let Some(first) = news.first() else {
            return Ok(());
        };
        self.post(&news).map_err(|error| self.failed(error))?;
        if alert.state == State::Ended {
            self.open.remove(&alert.id);
        } else if self.open.len() < MAX_OPEN || self.open.contains_key(&alert.id) {
            let posted = Posted {
                labels: first.labels.clone(),
                starts: alert.first_seen,
                at: alert.last_seen,
            };
            self.open.insert(alert.id.clone(), posted);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), SinkError> {
        let answer = self.agent.get(self.at("/-/healthy")).call();
        answer.map(drop).map_err(|error| self.failed(error))
    }
}

fn later(begin: Timestamp, end: Timestamp) -> Timestamp {
    end.max(begin.plus(Duration::from_millis(1)))
}

fn labels(alert: &Alert) -> Labels {
    Labels {
        alertname: "netanom",
        class: alert.class.name(),
        id: alert.id.clone(),
        interface: alert.interface.clone(),
        protocol: alert.protocol.clone(),
        severity: alert.severity.name(),
        source: who(&alert.source),
        target: who(&alert.target),
    }
}

/// An address or a prefix; nothing where they are many.
fn who(party: &Party) -> String {
    let prefix = party.prefix.map(|prefix| prefix.to_string());
    let ip = party.ip.map(|ip| ip.to_string());
    ip.or(prefix).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Severity;
    use crate::sink::store::tests::alert;

    fn sink() -> Alertmanager {
        Alertmanager::new(AlertmanagerSettings {
            url: "http://127.0.0.1:9093/".to_owned(),
            runbooks: "http://127.0.0.1:9710/runbooks/".to_owned(),
        })
    }

    /// Notes that the news of an alert came.
    fn tell(sink: &mut Alertmanager, alert: &Alert) -> Vec<Postable> {
        let news = sink.news(alert);
        if let Some(first) = news.first() {
            let posted = Posted {
                labels: first.labels.clone(),
                starts: alert.first_seen,
                at: alert.last_seen,
            };
            sink.open.insert(alert.id.clone(), posted);
        }
        news
    }

    #[test]
    fn what_goes_on_is_told_again_after_a_minute_and_not_before() {
        let (mut sink, mut alert) = (sink(), alert(1));
        assert_eq!(tell(&mut sink, &alert).len(), 1);
        alert.last_seen = alert.last_seen.plus(Duration::from_secs(59));
        assert_eq!(tell(&mut sink, &alert), []);
        alert.last_seen = alert.last_seen.plus(Duration::from_secs(1));
        assert_eq!(tell(&mut sink, &alert).len(), 1);
    }

    #[test]
    fn an_alert_that_worsens_is_another_one_there_and_the_old_one_is_resolved() {
        let (mut sink, mut alert) = (sink(), alert(1));
        tell(&mut sink, &alert);
        alert.severity = Severity::High;
        let news = tell(&mut sink, &alert);
        let told: Vec<_> = news
            .iter()
            .map(|one| (one.labels.severity, one.ends_at.is_some()))
            .collect();
        assert_eq!(told, [("high", false), ("medium", true)]);
    }

    #[test]
    fn an_end_is_after_its_beginning() {
        let mut alert = alert(1);
        (alert.state, alert.last_seen) = (State::Ended, alert.first_seen);
        let news = sink().news(&alert);
        assert!(news[0].ends_at.unwrap() > news[0].starts_at);
    }

    #[test]
    fn labels_are_text_and_those_of_many_are_left_out() {
        let mut alert = alert(1);
        (alert.source.ip, alert.target.ip) = (None, None);
        alert.target.prefix = "198.51.0.0/16".parse().ok();
        let json = serde_json::to_value(sink().news(&alert)).unwrap();
        let labels = &json[0]["labels"];
        assert_eq!(labels["target"], "198.51.0.0/16");
        assert!(labels["source"].is_null());
        assert!(
            labels
                .as_object()
                .unwrap()
                .values()
                .all(serde_json::Value::is_string)
        );
        assert_eq!(
            json[0]["annotations"]["runbook_url"],
            "http://127.0.0.1:9710/runbooks/port_scan"
        );
    }
}
