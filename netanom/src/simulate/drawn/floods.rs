//! Floods in few flows, reflected ones, and what else is no connection: the kinds that the simulated modes lack.

use std::time::Duration;

use netanom_common::packet::{protocol, tcp};
use rand::RngExt;

use super::super::chance;
use super::super::host::Host;
use super::super::packet::{Payload, Planned};
use super::raw;
use super::rule::Rule;
use super::scene::{Cast, Scene};
use crate::alert::Class;
use crate::flow::Timestamp;

/// When each of a flood's packets is sent: a rate between `low` and `high` a second, steady or in bursts.
fn moments(scene: &mut Scene, low: f64, high: f64) -> Vec<Timestamp> {
    let rate = chance::magnitude(&mut scene.rng, low, high);
    let begin = scene.early();
    let lasts = (scene.seconds - begin) * scene.rng.random_range(0.2..1.0);
    let most = scene.left / 2;
    let count = ((rate * lasts) as usize).clamp(20, most);
    let steady = scene.rng.random_bool(0.7);
    let mut at = scene.at(begin);
    (0..count)
        .map(|_| {
            let mean = Duration::from_secs_f64(rate.recip());
            let wait = if steady {
                chance::time(&mut scene.rng, mean, 0.2)
            } else {
                chance::wait(&mut scene.rng, mean)
            };
            at = at.plus(wait);
            at
        })
        .collect()
}

fn on_its_own(scene: &mut Scene, packet: Planned) {
    scene.add(vec![packet]);
}

/// Whether the flood's source is who it says it is.
fn label(scene: &mut Scene, cast: Cast, rule: Rule) {
    scene.attacked_by(&[cast.client], rule.hosts(&[cast.client]).peer(cast.server));
}

/// One to eight five-tuples of ACKs, RSTs, FINs or data without a connection.
pub(super) fn segments(scene: &mut Scene, cast: Cast) {
    let flows = chance::count(&mut scene.rng, 1, 8) as u16;
    let first = scene.port(cast.client);
    let port = *chance::pick(&mut scene.rng, &[80, 443, 22, 53, 8080, 25_565]);
    let flags = *chance::pick(
        &mut scene.rng,
        &[
            tcp::ACK,
            tcp::ACK,
            tcp::PSH | tcp::ACK,
            tcp::RST,
            tcp::FIN | tcp::ACK,
        ],
    );
    let length = *chance::pick(&mut scene.rng, &[0, 0, 0, 32, 512, 1400]);
    let answers = *chance::pick(&mut scene.rng, &[0.0, 0.0, 0.3, 1.0]);
    for at in moments(scene, 300.0, 30_000.0) {
        let from = (cast.client, first + scene.rng.random_range(0..flows));
        let to = (cast.server, port);
        let rng = &mut scene.rng;
        let mut packets = vec![raw::segment(rng, at, from, to, flags, length)];
        // RFC 9293 3.10.7.1: what belongs to no connection is reset.
        if flags != tcp::RST && rng.random_bool(answers) {
            let later = at.plus(chance::time(rng, scene.path.round_trip, 0.2));
            packets.push(raw::segment(rng, later, to, from, tcp::RST, 0));
        }
        scene.add(packets);
    }
    label(scene, cast, Rule::of(Class::Flood).protocol(protocol::TCP));
}

/// One to eight five-tuples of datagrams.
pub(super) fn datagrams(scene: &mut Scene, cast: Cast) {
    let flows = chance::count(&mut scene.rng, 1, 8) as u16;
    let (first, port) = (
        scene.port(cast.client),
        chance::count(&mut scene.rng, 1, 65_535) as u16,
    );
    let length = *chance::pick(
        &mut scene.rng,
        &[0, 1, 32, 32, 64, 512, 1024, 1400, 1400, 1452],
    );
    let told = scene.rng.random_bool(0.4);
    for (number, at) in moments(scene, 300.0, 30_000.0).into_iter().enumerate() {
        let from = (cast.client, first + scene.rng.random_range(0..flows));
        let to = (cast.server, port);
        let payload = Payload::noise(length);
        let datagram = raw::datagram(&mut scene.rng, at, from, to, payload);
        let error = datagram.packet.port_unreachable();
        scene.add(vec![datagram]);
        if told && number % 997 < 3 {
            let at = at.plus(scene.path.round_trip);
            scene.add(vec![Planned { at, packet: error }]);
        }
    }
    label(
        scene,
        cast,
        Rule::of(Class::UdpFlood).protocol(protocol::UDP),
    );
}

