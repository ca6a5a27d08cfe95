//! Incidents from findings, one step at a time.

use std::net::IpAddr;
use std::time::Duration;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_nanos(second * SECOND)
}

fn host(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// A flow from one host to a port of another, not judged before.
fn facts(source: u8, target: u8, port: u16, second: u64) -> Facts {
    Facts {
        initiator: Endpoint {
            ip: host(source),
            port: 40_000,
        },
        responder: Endpoint {
            ip: host(target),
            port,
        },
        protocol: 6,
        interface: 3,
        first_seen: at(second),
        last_seen: at(second),
        packets: 2,
        bytes: 120,
        new_packets: 2,
        new_bytes: 120,
        before: None,
        incident: None,
        crowd: None,
    }
}

fn only(class: Class) -> Probabilities {
    let mut probabilities = Probabilities::default();
    probabilities[class as usize] = 1.0;
    probabilities
}

fn findings(classes: &[Class]) -> Vec<Finding> {
    let finding = |(row, class): (usize, &Class)| Finding {
        detector: "test",
        row,
        class: *class,
        score: 1.0,
        anomaly: if *class == Class::Normal { 0.0 } else { 1.0 },
        probabilities: only(*class),
        shares: only(*class),
    };
    classes.iter().enumerate().map(finding).collect()
}

fn incidents() -> Incidents {
    let settings = IncidentSettings {
        evidence: 8.0,
        quiet: Duration::from_secs(30),
        update: Duration::from_secs(1),
    };
    Incidents::new(settings, [(3, "eth0".to_owned())].into())
}

/// One window of flows that all are of `class`.
fn absorb(incidents: &mut Incidents, class: Class, flows: &[Facts], second: u64) -> Vec<Alert> {
    incidents.absorb(
        &findings(&vec![class; flows.len()]),
        flows,
        at(second),
        &mut |_| Vec::new(),
    )
}

fn scan(ports: std::ops::Range<u16>, second: u64) -> Vec<Facts> {
    ports.map(|port| facts(1, 2, port, second)).collect()
}

#[test]
fn a_scan_of_many_ports_is_one_alert() {
    let mut incidents = incidents();
    let alerts = absorb(&mut incidents, Class::PortScan, &scan(0..200, 1), 2);
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[0];
    assert_eq!(
        (alert.class, alert.severity, alert.state),
        (Class::PortScan, Severity::Medium, State::Active)
    );
    assert_eq!(
        (alert.source.ip, alert.target.ip, alert.flows),
        (Some(host(1)), Some(host(2)), 200)
    );
    assert_eq!(
        (alert.packets, alert.bytes, alert.interface.as_str()),
        (400, 24_000, "eth0")
    );
    assert_eq!(
        alert.summary,
        "10.0.0.1 tried 200 ports of 10.0.0.2 with 200 flows"
    );
}

#[test]
fn less_evidence_than_asked_for_raises_nothing() {
    assert!(absorb(&mut incidents(), Class::PortScan, &scan(0..7, 1), 2).is_empty());
}

#[test]
fn evidence_adds_up_over_windows() {
    let mut incidents = incidents();
    assert!(absorb(&mut incidents, Class::PortScan, &scan(0..5, 1), 1).is_empty());
    assert_eq!(
        absorb(&mut incidents, Class::PortScan, &scan(5..10, 2), 2).len(),
        1
    );
}

#[test]
fn odd_verdicts_among_ordinary_ones_of_a_pair_raise_nothing() {
    let mut incidents = incidents();
    let flows = scan(0..60, 1);
    let mut classes = vec![Class::Normal; 60];
    classes[..20].fill(Class::SynFlood);
    let alerts = incidents.absorb(&findings(&classes), &flows, at(2), &mut |_| Vec::new());
    assert!(alerts.is_empty(), "{alerts:?}");
}

#[test]
fn a_flood_from_many_sources_is_one_alert_on_its_target() {
    let flows: Vec<Facts> = (10..110).map(|source| facts(source, 2, 80, 1)).collect();
    let alerts = absorb(&mut incidents(), Class::SynFlood, &flows, 2);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].source.ip, alerts[0].source.count), (None, 100));
    assert_eq!(
        (alerts[0].target.ip, alerts[0].target.port),
        (Some(host(2)), Some(80))
    );
}

#[test]
fn an_incident_ends_when_it_was_quiet_for_long_enough() {
    let mut incidents = incidents();
    let begun = absorb(&mut incidents, Class::PortScan, &scan(0..20, 1), 2);
    assert!(absorb(&mut incidents, Class::Normal, &[], 31).is_empty());
    let ended = absorb(&mut incidents, Class::Normal, &[], 32);
    assert_eq!((ended.len(), ended[0].state), (1, State::Ended));
    assert_eq!(ended[0].id, begun[0].id);
    assert!(incidents.end_all().is_empty());
}

