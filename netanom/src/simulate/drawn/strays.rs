//! What looks odd and is nothing: routes that are traced, routers that know none, ends of connections whose beginning
//! nobody saw, and captures of one direction.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::super::chance;
use super::super::host::Host;
use super::super::icmp::Cause;
use super::super::packet::{Payload, Planned};
use super::guess::connection;
use super::machines::moments;
use super::raw;
use super::scene::{Cast, Scene};
use super::web::Site;

/// First port of the probes of traceroute by datagrams.
const TRACED: u16 = 33_434;

/// traceroute by datagrams, echoes or SYNs: three probes a hop, most answered by a router on the way.
pub(super) fn traceroute(scene: &mut Scene, cast: Cast) {
    let runs = chance::count(&mut scene.rng, 1, 8);
    for run in 0..runs {
        let target = if run == 0 {
            cast.server
        } else {
            scene.far_host()
        };
        let kind = scene.rng.random_range(0..4);
        let hops = chance::count(&mut scene.rng, 2, 25);
        let probes = *chance::pick(&mut scene.rng, &[1, 3, 3, 3, 10]);
        // Sixteen at once, as traceroute does it, or one after the other.
        let at_once = scene.rng.random_bool(0.5);
        let silent = *chance::pick(&mut scene.rng, &[0.0, 0.2, 0.7]);
        let most = if scene.rng.random_bool(0.3) { 30 } else { hops };
        let wait = if at_once {
            Duration::from_micros(200)
        } else {
            scene.path.round_trip + Duration::from_millis(2)
        };
        let begin = scene.early() * 5.0;
        let mut at = scene.at(begin);
        let (own, id) = (scene.port(cast.client), scene.rng.random());
        let gateway = scene.near_host();
        for probe in 0..most * probes {
            let hop = probe / probes + 1;
            let mut from = cast.client;
            from.ttl = hop as u8;
            let port = TRACED + probe as u16;
            let rng = &mut scene.rng;
            let sent = match kind {
                0 => raw::echo(rng, at, (from, target), true, (id, probe as u16), 32),
                1 => raw::segment(
                    rng,
                    at,
                    (from, own + probe as u16),
                    (target, 80),
                    tcp::SYN,
                    0,
                ),
                2 => raw::datagram(rng, at, (from, own), (target, port), Payload::noise(32)),
                _ => raw::datagram(
                    rng,
                    at,
                    (from, own + probe as u16),
                    (target, port),
                    Payload::noise(12),
                ),
            };
            let share = hop as f64 / hops as f64;
            let later = at.plus(chance::time(
                rng,
                scene.path.round_trip.mul_f64(share.min(1.0)),
                0.3,
            ));
            let mut packets = vec![];
            if hop < hops {
                if !rng.random_bool(silent) {
                    let router = if hop == 1 {
                        gateway
                    } else {
                        Host {
                            ip: router_of(target, hop),
                            ..gateway
                        }
                    };
                    let packet = sent.packet.error_of(router, Cause::Expired);
                    packets.push(Planned { at: later, packet });
                }
            } else if !rng.random_bool(silent / 2.0) {
                packets.push(match kind {
                    0 => raw::echo(rng, later, (target, from), false, (id, probe as u16), 32),
                    1 => {
                        let flags = *chance::pick(rng, &[tcp::RST | tcp::ACK, tcp::SYN | tcp::ACK]);
                        raw::segment(
                            rng,
                            later,
                            (target, 80),
                            (from, own + probe as u16),
                            flags,
                            0,
                        )
                    }
                    _ => Planned {
                        at: later,
                        packet: sent.packet.error_of(target, Cause::Port),
                    },
                });
            }
            packets.insert(0, sent);
            scene.add(packets);
            at = at.plus(chance::time(&mut scene.rng, wait, 0.2));
        }
    }
}

/// The router `hop` hops on the way to a host: an address of the same family that nobody else has.
fn router_of(target: Host, hop: usize) -> std::net::IpAddr {
    match target.ip {
        std::net::IpAddr::V4(ip) => {
            std::net::Ipv4Addr::from_bits(ip.to_bits().wrapping_sub(hop as u32 * 65_793)).into()
        }
        std::net::IpAddr::V6(ip) => {
            std::net::Ipv6Addr::from_bits(ip.to_bits().wrapping_sub((hop as u128) << 64)).into()
        }
    }
}

/// A router says that it knows no way: to a host of two families that tries the one that it has none for, or to a program
/// that asks for what is gone.
pub(super) fn no_route(scene: &mut Scene, cast: Cast) {
    let router = scene.near_host();
    let servers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 60))
        .map(|_| scene.far_host())
        .collect();
    let (port, udp) = (
        *chance::pick(&mut scene.rng, &[443, 443, 80, 53]),
        scene.rng.random_bool(0.3),
    );
    let again = chance::count(&mut scene.rng, 1, 4);
    let every = chance::span(&mut scene.rng, 0.02, 3.0);
    for at in moments(scene, every, 1.0) {
        let server = *chance::pick(&mut scene.rng, &servers);
        let (from, to) = ((cast.client, scene.port(cast.client)), (server, port));
        for number in 0..again {
            let at = at.plus(Duration::from_secs(1) * ((1 << number) - 1));
            let rng = &mut scene.rng;
            let asked = if udp {
                raw::datagram(rng, at, from, to, Payload::noise(1200))
            } else {
                raw::segment(rng, at, from, to, tcp::SYN, 0)
            };
            let later = at.plus(chance::time(rng, Duration::from_micros(400), 0.5));
            let packet = asked.packet.error_of(router, Cause::NoRoute);
            scene.add(vec![asked, Planned { at: later, packet }]);
        }
    }
}

