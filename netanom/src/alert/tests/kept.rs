//! What an alert keeps beside its numbers: flows to look for, and the technique that it is.

use super::*;

#[test]
fn an_alert_keeps_its_first_ten_flows_as_they_are_now() {
    let mut incidents = incidents();
    let first = scan(0..30, 1);
    let alerts = absorb(&mut incidents, Class::PortScan, &first, 1);
    let shown: Vec<u16> = alerts[0]
        .example_flows
        .iter()
        .map(|flow| flow.responder_port)
        .collect();
    let ports: Vec<u16> = first
        .iter()
        .take(10)
        .map(|flow| flow.responder.port)
        .collect();
    assert_eq!(shown, ports);
    assert_eq!(alerts[0].example_flows[0].packets, 2);
    assert_eq!(alerts[0].attack, ["T1046"]);

    let grown = Facts {
        packets: 7,
        ..again(&incidents, &first[0], 5)
    };
    let alerts = absorb(&mut incidents, Class::PortScan, &[grown], 3);
    assert_eq!(alerts[0].example_flows.len(), 10);
    assert_eq!(alerts[0].example_flows[0].packets, 7);
}
