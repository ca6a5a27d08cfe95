//! Benign twins of web floods and of guessed web log-ins: much that is asked of one server, for good reasons.

use std::time::Duration;

use rand::RngExt;

use super::super::chance;
use super::super::conversation::Side;
use super::super::packet::Payload;
use super::guess::connection;
use super::scene::{Cast, Loops, Scene};
use super::talk::{Ending, Length};
use super::web::{Site, bounced};

/// What a client asks of a server: how often, and how it varies.
struct Visit {
    site: Site,
    loops: Loops,
    /// Requests on one connection.
    requests: usize,
    request: Length,
    /// Time between two of them.
    between: Duration,
    /// Share of forms among them.
    posts: f64,
    /// Share of connections that come to nothing.
    bounces: f64,
    /// Share of answers that are errors.
    errors: f64,
}

impl Visit {
    /// One worker that asks once a connection, whenever it likes.
    fn draw(scene: &mut Scene) -> Self {
        let begin = scene.early();
        let rng = &mut scene.rng;
        Self {
            site: Site::draw(rng),
            loops: Loops {
                workers: 1,
                begin,
                gap: Duration::ZERO,
                every: Duration::ZERO,
                spread: chance::magnitude(rng, 0.02, 1.0),
                pieces: usize::MAX,
            },
            requests: 1,
            request: Length::varied(rng, 90, 900, 0.3),
            between: Duration::ZERO,
            posts: 0.0,
            bounces: 0.0,
            errors: 0.0,
        }
    }

    fn play(&self, scene: &mut Scene, cast: Cast) {
        let server = (cast.server, self.site.port);
        scene.repeat(self.loops, |scene, at, _| {
            if scene.rng.random_bool(self.bounces) {
                return bounced(scene, cast.client, server, at);
            }
            connection(scene, cast.client, server, at, |talk| {
                self.site.greet(talk);
                for number in 0..self.requests {
                    if number > 0 {
                        talk.wait(self.between, 0.8);
                    }
                    let length = self.request.draw(talk.rng());
                    if talk.rng().random_bool(self.posts) {
                        self.site.post(talk, length + 100);
                    } else {
                        self.site.ask(talk, length);
                    }
                    if talk.rng().random_bool(self.errors) {
                        let status = "503 Service Unavailable";
                        self.site.answer_with(talk, status, 190, 1.0);
                    } else {
                        self.site.answer(talk, "200 OK");
                    }
                }
                self.site.ending.play(talk);
            })
        });
    }
}

/// A browser without keep-alive: pages of many short connections to one server, and a person who reads in between.
pub(super) fn short_connections(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    pages(scene, cast, &mut visit, 1);
}

/// Pages of many objects over a few connections that are kept.
pub(super) fn kept_connections(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let requests = chance::count(&mut scene.rng, 3, 60);
    pages(scene, cast, &mut visit, requests);
}

fn pages(scene: &mut Scene, cast: Cast, visit: &mut Visit, requests: usize) {
    let rng = &mut scene.rng;
    visit.loops.workers = chance::count(rng, 1, 8);
    visit.requests = requests;
    visit.between = chance::span(rng, 0.001, 0.3);
    let read = chance::span(rng, 1.5, 30.0);
    let mut begin = visit.loops.begin;
    while begin < scene.seconds {
        let rng = &mut scene.rng;
        let objects = chance::size(rng, 40, 0.8, 200) as usize;
        visit.loops.begin = begin;
        visit.loops.pieces = (objects / requests).max(1);
        visit.play(scene, cast);
        begin += chance::time(&mut scene.rng, read, 0.8).as_secs_f64() + 0.5;
    }
}

/// A hub that asks a device, or a page that asks its server, every so often: alike connections for as long as it runs.
pub(super) fn polls(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let rng = &mut scene.rng;
    let steady = (60, 4000);
    visit.site.is_steady(rng, steady);
    visit.request = Length::alike(rng, 70, 700);
    visit.loops.every = chance::span(rng, 0.1, 10.0);
    visit.loops.spread = chance::magnitude(rng, 0.005, 0.3);
    visit.posts = *chance::pick(rng, &[0.0, 0.0, 1.0]);
    if rng.random_bool(0.3) {
        // All on one connection.
        visit.between = visit.loops.every;
        visit.loops.pieces = 1;
        visit.requests = (scene.seconds / visit.between.as_secs_f64()) as usize + 1;
    }
    visit.play(scene, cast);
}

/// A crawler or a mirror: page after page, politely, over one or a few connections at once.
pub(super) fn crawler(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let rng = &mut scene.rng;
    visit.loops.workers = chance::count(rng, 1, 6);
    visit.loops.gap = chance::span(rng, 0.02, 5.0);
    if rng.random() {
        visit.requests = chance::count(rng, 2, 100);
        visit.between = chance::span(rng, 0.02, 3.0);
    }
    visit.errors = *chance::pick(rng, &[0.0, 0.02, 0.2]);
    visit.play(scene, cast);
}

