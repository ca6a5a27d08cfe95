//! ICMP errors that quote what nobody was seen to send: a flow for each two hosts that exchange them.
//!
//! Who began it is not known of one error. Its receiver, mostly: it sent what the error is about, where that was not
//! seen. Nobody answers as fast as a flood of errors is, so such a flow was begun by their sender.
//!
//! Limits: the sender is taken for whom the quote names, as the kernel keeps no other address; a router on the way is
//! therefore not named, and who forges quotes chooses a name. Those of very many hosts to one are therefore a flow that
//! nobody is named for.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use netanom_common::counter::Tally;
use netanom_common::flow::{ErrorCounters, FlowCounters, FlowKey, Side};

use super::Window;

/// Errors within a window that may be a flood.
const FEW: u64 = 64;
/// Errors a second from one host to another that no honest host sends: Linux sends one and bursts of six
/// (`icmp_ratelimit`, net/ipv4/icmp.c), FreeBSD 200 (`net.inet.icmp.icmplim`), macOS 250. RFC 1812 4.3.2.8 and RFC 4443
/// 2.4 ask every sender for a limit.
const HONEST_RATE: u64 = 256;
/// Hosts whose errors to one receiver within a window are a flow each. With more the quotes are forged, or answers to what
/// others forged in its name, and a flow each would fill the table.
const MOST_SENDERS: usize = 64;

/// Bytes of Ethernet, IP and ICMP in front of what an error quotes.
const HEADERS: u32 = 14 + 20 + 8;
const HEADERS_V6: u32 = 14 + 40 + 8;

/// The errors of a window that belong to no flow.
#[derive(Debug, Default)]
pub(super) struct Strays {
    index: HashMap<FlowKey, usize, RandomState>,
    /// In the order of the window, so that a replay is told as the sensor is.
    flows: Vec<Stray>,
}

/// Errors between two hosts in one direction.
#[derive(Debug)]
struct Stray {
    key: FlowKey,
    sender: Side,
    /// Those that quote a packet.
    quoting: ErrorCounters,
    /// What left of all of them.
    egress: Tally,
    /// Those that quote none, which have times.
    rest: FlowCounters,
}

impl Strays {
    /// Whether these counters are of errors alone.
    pub(super) fn are(key: &FlowKey, counters: &FlowCounters) -> bool {
        !counters.has_packets() || key.error_sender().is_some()
    }

    /// Adds errors, by the key under which they were counted.
    pub(super) fn add(&mut self, key: &FlowKey, counters: &FlowCounters) {
        if let Some(sender) = key.error_sender() {
            let stray = self.between(*key, sender);
            stray.rest.merge(counters);
            let egress = std::mem::take(&mut stray.rest.egress);
            stray.egress.add(egress.packets, egress.bytes);
            return;
        }
        let mut egress = counters.egress;
        for sender in [Side::Low, Side::High] {
            let errors = counters.errors_for(sender);
            if errors.packets == 0 {
                continue;
            }
            let stray = self.between(key.errors_of(sender), sender);
            stray.quoting.merge(errors);
            let left = std::mem::take(&mut egress);
            stray.egress.add(left.packets, left.bytes);
        }
    }

    fn between(&mut self, key: FlowKey, sender: Side) -> &mut Stray {
        let next = self.flows.len();
        let place = *self.index.entry(key).or_insert(next);
        if place == next {
            self.flows.push(Stray {
                key,
                sender,
                quoting: ErrorCounters::default(),
                egress: Tally::default(),
                rest: FlowCounters::default(),
            });
        }
        &mut self.flows[place]
    }

    /// The flows that they are.
    pub(super) fn flows(self, window: &Window) -> Vec<(FlowKey, FlowCounters)> {
        let mut senders: HashMap<_, usize, RandomState> = HashMap::default();
        for stray in self.flows.iter().filter(|stray| stray.quoting.packets > 0) {
            *senders.entry(stray.receiver()).or_default() += 1;
        }
        let (mut flows, mut nobodys) = (Vec::new(), Self::default());
        for mut stray in self.flows {
            let senders = senders.get(&stray.receiver()).copied();
            if senders.is_some_and(|senders| senders > MOST_SENDERS) && stray.quoting.packets > 0 {
                let (key, sender) = stray.key.from_nobody(stray.sender);
                let nobody = nobodys.between(key, sender);
                nobody.quoting.merge(&std::mem::take(&mut stray.quoting));
                if !stray.rest.has_packets() {
                    nobody.egress.add(stray.egress.packets, stray.egress.bytes);
                    continue;
                }
            }
            flows.push(stray.flow(window));
        }
        flows.extend(nobodys.flows.iter().map(|nobody| nobody.flow(window)));
        flows
    }
}

impl Stray {
    fn receiver(&self) -> (u32, [u32; 4]) {
        let receiver = self.key.raw_address(self.sender.other());
        (self.key.interface(), receiver)
    }

