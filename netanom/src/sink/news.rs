//! What is worth telling a person of an alert: that it begins, worsens or ends. What else happens is a metric.

use std::collections::HashMap;

use crate::alert::{Alert, Class, Severity, State};

/// Incidents remembered at most. Beyond it, further ones are told with every update: too much is said, never nothing.
const MAX_OPEN: usize = 10_000;

/// What is told of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum News {
    Begins,
    /// It matters more than before, or has another name.
    Worsens,
    Ends,
}

/// Alerts whose beginning has been told and whose end has not, as they were told last.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<String, (Class, Severity)>);

impl Told {
    /// What is worth telling in this update of the alert.
    pub(super) fn news(&mut self, alert: &Alert) -> Option<News> {
        let now = (alert.class, alert.severity);
        if alert.state == State::Ended {
            self.0.remove(&alert.id);
            return Some(News::Ends);
        }
        if let Some(told) = self.0.get_mut(&alert.id) {
            let is_news = told.0 != now.0 || told.1 < now.1;
            return is_news.then(|| {
                *told = now;
                News::Worsens
            });
        }
        if self.0.len() < MAX_OPEN {
            self.0.insert(alert.id.clone(), now);
        }
        Some(News::Begins)
    }

    /// Takes back that it was told.
    pub(super) fn forget(&mut self, alert: &Alert) {
        self.0.remove(&alert.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::store::tests::alert;

    #[test]
    fn an_alert_is_news_when_it_begins_worsens_and_ends() {
        let mut told = Told::default();
        let mut alert = alert(1);
        assert_eq!(told.news(&alert), Some(News::Begins));
        assert_eq!(told.news(&alert), None);
        alert.severity = Severity::High;
        assert_eq!(told.news(&alert), Some(News::Worsens));
        alert.severity = Severity::Medium;
        assert_eq!(told.news(&alert), None);
        alert.state = State::Ended;
        assert_eq!(told.news(&alert), Some(News::Ends));
        assert!(told.0.is_empty());
    }
}