#[test]
fn few_connections_of_many_log_ins_are_evidence_enough() {
    let raised = |class| {
        let flows: Vec<_> = (0..4)
            .map(|port| Facts {
                new_packets: 40,
                ..facts(1, 2, port, 1)
            })
            .collect();
        absorb(&mut incidents(), class, &flows, 1).len()
    };
    assert_eq!(raised(Class::BruteForce), 1);
    assert_eq!(raised(Class::SlowHttp), 0);
}

#[test]
fn an_incident_that_goes_on_is_told_once_a_second() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..20, 1), 2);
    assert!(absorb(&mut incidents, Class::PortScan, &scan(20..30, 2), 2).is_empty());
    let told = absorb(&mut incidents, Class::PortScan, &scan(30..40, 3), 3);
    assert_eq!((told.len(), told[0].flows), (1, 40));
}

#[test]
fn what_came_since_the_last_word_is_told_even_when_nothing_more_comes() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..20, 1), 2);
    absorb(&mut incidents, Class::PortScan, &scan(20..30, 2), 2);
    let told = absorb(&mut incidents, Class::Normal, &[], 3);
    assert_eq!((told.len(), told[0].flows), (1, 30));
    assert!(absorb(&mut incidents, Class::Normal, &[], 4).is_empty());
}

#[test]
fn a_single_heavy_flow_is_evidence_enough() {
    let mut incidents = incidents();
    let mut flow = facts(1, 2, 0, 1);
    let mut raised = 0;
    for second in 1..5 {
        flow.new_packets = 500;
        raised += absorb(
            &mut incidents,
            Class::IcmpFlood,
            std::slice::from_ref(&flow),
            second,
        )
        .len()
        .min(1);
        flow.incident = incidents
            .counted()
            .first()
            .map_or(flow.incident, |counted| Some(counted.1));
    }
    assert!(raised >= 1);
    assert_eq!(incidents.end_all().len(), 1);
}

#[test]
fn interfaces_have_incidents_of_their_own() {
    let mut flows = scan(0..20, 1);
    flows[10..].iter_mut().for_each(|facts| facts.interface = 4);
    assert_eq!(
        absorb(&mut incidents(), Class::PortScan, &flows, 2).len(),
        2
    );
}

#[test]
fn the_explanation_is_that_of_the_surest_finding() {
    let flows = scan(0..20, 1);
    let mut findings = findings(&[Class::PortScan; 20]);
    for (row, finding) in findings.iter_mut().enumerate() {
        finding.probabilities[Class::PortScan as usize] = if row == 13 { 0.9 } else { 0.6 };
    }
    let mut asked = Vec::new();
    incidents().absorb(&findings, &flows, at(2), &mut |finding| {
        asked.push(finding.row);
        Vec::new()
    });
    assert_eq!(asked, [13]);
}

#[test]
fn flows_that_waver_between_two_classes_are_one_incident_of_the_likelier() {
    let flows = scan(0..20, 1);
    let mut findings = findings(&[Class::PortScan; 20]);
    for (row, finding) in findings.iter_mut().enumerate() {
        let [scan, flood]: [f32; 2] = if row % 3 == 0 { [0.4, 0.5] } else { [0.6, 0.3] };
        finding.class = if scan > flood {
            Class::PortScan
        } else {
            Class::SynFlood
        };
        finding.score = scan.max(flood);
        finding.anomaly = 0.9;
        finding.probabilities = only(Class::Normal).map(|normal| normal * 0.1);
        finding.probabilities[Class::PortScan as usize] = scan;
        finding.probabilities[Class::SynFlood as usize] = flood;
        finding.shares = finding.probabilities;
    }
    let alerts = incidents().absorb(&findings, &flows, at(2), &mut |_| Vec::new());
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].class, alerts[0].flows), (Class::PortScan, 20));
}

#[test]
fn calibration_changes_the_score_and_not_when_an_alert_is_raised() {
    let raised = |probability: f32| {
        let mut findings = findings(&[Class::PortScan; 20]);
        for finding in &mut findings {
            finding.shares = only(Class::PortScan).map(|share| share * 0.7);
            finding.shares[Class::Normal as usize] = 0.3;
            finding.probabilities = only(Class::PortScan).map(|share| share * probability);
            finding.probabilities[Class::Normal as usize] = 1.0 - probability;
            finding.anomaly = probability;
        }
        let mut incidents = incidents();
        let mut flows = 0;
        // Twelve flows are worth 0.7 × 12 = 8.4.
        for port in 0..20 {
            let facts = scan(port..port + 1, 1);
            let alerts = incidents.absorb(&findings[..1], &facts, at(2), &mut |_| Vec::new());
            flows += 1;
            if let Some(alert) = alerts.first() {
                return (flows, alert.score);
            }
        }
        panic!("no alert");
    };
    let ((timid, low), (bold, high)) = (raised(0.6), raised(0.99));
    assert_eq!((timid, bold), (12, 12));
    assert!((low - 0.6).abs() < 1e-6 && (high - 0.99).abs() < 1e-6);
}

