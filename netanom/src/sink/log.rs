//! One log line when an alert begins and one when it ends; what happens in between is a metric.

use std::collections::HashSet;

use crate::alert::{Alert, State};
use crate::sink::{Sink, SinkError};

/// Incidents remembered at most. Beyond it, further ones are logged with every update: too much is said, never nothing.
const MAX_OPEN: usize = 10_000;

/// Writes alerts to the program's log.
#[derive(Debug, Default)]
pub struct LogSink {
    /// Alerts whose beginning has been logged and whose end has not.
    open: HashSet<String>,
}

impl LogSink {
    /// Whether this update of the alert is worth a line.
    fn is_news(&mut self, alert: &Alert) -> bool {
        match alert.state {
            State::Active if self.open.contains(&alert.id) => false,
            State::Active => {
                if self.open.len() < MAX_OPEN {
                    self.open.insert(alert.id.clone());
                }
                true
            }
            State::Ended => {
                self.open.remove(&alert.id);
                true
            }
        }
    }
}

impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "log"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        if self.is_news(alert) {
            log::warn!("{}", line(alert));
        }
        Ok(())
    }
}

fn line(alert: &Alert) -> String {
    let Alert {
        id,
        class,
        summary,
        first_seen,
        last_seen,
        flows,
        packets,
        ..
    } = alert;
    let severity = alert.severity.name();
    match alert.state {
        State::Active => format!("alert {id} begins: {class}, {severity}: {summary}"),
        State::Ended => format!(
            "alert {id} ends: {class}, {severity}, {first_seen} to {last_seen}, {flows} flows, {packets} packets"
        ),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{LogSink, line};
    use crate::alert::State;
    use crate::sink::store::tests::alert;

    #[test]
    fn an_alert_is_news_when_it_begins_and_when_it_ends() {
        let mut sink = LogSink::default();
        let mut alert = alert(1);
        assert!(sink.is_news(&alert));
        assert!(!sink.is_news(&alert));
        alert.state = State::Ended;
        assert!(sink.is_news(&alert));
        assert!(sink.open.is_empty());
    }

    #[test]
    fn a_line_says_what_and_how_much() {
        let mut alert = alert(1);
        expect!["alert a1 begins: port_scan, medium: 192.0.2.1 tried 120 ports of 198.51.100.1"]
            .assert_eq(&line(&alert));
        alert.state = State::Ended;
        expect!["alert a1 ends: port_scan, medium, 2023-11-14T22:13:21.000000Z to 2023-11-14T22:13:31.000000Z, 120 flows, 240 packets"]
            .assert_eq(&line(&alert));
    }
}
