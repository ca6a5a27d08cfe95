//! Host sweep: one port of many hosts, as worms and inventory tools ask for it.
//!
//! The hosts are those around the target (its /16, or /112 for IPv6), in order or at random. Most do not exist: a
//! system that connects asks them again, a tool that writes its own packets does not. Some refuse, a few are open.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::chance::{self, Rng};
use super::host::Host;
use super::pace::Pace;
use super::packet::{Body, Options, Packet, Payload, Planned, Segment};
use super::prefix::IpPrefix;
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};
use crate::flow::Timestamp;

/// Services that sweeps look for: SSH, Telnet, web, Windows shares, databases, remote desktops.
const WANTED: [u16; 7] = [22, 23, 80, 445, 2323, 3306, 3389];
/// When a system asks again, after the first (RFC 6298).
const REPEATS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// Shares of the hosts.
const OPEN: f64 = 0.02;
const REFUSES: f64 = 0.12;

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let length = if scenario.target.is_ipv4() { 16 } else { 112 };
    let hosts = IpPrefix::new(scenario.target, length);
    let sweep = Sweep {
        pace: Pace::of(scenario),
        next: rng
            .random_bool(0.5)
            .then(|| u128::from(rng.random::<u16>())),
        hosts,
        port: *chance::pick(&mut rng, &WANTED),
        repeats: rng.random(),
        own_port: chance::client_port(&mut rng),
        rng,
        scenario: scenario.clone(),
    };
    Box::new(sweep)
}

struct Sweep {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    hosts: IpPrefix,
    /// The next host when they are asked in order.
    next: Option<u128>,
    port: u16,
    /// Whether a system asks, which repeats itself and takes a new port for each host.
    repeats: bool,
    own_port: u16,
}

impl Iterator for Sweep {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let at = self.pace.next(&mut self.rng);
        let (source, target) = (self.scenario.any_source(&mut self.rng), self.any_target());
        let own_port = if self.repeats {
            chance::client_port(&mut self.rng)
        } else {
            self.own_port
        };
        let syn = Segment {
            source_port: own_port,
            destination_port: self.port,
            sequence: self.rng.random(),
            acknowledgment: 0,
            flags: tcp::SYN,
            window: if self.repeats { 64_240 } else { 1024 },
            options: Options::SegmentSize,
        };
        let mut packets = vec![self.planned(at, source, target, syn)];
        let answered = at.plus(chance::time(&mut self.rng, Duration::from_micros(400), 0.8));
        let kind: f64 = self.rng.random();
        if kind < OPEN {
            let ended = answered.plus(chance::time(&mut self.rng, Duration::from_micros(300), 0.8));
            let answer = reply(syn, tcp::SYN | tcp::ACK, self.rng.random(), 29_200);
            let reset = Segment {
                sequence: syn.sequence.wrapping_add(1),
                flags: tcp::RST,
                window: 0,
                ..syn
            };
            packets.push(self.planned(answered, target, source, answer));
            packets.push(self.planned(ended, source, target, reset));
        } else if kind < OPEN + REFUSES {
            packets.push(self.planned(
                answered,
                target,
                source,
                reply(syn, tcp::RST | tcp::ACK, 0, 0),
            ));
        } else if self.repeats {
            for later in REPEATS {
                packets.push(self.planned(at.plus(later), source, target, syn));
            }
        }
        Some(Exchange::new(at, packets))
    }
}

impl Sweep {
    fn any_target(&mut self) -> Host {
        let ip = match &mut self.next {
            Some(next) => {
                *next = (*next + 1) % self.hosts.hosts();
                self.hosts.host(*next)
            }
            None => self.hosts.random_host(&mut self.rng),
        };
        Host::near(ip).with_mac(self.scenario.target_mac)
    }

    fn planned(&mut self, at: Timestamp, from: Host, to: Host, segment: Segment) -> Planned {
        let body = Body::Tcp {
            segment,
            payload: Payload::default(),
        };
        let packet = Packet {
            from,
            to,
            body,
            salt: self.rng.random(),
        };
        Planned { at, packet }
    }
}

fn reply(syn: Segment, flags: u8, sequence: u32, window: u16) -> Segment {
    Segment {
        source_port: syn.destination_port,
        destination_port: syn.source_port,
        sequence,
        acknowledgment: syn.sequence.wrapping_add(1),
        flags,
        window,
        options: Options::None,
    }
}
