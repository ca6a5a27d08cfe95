//! What the kernel counted by destination for lack of room, as the many alike flows that it was.
//!
//! Destinations that are too many are a crowd by their network, or all of them one: what has fewer packets than a crowd of
//! its own counts with its network, too.
//!
//! Limits: answers (SYN-ACK, RST) and segments of connections are not taken for flows, and few sources are no crowd:
//! the flows that did find room tell of those.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::overflow::{Kind, OverflowCounters, OverflowKey, Width};
use netanom_common::packet::{Fragment, Packet, error, icmp, protocol, tcp};

use super::{Flow, Window, distinct};

/// Fewer packets within a window may be the end of ordinary flows.
const MIN_PACKETS: u64 = 64;
/// Fewer sources are no crowd.
const MIN_SOURCES: u64 = 32;
/// Packets that the typical flow has at most.
const MAX_PACKETS: u64 = 16;

/// Many flows from many sources to one destination, or to those of a network, of which only sums are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowd {
    /// The destination, the protocol and the interface. With [`OverflowKey::prefix_length`] it says for how many
    /// destinations it stands; the typical flow's responder is then the first address of them.
    pub key: OverflowKey,
    /// What was counted in a window, over all CPUs.
    pub counters: OverflowCounters,
    /// Distinct sources, estimated.
    pub sources: u64,
    /// Flows: every connection request is one, of datagrams those of a source are one.
    pub flows: u64,
    /// A flow with the mean of what was counted. Its initiator has no address.
    pub typical: Flow,
}

impl Crowd {
    /// The crowds of a window, by destination.
    #[must_use]
    pub fn all(window: &Window) -> Vec<Self> {
        let mut merged: BTreeMap<OverflowKey, OverflowCounters> = BTreeMap::new();
        for (key, counters) in &window.overflow {
            merged.entry(*key).or_default().merge(counters);
        }
        let mut told: BTreeMap<OverflowKey, OverflowCounters> = BTreeMap::new();
        for (key, counters) in merged {
            let is_few = key.width() == Width::Host && counters.total.packets < MIN_PACKETS;
            // A few errors here and there are what a network has.
            let is_few = is_few && key.kind() != Kind::Error;
            let key = if is_few { key.prefix() } else { key };
            told.entry(key).or_default().merge(&counters);
        }
        told.into_iter()
            .filter_map(|(key, counters)| Self::of(key, counters))
            .collect()
    }

    fn of(key: OverflowKey, counters: OverflowCounters) -> Option<Self> {
        let packets = counters.total.packets;
        if packets < MIN_PACKETS {
            return None;
        }
        let sources = distinct(&counters.sources).min(packets);
        // Of errors no flow tells, from however few sources they are.
        if sources < MIN_SOURCES && key.kind() != Kind::Error {
            return None;
        }
        let flows = match key.kind() {
            Kind::Syn => packets,
            Kind::Datagram | Kind::Echo | Kind::Error => sources,
            Kind::SynAck | Kind::Rst | Kind::Segment => return None,
        };
        Some(Self {
            key,
            counters,
            sources,
            flows,
            typical: typical(&key, &counters, flows),
        })
    }
}

/// A flow with as many packets as each of `flows` had, of the mean length, spread evenly over the time.
fn typical(key: &OverflowKey, counters: &OverflowCounters, flows: u64) -> Flow {
    let total = counters.total;
    let length = (total.bytes / total.packets.max(1)) as u32;
    let packet = Packet {
        source: match key.destination() {
            IpAddr::V4(_) => [0, 0, 0xffff_u32.to_be(), 0],
            IpAddr::V6(_) => [0; 4],
        },
        destination: key.raw_destination(),
        source_port: 0,
        // In place of ICMP's ports a later fragment has what its key says.
        destination_port: match key.protocol() {
            protocol::ICMP | protocol::ICMPV6 => 0,
            _ => counters.port as u16,
        },
        protocol: match (key.kind(), key.destination()) {
            (Kind::Error, IpAddr::V4(_)) => protocol::ICMP,
            (Kind::Error, IpAddr::V6(_)) => protocol::ICMPV6,
            _ => key.protocol(),
        },
        flags: match key.kind() {
            Kind::Syn => tcp::SYN,
            Kind::Echo => icmp::ECHO_REQUEST,
            Kind::Error => icmp::UNREACHABLE,
            _ => 0,
        },
        outer_vlan: 0,
        inner_vlan: 0,
        fragment: Fragment::default(),
        error: error::NONE,
        window: 0,
        payload: payload(key, length),
        length,
    };
    let (key, initiator) = FlowKey::of(&packet, key.interface());
    let packets = (total.packets / flows.max(1)).clamp(1, MAX_PACKETS);
    let step = counters.last.saturating_sub(counters.first) / packets;
    let mut typical = FlowCounters::default();
    for number in 0..packets {
        // Half a step in from both ends, so that a single packet stands in the middle.
        let seen = Observation {
            now: counters.first + number * step + step / 2,
            segments: NonZeroU32::MIN,
            egress: false,
        };
        typical.account(initiator, &packet, seen);
    }
    Flow {
        key,
        initiator,
        counters: typical,
    }
}

