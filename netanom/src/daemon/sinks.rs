//! The sinks that the configuration asks for, each behind its outbox, and those that come and go when it changes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::alert::Alert;
use crate::config::{Config, SinkSettings};
use crate::metrics::{Metrics, OutboxCounts};
use crate::sink::Sink;
use crate::sink::alertmanager::Alertmanager;
use crate::sink::json_lines::JsonLines;
use crate::sink::log::LogSink;
use crate::sink::outbox::{Outbox, OutboxSettings};
use crate::sink::state::StateFolder;
use crate::sink::store::{AlertHistory, AlertStore};
use crate::sink::syslog::Syslog;
use crate::sink::webhook::Webhook;

/// For a sink that is no longer wanted to take what waits for it.
const LAST_ALERTS: Duration = Duration::from_secs(60);

/// All sinks, the store first.
#[derive(Debug)]
pub(super) struct Sinks {
    all: Vec<(SinkSettings, Outbox)>,
    /// What sinks of a name that are gone have counted.
    gone: BTreeMap<&'static str, OutboxCounts>,
}

impl Sinks {
    /// Starts the threads of the store and of those that are asked for.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(store: Box<dyn Sink>, wanted: &[SinkSettings]) -> io::Result<Self> {
        let store = Outbox::start(store, OutboxSettings::default())?;
        let mut sinks = Self {
            all: vec![(SinkSettings::Store, store)],
            gone: BTreeMap::new(),
        };
        sinks.want(wanted)?;
        Ok(sinks)
    }

    /// These are wanted from now on: starts those that are new, and lets those end that are not wanted any more, which
    /// nobody waits for.
    ///
    /// # Errors
    /// When a thread cannot be started; the others are there.
    pub(super) fn want(&mut self, wanted: &[SinkSettings]) -> io::Result<()> {
        let stays = |sink: &SinkSettings| *sink == SinkSettings::Store || wanted.contains(sink);
        let (stay, go): (Vec<_>, Vec<_>) = self.all.drain(..).partition(|(sink, _)| stays(sink));
        self.all = stay;
        let go: Vec<Outbox> = go.into_iter().map(|(_, outbox)| outbox).collect();
        for outbox in &go {
            let (counts, gone) = (outbox.counts(), self.gone.entry(outbox.name()).or_default());
            gone.sent += counts.sent;
            gone.retried += counts.retried;
            gone.dropped += counts.dropped;
        }
        if !go.is_empty() {
            thread::Builder::new()
                .name("sinks-end".to_owned())
                .spawn(|| Outbox::end(go, LAST_ALERTS))?;
        }
        for sink in wanted {
            if !self.all.iter().any(|(known, _)| known == sink)
                && let Some(made) = made(sink)
            {
                let outbox = Outbox::start(made, OutboxSettings::default())?;
                self.all.push((sink.clone(), outbox));
            }
        }
        Ok(())
    }

    /// Hands an alert to every one. Never waits.
    pub(super) fn put(&self, alert: &Arc<Alert>) {
        for (_, outbox) in &self.all {
            outbox.put(Arc::clone(alert));
        }
    }

    /// Says what became of alerts.
    pub(super) fn measure(&self, metrics: &Metrics) {
        for (_, outbox) in &self.all {
            let mut counts = outbox.counts();
            if let Some(gone) = self.gone.get(outbox.name()) {
                counts.sent += gone.sent;
                counts.retried += gone.retried;
                counts.dropped += gone.dropped;
            }
            metrics.set_outbox(outbox.name(), counts);
        }
        let is_there = |name| self.all.iter().any(|(_, outbox)| outbox.name() == name);
        for (name, counts) in self.gone.iter().filter(|(name, _)| !is_there(**name)) {
            metrics.set_outbox(name, *counts);
        }
    }

    /// Waits until they have taken what waits for them, no longer than `limit`.
    pub(super) fn end(self, limit: Duration) {
        Outbox::end(
            self.all.into_iter().map(|(_, outbox)| outbox).collect(),
            limit,
        );
    }
}

/// The sink; none for the store, which is there already.
fn made(settings: &SinkSettings) -> Option<Box<dyn Sink>> {
    match settings {
        SinkSettings::Store => None,
        SinkSettings::Log => Some(Box::<LogSink>::default()),
        SinkSettings::Webhook(settings) => Some(Box::new(Webhook::new(settings.clone()))),
        SinkSettings::JsonLines(path, format) => {
            Some(Box::new(JsonLines::new(path.clone(), *format)))
        }
        SinkSettings::Alertmanager(settings) => Some(Box::new(Alertmanager::new(settings.clone()))),
        SinkSettings::Syslog(target, text) => Some(Box::new(Syslog::new(target.clone(), *text))),
    }
}

/// The store, with its database where there can be one. A folder that was asked for has to do; without the usual one the
/// sensor works, and says what it loses.
///
/// # Errors
/// When the folder that was asked for cannot be used.
pub(super) fn with_history(config: &Config, store: &AlertStore) -> anyhow::Result<Box<dyn Sink>> {
    if !config.keep_state {
        return Ok(Box::new(store.clone()));
    }
    let asked = config.state_dir();
    let opened = asked
        .clone()
        .map_or_else(StateFolder::usual, Ok)
        .and_then(|folder| StateFolder::open(&folder))
        .map_err(anyhow::Error::from)
        .and_then(|folder| Ok(AlertHistory::open(folder, store.clone())?));
    match opened {
        Ok(history) => Ok(Box::new(history)),
        Err(error) if asked.is_some() => Err(error),
        Err(error) => {
            log::warn!("{error:#}; alerts are kept in memory alone");
            Ok(Box::new(store.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::format::Format;
    use crate::sink::store::tests::alert;

    fn to_file(path: &std::path::Path) -> Vec<SinkSettings> {
        vec![SinkSettings::JsonLines(path.to_owned(), Format::Own)]
    }

    #[test]
    fn sinks_that_are_no_longer_wanted_get_what_was_theirs_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let store = AlertStore::new(10);
        let mut sinks = Sinks::start(Box::new(store.clone()), &to_file(&first)).unwrap();
        sinks.put(&Arc::new(alert(1)));
        while !std::fs::read_to_string(&first).is_ok_and(|text| text.ends_with('\n')) {
            thread::yield_now();
        }
        sinks.want(&to_file(&second)).unwrap();
        sinks.put(&Arc::new(alert(2)));
        sinks.end(Duration::from_secs(10));
        let lines = |path| std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!((lines(&first), lines(&second)), (1, 1));
        assert!(store.get("a1").is_some() && store.get("a2").is_some());
    }
}
