//! The alerts of late, in memory: written by the daemon, read by HTTP, and by [`AlertHistory`] kept in a database.
//!
//! The store is bounded. When it is full, the oldest ended alert goes, or the oldest of all when every one is active,
//! and the loss is counted. Alerts keep the order in which they were raised, so a page that was begun goes on where it
//! was while new alerts arrive in front of it.

mod database;
mod history;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alert::{Alert, Class, Severity, State};
use crate::flow::Timestamp;
use crate::sink::{Sink, SinkError};

pub use database::DatabaseError;
pub use history::AlertHistory;

/// Alerts kept at most by default: about 20 MB with full explanations.
pub const DEFAULT_CAPACITY: usize = 10_000;

/// A handle on the store; clones share it.
#[derive(Clone, Debug)]
pub struct AlertStore(Arc<Mutex<Shelf>>);

impl AlertStore {
    /// An empty store for at most `capacity` alerts, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Shelf {
            capacity: capacity.max(1),
            ..Shelf::default()
        })))
    }

    /// The alert with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Alert>> {
        let shelf = self.shelf();
        shelf
            .by_id
            .get(id)
            .and_then(|place| shelf.alerts.get(place))
            .cloned()
    }

    /// The alerts that `query` asks for, newest first.
    #[must_use]
    pub fn query(&self, query: &AlertQuery) -> Page {
        let shelf = self.shelf();
        let before = query.cursor.map_or(u64::MAX, |Cursor(place)| place);
        let mut page = Page {
            alerts: Vec::new(),
            next: None,
            total: 0,
        };
        let mut last = 0;
        for (&place, alert) in shelf
            .alerts
            .iter()
            .rev()
            .filter(|(_, alert)| query.matches(alert))
        {
            page.total += 1;
            if place >= before {
                continue;
            }
            if page.alerts.len() < query.limit {
                page.alerts.push(Arc::clone(alert));
                last = place;
            } else {
                page.next = Some(Cursor(last));
            }
        }
        page
    }

    /// Alerts that it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shelf().capacity
    }

    /// How many alerts and changes could not be written to the history when they came.
    #[must_use]
    pub fn unwritten(&self) -> u64 {
        self.shelf().unwritten
    }

    fn count_unwritten(&self) {
        self.shelf().unwritten += 1;
    }

    /// The alert in a place.
    fn at(&self, place: u64) -> Option<Arc<Alert>> {
        self.shelf().alerts.get(&place).cloned()
    }

    /// The place that an alert has or would get.
    fn place_for(&self, id: &str) -> u64 {
        let shelf = self.shelf();
        shelf.by_id.get(id).copied().unwrap_or(shelf.next_place)
    }

    /// Puts an alert, or its newer state, where it belongs. Returns the place of the one that had to go for it.
    fn put(&self, alert: &Alert) -> Option<u64> {
        self.shelf().put(alert)
    }

    /// Puts alerts back into the places that they had.
    fn restore(&self, alerts: Vec<(u64, Alert)>) {
        let mut shelf = self.shelf();
        for (place, alert) in alerts {
            shelf.next_place = shelf.next_place.max(place);
            shelf.put(&alert);
        }
    }

    /// How many alerts were dropped because the store was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shelf().dropped
    }

    /// The store stays whole when a holder panics: a lost alert is the worst that an unfinished change leaves.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for AlertStore {
    fn name(&self) -> &'static str {
        "store"
    }

    fn takes_suppressed(&self) -> bool {
        true
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        self.put(alert);
        Ok(())
    }
}

/// Which alerts are asked for; the default is the newest hundred.
#[derive(Clone, Debug)]
pub struct AlertQuery {
    /// Only of this class.
    pub class: Option<Class>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only active or only ended ones.
    pub state: Option<State>,
    /// Only with this source address.
    pub source: Option<IpAddr>,
    /// Only with this target address.
    pub target: Option<IpAddr>,
    /// Only with a packet at or after this moment.
    pub since: Option<Timestamp>,
    /// Only with a packet at or before this moment.
    pub until: Option<Timestamp>,
    /// At most this many.
    pub limit: usize,
    /// Go on where another page ended.
    pub cursor: Option<Cursor>,
}

impl Default for AlertQuery {
    fn default() -> Self {
        Self {
            class: None,
            severity: None,
            state: None,
            source: None,
            target: None,
            since: None,
            until: None,
            limit: 100,
            cursor: None,
        }
    }
}

impl AlertQuery {
    /// Whether the alert is asked for, wherever it stands.
    #[must_use]
    pub fn matches(&self, alert: &Alert) -> bool {
        self.class.is_none_or(|class| alert.class == class)
            && self
                .severity
                .is_none_or(|severity| alert.severity == severity)
            && self.state.is_none_or(|state| alert.state == state)
            && self.source.is_none_or(|ip| alert.source.ip == Some(ip))
            && self.target.is_none_or(|ip| alert.target.ip == Some(ip))
            && self.since.is_none_or(|since| alert.last_seen >= since)
            && self.until.is_none_or(|until| alert.first_seen <= until)
    }
}

/// One page of an answer.
#[derive(Clone, Debug)]
pub struct Page {
    /// The alerts, newest first.
    pub alerts: Vec<Arc<Alert>>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
    /// How many alerts match on all pages.
    pub total: usize,
}

/// A place in the store's order. Shown as text that only the store itself understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(u64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let digits = text
            .strip_prefix('c')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or(NotACursor)
    }
}

/// A text that no page gave as its `next_cursor`.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor: take `next_cursor` of the page before as it is")]
pub struct NotACursor;

#[derive(Debug, Default)]
struct Shelf {
    capacity: usize,
    /// By place: the order in which they were raised.
    alerts: BTreeMap<u64, Arc<Alert>>,
    by_id: HashMap<String, u64>,
    /// Places of ended alerts.
    ended: BTreeSet<u64>,
    next_place: u64,
    dropped: u64,
    unwritten: u64,
}

impl Shelf {
    /// Returns the place of an alert that had to go for it.
    fn put(&mut self, alert: &Alert) -> Option<u64> {
        let (place, dropped) = match self.by_id.get(&alert.id) {
            Some(place) => (*place, None),
            None => self.new_place(&alert.id),
        };
        match alert.state {
            State::Active => self.ended.remove(&place),
            State::Ended => self.ended.insert(place),
        };
        self.alerts.insert(place, Arc::new(alert.clone()));
        dropped
    }

    fn new_place(&mut self, id: &str) -> (u64, Option<u64>) {
        let dropped = if self.alerts.len() >= self.capacity {
            self.drop_oldest()
        } else {
            None
        };
        let place = self.next_place;
        self.next_place += 1;
        self.by_id.insert(id.to_owned(), place);
        (place, dropped)
    }

    fn drop_oldest(&mut self) -> Option<u64> {
        let oldest = self
            .ended
            .pop_first()
            .or_else(|| self.alerts.keys().next().copied());
        if let Some(alert) = oldest.and_then(|place| self.alerts.remove(&place)) {
            self.by_id.remove(&alert.id);
            self.dropped += 1;
        }
        oldest
    }
}

#[cfg(test)]
pub(crate) mod tests;
