//! A mirror port: what others say to each other comes in at one interface, both directions of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use netanom::simulate::{Mode, Scenario, frames};
use netanom::source::{Direction, FlowSource};
use netanom_common::flow::{FlowCounters, FlowKey};

use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::watch::watch;

const CLIENT: &str = "10.7.0.9";
const SERVER: &str = "10.7.1.1";

#[test]
fn both_directions_at_a_mirror_port_are_one_flow_and_are_counted_once() {
    let test = "both_directions_at_a_mirror_port_are_one_flow_and_are_counted_once";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let scenario = Scenario {
        duration: Duration::from_secs(5),
        ..Scenario::new(
            Mode::BruteForce,
            CLIENT.parse().unwrap(),
            SERVER.parse().unwrap(),
        )
    };
    let frames: Vec<_> = frames(&scenario).unwrap().collect();
    let mut source = watch(&pair.sensor, Direction::Ingress);
    pair.sender.inside(|| {
        PacketSocket::open("v1").send(frames.iter().map(|frame| &*frame.bytes));
    });
    let mut flows: HashMap<FlowKey, FlowCounters> = HashMap::new();
    let counted = |flows: &HashMap<_, FlowCounters>| -> u64 {
        flows.values().map(FlowCounters::packets).sum()
    };
    for _ in 0..500 {
        for (key, counters) in source.next_window().unwrap().unwrap().flows {
            flows.entry(key).or_default().merge(&counters);
        }
        if counted(&flows) >= frames.len() as u64 {
            break;
        }
    }

    assert_eq!(counted(&flows), frames.len() as u64);
    let bytes: u64 = flows.values().map(FlowCounters::bytes).sum();
    let sent: u64 = frames.iter().map(|frame| frame.bytes.len() as u64).sum();
    assert_eq!(bytes, sent);
    let client: IpAddr = CLIENT.parse().unwrap();
    for (key, flow) in &flows {
        let initiator = flow.initiator(key);
        assert_eq!(key.address(initiator), client, "{key:?}");
        // The last connection may have been cut off by the end of the traffic.
        let is_answered = flow.sent_by(initiator.other()).total.packets > 0;
        assert!(is_answered || flow.packets() == 1, "{key:?}");
        assert_eq!(flow.egress.packets, 0, "{key:?}");
    }
}
