//! Web floods, and web requests that are never finished.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::super::chance;
use super::super::conversation::Side;
use super::super::host::Host;
use super::super::packet::Payload;
use super::guess::connection;
use super::raw;
use super::rule::Rule;
use super::scene::{Cast, Loops, Scene};
use super::talk::Length;
use super::web::{Site, bounced};
use crate::alert::Class;

/// One attacker, or a few, or many.
fn attackers(scene: &mut Scene, cast: Cast) -> Vec<Host> {
    let mut sources = vec![cast.client];
    if scene.rng.random_bool(0.25) {
        for _ in 0..chance::count(&mut scene.rng, 1, 60) {
            sources.push(scene.far_host());
        }
    }
    sources
}

fn label(scene: &mut Scene, class: Class, sources: &[Host], server: (Host, u16)) {
    let rule = Rule::of(class).hosts(sources).peer(server.0).tcp(server.1);
    scene.attacked_by(sources, rule);
}

/// Whole requests: GET and POST, one a connection or many, the same path or random ones, to a server that bears it, gets slower,
/// refuses or falls silent.
pub(super) fn flood(scene: &mut Scene, cast: Cast) {
    let sources = attackers(scene, cast);
    let rng = &mut scene.rng;
    let mut site = Site::draw(rng);
    if rng.random_bool(0.5) {
        // One page, or the page that says that there is none.
        site.is_steady(rng, (150, 60_000));
    }
    let rate = chance::magnitude(rng, 8.0, 4000.0);
    let keeps_alive = rng.random_bool(0.4);
    let requests = if keeps_alive {
        chance::count(rng, 2, 200)
    } else {
        1
    };
    let workers = chance::count(rng, 1, 500);
    let asked = chance::count(rng, 60, 900) as u32;
    // HULK and GoldenEye draw path, agent and referrer anew for each request.
    let spread = *chance::pick(rng, &[0.001, 0.02, 0.2, 0.5]);
    let request = Length::varied(rng, asked, asked, spread);
    let posts = *chance::pick(rng, &[0.0, 0.0, 0.5, 1.0]);
    // How much slower the server is after each second; and what it leaves out.
    let slower = *chance::pick(rng, &[0.0, 0.0, 0.1, 1.0]);
    let refused = *chance::pick(rng, &[0.0, 0.0, 0.1, 0.5]);
    let silent = *chance::pick(rng, &[0.0, 0.0, 0.05, 0.4]);
    let bounces = *chance::pick(rng, &[0.0, 0.0, 0.02, 0.3]);
    let between = if rng.random_bool(0.3) {
        chance::span(rng, 0.001, 2.0)
    } else {
        Duration::ZERO
    };
    let loops = Loops {
        workers,
        begin: scene.early(),
        gap: Duration::ZERO,
        every: Duration::from_secs_f64((workers * requests) as f64 / rate),
        spread: chance::magnitude(&mut scene.rng, 0.01, 1.0),
        pieces: usize::MAX,
    };
    let server = (cast.server, site.port);
    let began = scene.at(loops.begin);
    scene.repeat(loops, |scene, at, _| {
        let source = *chance::pick(&mut scene.rng, &sources);
        if scene.rng.random_bool(bounces) {
            return bounced(scene, source, server, at);
        }
        let worse = 1.0 + slower * at.since(began).as_secs_f64();
        connection(scene, source, server, at, |talk| {
            site.greet(talk);
            for number in 0..requests {
                if number > 0 {
                    talk.wait(between, 0.5);
                }
                let length = request.draw(talk.rng());
                if talk.rng().random_bool(posts) {
                    site.post(talk, length + 200);
                } else {
                    site.ask(talk, length);
                }
                if talk.rng().random_bool(silent) {
                    // The client gives up, or its system does much later.
                    talk.wait(Duration::from_secs(4), 0.5);
                    break;
                }
                if talk.rng().random_bool(refused) {
                    site.answer_with(talk, "503 Service Unavailable", 200, worse);
                } else {
                    let length = site.draw_body(talk.rng());
                    site.answer_with(talk, "200 OK", length, worse);
                }
            }
            site.ending.play(talk);
        })
    });
    label(scene, Class::HttpFlood, &sources, server);
}

/// How a connection is kept busy.
#[derive(Clone, Copy, Debug)]
enum Slowness {
    /// Slowloris: a header without an end.
    Header,
    /// R-U-Dead-Yet: a body that comes by the byte.
    Body,
    /// A long answer that is read by the byte.
    Reading,
    /// Nothing is said at all.
    Silence,
}