/// `hping3 -S -k`: SYNs that all come from one port, or from a few.
pub(super) fn kept_port(scene: &mut Scene, cast: Cast) {
    let flows = chance::count(&mut scene.rng, 1, 4) as u16;
    let first = scene.port(cast.client);
    let port = *chance::pick(&mut scene.rng, &[80, 443, 22, 21, 3389]);
    let answer = *chance::pick(
        &mut scene.rng,
        &[0, tcp::SYN | tcp::ACK, tcp::RST | tcp::ACK],
    );
    let answered = scene.rng.random_range(0.05..1.0);
    let resets = scene.rng.random_bool(0.5);
    for at in moments(scene, 50.0, 20_000.0) {
        let (from, to) = (
            (cast.client, first + scene.rng.random_range(0..flows)),
            (cast.server, port),
        );
        let (path, rng) = (scene.path, &mut scene.rng);
        let mut packets = vec![raw::segment(rng, at, from, to, tcp::SYN, 0)];
        if answer != 0 && rng.random_bool(answered) {
            let later = at.plus(chance::time(rng, path.round_trip, path.jitter));
            packets.push(raw::segment(rng, later, to, from, answer, 0));
            if resets && answer & tcp::SYN != 0 {
                let later = later.plus(path.near);
                packets.push(raw::segment(rng, later, from, to, tcp::RST, 0));
            }
        }
        scene.add(packets);
    }
    label(
        scene,
        cast,
        Rule::of(Class::SynFlood).protocol(protocol::TCP),
    );
}

/// SYN-ACKs of servers that were asked in the target's name; the target may reset them.
pub(super) fn reflected(scene: &mut Scene, cast: Cast) {
    let servers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 3000))
        .map(|_| scene.far_host())
        .collect();
    let port = *chance::pick(&mut scene.rng, &[80, 443, 22, 179]);
    let own = chance::count(&mut scene.rng, 1, 60_000) as u16;
    let spread = scene.rng.random_bool(0.6);
    let resets = *chance::pick(&mut scene.rng, &[0.0, 0.3, 1.0]);
    for at in moments(scene, 100.0, 20_000.0) {
        let from = (*chance::pick(&mut scene.rng, &servers), port);
        let to_port = if spread {
            scene.rng.random_range(1024..=u16::MAX)
        } else {
            own
        };
        let to = (cast.server, to_port);
        let rng = &mut scene.rng;
        let mut packets = vec![raw::segment(rng, at, from, to, tcp::SYN | tcp::ACK, 0)];
        if rng.random_bool(resets) {
            let later = at.plus(chance::time(rng, Duration::from_micros(60), 0.4));
            packets.push(raw::segment(rng, later, to, from, tcp::RST, 0));
        }
        scene.add(packets);
    }
    let rule = Rule::of(Class::Flood).hosts(&[cast.server]).tcp(port);
    scene.rules.push(rule);
}

/// Large answers of one or two servers to questions that the target never asked.
pub(super) fn amplified(scene: &mut Scene, cast: Cast) {
    let servers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 3))
        .map(|_| scene.far_host())
        .collect();
    let port = *chance::pick(&mut scene.rng, &[53, 123, 389, 1900, 11_211, 19, 161]);
    let length = Payload::noise(chance::count(&mut scene.rng, 200, 1440) as u32);
    let (own, spread) = (
        chance::count(&mut scene.rng, 1024, 65_535) as u16,
        scene.rng.random_bool(0.3),
    );
    for at in moments(scene, 200.0, 30_000.0) {
        let from = (*chance::pick(&mut scene.rng, &servers), port);
        let to_port = if spread {
            scene.rng.random_range(1024..=u16::MAX)
        } else {
            own
        };
        let rng = &mut scene.rng;
        let packet = raw::datagram(rng, at, from, (cast.server, to_port), length.clone());
        on_its_own(scene, packet);
    }
    let rule = Rule::of(Class::UdpFlood).hosts(&servers).peer(cast.server);
    scene
        .rules
        .push(rule.protocol(protocol::UDP).kind("amplification"));
    scene.rules.push(Rule::errors(&servers));
}

