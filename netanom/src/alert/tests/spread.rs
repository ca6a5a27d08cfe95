//! Attacks on many hosts, or of many: few alerts, bounded memory, nobody pushed out.

use super::*;

fn address(number: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 | number).to_be_bytes())
}

fn flow(source: IpAddr, target: IpAddr, port: u16, second: u64) -> Facts {
    let mut flow = facts(1, 2, port, second);
    (flow.initiator.ip, flow.responder.ip) = (source, target);
    flow
}

#[test]
fn made_up_pairs_are_few_alerts_and_push_out_nobody() {
    let mut incidents = incidents();
    let begun = absorb(&mut incidents, Class::SynFlood, &scan(0..2000, 1), 1);
    assert_eq!(begun.len(), 1);
    let mut ids = std::collections::HashSet::new();
    let mut rest = None;
    for second in 2..12 {
        let flows: Vec<_> = (0..500)
            .flat_map(|n| {
                let pair = second as u32 * 500 + n;
                // Hosts of networks of their own, so that no prefix explains them.
                let (source, target) = (address(pair << 8 | 7), address(pair << 8 | 0x80_0009));
                (0..12).map(move |port| flow(source, target, port, second))
            })
            .collect();
        let more = scan(3000 + second as u16..3010 + second as u16, second);
        absorb(&mut incidents, Class::SynFlood, &more, second);
        for alert in absorb(&mut incidents, Class::SynFlood, &flows, second) {
            if alert.summary.starts_with("more than can be told") {
                rest = Some(alert.clone());
            }
            ids.insert(alert.id);
        }
    }
    assert!((5..=20).contains(&ids.len()), "{} alerts", ids.len());
    let rest = rest.expect("what is over the budget is told");
    assert!(rest.target.count > 1000, "{rest:?}");
    let ended = incidents.end_all();
    assert!(ended.iter().any(|alert| alert.id == begun[0].id));
}

#[test]
fn a_flooded_network_is_one_alert_of_its_prefix() {
    let mut incidents = incidents();
    // Four flows at each host: too few for an alert of its own.
    let flows: Vec<_> = (1..200)
        .flat_map(|host| {
            (0..4).map(move |port| flow(address(0x63), address(0x0100 | host), port, 1))
        })
        .map(|flow| Facts {
            protocol: 17,
            ..flow
        })
        .collect();
    let alerts = absorb(&mut incidents, Class::UdpFlood, &flows, 1);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let prefix = alerts[0].target.prefix.map(|prefix| prefix.to_string());
    assert_eq!(prefix.as_deref(), Some("10.0.1.0/24"));
}

#[test]
fn many_sources_with_few_tries_each_are_an_alert_at_their_target() {
    let mut incidents = incidents();
    let flows: Vec<_> = (0..10)
        .flat_map(|n| (0..3).map(move |_| flow(address(n << 12), address(2), 22, 1)))
        .collect();
    let alerts = absorb(&mut incidents, Class::BruteForce, &flows, 1);
    let [alert] = &alerts[..] else {
        panic!("{alerts:?}");
    };
    assert_eq!(
        (alert.class, alert.target.ip),
        (Class::BruteForce, Some(address(2)))
    );
    assert_eq!((alert.source.ip, alert.source.count), (None, 10));
}

#[test]
fn what_stays_below_the_bar_is_a_near_miss() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..6, 1), 1);
    let [miss] = &incidents.near_misses()[..] else {
        panic!("{:?}", incidents.near_misses());
    };
    assert_eq!(
        (miss.subject.as_str(), miss.class),
        ("10.0.0.1", Class::PortScan)
    );
    assert!((6.0..6.5).contains(&miss.evidence), "{}", miss.evidence);
    assert_eq!((miss.needed, miss.flows), (8.0, 6));
    absorb(&mut incidents, Class::PortScan, &scan(6..12, 2), 2);
    assert_eq!(incidents.near_misses(), []);
}

#[test]
fn a_watched_host_tells_what_each_of_its_flows_added() {
    let mut incidents = incidents();
    incidents.watch(host(2));
    absorb(&mut incidents, Class::PortScan, &scan(0..6, 1), 1);
    absorb(&mut incidents, Class::PortScan, &[facts(7, 9, 1, 1)], 1);
    let traces = incidents.traces();
    assert_eq!(traces.len(), 6);
    assert_eq!(traces[5].named, Some(Class::PortScan));
    assert!(
        traces
            .windows(2)
            .all(|pair| pair[0].evidence < pair[1].evidence)
    );
}