/// A program that calls an interface, and tries again when it fails, each time a little later.
pub(super) fn retries(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let rng = &mut scene.rng;
    visit.site.is_steady(rng, (50, 8000));
    visit.site.takes(rng, 0.002, 4.0);
    visit.request.spread = chance::magnitude(rng, 0.01, 0.6);
    visit.loops.workers = chance::count(rng, 1, 6);
    visit.loops.gap = chance::span(rng, 0.05, 6.0);
    visit.posts = rng.random();
    visit.errors = chance::magnitude(rng, 0.05, 1.0);
    visit.bounces = *chance::pick(rng, &[0.0, 0.1, 0.7]);
    visit.play(scene, cast);
}

/// An updater: an index, then files of all sizes, over a few connections to a few servers.
pub(super) fn updater(scene: &mut Scene, cast: Cast) {
    for number in 0..chance::count(&mut scene.rng, 1, 5) {
        let mut visit = Visit::draw(scene);
        let rng = &mut scene.rng;
        visit.loops.workers = chance::count(rng, 1, 6);
        visit.loops.pieces = chance::count(rng, 1, 40);
        visit.requests = chance::count(rng, 1, 30);
        let server = if number == 0 {
            cast.server
        } else {
            scene.far_host()
        };
        visit.play(scene, Cast { server, ..cast });
        if scene.left < 2000 {
            break;
        }
    }
}

/// A load balancer that asks whether its servers are well, and does not always wait to be told.
pub(super) fn health_checks(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let rng = &mut scene.rng;
    visit.site.is_steady(rng, (2, 600));
    visit.request = Length::alike(rng, 60, 250);
    visit.loops.every = chance::span(rng, 0.15, 10.0);
    visit.loops.spread = 0.01;
    let only_opens = rng.random_bool(0.3);
    let ending = Ending::draw(rng);
    let mut servers = vec![cast.server];
    for _ in 0..chance::count(rng, 1, 10) {
        servers.push(scene.near_host());
    }
    for server in servers {
        visit.loops.begin = scene.early();
        if only_opens {
            scene.repeat(visit.loops, |scene, at, _| {
                let server = (server, visit.site.port);
                connection(scene, cast.client, server, at, |talk| ending.play(talk))
            });
        } else {
            visit.play(scene, Cast { server, ..cast });
        }
    }
}

/// Many people behind one address, each with a few pages of one server.
pub(super) fn crowd_behind_one_address(scene: &mut Scene, cast: Cast) {
    let visit = Visit::draw(scene);
    for _ in 0..chance::count(&mut scene.rng, 3, 40) {
        let rng = &mut scene.rng;
        let mut one = Visit {
            site: visit.site.clone(),
            request: Length::varied(rng, 150, 900, 0.4),
            ..Visit::draw(scene)
        };
        one.loops.begin = scene.seconds * scene.rng.random::<f64>();
        one.loops.workers = chance::count(&mut scene.rng, 1, 4);
        one.loops.pieces = chance::count(&mut scene.rng, 1, 30);
        one.requests = chance::count(&mut scene.rng, 1, 20);
        one.between = chance::span(&mut scene.rng, 0.01, 8.0);
        one.play(scene, cast);
        if scene.left < 2000 {
            break;
        }
    }
}

/// Test suites and builds: a program calls a service of its own machine or next to it as fast as it answers.
pub(super) fn service_calls(scene: &mut Scene, cast: Cast) {
    let mut visit = Visit::draw(scene);
    let rng = &mut scene.rng;
    visit.site.takes(rng, 0.001, 0.5);
    visit.request.spread = chance::magnitude(rng, 0.1, 1.0);
    visit.posts = rng.random();
    visit.requests = chance::count(rng, 1, 300);
    visit.between = chance::span(rng, 0.001, 0.5);
    visit.loops.workers = chance::count(rng, 1, 16);
    visit.loops.gap = chance::span(rng, 0.01, 2.0);
    visit.play(scene, cast);
}

/// A large file, down or up, by one or a few connections.
pub(super) fn transfer(scene: &mut Scene, cast: Cast) {
    let rng = &mut scene.rng;
    let (site, up) = (Site::draw(rng), rng.random_bool(0.4));
    let loops = Loops {
        workers: chance::count(rng, 1, 8),
        begin: scene.early(),
        gap: Duration::from_millis(50),
        every: Duration::ZERO,
        spread: 0.5,
        pieces: chance::count(&mut scene.rng, 1, 10),
    };
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, site.port), at, |talk| {
            site.greet(talk);
            let length = chance::magnitude(talk.rng(), 100_000.0, 12_000_000.0) as u32;
            if up {
                site.post(talk, 400);
                talk.say(Side::Client, Payload::noise(length));
                site.answer_with(talk, "201 Created", 80, 1.0);
            } else {
                site.ask(talk, 300);
                site.answer_with(talk, "200 OK", length, 1.0);
            }
            site.ending.play(talk);
        })
    });
}
