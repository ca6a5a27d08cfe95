//! One attack after another, between the same hosts: each gets the alert that it deserves.

use super::*;

/// A window of `flows` flows of a class a second, for some seconds.
fn attack(incidents: &mut Incidents, class: Class, seconds: std::ops::Range<u64>) -> Vec<Alert> {
    let mut told = Vec::new();
    for second in seconds {
        let ports = (second as u16 % 60) * 100..(second as u16 % 60) * 100 + 50;
        let protocol = if class == Class::IcmpFlood { 1 } else { 6 };
        let flows: Vec<_> = scan(ports, second)
            .into_iter()
            .map(|mut flow| {
                if class == Class::BruteForce {
                    flow.responder.port = 22;
                }
                Facts { protocol, ..flow }
            })
            .collect();
        told.extend(absorb(incidents, class, &flows, second));
    }
    told
}

fn classes(alerts: &[Alert]) -> Vec<Class> {
    let mut classes: Vec<_> = alerts.iter().map(|alert| alert.class).collect();
    classes.dedup();
    classes
}

#[test]
fn a_second_attack_is_named_at_once_whatever_went_before() {
    for gap in [5, 20, 60, 600] {
        for (first, second) in [
            (Class::SynFlood, Class::IcmpFlood),
            (Class::SynFlood, Class::PortScan),
            (Class::PortScan, Class::BruteForce),
            (Class::PortScan, Class::SlowHttp),
            (Class::HttpFlood, Class::SynFlood),
        ] {
            let mut incidents = incidents();
            attack(&mut incidents, first, 100..115);
            let told = attack(&mut incidents, second, 115 + gap..118 + gap);
            let active: Vec<_> = told
                .into_iter()
                .filter(|alert| alert.state == State::Active)
                .collect();
            assert!(
                classes(&active).contains(&second),
                "{second} {gap} s after {first}: {active:?}"
            );
        }
    }
}

#[test]
fn a_silent_gap_ends_an_incident() {
    let mut incidents = incidents();
    let begun = attack(&mut incidents, Class::SynFlood, 1..3);
    let told = attack(&mut incidents, Class::SynFlood, 603..604);
    assert_eq!((told[0].state, &told[0].id), (State::Ended, &begun[0].id));
    assert_ne!(told[1].id, begun[0].id);
}

#[test]
fn a_flood_of_many_ports_that_looks_like_a_scan_at_first_is_one_alert() {
    let mut incidents = incidents();
    let told = attack(&mut incidents, Class::PortScan, 1..2);
    assert_eq!(classes(&told), [Class::PortScan]);
    let renamed = attack(&mut incidents, Class::SynFlood, 2..8);
    assert!(
        renamed.iter().all(|alert| alert.id == told[0].id),
        "{renamed:?}"
    );
    assert_eq!(renamed.last().unwrap().class, Class::SynFlood);
    assert_eq!(incidents.end_all().len(), 1);
}

#[test]
fn an_attack_that_changes_its_kind_later_gets_a_second_alert() {
    let mut incidents = incidents();
    attack(&mut incidents, Class::PortScan, 1..12);
    attack(&mut incidents, Class::SynFlood, 12..24);
    assert_eq!(incidents.end_all().len(), 2);
}

#[test]
fn an_alert_on_hosts_of_its_own_is_explained_by_none() {
    let mut incidents = incidents();
    attack(&mut incidents, Class::PortScan, 1..3);
    let flows: Vec<_> = (0..50).map(|port| facts(7, 9, port, 3)).collect();
    let told = absorb(&mut incidents, Class::SynFlood, &flows, 3);
    assert!(
        told.iter().any(|alert| alert.class == Class::SynFlood),
        "{told:?}"
    );
}
