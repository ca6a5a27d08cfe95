//! The alert store: what it keeps, drops and pages through.

use std::net::IpAddr;
use std::time::Duration;

use super::{AlertQuery, AlertStore, Cursor};
use crate::alert::{Alert, Class, Contribution, Party, Severity, State};
use crate::flow::Timestamp;
use crate::sink::Sink;

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
            prefix: None,
            ip: Some(IpAddr::from([192, 0, 2, n])),
            port: None,
            count: 1,
        },
        target: Party {
            prefix: None,
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
        alternatives: Vec::new(),
        began: None,
        rate: crate::alert::Rate::default(),
        attack: vec!["T1595.001".to_owned()],
        suppressed_by: None,
        example_flows: Vec::new(),
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
        prefix: None,
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
