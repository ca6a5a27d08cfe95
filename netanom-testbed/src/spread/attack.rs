//! The attacks, as windows: which packet comes when is a function of its number.

use std::time::Duration;

use netanom::flow::{Window, request};
use netanom::simulate::DEFAULT_START;
use netanom_common::packet::{Packet, RawAddress, protocol};

/// An attack of as many packets in each window.
pub(super) struct Spread {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Packets a second.
    pub(super) rate: u32,
    pub(super) seconds: u32,
    packet: fn(u32) -> Packet,
}

/// Connection requests of a pair: more than an alert asks for.
const TRIES: u32 = 12;

pub(super) const SPREADS: [Spread; 6] = [
    Spread {
        name: "pairs",
        about: "19,000 pairs of a new source and a host of its own, twelve SYNs each",
        rate: 6000,
        seconds: 38,
        packet: |n| syn(scattered(n / TRIES), own_host(n / TRIES), 1024 + n % TRIES),
    },
    Spread {
        name: "new-pairs",
        about: "100,000 pairs of a new source and a host of its own, a SYN each",
        rate: 10_000,
        seconds: 10,
        packet: |n| syn(scattered(n), own_host(n), 1024),
    },
    Spread {
        name: "carpet-1500-syn",
        about: "SYNs from forged sources over 1,500 hosts",
        rate: 20_000,
        seconds: 25,
        packet: |n| syn(scattered(n), victim(n % 1500), 1024),
    },
    Spread {
        name: "carpet-1500-udp",
        about: "datagrams from forged sources over 1,500 hosts",
        rate: 20_000,
        seconds: 25,
        packet: |n| datagram(scattered(n), victim(n % 1500)),
    },
    Spread {
        name: "carpet-65536-syn",
        about: "SYNs from forged sources over a /16",
        rate: 20_000,
        seconds: 25,
        packet: |n| syn(scattered(n), victim(n % 65_536), 1024),
    },
    Spread {
        name: "carpet-65536-udp",
        about: "datagrams from forged sources over a /16",
        rate: 20_000,
        seconds: 25,
        packet: |n| datagram(scattered(n), victim(n % 65_536)),
    },
];

/// A flood of one host from forged sources: the attack that everybody knows.
pub(super) fn plain(n: u32) -> Packet {
    syn(scattered(n), 0xcb00_7105, 1024)
}

/// The flood that goes on beside: its alert must stay. 198.18.1.10 is its target.
pub(super) fn beside(n: u32) -> Packet {
    syn(scattered(n) ^ 0x0055_5555, 0xc612_010a, 1024)
}

impl Spread {
    /// The same for another time, if one is asked for.
    pub(super) fn lasting(self, seconds: Option<u32>) -> Self {
        Self {
            seconds: seconds.unwrap_or(self.seconds),
            ..self
        }
    }

    /// Packets of each window.
    pub(super) fn a_window(&self, tick: Duration) -> u32 {
        (f64::from(self.rate) * tick.as_secs_f64()).round() as u32
    }

    /// How many windows there are.
    pub(super) fn windows(&self, tick: Duration) -> u32 {
        (f64::from(self.seconds) / tick.as_secs_f64()).round() as u32
    }

    pub(super) fn packet(&self, n: u32) -> Packet {
        (self.packet)(n)
    }
}

/// The window with this number, of packets that are spread evenly over it.
pub(super) fn window(
    number: u32,
    tick: Duration,
    packets: impl ExactSizeIterator<Item = Packet>,
) -> Window {
    let start = DEFAULT_START.plus(tick * number);
    Window::of_lone(start, start.plus(tick), packets)
}

/// Another address for each number, all over IPv4 (2³² divided by the golden ratio, which is odd).
fn scattered(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b1).wrapping_add(0x0b00_0001)
}

/// Another address for each number, in no order that its source's has.
fn own_host(n: u32) -> u32 {
    n.wrapping_mul(0x85eb_ca6b).wrapping_add(0x1d00_0001)
}

/// Neighbours, from 203.0.0.0 on.
fn victim(n: u32) -> u32 {
    0xcb00_0000 + n
}

fn syn(source: u32, target: u32, source_port: u32) -> Packet {
    request(address(source), address(target), source_port as u16)
}

/// A query to a name server that is none.
fn datagram(source: u32, target: u32) -> Packet {
    Packet {
        destination_port: 53,
        protocol: protocol::UDP,
        flags: 0,
        window: 0,
        payload: 512,
        length: 554,
        ..syn(source, target, 1024)
    }
}

fn address(host: u32) -> RawAddress {
    [0, 0, 0xffff_u32.to_be(), host.to_be()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use netanom_common::flow::{FlowCounters, FlowKey};

    use super::*;

    const TICK: Duration = Duration::from_millis(250);

    fn spread(name: &str) -> &'static Spread {
        SPREADS.iter().find(|spread| spread.name == name).unwrap()
    }

    #[test]
    fn nineteen_thousand_pairs_share_no_host() {
        let pairs = spread("pairs");
        let packets = pairs.a_window(TICK) * pairs.windows(TICK);
        let hosts = |of: fn(Packet) -> [u32; 4]| {
            let all = (0..packets).map(|n| of(pairs.packet(n)));
            all.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(packets, 228_000);
        assert_eq!(hosts(|packet| packet.source), 19_000);
        assert_eq!(hosts(|packet| packet.destination), 19_000);
    }

    #[test]
    fn a_carpet_has_as_many_victims_as_its_name_says_and_each_source_once() {
        let carpet = spread("carpet-1500-udp");
        let hosts = |of: fn(Packet) -> [u32; 4]| {
            let all = (0..30_000).map(|n| of(carpet.packet(n)));
            all.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(hosts(|packet| packet.destination), 1500);
        assert_eq!(hosts(|packet| packet.source), 30_000);
    }

    #[test]
    fn a_window_has_each_packet_as_a_flow_within_its_time() {
        let window = window(4, TICK, (0..100).map(plain));
        assert_eq!(window.flows.len(), 100);
        assert_eq!(window.start, DEFAULT_START.plus(Duration::from_secs(1)));
        let within = |(_, counters): &(FlowKey, FlowCounters)| {
            let time = counters.low.first.max(counters.high.first);
            (window.start.as_nanos()..window.end.as_nanos()).contains(&time)
        };
        assert!(window.flows.iter().all(within));
    }
}
