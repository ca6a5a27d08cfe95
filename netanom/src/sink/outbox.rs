//! What stands between the sensor and a sink: a bounded queue, and a thread of its own that hands on and tries again.
//!
//! A receiver that hangs or fails holds nobody but this thread. When the queue is full, a newer state of an alert takes
//! the place of an older one that still waits; an alert that finds no place is dropped and counted.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Sink, SinkError};
use crate::alert::Alert;
use crate::metrics::OutboxCounts;

/// How an outbox waits and tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxSettings {
    /// Alerts that wait at most.
    pub room: usize,
    /// How often an alert is tried before it is dropped, at least once.
    pub tries: u32,
    /// Between the first two tries; twice as long each time.
    pub first_pause: Duration,
    /// Between two tries at most.
    pub longest_pause: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            // As many as one tick can bring, when each case has news: 8 MB with full explanations.
            room: 4096,
            // Together about a minute: a receiver that is restarted misses nothing.
            tries: 8,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// A sink that never lets wait.
#[derive(Debug)]
pub struct Outbox {
    name: &'static str,
    takes_suppressed: bool,
    settings: OutboxSettings,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// The first one is being handed on.
    alerts: VecDeque<Arc<Alert>>,
    /// How many were there before the first one.
    before: u64,
    /// By id: where the newest state of an alert waits, counted from the beginning.
    newest: HashMap<String, u64>,
    sent: u64,
    retried: u64,
    dropped: u64,
    is_ending: bool,
    has_ended: bool,
}

impl Outbox {
    /// Starts the sink's thread. Whatever the process may do the thread may do too, so privileges go before.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(sink: Box<dyn Sink>, settings: OutboxSettings) -> io::Result<Self> {
        let (name, takes_suppressed) = (sink.name(), sink.takes_suppressed());
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            sink,
            settings,
            shared: Arc::clone(&shared),
            failures: 0,
        };
        thread::Builder::new()
            .name(format!("sink-{name}"))
            .spawn(|| worker.run())?;
        Ok(Self {
            name,
            takes_suppressed,
            settings,
            shared,
        })
    }

    /// The sink's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Takes an alert, or the newer state of one, unless a rule keeps it from this sink. Never waits for the sink.
    pub fn put(&self, alert: Arc<Alert>) {
        if alert.suppressed_by.is_some() && !self.takes_suppressed {
            return;
        }
        let mut queue = self.shared.queue();
        if queue.alerts.len() >= self.settings.room {
            queue.replace(alert);
            return;
        }
        queue.push(alert);
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// What became of all that was put in.
    #[must_use]
    pub fn counts(&self) -> OutboxCounts {
        let queue = self.shared.queue();
        OutboxCounts {
            queued: queue.alerts.len() as u64,
            sent: queue.sent,
            retried: queue.retried,
            dropped: queue.dropped,
        }
    }

    /// Waits until all outboxes are empty, no longer than `limit` for all together.
    pub fn end(outboxes: Vec<Self>, limit: Duration) {
        let deadline = now() + limit;
        for outbox in &outboxes {
            outbox.shared.queue().is_ending = true;
            outbox.shared.changed.notify_all();
        }
        for outbox in outboxes {
            let left = deadline.saturating_duration_since(now());
            let queue = outbox.shared.queue();
            let waited = outbox
                .shared
                .changed
                .wait_timeout_while(queue, left, |queue| !queue.has_ended);
            let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !queue.has_ended {
                log::warn!(
                    "sink `{}` did not take {} alerts within {limit:?}: they are lost to it",
                    outbox.name,
                    queue.alerts.len()
                );
            }
        }
    }
}

impl Queue {
    fn push(&mut self, alert: Arc<Alert>) {
        let place = self.before + self.alerts.len() as u64;
        self.newest.insert(alert.id.clone(), place);
        self.alerts.push_back(alert);
    }

    /// Puts an alert in the place of an older state of it that waits, or drops it.
    fn replace(&mut self, alert: Arc<Alert>) {
        let place = self.newest.get(&alert.id).map(|place| place - self.before);
        match place.and_then(|place| self.alerts.get_mut(place as usize)) {
            // The sink has the first one in hand.
            Some(older) if place != Some(0) => *older = alert,
            _ => self.dropped += 1,
        }
    }

    /// Takes away the first one, which was handed on or given up.
    fn pop(&mut self) {
        if let Some(alert) = self.alerts.pop_front() {
            if self.newest.get(&alert.id) == Some(&self.before) {
                self.newest.remove(&alert.id);
            }
            self.before += 1;
        }
    }
}

impl Shared {
    /// The queue stays whole when a holder panics: each change is one step.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What runs on the sink's thread.
struct Worker {
    sink: Box<dyn Sink>,
    settings: OutboxSettings,
    shared: Arc<Shared>,
    /// Tries that failed since the last one that did not.
    failures: u64,
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = self.sink.check() {
            self.failed(&error);
        }
        while let Some(alert) = self.next() {
            let is_sent = self.hand_on(&alert);
            let mut queue = self.shared.queue();
            queue.pop();
            if is_sent {
                queue.sent += 1;
            } else {
                queue.dropped += 1;
            }
        }
        self.shared.queue().has_ended = true;
        self.shared.changed.notify_all();
    }

    /// The next alert, which stays in the queue; `None` when there will be no more.
    fn next(&self) -> Option<Arc<Alert>> {
        let queue = self.shared.queue();
        let is_idle = |queue: &mut Queue| queue.alerts.is_empty() && !queue.is_ending;
        let waited = self.shared.changed.wait_while(queue, is_idle);
        let queue = waited.unwrap_or_else(PoisonError::into_inner);
        queue.alerts.front().cloned()
    }

    /// Whether the sink took it.
    fn hand_on(&mut self, alert: &Alert) -> bool {
        let mut pause = self.settings.first_pause;
        for left in (0..self.settings.tries.max(1)).rev() {
            match self.sink.emit(alert) {
                Ok(()) => {
                    self.succeeded();
                    return true;
                }
                Err(error) => self.failed(&error),
            }
            if left > 0 {
                thread::sleep(pause);
                pause = (pause * 2).min(self.settings.longest_pause);
                self.shared.queue().retried += 1;
            }
        }
        false
    }

    /// Told once, as long as it goes on.
    fn failed(&mut self, error: &SinkError) {
        if self.failures == 0 {
            log::warn!(
                "sink `{}` fails: {}; alerts wait for it",
                self.sink.name(),
                chain(error)
            );
        }
        self.failures += 1;
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            log::info!(
                "sink `{}` takes alerts again, after {} tries that failed",
                self.sink.name(),
                self.failures
            );
        }
        self.failures = 0;
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[expect(
    clippy::disallowed_methods,
    reason = "a deadline at the end of the program is told by the clock"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