/// Bytes above Ethernet, IP and an eight-byte header, which UDP and ICMP have; a connection request has none.
fn payload(key: &OverflowKey, length: u32) -> u32 {
    let headers = if key.destination().is_ipv4() { 42 } else { 62 };
    match (key.kind(), key.protocol()) {
        (Kind::Syn, _) => 0,
        _ => length.saturating_sub(headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::test_support::packet;

    /// `packets` packets like `packet` from `sources` sources, a microsecond apart.
    fn overflow(packet: Packet, packets: u32, sources: u32) -> (OverflowKey, OverflowCounters) {
        let mut counters = OverflowCounters::default();
        for n in 0..packets {
            let source = (n % sources).wrapping_mul(0x9e37_79b1);
            let from = Packet {
                source: [0, 0, 0xffff_u32.to_be(), source.to_be()],
                ..packet
            };
            let seen = Observation {
                now: 1_000_000 + u64::from(n) * 1000,
                segments: NonZeroU32::MIN,
                egress: false,
            };
            counters.account(&from, seen);
        }
        (OverflowKey::of(&packet, 3), counters)
    }

    fn crowds(overflow: Vec<(OverflowKey, OverflowCounters)>) -> Vec<Crowd> {
        let window = Window {
            overflow,
            ..Window::default()
        };
        Crowd::all(&window)
    }

    #[test]
    fn every_connection_request_of_a_crowd_is_a_flow_of_one_packet() {
        let syn = packet(protocol::TCP, 1000, 80, tcp::SYN);
        let crowds = crowds(vec![overflow(syn, 5000, 5000)]);
        let [crowd] = &crowds[..] else {
            panic!("{crowds:?}");
        };
        assert_eq!(crowd.flows, 5000);
        assert!((3500..6500).contains(&crowd.sources), "{}", crowd.sources);
        let typical = &crowd.typical;
        assert_eq!(
            (typical.responder().port, typical.counters.packets()),
            (80, 1)
        );
        assert_eq!(typical.responder().ip, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(
            (typical.fwd().flag(tcp::SYN), typical.counters.bytes()),
            (1, 60)
        );
        assert_eq!(typical.key.interface(), 3);
    }

    #[test]
    fn what_two_cpus_counted_is_one_crowd() {
        let datagram = packet(protocol::UDP, 1000, 53, 0);
        let half = || overflow(datagram, 4000, 400);
        let crowds = crowds(vec![half(), half()]);
        let [crowd] = &crowds[..] else {
            panic!("{crowds:?}");
        };
        assert_eq!(crowd.counters.total.packets, 8000);
        assert!((280..520).contains(&crowd.flows), "{}", crowd.flows);
    }

    #[test]
    fn errors_without_room_are_a_crowd_of_icmp_at_who_gets_them_from_however_few() {
        use crate::flow::test_support::unreachable;
        let error = unreachable(&packet(protocol::UDP, 1000, 53, 0));
        let crowds = crowds(vec![overflow(error, 500, 1)]);
        let [crowd] = &crowds[..] else {
            panic!("{crowds:?}");
        };
        let total = crowd.counters.total;
        assert_eq!((total.packets, total.bytes, crowd.flows), (500, 35_000, 1));
        let typical = &crowd.typical;
        assert_eq!(typical.responder().ip, IpAddr::from([10, 0, 0, 1]));
        assert_eq!(typical.protocol(), protocol::ICMP);
    }

    /// SYNs from as many sources to `hosts` hosts of 10.0.0.0/16, one after another, as the kernel counts them in a table
    /// of `room` destinations.
    fn spread(hosts: u32, packets: u32, room: u32) -> Vec<(OverflowKey, OverflowCounters)> {
        let mut tables: BTreeMap<OverflowKey, OverflowCounters> = BTreeMap::new();
        for n in 0..packets {
            let host = n % hosts;
            let syn = Packet {
                source: [
                    0,
                    0,
                    0xffff_u32.to_be(),
                    n.wrapping_mul(0x9e37_79b1).to_be(),
                ],
                destination: [0, 0, 0xffff_u32.to_be(), (0x0a00_0000 + host).to_be()],
                ..packet(protocol::TCP, 1000, 80, tcp::SYN)
            };
            let key = OverflowKey::of(&syn, 3);
            let key = if host < room { key } else { key.prefix() };
            let seen = Observation {
                now: 1_000_000 + u64::from(n) * 1000,
                segments: NonZeroU32::MIN,
                egress: false,
            };
            tables.entry(key).or_default().account(&syn, seen);
        }
        tables.into_iter().collect()
    }

    #[test]
    fn what_is_spread_over_a_network_is_a_crowd_of_the_network_however_it_was_counted() {
        for room in [0, 100, 256] {
            let crowds = crowds(spread(256, 5000, room));
            let [crowd] = &crowds[..] else {
                panic!("{room}: {crowds:?}");
            };
            assert_eq!((crowd.key.prefix_length(), crowd.flows), (24, 5000));
            assert_eq!(crowd.key.destination(), IpAddr::from([10, 0, 0, 0]));
            assert!((3500..6500).contains(&crowd.sources), "{}", crowd.sources);
        }
    }

    #[test]
    fn a_destination_with_a_crowd_of_its_own_is_not_counted_with_its_network() {
        let mut overflow = spread(256, 5000, 256);
        overflow.extend(spread(1, 1000, 1));
        let crowds = crowds(overflow);
        let told: Vec<_> = crowds
            .iter()
            .map(|crowd| (crowd.key.prefix_length(), crowd.flows))
            .collect();
        assert_eq!(told, [(32, 1020), (24, 4980)]);
    }

    #[test]
    fn few_packets_few_sources_and_answers_are_no_crowd() {
        let syn = packet(protocol::TCP, 1000, 80, tcp::SYN);
        let answer = packet(protocol::TCP, 80, 1000, tcp::SYN | tcp::ACK);
        let none = crowds(vec![
            overflow(syn, 20, 20),
            overflow(packet(protocol::UDP, 1000, 80, 0), 5000, 3),
            overflow(answer, 5000, 5000),
        ]);
        assert_eq!(none, []);
    }
}
