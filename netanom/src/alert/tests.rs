//! Incidents from judgements, one step at a time.

mod kept;
mod sequence;
mod spread;
mod talks;

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
        key: Some(zerocopy::FromZeros::new_zeroed()),
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
        memory: Memory::default(),
        spoken_for: None,
        conversation: None,
        crowd: None,
    }
}

fn only(class: Class) -> Probabilities {
    let mut probabilities = Probabilities::default();
    probabilities[class as usize] = 1.0;
    probabilities
}

fn judged(shares: Probabilities) -> Judgement {
    let class = naming::likeliest(&shares).unwrap_or(Class::Normal);
    let verdict = Verdict {
        class,
        score: shares[class as usize],
        anomaly: 1.0 - shares[Class::Normal as usize],
        probabilities: shares,
    };
    Judgement { verdict, shares }
}

fn incidents() -> Incidents {
    let settings = IncidentSettings {
        evidence: EvidenceSettings {
            bar: 8.0,
            half_life: Duration::from_mins(1),
        },
        quiet: Duration::from_secs(30),
        update: Duration::from_secs(1),
    };
    Incidents::new(settings, [(3, "eth0".to_owned())].into())
}

/// One window of 250 ms with these flows, judged so.
fn judge(
    incidents: &mut Incidents,
    judgements: &[Judgement],
    flows: &[Facts],
    second: u64,
) -> Vec<Alert> {
    let scene = Scene {
        start: Timestamp::from_nanos((second * SECOND).saturating_sub(SECOND / 4)),
        now: at(second),
        facts: flows,
        judgements,
        talks: &[],
        talk_judgements: &[],
        findings: &[],
    };
    incidents.absorb(&scene, &mut |_, _| Vec::new())
}

/// One window of flows that all are of `class`.
fn absorb(incidents: &mut Incidents, class: Class, flows: &[Facts], second: u64) -> Vec<Alert> {
    judge(
        incidents,
        &vec![judged(only(class)); flows.len()],
        flows,
        second,
    )
}

/// The flow as it is judged next, with what was left behind.
fn again(incidents: &Incidents, flow: &Facts, new_packets: u64) -> Facts {
    Facts {
        memory: incidents.memories()[0].1,
        new_packets,
        ..flow.clone()
    }
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
    let mut judgements = vec![judged(only(Class::Normal)); 60];
    judgements
        .iter_mut()
        .step_by(3)
        .for_each(|one| *one = judged(only(Class::SynFlood)));
    let alerts = judge(&mut incidents, &judgements, &flows, 2);
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
                initiator: Endpoint { ip: host(1), port },
                ..facts(1, 2, 80, 1)
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
fn a_single_heavy_flow_is_evidence_enough_and_counted_once() {
    let mut incidents = incidents();
    let mut flow = Facts {
        protocol: 1,
        ..facts(1, 2, 0, 1)
    };
    let mut raised = 0;
    for second in 1..5 {
        flow = again_or_first(&incidents, &flow, 500);
        let flows = std::slice::from_ref(&flow);
        raised += absorb(&mut incidents, Class::IcmpFlood, flows, second)
            .len()
            .min(1);
    }
    assert!(raised >= 1);
    let alerts = incidents.end_all();
    assert_eq!((alerts.len(), alerts[0].flows), (1, 1));
}

fn again_or_first(incidents: &Incidents, flow: &Facts, new_packets: u64) -> Facts {
    if incidents.memories().is_empty() {
        Facts {
            new_packets,
            ..flow.clone()
        }
    } else {
        again(incidents, flow, new_packets)
    }
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
fn the_explanation_is_that_of_the_surest_row_and_of_the_class_that_is_named() {
    let flows = scan(0..20, 1);
    let with = |scan: f32| {
        let mut shares = only(Class::PortScan).map(|share| share * scan);
        shares[Class::Normal as usize] = 1.0 - scan;
        judged(shares)
    };
    let judgements: Vec<_> = (0..20)
        .map(|row| with(if row == 13 { 0.9 } else { 0.7 }))
        .collect();
    let mut asked = Vec::new();
    let scene = Scene {
        start: at(1),
        now: at(2),
        facts: &flows,
        judgements: &judgements,
        talks: &[],
        talk_judgements: &[],
        findings: &[],
    };
    incidents().absorb(&scene, &mut |witness, class| {
        asked.push((witness, class));
        Vec::new()
    });
    assert_eq!(asked, [(Witness::Row(13), Class::PortScan)]);
}

#[test]
fn an_explanation_never_asks_for_a_row_of_another_window() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..7, 1), 1);
    let doubtful = doubtful(2, &[(Class::PortScan, 0.8), (Class::Normal, 0.2)]);
    let flows = scan(7..9, 2);
    let scene = Scene {
        start: at(2),
        now: at(2),
        facts: &flows,
        judgements: &doubtful,
        talks: &[],
        talk_judgements: &[],
        findings: &[],
    };
    let mut asked = Vec::new();
    incidents.absorb(&scene, &mut |witness, _| {
        asked.push(witness);
        Vec::new()
    });
    assert_eq!(asked, [Witness::Row(0)]);
}

