//! Who may have a connection: so many at a time, and nobody who does nothing keeps another one out.
//!
//! When all places are taken, the connection that has waited longest for its client gives up its own. What is being
//! answered is never cut short; so some places are kept for probes, which shall be answered when all others are busy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The table of those that are connected.
#[derive(Debug)]
pub(super) struct Places {
    /// For anybody.
    ordinary: usize,
    /// For probes alone.
    kept: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    clients: HashMap<u64, Arc<Client>>,
}

/// One that is connected.
#[derive(Debug)]
pub(super) struct Client {
    number: u64,
    /// Whether it may ask for no more than a probe does.
    pub(super) is_probe: bool,
    phase: Mutex<Phase>,
    /// Told when its place is wanted.
    pub(super) dismissed: Notify,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For the first byte of the first request since it connected.
    New(Instant),
    /// For the first byte of a further request since the last answer was sent.
    Idle(Instant),
    /// For the rest of a request since its first byte.
    Head(Instant),
    /// For us, who make the answer.
    Asked,
    /// For its client to take the answer.
    Sending(Instant),
    /// For news to send; `/events` bounds how many there are.
    Streaming,
}

impl Phase {
    /// Since when its client has asked for nothing.
    fn waits_since(self) -> Option<Instant> {
        match self {
            Self::New(since) | Self::Idle(since) | Self::Head(since) => Some(since),
            Self::Asked | Self::Sending(_) | Self::Streaming => None,
        }
    }
}

impl Client {
    pub(super) fn phase(&self) -> Phase {
        *self.lock()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        *self.lock() = phase;
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// So many in all, of which some are kept for probes.
    pub(super) fn new(all: usize, kept: usize) -> Self {
        Self {
            ordinary: all.saturating_sub(kept),
            kept,
            table: Mutex::default(),
        }
    }

    /// A place for one that has just connected; `None` while every other one is being answered.
    pub(super) fn admit(&self, now: Instant) -> Option<Arc<Client>> {
        let mut table = self.table();
        let is_probe = if table.make_room(false, self.ordinary) {
            false
        } else if table.make_room(true, self.kept) {
            true
        } else {
            return None;
        };
        let client = Arc::new(Client {
            number: table.next,
            is_probe,
            phase: Mutex::new(Phase::New(now)),
            dismissed: Notify::new(),
        });
        table.next += 1;
        table.clients.insert(client.number, Arc::clone(&client));
        Some(client)
    }

    /// It is connected no more.
    pub(super) fn leave(&self, client: &Client) {
        self.table().clients.remove(&client.number);
    }

    /// The table stays whole when a holder panics: each change is one step.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether there is, or now is, a free one of so many places.
    fn make_room(&mut self, for_probes: bool, places: usize) -> bool {
        let of_kind = || {
            let clients = self.clients.values();
            clients.filter(|client| client.is_probe == for_probes)
        };
        if of_kind().count() < places {
            return true;
        }
        let waiting = of_kind().filter_map(|client| {
            let since = client.phase().waits_since()?;
            Some((since, client.number))
        });
        let Some((_, longest)) = waiting.min() else {
            return false;
        };
        if let Some(client) = self.clients.remove(&longest) {
            client.dismissed.notify_one();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(second)
    }

    async fn is_dismissed(client: &Client) -> bool {
        let told = client.dismissed.notified();
        tokio::time::timeout(Duration::ZERO, told).await.is_ok()
    }

    #[tokio::test]
    async fn the_one_that_has_waited_longest_gives_up_its_place() {
        let places = Places::new(2, 0);
        let first = places.admit(at(0)).unwrap();
        let second = places.admit(at(1)).unwrap();
        first.set_phase(Phase::Idle(at(5)));
        let third = places.admit(at(6)).unwrap();
        assert!(is_dismissed(&second).await);
        assert!(!is_dismissed(&first).await && !is_dismissed(&third).await);
    }

    #[tokio::test]
    async fn what_is_being_answered_is_not_cut_short_and_probes_come_through() {
        let places = Places::new(3, 1);
        let busy = [places.admit(at(0)).unwrap(), places.admit(at(1)).unwrap()];
        busy[0].set_phase(Phase::Asked);
        busy[1].set_phase(Phase::Sending(at(2)));
        let probe = places.admit(at(3)).unwrap();
        assert!(probe.is_probe && !busy[0].is_probe);
        let another = places.admit(at(4)).unwrap();
        assert!(another.is_probe && is_dismissed(&probe).await);
        another.set_phase(Phase::Asked);
        assert!(places.admit(at(5)).is_none());
        for client in &busy {
            assert!(!is_dismissed(client).await);
        }
        places.leave(&busy[1]);
        assert!(!places.admit(at(6)).unwrap().is_probe);
    }
}
