//! The alerts of late, in memory: written by the daemon, read by HTTP.
//!
//! The store is bounded. When it is full, the oldest ended alert goes, or the oldest of all when every one is active,
//! and the loss is counted. Alerts keep the order in which they were raised, so a page that was begun goes on where it
//! was while new alerts arrive in front of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alert::{Alert, Class, Severity, State};
use crate::flow::Timestamp;
use crate::sink::{AlertSink, SinkError};

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

impl AlertSink for AlertStore {
    fn name(&self) -> &'static str {
        "store"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        self.shelf().put(alert);
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
    fn matches(&self, alert: &Alert) -> bool {
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
}

impl Shelf {
    fn put(&mut self, alert: &Alert) {
        let place = match self.by_id.get(&alert.id) {
            Some(place) => *place,
            None => self.new_place(&alert.id),
        };
        match alert.state {
            State::Active => self.ended.remove(&place),
            State::Ended => self.ended.insert(place),
        };
        self.alerts.insert(place, Arc::new(alert.clone()));
    }

    fn new_place(&mut self, id: &str) -> u64 {
        if self.alerts.len() >= self.capacity {
            self.drop_oldest();
        }
        let place = self.next_place;
        self.next_place += 1;
        self.by_id.insert(id.to_owned(), place);
        place
    }