#[test]
fn a_flow_that_was_outvoted_at_first_is_counted_when_its_incident_begins() {
    let mut incidents = incidents();
    // Ten ordinary flows of the pair outvote a long one until it has been judged often enough.
    absorb(&mut incidents, Class::Normal, &scan(1..11, 1), 1);
    let mut flow = facts(1, 2, 0, 1);
    for second in 2..20 {
        flow.new_packets = 500;
        absorb(
            &mut incidents,
            Class::IcmpFlood,
            std::slice::from_ref(&flow),
            second,
        );
        flow.before = Some(Class::IcmpFlood);
        flow.incident = incidents
            .counted()
            .first()
            .map_or(flow.incident, |counted| Some(counted.1));
    }
    let alerts = incidents.end_all();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].flows, alerts[0].source.ip), (1, Some(host(1))));
}

#[test]
fn a_flow_that_was_an_attack_stays_one_when_it_goes_quiet() {
    let verdict = |class, anomaly: f32| Verdict {
        class,
        score: anomaly,
        anomaly,
        probabilities: only(class),
    };
    let attack = verdict(Class::SlowHttp, 0.7);
    let quiet = verdict(Class::Normal, 0.2);
    assert_eq!(attack.followed_by(quiet), attack);
    let doubtful = verdict(Class::SlowHttp, 0.45);
    assert_eq!(doubtful.followed_by(quiet), quiet);
    let other = verdict(Class::HttpFlood, 0.6);
    assert_eq!(attack.followed_by(other), other);
    let less_likely = verdict(Class::HttpFlood, 0.4);
    assert_eq!(attack.followed_by(less_likely), attack);
    let as_likely = verdict(Class::HttpFlood, 0.52);
    assert_eq!(
        verdict(Class::SlowHttp, 0.51).followed_by(as_likely),
        as_likely
    );
}

/// Flows whose shares are these; none is normal.
fn doubtful(flows: usize, shares: &[(Class, f32)]) -> Vec<Finding> {
    let mut findings = findings(&vec![shares[0].0; flows]);
    for finding in &mut findings {
        finding.shares = Probabilities::default();
        for (class, share) in shares {
            finding.shares[*class as usize] = *share;
        }
    }
    findings
}

#[test]
fn a_few_flows_of_a_scanner_are_named_as_its_many() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..200, 1), 1);
    // The next host's ports: a flood, were they all that is known of it.
    let flows: Vec<_> = (0..20).map(|port| facts(1, 3, port, 2)).collect();
    let findings = doubtful(20, &[(Class::UdpFlood, 0.6), (Class::PortScan, 0.4)]);
    incidents.absorb(&findings, &flows, at(2), &mut |_| Vec::new());
    let alerts = incidents.end_all();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].class, alerts[0].flows), (Class::PortScan, 220));
}

#[test]
fn many_flows_of_a_pair_have_a_name_of_their_own_whatever_the_host_does_else() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..200, 1), 1);
    let flows: Vec<_> = (0..200).map(|port| facts(1, 3, port, 2)).collect();
    absorb(&mut incidents, Class::SlowHttp, &flows, 2);
    let mut classes: Vec<_> = incidents
        .end_all()
        .iter()
        .map(|alert| (alert.class, alert.flows))
        .collect();
    classes.sort();
    assert_eq!(classes, [(Class::PortScan, 200), (Class::SlowHttp, 200)]);
}

#[test]
fn near_relatives_do_not_take_turns() {
    let mut incidents = incidents();
    let (guess, flood) = (Class::BruteForce, Class::HttpFlood);
    let a = doubtful(10, &[(guess, 0.52), (flood, 0.48)]);
    let b = doubtful(10, &[(flood, 0.54), (guess, 0.46)]);
    for second in 1..20 {
        let findings = if second % 2 == 1 { &a } else { &b };
        let ports = second as u16 * 10..second as u16 * 10 + 10;
        incidents.absorb(findings, &scan(ports, second), at(second), &mut |_| {
            Vec::new()
        });
    }
    let alerts = incidents.end_all();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].class, alerts[0].flows), (guess, 190));
}
