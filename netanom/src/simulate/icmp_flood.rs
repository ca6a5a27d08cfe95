//! ICMP flood: echo requests, of which the target answers a part; some targets answer all, others none.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::pace::Pace;
use super::packet::{Body, Packet, Payload, Planned};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let flood = Flood {
        pace: Pace::of(scenario),
        size: *chance::pick(&mut rng, &[0, 8, 56, 120, 1024, 1400]),
        answered: match rng.random_range(0..4) {
            0 => 0.0,
            1 => 1.0,
            _ => rng.random_range(0.1..0.7),
        },
        id: rng.random(),
        sent: 0,
        rng,
        scenario: scenario.clone(),
    };
    Box::new(flood)
}

struct Flood {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    /// Bytes of data in each request.
    size: u32,
    /// Part of the requests that the target answers.
    answered: f64,
    id: u16,
    sent: u16,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let (source, target) = (self.scenario.any_source(rng), self.scenario.target());
        let echo = |request| Body::Echo {
            request,
            id: self.id,
            sequence: self.sent,
            payload: Payload::noise(self.size),
        };
        let request = Packet {
            from: source,
            to: target,
            body: echo(true),
            salt: rng.random(),
        };
        let mut packets = vec![Planned {
            at,
            packet: request,
        }];
        if rng.random_bool(self.answered) {
            let reply = Packet {
                from: target,
                to: source,
                body: echo(false),
                salt: rng.random(),
            };
            packets.push(Planned {
                at: at.plus(chance::time(rng, Duration::from_micros(150), 0.8)),
                packet: reply,
            });
        }
        self.sent = self.sent.wrapping_add(1);
        Some(Exchange::new(at, packets))
    }
}
