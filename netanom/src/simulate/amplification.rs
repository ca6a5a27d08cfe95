//! Amplification: servers send the target large answers to questions that an attacker asked in its name.
//!
//! The source prefix holds the servers. The tap is near the target, so the questions are not seen. A seed picks the
//! abused protocol. Answers that would need IP fragments are cut to one frame each.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::error_limit::ErrorLimit;
use super::host::Host;
use super::pace::Pace;
use super::packet::{Body, Packet, Payload, Planned};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};

/// Servers that are abused at most.
const SERVERS: usize = 500;

/// A protocol whose answers are much longer than its questions.
struct Abused {
    /// The servers' port.
    port: u16,
    /// Bytes that every answer begins with.
    head: &'static [u8],
    /// Bytes of the shortest and of the longest answer.
    sizes: (u32, u32),
}

const ABUSED: [Abused; 4] = [
    // DNS, answer to ANY with EDNS0.
    Abused {
        port: 53,
        head: &[0x3a, 0x1f, 0x81, 0x80, 0, 1, 0, 20, 0, 0, 0, 1],
        sizes: (900, 1440),
    },
    // NTP mode 7, MON_GETLIST_1: six entries of 72 bytes after a header of 8.
    Abused {
        port: 123,
        head: &[0xd7, 0x00, 0x03, 0x2a, 0x00, 0x06, 0x00, 0x48],
        sizes: (440, 440),
    },
    Abused {
        port: 1900,
        head: b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n",
        sizes: (260, 420),
    },
    // memcached over UDP: request identifier, number, total, reserved.
    Abused {
        port: 11_211,
        head: &[0, 1, 0, 0, 0, 9, 0, 0],
        sizes: (1400, 1400),
    },
];

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let count = scenario.source.hosts().min(SERVERS as u128) as usize;
    let flood = Flood {
        pace: Pace::of(scenario),
        limit: ErrorLimit::of(scenario),
        abused: chance::pick(&mut rng, &ABUSED),
        servers: (0..count).map(|_| scenario.any_source(&mut rng)).collect(),
        port: rng.random_range(1024..=u16::MAX),
        rng,
        scenario: scenario.clone(),
    };
    Box::new(flood)
}

struct Flood {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    limit: ErrorLimit,
    abused: &'static Abused,
    servers: Vec<Host>,
    /// The port that the attacker wrote into the questions.
    port: u16,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let (least, most) = self.abused.sizes;
        let body = Body::Udp {
            source_port: self.abused.port,
            destination_port: self.port,
            payload: Payload::headed(self.abused.head, rng.random_range(least..=most)),
        };
        let from = *chance::pick(rng, &self.servers);
        let answer = Packet {
            from,
            to: self.scenario.target(),
            body,
            salt: rng.random(),
        };
        let mut packets = Vec::with_capacity(2);
        if self.limit.allows(at) {
            let refused = at.plus(chance::time(rng, Duration::from_micros(60), 0.5));
            packets.push(Planned {
                at: refused,
                packet: answer.port_unreachable(),
            });
        }
        packets.push(Planned { at, packet: answer });
        Some(Exchange::new(at, packets))
    }
}