#[test]
fn an_explanation_is_renewed_while_the_incident_goes_on() {
    let mut incidents = incidents();
    let mut told = Vec::new();
    for second in 1..4 {
        let ports = second as u16 * 20..second as u16 * 20 + 20;
        let flows = scan(ports, second);
        let judgements = vec![judged(only(Class::PortScan)); 20];
        let scene = Scene {
            start: at(second),
            now: at(second),
            facts: &flows,
            judgements: &judgements,
            talks: &[],
            talk_judgements: &[],
            findings: &[],
        };
        let alerts = incidents.absorb(&scene, &mut |_, _| {
            vec![Contribution {
                feature: "second".to_owned(),
                value: second as f64,
                unit: String::new(),
                typical: 0.0,
                contribution: 1.0,
            }]
        });
        told.extend(alerts);
    }
    let last = told.last().unwrap();
    assert_eq!(last.explanation[0].value, 3.0);
    let began = last.began.as_ref().unwrap();
    assert_eq!(began.explanation[0].value, 1.0);
    assert_eq!(
        began.summary,
        "10.0.0.1 tried 20 ports of 10.0.0.2 with 20 flows"
    );
    assert_eq!(
        last.summary,
        "10.0.0.1 tried 60 ports of 10.0.0.2 with 60 flows"
    );
}

#[test]
fn flows_that_waver_between_two_classes_are_one_incident_of_the_likelier() {
    let flows = scan(0..20, 1);
    let judgements: Vec<_> = (0..20)
        .map(|row| {
            let [scan, flood]: [f32; 2] = if row % 3 == 0 { [0.4, 0.5] } else { [0.6, 0.3] };
            let mut shares = only(Class::Normal).map(|normal| normal * 0.1);
            shares[Class::PortScan as usize] = scan;
            shares[Class::SynFlood as usize] = flood;
            judged(shares)
        })
        .collect();
    let alerts = judge(&mut incidents(), &judgements, &flows, 2);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].class, alerts[0].flows), (Class::PortScan, 20));
    let [other] = alerts[0].alternatives[..] else {
        panic!("{:?}", alerts[0].alternatives);
    };
    assert_eq!(other.class, Class::SynFlood);
    assert!((0.3..0.5).contains(&other.share), "{}", other.share);
}

#[test]
fn a_flow_that_was_normal_at_first_counts_with_its_newest_verdict() {
    let mut incidents = incidents();
    let flow = facts(1, 2, 80, 1);
    for (second, class) in [(1, Class::Normal), (2, Class::Normal), (3, Class::SlowHttp)] {
        let flow = again_or_first(&incidents, &flow, 1);
        absorb(&mut incidents, class, std::slice::from_ref(&flow), second);
    }
    let (_, memory) = incidents.memories()[0];
    assert!((memory.added - 1.01).abs() < 0.02, "{memory:?}");
}

#[test]
fn a_verdict_that_is_taken_back_takes_its_evidence_back() {
    let mut incidents = incidents();
    let flows = scan(0..7, 1);
    absorb(&mut incidents, Class::PortScan, &flows, 1);
    let memories: Vec<_> = incidents
        .memories()
        .iter()
        .map(|(_, memory)| *memory)
        .collect();
    let flows: Vec<_> = flows
        .into_iter()
        .zip(memories)
        .map(|(flow, memory)| Facts { memory, ..flow })
        .collect();
    absorb(&mut incidents, Class::Normal, &flows, 2);
    assert!(absorb(&mut incidents, Class::PortScan, &scan(10..17, 3), 3).is_empty());
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

/// Flows whose shares are these.
fn doubtful(flows: usize, of: &[(Class, f32)]) -> Vec<Judgement> {
    let mut shares = Probabilities::default();
    for (class, share) in of {
        shares[*class as usize] = *share;
    }
    vec![judged(shares); flows]
}

#[test]
fn a_few_flows_of_a_scanner_are_named_as_its_many() {
    let mut incidents = incidents();
    absorb(&mut incidents, Class::PortScan, &scan(0..200, 1), 1);
    // The next host's ports: a flood, were they all that is known of it.
    let flows: Vec<_> = (0..20).map(|port| facts(1, 3, port, 2)).collect();
    let judgements = doubtful(20, &[(Class::SynFlood, 0.6), (Class::PortScan, 0.4)]);
    judge(&mut incidents, &judgements, &flows, 2);
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
        let judgements = if second % 2 == 1 { &a } else { &b };
        let flows: Vec<_> = (0..10).map(|_| facts(1, 2, 80, second)).collect();
        judge(&mut incidents, judgements, &flows, second);
    }
    let alerts = incidents.end_all();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].class, alerts[0].flows), (guess, 190));
}