    fn flow(&self, window: &Window) -> (FlowKey, FlowCounters) {
        let mut counters = self.rest;
        if self.quoting.packets > 0 {
            let headers = if self.key.address(self.sender).is_ipv4() {
                HEADERS
            } else {
                HEADERS_V6
            };
            let (begin, end) = (window.start.as_nanos(), window.end.as_nanos());
            counters.merge(&self.quoting.as_flow(self.sender, headers, begin, end));
        }
        counters.egress = self.egress;
        let (packets, time) = (counters.packets(), window.end.since(window.start));
        let most = u128::from(HONEST_RATE) * time.as_nanos();
        let is_flood = packets >= FEW && u128::from(packets) * 1_000_000_000 >= most;
        let key = if is_flood {
            self.key.as_flood(self.sender)
        } else {
            self.key
        };
        (key, counters)
    }
}

#[cfg(test)]
mod tests {
    use netanom_common::packet::{Packet, protocol};

    use super::*;
    use crate::flow::test_support::{address, counters_of, packet, unreachable};
    use crate::flow::{Flow, Timestamp};

    const TICK: u64 = 250_000_000;

    /// `errors` errors from 10.0.0.2 to 10.0.0.1 in a window of 250 ms, each about another port.
    fn flows(errors: &[Packet]) -> Vec<Flow> {
        let mut strays = Strays::default();
        for error in errors {
            let (key, counters) = counters_of(&[(TICK, *error)]);
            assert!(Strays::are(&key, &counters));
            strays.add(&key, &counters);
        }
        let window = Window {
            start: Timestamp::from_nanos(TICK),
            end: Timestamp::from_nanos(2 * TICK),
            ..Window::default()
        };
        let flow = |(key, counters): (FlowKey, FlowCounters)| Flow {
            key,
            initiator: counters.initiator(&key),
            counters,
        };
        strays.flows(&window).into_iter().map(flow).collect()
    }

    fn about(port: u16) -> Packet {
        unreachable(&packet(protocol::UDP, port, 53, 0))
    }

    #[test]
    fn few_errors_about_what_nobody_saw_are_a_flow_that_their_receiver_began() {
        let flows = flows(&[about(1), about(2), about(3)]);
        let [flow] = &flows[..] else {
            panic!("{flows:?}");
        };
        assert_eq!(flow.initiator().ip.to_string(), "10.0.0.1");
        assert_eq!(flow.protocol(), protocol::ICMP);
        assert_eq!((flow.fwd().total.packets, flow.bwd().total.packets), (0, 3));
        assert_eq!((flow.counters.packets(), flow.counters.bytes()), (3, 210));
        let times = (flow.first_seen().as_nanos(), flow.last_seen().as_nanos());
        assert!(TICK <= times.0 && times.1 <= 2 * TICK, "{times:?}");
    }

    #[test]
    fn a_flood_of_errors_was_begun_by_who_sends_them() {
        let errors: Vec<_> = (0..1000).map(|n| about(n % 50)).collect();
        let flood = flows(&errors);
        let [flow] = &flood[..] else {
            panic!("{flood:?}");
        };
        assert_eq!(flow.initiator().ip.to_string(), "10.0.0.2");
        assert_eq!(flow.fwd().total.packets, 1000);
        let quiet = flows(&errors[..60]);
        assert_eq!(quiet[0].initiator().ip.to_string(), "10.0.0.1");
    }

    #[test]
    fn errors_of_very_many_hosts_to_one_are_a_flow_that_nobody_is_named_for() {
        let quoting = |n: u32| {
            let quoted = Packet {
                destination: [0, 0, 0xffff_u32.to_be(), (0x0a01_0000 + n).to_be()],
                ..packet(protocol::UDP, 1000, 53, 0)
            };
            unreachable(&quoted)
        };
        let few: Vec<_> = (0..MOST_SENDERS as u32).map(quoting).collect();
        assert_eq!(flows(&few).len(), MOST_SENDERS);
        let many: Vec<_> = (0..500).map(quoting).collect();
        let flows = flows(&many);
        let [flow] = &flows[..] else {
            panic!("{} flows", flows.len());
        };
        let ends = [flow.initiator(), flow.responder()].map(|end| end.ip.to_string());
        assert_eq!(ends, ["0.0.0.0", "10.0.0.1"]);
        assert_eq!(flow.fwd().total.packets, 500);
        assert_eq!(flow.counters.bytes(), 35_000);
    }

    #[test]
    fn errors_of_both_directions_are_two_flows() {
        let back = Packet {
            source: address(1),
            destination: address(2),
            ..about(9)
        };
        let initiators = flows(&[about(9), back]);
        let mut initiators: Vec<_> = initiators
            .iter()
            .map(|flow| flow.initiator().ip.to_string())
            .collect();
        initiators.sort();
        assert_eq!(initiators, ["10.0.0.1", "10.0.0.2"]);
    }
}