    fn drop_oldest(&mut self) {
        let oldest = self
            .ended
            .pop_first()
            .or_else(|| self.alerts.keys().next().copied());
        if let Some(alert) = oldest.and_then(|place| self.alerts.remove(&place)) {
            self.by_id.remove(&alert.id);
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{AlertQuery, AlertStore, Cursor};
    use crate::alert::{Alert, Class, Contribution, Party, Severity, State};
    use crate::flow::Timestamp;
    use crate::sink::AlertSink;

    /// A port scan from 192.0.2.n, ten seconds long, that began n seconds after 22:13:20.
    pub(crate) fn alert(n: u8) -> Alert {
        let first_seen =
            Timestamp::from_nanos(1_700_000_000_000_000_000).plus(Duration::from_secs(n.into()));
        Alert {
            id: format!("a{n}"),
            class: Class::PortScan,
            severity: Severity::Medium,
            score: 0.93,
            state: State::Active,
            first_seen,
            last_seen: first_seen.plus(Duration::from_secs(10)),
            source: Party {
                ip: Some(IpAddr::from([192, 0, 2, n])),
                port: None,
                count: 1,
            },
            target: Party {
                ip: Some(IpAddr::from([198, 51, 100, 1])),
                port: None,
                count: 1,
            },
            protocol: "tcp".to_owned(),
            interface: "eth0".to_owned(),
            flows: 120,
            packets: 240,
            bytes: 14_400,
            detector: "forest".to_owned(),
            summary: format!("192.0.2.{n} tried 120 ports of 198.51.100.1"),
            explanation: vec![Contribution {
                feature: "pair_ports".to_owned(),
                value: 120.0,
                unit: "ports".to_owned(),
                typical: 1.0,
                contribution: 0.41,
            }],
        }
    }

    fn store(capacity: usize, alerts: impl IntoIterator<Item = Alert>) -> AlertStore {
        let mut store = AlertStore::new(capacity);
        for alert in alerts {
            store.emit(&alert).unwrap();
        }
        store
    }

    fn ended(n: u8) -> Alert {
        Alert {
            state: State::Ended,
            ..alert(n)
        }
    }

    fn ids(store: &AlertStore, query: &AlertQuery) -> String {
        let page = store.query(query);
        page.alerts
            .iter()
            .map(|alert| alert.id.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn the_newest_alert_comes_first() {
        assert_eq!(
            ids(
                &store(9, [alert(1), alert(2), alert(3)]),
                &AlertQuery::default()
            ),
            "a3 a2 a1"
        );
    }

    #[test]
    fn an_update_changes_the_alert_where_it_stands() {
        let store = store(
            9,
            [
                alert(1),
                alert(2),
                Alert {
                    flows: 500,
                    ..alert(1)
                },
            ],
        );
        assert_eq!(ids(&store, &AlertQuery::default()), "a2 a1");
        assert_eq!(store.get("a1").unwrap().flows, 500);
    }

    #[test]
    fn a_full_store_drops_the_oldest_ended_alert_and_counts_it() {
        let store = store(3, [alert(1), ended(2), ended(3), alert(4)]);
        assert_eq!(ids(&store, &AlertQuery::default()), "a4 a3 a1");
        assert_eq!(store.dropped(), 1);
        assert!(store.get("a2").is_none());
    }

    #[test]
    fn a_store_full_of_active_alerts_drops_the_oldest() {
        let store = store(2, [alert(1), alert(2), ended(3)]);
        assert_eq!(ids(&store, &AlertQuery::default()), "a3 a2");
        assert_eq!(store.dropped(), 1);
    }

    #[test]
    fn an_alert_that_goes_on_after_its_end_is_kept_like_an_active_one() {
        let store = store(2, [ended(1), alert(1), ended(2), alert(3)]);
        assert_eq!(ids(&store, &AlertQuery::default()), "a3 a1");
    }

    #[test]
    fn each_filter_keeps_what_it_names() {
        let flood = Alert {
            class: Class::SynFlood,
            severity: Severity::High,
            ..alert(2)
        };
        let elsewhere = Party {
            ip: Some(IpAddr::from([198, 51, 100, 7])),
            port: None,
            count: 1,
        };
        let store = store(
            9,
            [
                alert(1),
                flood,
                ended(3),
                Alert {
                    target: elsewhere,
                    ..alert(40)
                },
            ],
        );
        let check = |expected: &str, query: AlertQuery| {
            assert_eq!(ids(&store, &query), expected, "{query:?}");
        };
        let all = AlertQuery::default;
        check(
            "a2",
            AlertQuery {
                class: Some(Class::SynFlood),
                ..all()
            },
        );
        check(
            "a2",
            AlertQuery {
                severity: Some(Severity::High),
                ..all()
            },
        );
        check(
            "a3",
            AlertQuery {
                state: Some(State::Ended),
                ..all()
            },
        );
        check(
            "a1",
            AlertQuery {
                source: Some(IpAddr::from([192, 0, 2, 1])),
                ..all()
            },
        );
        check(
            "a40",
            AlertQuery {
                target: Some(IpAddr::from([198, 51, 100, 7])),
                ..all()
            },
        );
        check(
            "a40 a3",
            AlertQuery {
                since: Some(alert(13).first_seen),
                ..all()
            },
        );
        check(
            "a2 a1",
            AlertQuery {
                until: Some(alert(2).first_seen),
                ..all()
            },
        );
        check(
            "",
            AlertQuery {
                class: Some(Class::SynFlood),
                state: Some(State::Ended),
                ..all()
            },
        );
    }

    #[test]
    fn pages_cover_every_alert_once_while_new_ones_arrive() {
        let mut store = store(99, (1..=5).map(alert));
        let mut query = AlertQuery {
            limit: 2,
            ..AlertQuery::default()
        };
        let mut seen = Vec::new();
        for arriving in 6.. {
            let page = store.query(&query);
            seen.extend(page.alerts.iter().map(|alert| alert.id.clone()));
            store.emit(&alert(arriving)).unwrap();
            query.cursor = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a5", "a4", "a3", "a2", "a1"]);
    }

    #[test]
    fn the_total_counts_the_matches_of_all_pages() {
        let store = store(9, [alert(1), ended(2), alert(3), alert(4)]);
        let query = AlertQuery {
            state: Some(State::Active),
            limit: 1,
            ..AlertQuery::default()
        };
        let first = store.query(&query);
        assert_eq!((first.alerts.len(), first.total), (1, 3));
        let second = store.query(&AlertQuery {
            cursor: first.next,
            ..query
        });
        assert_eq!((second.alerts[0].id.as_str(), second.total), ("a3", 3));
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let cursor = Cursor(0xfeed);
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for text in ["", "c", "feed", "c+1", "c-1", "cfffffffffffffffff", "c 1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }
}
