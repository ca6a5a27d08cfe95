//! Port scan: one probe to each of many ports, in random order, as nmap does it.
//!
//! The thousand lowest ports come first, then a thousand after the other. Closed ports refuse, open ones answer in
//! the way that tells the scanner. With a prefix as source its hosts share the work.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;
use rand::seq::SliceRandom;

use super::chance::{self, Rng};
use super::error_limit::ErrorLimit;
use super::host::Host;
use super::pace::Pace;
use super::packet::{Body, Options, Packet, Payload, Planned, Segment};
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};
use crate::flow::Timestamp;

/// The target's services.
const OPEN: [u16; 3] = [22, 80, 443];
/// Ports that are put in random order together.
const BLOCK: u16 = 1000;

/// What is sent to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Syn,
    Connect,
    Fin,
    Null,
    Xmas,
    Udp,
}

pub(super) fn exchanges(scenario: &Scenario, probe: Probe) -> Exchanges {
    let mut rng = scenario.rng();
    let scan = Scan {
        pace: Pace::of(scenario),
        limit: ErrorLimit::of(scenario),
        ports: Ports {
            block: Vec::new(),
            next_block: 1,
        },
        own_port: chance::client_port(&mut rng),
        rng,
        probe,
        scenario: scenario.clone(),
    };
    Box::new(scan)
}

struct Scan {
    scenario: Scenario,
    probe: Probe,
    rng: Rng,
    pace: Pace,
    limit: ErrorLimit,
    ports: Ports,
    /// Raw-packet scanners send all probes from one port.
    own_port: u16,
}

impl Iterator for Scan {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let rng = &mut self.rng;
        let at = self.pace.next(rng);
        let port = self.ports.next(rng);
        let mut dialogue = Dialogue {
            at,
            scanner: self.scenario.any_source(rng),
            target: self.scenario.target(),
            own_port: if self.probe == Probe::Connect {
                chance::client_port(rng)
            } else {
                self.own_port
            },
            port,
            own_sequence: rng.random(),
            packets: Vec::with_capacity(2),
            rng,
        };
        match self.probe {
            Probe::Syn | Probe::Connect => dialogue.open(self.probe, OPEN.contains(&port)),
            Probe::Fin => dialogue.stray(tcp::FIN, OPEN.contains(&port)),
            Probe::Null => dialogue.stray(0, OPEN.contains(&port)),
            Probe::Xmas => dialogue.stray(tcp::FIN | tcp::PSH | tcp::URG, OPEN.contains(&port)),
            Probe::Udp => dialogue.datagram(&mut self.limit),
        }
        Some(Exchange::new(at, dialogue.packets))
    }
}

/// All ports but 0, block by block, over and over.
struct Ports {
    block: Vec<u16>,
    next_block: u16,
}

impl Ports {
    fn next(&mut self, rng: &mut Rng) -> u16 {
        if self.block.is_empty() {
            let last = self.next_block.saturating_add(BLOCK - 1);
            self.block = (self.next_block..=last).collect();
            self.block.shuffle(rng);
            self.next_block = last.checked_add(1).unwrap_or(1);
        }
        self.block.pop().unwrap_or(1)
    }
}

/// A probe and what follows it.
struct Dialogue<'a> {
    at: Timestamp,
    scanner: Host,
    target: Host,
    own_port: u16,
    port: u16,
    own_sequence: u32,
    packets: Vec<Planned>,
    rng: &'a mut Rng,
}

impl Dialogue<'_> {
    /// A SYN; an open port answers it, and the scanner ends what it began.
    fn open(&mut self, probe: Probe, open: bool) {
        let full = probe == Probe::Connect;
        let clock = self.rng.random();
        let (window, options) = match full {
            true => (64_240, Options::Opening { clock, echo: 0 }),
            false => (1024, Options::SegmentSize),
        };
        self.probe(tcp::SYN, 0, window, options);
        if !open {
            return self.refuse(1);
        }
        let sequence: u32 = self.rng.random();
        let options = if full {
            Options::Opening {
                clock: !clock,
                echo: clock,
            }
        } else {
            Options::SegmentSize
        };
        self.answer(tcp::SYN | tcp::ACK, sequence, 1, 65_160, options);
        let next = sequence.wrapping_add(1);
        self.wait(40);
        self.own_sequence = self.own_sequence.wrapping_add(1);
        if full {
            let options = Options::Clock {
                clock,
                echo: !clock,
            };
            self.probe(tcp::ACK, next, 502, options);
            self.wait(200);
            self.probe(tcp::RST | tcp::ACK, next, 502, options);
        } else {
            // The scanner's system knows nothing of the raw SYN and resets.
            self.probe(tcp::RST, 0, 0, Options::None);
        }
    }

    /// A segment without a connection: RFC 9293 3.10.7.1 has a closed port reset it and an open one drop it.
    fn stray(&mut self, flags: u8, open: bool) {
        self.probe(flags, 0, 1024, Options::None);
        if !open {
            self.refuse(u32::from(flags & tcp::FIN != 0));
        }
    }

    fn datagram(&mut self, limit: &mut ErrorLimit) {
        let body = Body::Udp {
            source_port: self.own_port,
            destination_port: self.port,
            payload: Payload::default(),
        };
        let packet = Packet {
            from: self.scanner,
            to: self.target,
            body,
            salt: self.rng.random(),
        };
        self.packets.push(Planned {
            at: self.at,
            packet: packet.clone(),
        });
        if limit.allows(self.at) {
            self.wait(80);
            self.packets.push(Planned {
                at: self.at,
                packet: packet.port_unreachable(),
            });
        }
    }

    fn probe(&mut self, flags: u8, acknowledgment: u32, window: u16, options: Options) {
        let segment = Segment {
            source_port: self.own_port,
            destination_port: self.port,
            sequence: self.own_sequence,
            acknowledgment,
            flags,
            window,
            options,
        };
        self.push(self.scanner, self.target, segment);
    }

    /// What a closed port says to a segment without ACK that took up `length` sequence numbers.
    fn refuse(&mut self, length: u32) {
        self.answer(tcp::RST | tcp::ACK, 0, length, 0, Options::None);
    }

    fn answer(&mut self, flags: u8, sequence: u32, length: u32, window: u16, options: Options) {
        self.wait(80);
        let segment = Segment {
            source_port: self.port,
            destination_port: self.own_port,
            sequence,
            acknowledgment: self.own_sequence.wrapping_add(length),
            flags,
            window,
            options,
        };
        self.push(self.target, self.scanner, segment);
    }

    fn wait(&mut self, micros: u64) {
        self.at = self
            .at
            .plus(chance::time(self.rng, Duration::from_micros(micros), 0.5));
    }

    fn push(&mut self, from: Host, to: Host, segment: Segment) {
        let body = Body::Tcp {
            segment,
            payload: Payload::default(),
        };
        self.packets.push(Planned {
            at: self.at,
            packet: Packet {
                from,
                to,
                body,
                salt: self.rng.random(),
            },
        });
    }
}