/// One echo request to each of many hosts, few of which answer.
pub(super) fn ping_sweep(scene: &mut Scene, cast: Cast) {
    let lives = chance::magnitude(&mut scene.rng, 0.01, 0.5);
    let length = *chance::pick(&mut scene.rng, &[0, 8, 32, 56, 120]);
    let id = scene.rng.random();
    let again = scene.rng.random_bool(0.3);
    for (number, at) in moments(scene, 2.0, 3000.0).into_iter().enumerate() {
        let to = scene.near_host();
        let (path, rng) = (scene.path, &mut scene.rng);
        let (own, sequence) = ((cast.client, to), number as u16);
        let mut packets = vec![raw::echo(rng, at, own, true, (id, sequence), length)];
        if rng.random_bool(lives) {
            let later = at.plus(chance::time(rng, path.round_trip, 0.3));
            let back = (to, cast.client);
            packets.push(raw::echo(rng, later, back, false, (id, sequence), length));
        } else if again {
            let later = at.plus(Duration::from_secs(1));
            packets.push(raw::echo(rng, later, own, true, (id, sequence), length));
        }
        scene.add(packets);
    }
    let rule = Rule::of(Class::PortScan).hosts(&[cast.client]);
    let rule = rule.protocol(protocol::ICMP).kind("host_sweep");
    scene.attackers.push(cast.client);
    scene.rules.push(rule);
}

/// Smurf: many hosts answer one that never asked.
pub(super) fn smurf(scene: &mut Scene, cast: Cast) {
    let hosts: Vec<Host> = (0..chance::count(&mut scene.rng, 2, 250))
        .map(|_| scene.near_host())
        .collect();
    let length = *chance::pick(&mut scene.rng, &[8, 56, 1000, 1400]);
    let id = scene.rng.random();
    for (number, at) in moments(scene, 20.0, 10_000.0).into_iter().enumerate() {
        let from = *chance::pick(&mut scene.rng, &hosts);
        let (rng, ids) = (&mut scene.rng, (id, number as u16));
        let packet = raw::echo(rng, at, (from, cast.server), false, ids, length);
        on_its_own(scene, packet);
    }
    let rule = Rule::of(Class::IcmpFlood).hosts(&[cast.server]);
    scene.rules.push(rule.protocol(protocol::ICMP));
}

/// Echo requests in one flow, answered or not.
pub(super) fn pings(scene: &mut Scene, cast: Cast) {
    let length = *chance::pick(&mut scene.rng, &[8, 56, 56, 120, 1000, 1400, 1452]);
    let answered = *chance::pick(&mut scene.rng, &[0.0, 0.2, 0.9, 1.0, 1.0]);
    let id = scene.rng.random();
    for (number, at) in moments(scene, 30.0, 20_000.0).into_iter().enumerate() {
        let (path, ids) = (scene.path, (id, number as u16));
        let rng = &mut scene.rng;
        let own = (cast.client, cast.server);
        let mut packets = vec![raw::echo(rng, at, own, true, ids, length)];
        if rng.random_bool(answered) {
            let later = at.plus(chance::time(rng, path.round_trip, 0.1));
            let back = (cast.server, cast.client);
            packets.push(raw::echo(rng, later, back, false, ids, length));
        }
        scene.add(packets);
    }
    let rule = Rule::of(Class::IcmpFlood).hosts(&[cast.client]);
    let rule = rule.peer(cast.server).protocol(protocol::ICMP);
    scene.attackers.push(cast.client);
    scene.rules.push(rule);
}
