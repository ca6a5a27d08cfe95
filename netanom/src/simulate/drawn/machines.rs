//! Machines at work: streams, tunnels, calls, industrial polling, telemetry, resolvers, and programs that ask in vain.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::super::chance;
use super::super::host::Host;
use super::super::packet::Payload;
use super::guess::connection;
use super::login;
use super::raw;
use super::scene::{Cast, Loops, Scene};
use super::talk::Talk;
use crate::flow::Timestamp;

/// Moments with a gap of `every` at the median, from somewhere in the beginning to the end.
pub(super) fn moments(scene: &mut Scene, every: Duration, spread: f64) -> Vec<Timestamp> {
    let begin = scene.early();
    let (mut at, end) = (scene.at(begin), scene.end());
    let mut moments = Vec::new();
    while at < end && moments.len() < scene.left / 2 {
        moments.push(at);
        at = at.plus(chance::time(&mut scene.rng, every, spread).max(Duration::from_nanos(500)));
    }
    moments
}

/// Datagrams between two ends for as long as the capture lasts: tunnels, calls, video, games, bulk over QUIC, iperf3.
pub(super) fn stream(scene: &mut Scene, cast: Cast) {
    let port = *chance::pick(
        &mut scene.rng,
        &[51_820, 1194, 443, 4500, 3478, 5004, 27_015, 5201],
    );
    let ends = [(cast.client, scene.port(cast.client)), (cast.server, port)];
    // A call is both ways, a download one way with little back.
    let back = *chance::pick(&mut scene.rng, &[0.0, 0.01, 0.1, 0.5, 1.0, 1.0]);
    let up = scene.rng.random::<bool>();
    let (length, spread) = (
        chance::count(&mut scene.rng, 60, 1440) as u32,
        *chance::pick(&mut scene.rng, &[0.001, 0.05, 0.8]),
    );
    let every = chance::span(&mut scene.rng, 0.000_05, 0.05);
    let jitter = chance::magnitude(&mut scene.rng, 0.01, 1.0);
    for at in moments(scene, every, jitter) {
        let forth = if scene.rng.random_bool(1.0 / (1.0 + back)) {
            up
        } else {
            !up
        };
        let (from, to) = if forth {
            (ends[0], ends[1])
        } else {
            (ends[1], ends[0])
        };
        let length = chance::size(&mut scene.rng, length, spread, 1452);
        let packet = raw::datagram(&mut scene.rng, at, from, to, Payload::noise(length));
        scene.add(vec![packet]);
    }
}

/// Polling of controllers: one connection that lasts, or one for each question; alike to the byte.
pub(super) fn industrial(scene: &mut Scene, cast: Cast) {
    let rng = &mut scene.rng;
    let port = *chance::pick(rng, &[102, 502, 2404, 4712, 5007, 20_000, 44_818, 48_898]);
    let mut question = Talk::new(rng);
    question.unsteady = chance::magnitude(rng, 0.005, 0.2);
    question.asks(rng, 12, 100);
    question.answers(rng, 10, 260);
    question.taking(rng, 0.000_5, 0.1);
    let every = chance::span(rng, 0.01, 2.0);
    let apart = rng.random_bool(0.3);
    let mut devices = vec![cast.server];
    for _ in 0..chance::count(rng, 1, 12) - 1 {
        devices.push(scene.near_host());
    }
    for device in devices {
        let loops = Loops {
            workers: 1,
            begin: scene.early(),
            gap: Duration::from_micros(300),
            every,
            spread: 0.02,
            pieces: if apart { usize::MAX } else { 1 },
        };
        let times = if apart {
            1
        } else {
            (scene.seconds / every.as_secs_f64()) as usize + 1
        };
        scene.repeat(loops, |scene, at, _| {
            connection(scene, cast.client, (device, port), at, |talk| {
                for number in 0..times.min(4000) {
                    if number > 0 {
                        talk.wait(every, 0.02);
                    }
                    question.play(talk);
                }
                if apart {
                    talk.close(super::super::conversation::Side::Client);
                }
            })
        });
    }
}

/// Reports that nobody answers: syslog, NetFlow, IPFIX, statsd.
pub(super) fn reports(scene: &mut Scene, cast: Cast) {
    let port = *chance::pick(&mut scene.rng, &[514, 2055, 4739, 6343, 8125, 9995]);
    let senders = chance::count(&mut scene.rng, 1, 20);
    let ends: Vec<_> = (0..senders)
        .map(|number| {
            let host = if number == 0 {
                cast.client
            } else {
                scene.near_host()
            };
            (host, scene.port(host))
        })
        .collect();
    let (length, spread) = (
        chance::count(&mut scene.rng, 40, 1400) as u32,
        chance::magnitude(&mut scene.rng, 0.001, 0.8),
    );
    let every = chance::span(&mut scene.rng, 0.000_3, 1.0);
    for at in moments(scene, every, 1.5) {
        let from = *chance::pick(&mut scene.rng, &ends);
        let length = chance::size(&mut scene.rng, length, spread, 1440);
        let payload = Payload::noise(length);
        let packet = raw::datagram(&mut scene.rng, at, from, (cast.server, port), payload);
        scene.add(vec![packet]);
    }
}

