//! Conversations as evidence: they raise alerts that no flow does, and what else their hosts do takes nothing away.

use super::*;

/// A conversation of so many flows from host 1 to port 21 of host 2.
fn talk(flows: f32, memory: Memory) -> Facts {
    Facts {
        conversation: Some(flows),
        memory,
        packets: 0,
        bytes: 0,
        new_packets: 0,
        new_bytes: 0,
        ..facts(1, 2, 21, 0)
    }
}

/// A window with these flows and conversations.
fn window(
    incidents: &mut Incidents,
    flows: &[(Facts, Class)],
    talks: &[(Facts, Class)],
    second: u64,
) -> Vec<Alert> {
    let split = |rows: &[(Facts, Class)]| -> (Vec<Facts>, Vec<Judgement>) {
        let rows = rows.iter().cloned();
        rows.map(|(fact, class)| (fact, judged(only(class))))
            .unzip()
    };
    let ((facts, judgements), (talks, talk_judgements)) = (split(flows), split(talks));
    let scene = Scene {
        start: Timestamp::from_nanos((second * SECOND).saturating_sub(SECOND / 4)),
        now: at(second),
        facts: &facts,
        judgements: &judgements,
        talks: &talks,
        talk_judgements: &talk_judgements,
        findings: &[],
    };
    incidents.absorb(&scene, &mut |_, _| Vec::new())
}

fn normal(number: u8) -> (Facts, Class) {
    (facts(1, 2, 8000 + u16::from(number), 1), Class::Normal)
}

#[test]
fn a_conversation_of_nine_flows_raises_an_alert_though_each_flow_is_normal() {
    let mut incidents = incidents();
    let flows: Vec<_> = (0..100).map(normal).collect();
    let talks = [(talk(9.0, Memory::default()), Class::BruteForce)];
    let alerts = window(&mut incidents, &flows, &talks, 1);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(
        (alerts[0].class, alerts[0].detector.as_str()),
        (Class::BruteForce, "conversations")
    );
    assert_eq!(
        (alerts[0].source.ip, alerts[0].target.ip),
        (Some(host(1)), Some(host(2)))
    );
    assert_eq!(alerts[0].target.port, Some(21));
}

#[test]
fn one_of_seven_raises_none_and_its_next_verdict_replaces_the_first() {
    let mut incidents = incidents();
    let mut memory = Memory::default();
    for second in 1..5 {
        let talks = [(talk(7.0, memory), Class::BruteForce)];
        assert_eq!(window(&mut incidents, &[], &talks, second), []);
        memory = incidents.talk_memories()[0].1;
        assert_eq!(memory.added, 7.0);
    }
}

#[test]
fn a_conversation_that_turns_out_normal_takes_its_evidence_back() {
    let mut incidents = incidents();
    let first = [(talk(7.0, Memory::default()), Class::BruteForce)];
    window(&mut incidents, &[], &first, 1);
    let second = [(talk(7.0, incidents.talk_memories()[0].1), Class::Normal)];
    window(&mut incidents, &[], &second, 2);
    assert_eq!(incidents.talk_memories()[0].1.added, 0.0);
    let third = [(talk(7.0, Memory::default()), Class::BruteForce)];
    assert_eq!(window(&mut incidents, &[], &third, 3), []);
}

#[test]
fn flows_that_a_conversation_speaks_for_add_nothing_themselves() {
    let mut incidents = incidents();
    let spoken_for = |number: u8, class: Class| {
        let flow = Facts {
            spoken_for: Some(only(Class::Normal)),
            ..facts(1, 2, u16::from(number), 1)
        };
        (flow, class)
    };
    let flows: Vec<_> = (0..200)
        .map(|number| spoken_for(number, Class::HttpFlood))
        .collect();
    assert_eq!(window(&mut incidents, &flows, &[], 1), []);
}

#[test]
fn flows_of_a_conversation_that_is_an_attack_are_counted_in_its_alert() {
    let mut incidents = incidents();
    let talks = [(talk(9.0, Memory::default()), Class::BruteForce)];
    window(&mut incidents, &[], &talks, 1);
    let flows: Vec<_> = (0..3_u16)
        .map(|port| {
            let mut flow = facts(1, 2, 21, 2);
            flow.initiator.port = port;
            flow.spoken_for = Some(only(Class::BruteForce));
            (flow, Class::Normal)
        })
        .collect();
    let alerts = window(&mut incidents, &flows, &[], 2);
    assert_eq!((alerts[0].flows, alerts[0].packets), (3, 6));
}

#[test]
fn a_log_in_at_the_port_of_one_is_what_many_requests_are_called() {
    let mut incidents = incidents();
    let talks = [(talk(9.0, Memory::default()), Class::HttpFlood)];
    let alerts = window(&mut incidents, &[], &talks, 1);
    assert_eq!(alerts[0].class, Class::BruteForce);
}