/// Many connections that are kept busy for as long as the server bears it.
pub(super) fn slow(scene: &mut Scene, cast: Cast) {
    scene.seconds = scene.seconds.max(25.0);
    let sources = attackers(scene, cast);
    let rng = &mut scene.rng;
    use Slowness::{Body, Header, Reading, Silence};
    let kind = *chance::pick(rng, &[Header, Header, Header, Body, Body, Reading, Silence]);
    let site = Site::draw(rng);
    let held = chance::count(rng, 15, 600);
    let opening = chance::magnitude(rng, 0.05, 15.0);
    let every = chance::span(rng, 0.2, 15.0);
    let unsteady = chance::magnitude(rng, 0.005, 0.5);
    let first = chance::count(rng, 20, 400) as u32;
    let spread = *chance::pick(rng, &[0.001, 0.1, 0.6]);
    let piece = Length::varied(rng, 1, 60, spread);
    // Servers are patient for some seconds, or without end.
    let patience = chance::magnitude(rng, 4.0, 200.0);
    let told = rng.random_bool(0.5);
    let comes_again = rng.random_bool(0.7);
    let loops = Loops {
        workers: held,
        begin: scene.early(),
        gap: chance::span(&mut scene.rng, 0.001, 3.0),
        every: Duration::from_secs_f64(opening),
        spread: 0.5,
        pieces: if comes_again { usize::MAX } else { held },
    };
    let server = (cast.server, site.port);
    let left = scene.seconds;
    scene.repeat(loops, |scene, at, _| {
        let source = *chance::pick(&mut scene.rng, &sources);
        connection(scene, source, server, at, |talk| {
            site.greet(talk);
            match kind {
                Silence => {}
                Header => talk.say(Side::Client, Payload::headed(*b"GET / HTTP/1.1\r\n", first)),
                Body => talk.say(
                    Side::Client,
                    Payload::headed(*b"POST / HTTP/1.1\r\n", first),
                ),
                Reading => site.ask(talk, first),
            }
            let until = patience.min(left);
            while talk.now().since(at).as_secs_f64() < until {
                if matches!(kind, Silence) {
                    talk.wait(Duration::from_secs_f64(until), 0.05);
                    break;
                }
                talk.wait(every, unsteady);
                let length = piece.draw(talk.rng()).min(1400);
                if matches!(kind, Reading) {
                    talk.say(Side::Server, Payload::noise(length * 20));
                } else {
                    talk.say(Side::Client, Payload::noise(length));
                }
            }
            if patience < left {
                if told {
                    site.answer_with(talk, "408 Request Timeout", 180, 1.0);
                }
                site.ending.play(talk);
            }
        })
    });
    label(scene, Class::SlowHttp, &sources, server);
}

/// Benign twin of held connections: clients behind one proxy that wait for news, and get some now and then.
pub(super) fn long_polls(scene: &mut Scene, cast: Cast) {
    let rng = &mut scene.rng;
    let site = Site::draw(rng);
    let held = chance::count(rng, 3, 200);
    let (news, size) = (
        chance::span(rng, 0.5, 30.0),
        chance::magnitude(rng, 0.2, 1.5),
    );
    let speaks_back = rng.random_bool(0.6);
    let loops = Loops {
        workers: held,
        begin: scene.early(),
        gap: chance::span(&mut scene.rng, 0.05, 10.0),
        every: chance::span(&mut scene.rng, 1.0, 40.0),
        spread: 0.8,
        pieces: usize::MAX,
    };
    let lasts = chance::span(&mut scene.rng, 5.0, 120.0);
    let server = (cast.server, site.port);
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, server, at, |talk| {
            site.greet(talk);
            let length = chance::size(talk.rng(), 450, 0.5, 3000);
            site.ask(talk, length);
            site.answer_with(talk, "101 Switching Protocols", 60, 1.0);
            let until = chance::time(talk.rng(), lasts, 0.8);
            while talk.now().since(at) < until {
                talk.wait(news, 1.0);
                let length = chance::size(talk.rng(), 200, size, 60_000);
                talk.say(Side::Server, Payload::noise(length));
                if speaks_back {
                    talk.say(Side::Client, Payload::noise(length.min(40)));
                }
            }
            site.ending.play(talk);
        })
    });
}

/// A client in trouble that is none of an attack: a slow upload over a bad line.
pub(super) fn slow_upload(scene: &mut Scene, cast: Cast) {
    let rng = &mut scene.rng;
    let site = Site::draw(rng);
    let files = chance::count(rng, 1, 12);
    let (wait, piece) = (
        chance::span(rng, 0.02, 2.0),
        chance::count(rng, 300, 1400) as u32,
    );
    let port = site.port;
    let loops = Loops {
        workers: chance::count(rng, 1, 4),
        begin: scene.early(),
        gap: chance::span(&mut scene.rng, 0.1, 8.0),
        every: Duration::ZERO,
        spread: 0.8,
        pieces: files,
    };
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, port), at, |talk| {
            site.greet(talk);
            site.post(talk, 600);
            for _ in 0..chance::count(talk.rng(), 5, 200) {
                talk.wait(wait, 0.8);
                talk.say(Side::Client, Payload::noise(piece));
            }
            site.answer(talk, "201 Created");
            site.ending.play(talk);
        })
    });
    // A part of what was on its way comes after the end.
    let stray = (cast.client, scene.port(cast.client));
    let at = scene.at(scene.seconds * 0.9);
    let rng = &mut scene.rng;
    let packets = vec![raw::segment(
        rng,
        at,
        (cast.server, port),
        stray,
        tcp::RST,
        0,
    )];
    scene.add(packets);
}
