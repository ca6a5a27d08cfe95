//! One log line when an alert begins, one when it worsens and one when it ends; what else happens is a metric.

use std::collections::HashMap;

use crate::alert::{Alert, Class, Severity, State};
use crate::sink::{Sink, SinkError};

/// Incidents remembered at most. Beyond it, further ones are logged with every update: too much is said, never nothing.
const MAX_OPEN: usize = 10_000;

/// Writes alerts to the program's log.
#[derive(Debug, Default)]
pub struct LogSink {
    /// Alerts whose beginning has been logged and whose end has not, as they were told last.
    open: HashMap<String, (Class, Severity)>,
}

/// What is told of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
enum News {
    Begins,
    /// It matters more than before, or has another name.
    Worsens,
    Ends,
}

impl LogSink {
    /// What is worth a line in this update of the alert.
    fn news(&mut self, alert: &Alert) -> Option<News> {
        let now = (alert.class, alert.severity);
        if alert.state == State::Ended {
            self.open.remove(&alert.id);
            return Some(News::Ends);
        }
        if let Some(told) = self.open.get_mut(&alert.id) {
            let is_news = told.0 != now.0 || told.1 < now.1;
            return is_news.then(|| {
                *told = now;
                News::Worsens
            });
        }
        if self.open.len() < MAX_OPEN {
            self.open.insert(alert.id.clone(), now);
        }
        Some(News::Begins)
    }
}

impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "log"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        if let Some(news) = self.news(alert) {
            log::warn!("{}", line(alert, news));
        }
        Ok(())
    }
}

fn line(alert: &Alert, news: News) -> String {
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
    match news {
        News::Begins => format!("alert {id} begins: {class}, {severity}: {summary}"),
        News::Worsens => format!("alert {id} worsens: {class}, {severity}: {summary}"),
        News::Ends => format!(
            "alert {id} ends: {class}, {severity}, {first_seen} to {last_seen}, {flows} flows, {packets} packets"
        ),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{LogSink, News, line};
    use crate::alert::{Severity, State};
    use crate::sink::store::tests::alert;

    #[test]
    fn an_alert_is_news_when_it_begins_worsens_and_ends() {
        let mut sink = LogSink::default();
        let mut alert = alert(1);
        assert_eq!(sink.news(&alert), Some(News::Begins));
        assert_eq!(sink.news(&alert), None);
        alert.severity = Severity::High;
        assert_eq!(sink.news(&alert), Some(News::Worsens));
        alert.severity = Severity::Medium;
        assert_eq!(sink.news(&alert), None);
        alert.state = State::Ended;
        assert_eq!(sink.news(&alert), Some(News::Ends));
        assert!(sink.open.is_empty());
    }

    #[test]
    fn a_line_says_what_and_how_much() {
        let mut alert = alert(1);
        expect!["alert a1 begins: port_scan, medium: 192.0.2.1 tried 120 ports of 198.51.100.1"]
            .assert_eq(&line(&alert, News::Begins));
        alert.state = State::Ended;
        expect!["alert a1 ends: port_scan, medium, 2023-11-14T22:13:21.000000Z to 2023-11-14T22:13:31.000000Z, 120 flows, 240 packets"]
            .assert_eq(&line(&alert, News::Ends));
    }
}
