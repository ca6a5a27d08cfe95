//! Who is in the office, and how they send datagrams to each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand::RngExt;

use crate::flow::Timestamp;
use crate::simulate::chance::{self, Rng};
use crate::simulate::host::{Host, Mac};
use crate::simulate::packet::{Body, Packet, Payload, Planned};
use crate::simulate::scenario::Scenario;

/// People in the office at most.
const CLIENTS: u128 = 8;
/// Hardware address of the router to the Internet.
const GATEWAY: Mac = [0x02, 0, 0, 0, 0, 0xfe];

/// The hosts of the office, and the draws of its day.
pub(super) struct Office {
    pub(super) rng: Rng,
    pub(super) clients: Vec<Host>,
    /// The office's own server: the target of the scenario.
    pub(super) server: Host,
    pub(super) resolver: Host,
    pub(super) printer: Host,
}

impl Office {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut rng = scenario.rng();
        let inside = |v4, v6| {
            let ip = if scenario.source.is_ipv4() {
                IpAddr::V4(v4)
            } else {
                IpAddr::V6(v6)
            };
            Host::near(ip)
        };
        let resolver = inside(
            Ipv4Addr::new(10, 53, 53, 53),
            Ipv6Addr::new(0xfd53, 0, 0, 0, 0, 0, 0, 0x53),
        );
        let printer = inside(
            Ipv4Addr::new(10, 53, 53, 9),
            Ipv6Addr::new(0xfd53, 0, 0, 0, 0, 0, 0, 9),
        );
        let mut clients = Vec::new();
        for _ in 0..scenario.source.hosts().min(CLIENTS) {
            let client = scenario.any_source(&mut rng);
            if !clients.contains(&client) {
                clients.push(client);
            }
        }
        Self {
            rng,
            clients,
            server: scenario.target(),
            resolver,
            printer,
        }
    }

    /// Somebody.
    pub(super) fn any_client(&mut self) -> Host {
        *chance::pick(&mut self.rng, &self.clients)
    }

    /// A server on the Internet, of the family that the office uses.
    pub(super) fn any_far_host(&mut self) -> Host {
        loop {
            let (net, host) = (
                self.rng.random_range(0..3_usize),
                self.rng.random_range(1..=254_u8),
            );
            let ip = if self.server.ip.is_ipv4() {
                let [a, b, c] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][net];
                IpAddr::V4(Ipv4Addr::new(a, b, c, host))
            } else {
                IpAddr::V6(Ipv6Addr::new(
                    0x2001,
                    0xdb8,
                    net as u16,
                    0,
                    0,
                    0,
                    0,
                    host.into(),
                ))
            };
            if ip != self.server.ip && self.clients.iter().all(|client| client.ip != ip) {
                return Host::far(ip, GATEWAY, 6 + host % 12);
            }
        }
    }

    /// A datagram.
    pub(super) fn datagram(
        &mut self,
        at: Timestamp,
        (from, source_port): (Host, u16),
        (to, destination_port): (Host, u16),
        payload: Payload,
    ) -> Planned {
        let body = Body::Udp {
            source_port,
            destination_port,
            payload,
        };
        self.planned(at, from, to, body)
    }

    /// A packet.
    pub(super) fn planned(&mut self, at: Timestamp, from: Host, to: Host, body: Body) -> Planned {
        Planned {
            at,
            packet: Packet {
                from,
                to,
                body,
                salt: self.rng.random(),
            },
        }
    }

    /// `at`, and a log-normal time later.
    pub(super) fn later(&mut self, at: Timestamp, median: Duration) -> Timestamp {
        at.plus(chance::time(&mut self.rng, median, 0.7))
    }
}
