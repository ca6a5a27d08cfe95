//! UDP flood: large datagrams at ports where nobody listens; half of the seeds keep to one port, the others to none.
//!
//! The target tells that the port is unreachable, as often as its limit allows.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::error_limit::ErrorLimit;
use super::pace::Pace;
use super::packet::{Body, Packet, Payload, Planned};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let flood = Flood {
        pace: Pace::of(scenario),
        limit: ErrorLimit::of(scenario),
        port: rng
            .random_bool(0.5)
            .then(|| rng.random_range(1024..=u16::MAX)),
        smallest: *chance::pick(&mut rng, &[512, 1024, 1400]),
        rng,
        scenario: scenario.clone(),
    };
    Box::new(flood)
}

/// Most bytes of a datagram that fit an Ethernet frame over IPv6.
const LARGEST: u32 = 1452;

struct Flood {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    limit: ErrorLimit,
    /// The one port that is flooded, if it is one.
    port: Option<u16>,
    /// Bytes of the smallest datagram; the others are up to the largest.
    smallest: u32,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let body = Body::Udp {
            source_port: rng.random_range(1024..=u16::MAX),
            destination_port: self.port.unwrap_or_else(|| rng.random_range(1..=u16::MAX)),
            payload: Payload::noise(rng.random_range(self.smallest..=LARGEST)),
        };
        let (from, to) = (self.scenario.any_source(rng), self.scenario.target());
        let datagram = Packet {
            from,
            to,
            body,
            salt: rng.random(),
        };
        let mut packets = Vec::with_capacity(2);
        if self.limit.allows(at) {
            let answered = at.plus(chance::time(rng, Duration::from_micros(60), 0.5));
            packets.push(Planned {
                at: answered,
                packet: datagram.port_unreachable(),
            });
        }
        packets.push(Planned {
            at,
            packet: datagram,
        });
        Some(Exchange::new(at, packets))
    }
}
