//! UDP flood: large datagrams at ports where nobody listens, or small ones at a service that answers.
//!
//! Without a service half of the seeds keep to one port, the others to none, and the target tells that the port is
//! unreachable, as often as its limit allows.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::error_limit::ErrorLimit;
use super::pace::Pace;
use super::packet::{Body, Packet, Payload, Planned};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};

/// What is behind the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// Nothing.
    Closed,
    /// A service that sends a datagram for each that it gets; a busy one leaves some out.
    Answers,
}

pub(super) fn exchanges(scenario: &Scenario, service: Port) -> Exchanges {
    let mut rng = scenario.rng();
    let flood = Flood {
        pace: Pace::of(scenario),
        limit: ErrorLimit::of(scenario),
        port: (service == Port::Answers || rng.random_bool(0.5))
            .then(|| rng.random_range(1024..=u16::MAX)),
        sizes: match service {
            Port::Closed => *chance::pick(&mut rng, &[512, 1024, 1400])..=LARGEST,
            Port::Answers => chance::pick(&mut rng, &[0..=0, 1..=32, 64..=64, 20..=200]).clone(),
        },
        service,
        rng,
        scenario: scenario.clone(),
    };
    Box::new(flood)
}

/// Share of datagrams that a busy service answers.
const ANSWERED: f64 = 0.8;
/// Most bytes of a datagram that fit an Ethernet frame over IPv6.
const LARGEST: u32 = 1452;

struct Flood {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    limit: ErrorLimit,
    /// The one port that is flooded, if it is one.
    port: Option<u16>,
    /// Bytes of a datagram.
    sizes: std::ops::RangeInclusive<u32>,
    service: Port,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let source_port = rng.random_range(1024..=u16::MAX);
        let destination_port = self.port.unwrap_or_else(|| rng.random_range(1..=u16::MAX));
        let size = rng.random_range(self.sizes.clone());
        let (from, to) = (self.scenario.any_source(rng), self.scenario.target());
        let datagram = Packet {
            from,
            to,
            body: Body::Udp {
                source_port,
                destination_port,
                payload: Payload::noise(size),
            },
            salt: rng.random(),
        };
        let mut packets = Vec::with_capacity(2);
        let answered = at.plus(chance::time(rng, Duration::from_micros(60), 0.5));
        if self.service == Port::Answers {
            if rng.random_bool(ANSWERED) {
                let answer = Packet {
                    from: to,
                    to: from,
                    body: Body::Udp {
                        source_port: destination_port,
                        destination_port: source_port,
                        payload: Payload::noise(size),
                    },
                    salt: rng.random(),
                };
                packets.push(Planned {
                    at: answered,
                    packet: answer,
                });
            }
        } else if self.limit.allows(at) {
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