/// Questions by datagrams, each answered: name lookups, clocks, SNMP, RADIUS; of one host, or of many that ask one.
pub(super) fn lookups(scene: &mut Scene, cast: Cast) {
    let port = *chance::pick(&mut scene.rng, &[53, 53, 53, 123, 161, 1812, 5060, 3544]);
    let askers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 60))
        .map(|number| {
            if number == 0 {
                cast.client
            } else {
                scene.near_host()
            }
        })
        .collect();
    let (asked, told) = (
        chance::count(&mut scene.rng, 30, 90) as u32,
        chance::count(&mut scene.rng, 40, 500) as u32,
    );
    let lost = *chance::pick(&mut scene.rng, &[0.0, 0.01, 0.2]);
    let refused = *chance::pick(&mut scene.rng, &[0.0, 0.0, 0.1]);
    let keeps_port = scene.rng.random_bool(0.3);
    let every = chance::span(&mut scene.rng, 0.002, 2.0);
    for at in moments(scene, every, 1.2) {
        let host = *chance::pick(&mut scene.rng, &askers);
        let port_of = match scene.last_port(host) {
            Some(port) if keeps_port => port,
            _ => scene.port(host),
        };
        let (from, to) = ((host, port_of), (cast.server, port));
        let (path, rng) = (scene.path, &mut scene.rng);
        let asked = Payload::noise(chance::size(rng, asked, 0.3, 400));
        let question = raw::datagram(rng, at, from, to, asked);
        let later = at.plus(chance::time(rng, path.round_trip, 0.8));
        let error = question.packet.port_unreachable();
        let mut packets = vec![question];
        if rng.random_bool(refused) {
            packets.push(super::super::packet::Planned {
                at: later,
                packet: error,
            });
        } else if !rng.random_bool(lost) {
            let told = Payload::noise(chance::size(rng, told, 0.6, 1440));
            packets.push(raw::datagram(rng, later, to, from, told));
        }
        scene.add(packets);
    }
}

/// A program that asks closed ports of one host or of a few, again and again, as nobody told it that they are gone.
pub(super) fn asks_in_vain(scene: &mut Scene, cast: Cast) {
    let ports: Vec<u16> = (0..chance::count(&mut scene.rng, 1, 6))
        .map(|_| chance::count(&mut scene.rng, 80, 60_000) as u16)
        .collect();
    let mut servers = vec![cast.server];
    for _ in 0..chance::count(&mut scene.rng, 1, 4) - 1 {
        servers.push(scene.near_host());
    }
    let silent = scene.rng.random_bool(0.2);
    let again = chance::count(&mut scene.rng, 1, 3);
    let every = chance::span(&mut scene.rng, 0.008, 10.0);
    for at in moments(scene, every, 0.3) {
        let (server, port) = (
            *chance::pick(&mut scene.rng, &servers),
            *chance::pick(&mut scene.rng, &ports),
        );
        let (from, to) = ((cast.client, scene.port(cast.client)), (server, port));
        let (path, rng) = (scene.path, &mut scene.rng);
        let mut packets = Vec::new();
        for number in 0..again {
            // Windows asks a closed port three times, half a second apart.
            let at = at.plus(Duration::from_millis(500) * number as u32);
            packets.push(raw::segment(rng, at, from, to, tcp::SYN, 0));
            if !silent {
                let later = at.plus(chance::time(rng, path.round_trip, path.jitter));
                let flags = tcp::RST | tcp::ACK;
                packets.push(raw::segment(rng, later, to, from, flags, 0));
            }
        }
        scene.add(packets);
    }
}

/// Pings of a monitor, answered or not, to one host or to those of a list.
pub(super) fn pings(scene: &mut Scene, cast: Cast) {
    let mut hosts = vec![cast.server];
    for _ in 0..chance::count(&mut scene.rng, 1, 30) - 1 {
        hosts.push(scene.near_host());
    }
    let answered = *chance::pick(&mut scene.rng, &[1.0, 1.0, 0.9, 0.0]);
    let every = chance::span(&mut scene.rng, 0.2, 5.0);
    let length = *chance::pick(&mut scene.rng, &[8, 32, 56, 56, 120, 1000]);
    let id = scene.rng.random();
    for (number, at) in moments(scene, every, 0.02).into_iter().enumerate() {
        for host in &hosts {
            let ids = (id, number as u16);
            let (path, rng) = (scene.path, &mut scene.rng);
            let own = (cast.client, *host);
            let mut packets = vec![raw::echo(rng, at, own, true, ids, length)];
            if rng.random_bool(answered) {
                let later = at.plus(chance::time(rng, path.round_trip, path.jitter));
                packets.push(raw::echo(rng, later, (own.1, own.0), false, ids, length));
            }
            scene.add(packets);
        }
    }
}

/// A client of a tunnel over TCP that comes again when its line was lost.
pub(super) fn tunnel(scene: &mut Scene, cast: Cast) {
    let login = login::secure_shell(&mut scene.rng);
    let port = *chance::pick(&mut scene.rng, &[443, 1194, 1723, 22]);
    let every = chance::span(&mut scene.rng, 0.003, 0.5);
    let lasts = chance::count(&mut scene.rng, 20, 2000);
    let loops = Loops {
        workers: 1,
        begin: scene.early(),
        gap: chance::span(&mut scene.rng, 0.1, 5.0),
        every: Duration::ZERO,
        spread: 0.6,
        pieces: usize::MAX,
    };
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, port), at, |talk| {
            login.opening.play(talk);
            let length = chance::count(talk.rng(), 1, lasts);
            for _ in 0..length {
                talk.wait(every, 1.2);
                let side = *chance::pick(
                    talk.rng(),
                    &[
                        super::super::conversation::Side::Client,
                        super::super::conversation::Side::Server,
                    ],
                );
                let length = chance::size(talk.rng(), 500, 1.0, 9000);
                talk.say(side, Payload::noise(length));
            }
            login.ending.play(talk);
        })
    });
}
