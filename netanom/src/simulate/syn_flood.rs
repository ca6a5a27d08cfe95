//! SYN flood: connections are asked for and never completed, until the target has no room for more.
//!
//! An open port answers while its backlog has room and repeats each answer twice; then it is silent. A closed port
//! refuses each SYN; and a system whose address is not forged resets the answers that it gets. With a prefix as
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

/// What becomes of a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The port is open: it is answered while the backlog has room, and the attacker is silent.
    Backlog,
    /// The port is closed: it is refused.
    Refused,
    /// Every SYN goes to another port, nearly all of which are closed; the target refuses as many as it can.
    AllPorts,
    /// The port is open and answers, and the attacker's system, which knows of no connection, resets it.
    Reset,
}

pub(super) fn exchanges(scenario: &Scenario, reaction: Reaction) -> Exchanges {
    let mut rng = scenario.rng();
    let flood = Flood {
        pace: Pace::of(scenario),
        half_open: VecDeque::with_capacity(BACKLOG),
        window: *chance::pick(&mut rng, &[64, 512, 1024, 5840, 64_240]),
        bare: rng.random(),
        overwhelmed: *chance::pick(&mut rng, &[0.0, 0.6, 1.0]),
        rng,
        scenario: scenario.clone(),
        reaction,
    };
    Box::new(flood)
}

struct Flood {
    scenario: Scenario,
    reaction: Reaction,
    rng: Rng,
    pace: Pace,
    /// When each place in the backlog becomes free, the first one first.
    half_open: VecDeque<Timestamp>,
    /// A tool sends all its SYNs with the same window, and all with options or all bare.
    window: u16,
    bare: bool,
    /// Share of SYNs to all ports that the target leaves without a word.
    overwhelmed: f64,
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
            destination_port: match self.reaction {
                Reaction::AllPorts => rng.random_range(1..=u16::MAX),
                _ => PORT,
            },
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
        match self.reaction {
            Reaction::Backlog => self.fill_backlog(at, source, syn, clock, &mut packets),
            Reaction::AllPorts if self.rng.random_bool(self.overwhelmed) => {}
            Reaction::Refused | Reaction::AllPorts => {
                let refusal = at.plus(chance::time(&mut self.rng, Duration::from_micros(60), 0.5));
                packets.push(planned(
                    refusal,
                    target,
                    source,
                    refused(syn),
                    &mut self.rng,
                ));
            }
            Reaction::Reset => {
                let answer = self.answer(syn, clock);
                let answered = at.plus(chance::time(&mut self.rng, Duration::from_micros(80), 0.5));
                let reset =
                    answered.plus(chance::time(&mut self.rng, Duration::from_micros(300), 0.8));
                packets.push(planned(answered, target, source, answer, &mut self.rng));
                packets.push(planned(reset, source, target, unknown(syn), &mut self.rng));
            }
        }
        Some(Exchange::new(at, packets))
    }
}

impl Flood {
    /// The target answers while its backlog has room, and again when nothing comes.
    fn fill_backlog(
        &mut self,
        at: Timestamp,
        source: Host,
        syn: Segment,
        clock: u32,
        packets: &mut Vec<Planned>,
    ) {
        while self.half_open.front().is_some_and(|free| *free <= at) {
            self.half_open.pop_front();
        }
        if self.half_open.len() >= BACKLOG {
            return;
        }
        self.half_open.push_back(at.plus(GIVE_UP));
        let answer = self.answer(syn, clock);
        let first = at.plus(chance::time(&mut self.rng, Duration::from_micros(80), 0.5));
        for time in [first]
            .into_iter()
            .chain(REPEATS.map(|later| first.plus(later)))
        {
            packets.push(planned(
                time,
                self.scenario.target(),
                source,
                answer,
                &mut self.rng,
            ));
        }
    }

    fn answer(&mut self, syn: Segment, clock: u32) -> Segment {
        Segment {
            source_port: PORT,
            destination_port: syn.source_port,
            sequence: self.rng.random(),
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
        }
    }
}

/// What a closed port says (RFC 9293 3.10.7.1).
fn refused(syn: Segment) -> Segment {
    Segment {
        source_port: syn.destination_port,
        destination_port: syn.source_port,
        sequence: 0,
        acknowledgment: syn.sequence.wrapping_add(1),
        flags: tcp::RST | tcp::ACK,
        window: 0,
        options: Options::None,
    }
}

/// What a system says to an answer that it never asked for.
fn unknown(syn: Segment) -> Segment {
    Segment {
        sequence: syn.sequence.wrapping_add(1),
        flags: tcp::RST,
        window: 0,
        options: Options::None,
        ..syn
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