/// Ends and middles of connections that began before the capture did.
pub(super) fn ends_without_beginning(scene: &mut Scene, cast: Cast) {
    let sites: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 40))
        .map(|_| scene.far_host())
        .collect();
    let port = *chance::pick(&mut scene.rng, &[443, 443, 80, 993, 5223, 22]);
    let kind = scene.rng.random_range(0..4);
    let many = scene.rng.random_bool(0.3);
    let every = chance::span(&mut scene.rng, 0.003, 1.0);
    for at in moments(scene, every, 1.2) {
        let server = if many {
            *chance::pick(&mut scene.rng, &sites)
        } else {
            cast.server
        };
        let ends = [(cast.client, scene.port(cast.client)), (server, port)];
        let (path, rng) = (scene.path, &mut scene.rng);
        let server_first = rng.random::<bool>();
        let (one, other) = if server_first {
            (ends[1], ends[0])
        } else {
            (ends[0], ends[1])
        };
        let later = at.plus(path.near + path.round_trip);
        let fin = tcp::FIN | tcp::ACK;
        let packets = match kind {
            // Closed by one side, and the other one agrees, or resets, or is gone.
            0 => vec![
                raw::segment(rng, at, one, other, fin, 0),
                raw::segment(rng, later, other, one, fin, 0),
                raw::segment(rng, later.plus(path.near), one, other, tcp::ACK, 0),
            ],
            1 => vec![
                raw::segment(rng, at, one, other, fin, 0),
                raw::segment(rng, later, other, one, tcp::RST, 0),
            ],
            2 => {
                let again = [1, 3, 7].map(|halves| at.plus(Duration::from_millis(300) * halves));
                let mut packets = vec![raw::segment(rng, at, one, other, fin, 0)];
                for at in again {
                    packets.push(raw::segment(rng, at, one, other, fin, 0));
                }
                packets
            }
            // Kept alive.
            _ => vec![
                raw::segment(rng, at, one, other, tcp::ACK, 1),
                raw::segment(rng, later, other, one, tcp::ACK, 0),
            ],
        };
        scene.add(packets);
    }
}

/// One direction of ordinary web traffic: a tap on one fibre, or a route that comes back another way.
pub(super) fn one_direction(scene: &mut Scene, cast: Cast) {
    let of_server = scene.rng.random_bool(0.6);
    for number in 0..chance::count(&mut scene.rng, 1, 12) {
        let site = Site::draw(&mut scene.rng);
        let server = if number == 0 {
            cast.server
        } else {
            scene.far_host()
        };
        let begin = scene.seconds * scene.rng.random::<f64>() * 0.8;
        let mut at = scene.at(begin);
        for _ in 0..chance::count(&mut scene.rng, 1, 30) {
            let mut talk = scene.open(cast.client, (server, site.port), at);
            site.greet(&mut talk);
            let requests = chance::count(talk.rng(), 1, 12);
            for _ in 0..requests {
                let length = chance::size(talk.rng(), 400, 0.4, 2000);
                site.ask(&mut talk, length);
                site.answer(&mut talk, "200 OK");
            }
            site.ending.play(&mut talk);
            at = talk.now().plus(Duration::from_millis(200));
            let mut packets = talk.into_packets();
            packets.retain(|planned| (planned.packet.from.ip == server.ip) == of_server);
            scene.add(packets);
        }
    }
}

/// Answers to pings and to name lookups without the questions.
pub(super) fn answers_alone(scene: &mut Scene, cast: Cast) {
    let pings = scene.rng.random_bool(0.3);
    let every = chance::span(&mut scene.rng, 0.005, 1.0);
    let id = scene.rng.random();
    let servers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 6))
        .map(|_| scene.far_host())
        .collect();
    for (number, at) in moments(scene, every, 1.0).into_iter().enumerate() {
        let server = *chance::pick(&mut scene.rng, &servers);
        let own = (cast.client, scene.port(cast.client));
        let rng = &mut scene.rng;
        let packet = if pings {
            raw::echo(
                rng,
                at,
                (server, cast.client),
                false,
                (id, number as u16),
                56,
            )
        } else {
            let length = chance::size(rng, 150, 0.7, 1400);
            raw::datagram(rng, at, (server, 53), own, Payload::noise(length))
        };
        scene.add(vec![packet]);
    }
}

/// Connections that are opened and left at once, as programs do that look whether somebody is there.
pub(super) fn looked_in(scene: &mut Scene, cast: Cast) {
    let site = Site::draw(&mut scene.rng);
    let every = chance::span(&mut scene.rng, 0.3, 10.0);
    for at in moments(scene, every, 0.2) {
        connection(scene, cast.client, (cast.server, site.port), at, |talk| {
            site.ending.play(talk);
        });
    }
}
