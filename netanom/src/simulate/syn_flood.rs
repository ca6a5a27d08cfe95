//! SYN flood: connections are asked for and never completed, until the target has no room for more.
//!
//! The target answers while its backlog has room and repeats each answer twice; then it is silent. With a prefix as
//! source every SYN has a random address of it, as spoofing tools do.

use std::collections::VecDeque;
use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::chance::{self, Rng};
use super::host::Host;
use super::pace::Pace;
use super::packet::{Body, Options, Packet, Payload, Planned, Segment};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};
use crate::flow::Timestamp;

/// The open port that is flooded.
const PORT: u16 = 80;
/// Half-open connections that the target keeps; a small server's `tcp_max_syn_backlog`.
const BACKLOG: usize = 256;
/// When an answer is repeated, after the first (RFC 6298 with one second to begin with).
const REPEATS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// When the target gives up on a half-open connection.
const GIVE_UP: Duration = Duration::from_secs(7);

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let flood = Flood {
        pace: Pace::of(scenario),
        half_open: VecDeque::with_capacity(BACKLOG),
        window: *chance::pick(&mut rng, &[64, 512, 1024, 5840, 64_240]),
        bare: rng.random(),
        rng,
        scenario: scenario.clone(),
    };
    Box::new(flood)
}

struct Flood {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    /// When each place in the backlog becomes free, the first one first.
    half_open: VecDeque<Timestamp>,
    /// A tool sends all its SYNs with the same window, and all with options or all bare.
    window: u16,
    bare: bool,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let (source, target) = (self.scenario.any_source(rng), self.scenario.target());
        let clock = rng.random();
        let syn = Segment {
            source_port: rng.random_range(1024..=u16::MAX),
            destination_port: PORT,
            sequence: rng.random(),
            acknowledgment: 0,
            flags: tcp::SYN,
            window: self.window,
            options: if self.bare {
                Options::None
            } else {
                Options::Opening { clock, echo: 0 }
            },
        };
        let mut packets = vec![planned(at, source, target, syn, rng)];
        while self.half_open.front().is_some_and(|free| *free <= at) {
            self.half_open.pop_front();
        }
        if self.half_open.len() < BACKLOG {
            self.half_open.push_back(at.plus(GIVE_UP));
            let answer = Segment {
                source_port: PORT,
                destination_port: syn.source_port,
                sequence: rng.random(),
                acknowledgment: syn.sequence.wrapping_add(1),
                flags: tcp::SYN | tcp::ACK,
                window: 65_160,
                options: if self.bare {
                    Options::SegmentSize
                } else {
                    Options::Opening {
                        clock: !clock,
                        echo: clock,
                    }
                },
            };
            let first = at.plus(chance::time(rng, Duration::from_micros(80), 0.5));
            let times = [first]
                .into_iter()
                .chain(REPEATS.map(|later| first.plus(later)));
            packets.extend(times.map(|time| planned(time, target, source, answer, rng)));
        }
        Some(Exchange::new(at, packets))
    }
}

fn planned(at: Timestamp, from: Host, to: Host, segment: Segment, rng: &mut Rng) -> Planned {
    let body = Body::Tcp {
        segment,
        payload: Payload::default(),
    };
    Planned {
        at,
        packet: Packet {
            from,
            to,
            body,
            salt: rng.random(),
        },
    }
}
