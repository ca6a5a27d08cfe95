//! Rows of requests whose features were worked out by hand.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::*;
use crate::flow::Timestamp;

fn request(
    second: u64,
    method: &'static str,
    target: &'static str,
    status: u16,
) -> Request<'static> {
    Request {
        client: [192, 0, 2, 7].into(),
        at: Timestamp::from_nanos(second * 1_000_000_000),
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        is_old: false,
        status,
        bytes: 100,
        referrer: Cow::Borrowed(""),
        agent: Cow::Borrowed("curl/8"),
    }
}

/// The values by name of the row that these lines make.
fn values(requests: &[Request<'static>]) -> impl Fn(&str) -> f32 + use<> {
    let mut rows = AccessRows::default();
    for request in requests {
        rows.add(0, request);
    }
    let (features, keys) = rows.take(Timestamp::default());
    let last = keys.len() - 1;
    move |name| {
        let column = names().iter().position(|known| *known == name).unwrap();
        features.rows[(last, column)]
    }
}

#[test]
fn a_minute_is_added_up_as_by_hand() {
    let of = values(&[
        request(60, "GET", "/", 200),
        request(60, "GET", "/a/b.css?v=1&w=2", 200),
        request(61, "POST", "/login", 401),
        request(65, "POST", "/login", 401),
        request(65, "HEAD", "/x/../%27", 404),
    ]);
    let expected = [
        ("requests", 5.0),
        ("active_seconds", 3.0),
        ("busiest_second", 2.0),
        ("success_share", 0.4),
        ("refused_share", 0.6),
        ("denied", 2.0),
        ("missing_share", 0.2),
        ("failed_paths", 2.0),
        ("post_share", 0.4),
        ("posts_to_one_path", 2.0),
        ("post_answers_share", 0.5),
        ("methods", 3.0),
        ("paths", 4.0),
        ("depth_max", 3.0),
        ("asset_share", 0.2),
        ("parameters_max", 2.0),
        ("encoded_max", 1.0),
        ("steps_up_max", 1.0),
        ("special_max", 1.0),
        ("odd_share", 0.2),
        ("bytes_mean", 100.0),
        ("bytes_variation", 0.0),
        ("referrerless_share", 1.0),
        ("past_requests", 0.0),
    ];
    for (name, value) in expected {
        assert!(
            (of(name) - value).abs() < 1e-6,
            "{name}: {} for {value}",
            of(name)
        );
    }
}

#[test]
fn the_minutes_before_count_for_the_next() {
    let of = values(&[
        request(0, "GET", "/%3Cscript%3E", 404),
        request(59, "GET", "/", 200),
        request(60, "GET", "/", 200),
    ]);
    assert_eq!(of("requests"), 1.0);
    assert_eq!(
        (of("past_requests"), of("past_error_share"), of("past_odd")),
        (2.0, 0.5, 1.0)
    );
}

#[test]
fn lines_in_any_order_make_the_same_rows() {
    let mut requests: Vec<_> = (0..600)
        .map(|second| request(second, "GET", ["/a", "/b?c=1"][second as usize % 2], 200))
        .collect();
    let sorted = rows_of(&requests);
    // 7 has no factor in common with 600: each line comes once.
    requests = (0..600)
        .map(|place| requests[place * 7 % 600].clone())
        .collect();
    assert_eq!(rows_of(&requests), sorted);
}

fn rows_of(requests: &[Request<'static>]) -> Vec<(RowKey, Vec<f32>)> {
    let mut rows = AccessRows::default();
    for request in requests {
        rows.add(0, request);
    }
    let (features, keys) = rows.take(Timestamp::default());
    let mut made: Vec<_> = keys
        .into_iter()
        .zip(features.rows.outer_iter().map(|row| row.to_vec()))
        .collect();
    made.sort_by_key(|(key, _)| *key);
    made
}

#[test]
fn a_row_is_taken_again_when_a_line_was_added_and_not_before() {
    let mut rows = AccessRows::default();
    rows.add(0, &request(1, "GET", "/", 200));
    assert_eq!(rows.take(Timestamp::default()).1.len(), 1);
    assert_eq!(rows.take(Timestamp::default()).1.len(), 0);
    rows.add(0, &request(2, "GET", "/", 200));
    let (features, keys) = rows.take(Timestamp::default());
    assert_eq!(keys.len(), 1);
    let facts = &features.facts[0];
    assert_eq!((facts.packets, facts.new_packets, facts.bytes), (2, 1, 200));
}

#[test]
fn memory_is_bounded_however_many_clients_come() {
    let mut rows = AccessRows::default();
    for client in 0..100_000_u32 {
        let mut one = request(1, "GET", "/", 200);
        one.client = std::net::Ipv4Addr::from_bits(client).into();
        rows.add(0, &one);
        if rows.changed() >= MAX_ROWS / 2 {
            assert_eq!(rows.take(Timestamp::default()).1.len(), MAX_ROWS / 2);
        }
    }
}

#[test]
fn names_are_distinct_and_none_is_an_address_a_port_or_a_date() {
    let names = names();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in names {
        for forbidden in [
            "ip", "port", "address", "hour", "day", "date", "time", "weekday",
        ] {
            assert!(!name.split('_').any(|part| part == forbidden), "{name}");
        }
    }
}
