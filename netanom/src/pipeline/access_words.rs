//! What an alert says where flows are clients' minutes and packets are requests.
//!
//! `flows` of such an alert are rows, `packets` requests, `bytes` those of the answers. A log does not say at which
//! address its server was asked, so the target has none; the log's name stands in `interface`.

use std::collections::HashMap;

use crate::alert::{Alert, Class, Party, Severity, State};

/// Words and severities of alerts; what an alert said when it began is kept while it goes on.
#[derive(Debug, Default)]
pub(super) struct Words {
    began: HashMap<String, (Severity, String)>,
}

impl Words {
    pub(super) fn all(&mut self, mut alerts: Vec<Alert>) -> Vec<Alert> {
        alerts.iter_mut().for_each(|alert| self.put(alert));
        alerts
    }

    fn put(&mut self, alert: &mut Alert) {
        "http".clone_into(&mut alert.protocol);
        "access".clone_into(&mut alert.detector);
        alert.source.port = None;
        // The client stands in its target's place; a network of such is one of clients.
        let prefix = alert.target.prefix.take();
        alert.source.prefix = alert.source.prefix.take().or(prefix);
        alert.target = Party {
            ip: None,
            prefix: None,
            port: None,
            count: 1,
        };
        alert.severity = severity(alert);
        alert.summary = summary(alert);
        let said = match alert.state {
            State::Active => self
                .began
                .entry(alert.id.clone())
                .or_insert_with(|| (alert.severity, alert.summary.clone()))
                .clone(),
            State::Ended => match self.began.remove(&alert.id) {
                Some(said) => said,
                None => return,
            },
        };
        if let Some(began) = &mut alert.began {
            (began.severity, began.summary) = said;
        }
    }
}

/// By what a server and its owner feel: requests of a scan or of guessing, requests a second of a flood.
fn severity(alert: &Alert) -> Severity {
    let (amount, medium, high) = match alert.class {
        Class::WebScan => (alert.packets as f64, 100.0, 1000.0),
        Class::BruteForce => (alert.packets as f64, 20.0, 200.0),
        Class::HttpFlood => (alert.rate.peak, 10.0, 100.0),
        _ => (alert.packets as f64, 1000.0, f64::INFINITY),
    };
    if amount >= high {
        Severity::High
    } else if amount >= medium {
        Severity::Medium
    } else {
        Severity::Low
    }
}

fn summary(alert: &Alert) -> String {
    let (who, s) = match (alert.source.ip, &alert.source.prefix, alert.source.count) {
        (Some(ip), _, 0 | 1) => (ip.to_string(), "s"),
        (_, Some(prefix), count) => (format!("{count} clients of {prefix}"), ""),
        (_, None, count) => (format!("{count} clients"), ""),
    };
    let what = match alert.class {
        Class::WebScan => format!(
            "search{} the site for weak spots",
            if s.is_empty() { "" } else { "es" }
        ),
        Class::BruteForce => format!("guess{} log-ins", if s.is_empty() { "" } else { "es" }),
        Class::HttpFlood => format!("flood{s} the server"),
        class => format!(
            "do{} what looks like {class}",
            if s.is_empty() { "" } else { "es" }
        ),
    };
    let log = match alert.interface.as_str() {
        "" => String::new(),
        name => format!(" (`{name}`)"),
    };
    let seconds = alert.last_seen.since(alert.first_seen).as_secs();
    let long = match seconds {
        0..60 => format!("{} s", seconds.max(1)),
        _ => format!("{} min", seconds.div_ceil(60)),
    };
    let requests = match alert.packets {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    };
    format!("{who} {what}: {requests} in {long}{log}")
}
