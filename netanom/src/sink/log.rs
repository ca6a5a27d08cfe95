//! One log line when an alert begins, one when it worsens and one when it ends; what else happens is a metric.

use super::news::{News, Told};
use crate::alert::Alert;
use crate::sink::{Sink, SinkError};

/// Writes alerts to the program's log.
#[derive(Debug, Default)]
pub struct LogSink(Told);

impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "log"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        if let Some(news) = self.0.news(alert) {
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

    use super::{News, line};
    use crate::alert::State;
    use crate::sink::store::tests::alert;

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
