//! Benign twins of guessed log-ins: the same protocols, let in, and then at work.

use std::time::Duration;

use rand::RngExt;

use super::super::chance;
use super::super::conversation::{Conversation, Side};
use super::super::packet::Payload;
use super::guess::connection;
use super::login::{self, Login};
use super::scene::{Cast, Loops, Scene};
use super::talk::Ending;
use super::web::bounced;
use crate::flow::Timestamp;

/// Pauses of a program's work, at the median.
fn session(login: &Login, talk: &mut Conversation<'_>, works: usize, pause: Duration) {
    login.opening.play(talk);
    // A wrong password now and then is everybody's.
    if talk.rng().random_bool(0.02) {
        login.refused.play(talk);
    }
    login.accepted.play(talk);
    for _ in 0..works {
        talk.wait(pause, 1.0);
        login.work.play(talk);
    }
    login.parting.play(talk);
    login.ending.play(talk);
}

/// Sessions of one client, one after the other or a few at once.
fn sessions(scene: &mut Scene, cast: Cast, login: &Login, loops: Loops, works: (usize, usize)) {
    let pause = chance::span(&mut scene.rng, 0.002, 3.0);
    let varies = scene.rng.random_bool(0.7);
    let usual = chance::count(&mut scene.rng, works.0 + 1, works.1 + 1) - 1;
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, login.port), at, |talk| {
            let count = if varies {
                chance::count(talk.rng(), works.0 + 1, works.1 + 1) - 1
            } else {
                usual
            };
            session(login, talk, count, pause);
        })
    });
}

fn loops(scene: &mut Scene, workers: usize, every: (f64, f64)) -> Loops {
    Loops {
        workers,
        begin: scene.early(),
        gap: chance::span(&mut scene.rng, 0.005, 5.0),
        every: chance::span(&mut scene.rng, every.0, every.1),
        spread: chance::magnitude(&mut scene.rng, 0.01, 1.0),
        pieces: usize::MAX,
    }
}

/// A deployment: up to sixty SSH sessions, each of which runs something and lasts.
pub(super) fn deployment(scene: &mut Scene, cast: Cast) {
    let login = login::secure_shell(&mut scene.rng);
    let workers = chance::count(&mut scene.rng, 1, 20);
    let every = (0.3, 10.0);
    let loops = Loops {
        pieces: chance::count(&mut scene.rng, 5, 80),
        ..loops(scene, workers, every)
    };
    sessions(scene, cast, &login, loops, (1, 30));
}

/// A monitor that logs in every few seconds, and sees to it that it may.
pub(super) fn monitor(scene: &mut Scene, cast: Cast) {
    let login = login::any(&mut scene.rng);
    let loops = Loops {
        spread: 0.01,
        ..loops(scene, 1, (4.0, 30.0))
    };
    sessions(scene, cast, &login, loops, (0, 3));
}

/// Mail clients that look for mail, for one account or for many.
pub(super) fn mail(scene: &mut Scene, cast: Cast) {
    let login = login::mail(&mut scene.rng);
    let workers = chance::count(&mut scene.rng, 1, 12);
    let loops = loops(scene, workers, (1.0, 40.0));
    sessions(scene, cast, &login, loops, (0, 12));
}

/// Programs at a database, a cache or a share that open a connection for each job.
pub(super) fn jobs(scene: &mut Scene, cast: Cast) {
    let login = login::any(&mut scene.rng);
    let workers = chance::count(&mut scene.rng, 1, 16);
    let loops = loops(scene, workers, (0.02, 20.0));
    sessions(scene, cast, &login, loops, (1, 60));
}

/// Continuous integration that clones over SSH: a short question, a long answer, again and again.
pub(super) fn clones(scene: &mut Scene, cast: Cast) {
    let login = login::secure_shell(&mut scene.rng);
    let workers = chance::count(&mut scene.rng, 1, 8);
    let loops = loops(scene, workers, (0.5, 15.0));
    let pack = chance::count(&mut scene.rng, 3000, 3_000_000) as u32;
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, login.port), at, |talk| {
            login.opening.play(talk);
            login.accepted.play(talk);
            login.work.play(talk);
            let length = chance::size(talk.rng(), pack, 1.0, 8_000_000);
            talk.say(Side::Server, Payload::noise(length));
            login.ending.play(talk);
        })
    });
}

/// FTP with a connection for each file, active or passive.
pub(super) fn file_transfer(scene: &mut Scene, cast: Cast) {
    let login = login::files(&mut scene.rng);
    let (passive, up) = (scene.rng.random_bool(0.7), scene.rng.random_bool(0.3));
    let file = chance::count(&mut scene.rng, 100, 400_000) as u32;
    let spread = chance::magnitude(&mut scene.rng, 0.05, 2.0);
    let loops = Loops {
        pieces: chance::count(&mut scene.rng, 1, 20),
        ..loops(scene, 1, (0.5, 20.0))
    };
    let files = chance::count(&mut scene.rng, 1, 120);
    scene.repeat(loops, |scene, at, _| {
        let mut moments: Vec<Timestamp> = Vec::new();
        let ended = connection(scene, cast.client, (cast.server, login.port), at, |talk| {
            login.opening.play(talk);
            login.accepted.play(talk);
            for _ in 0..files {
                login.work.play(talk);
                talk.wait(Duration::from_millis(5), 0.8);
                moments.push(talk.now());
                login.work.play(talk);
            }
            login.parting.play(talk);
            login.ending.play(talk);
        });
        let data_port = 20_000 + scene.rng.random_range(0..40_000);
        for (number, at) in moments.into_iter().enumerate() {
            let length = chance::size(&mut scene.rng, file, spread, 4_000_000);
            // RFC 959 3.2: the server connects from port 20, or the client to a port that it was told.
            let (asker, asked, port) = if passive {
                (cast.client, cast.server, data_port + number as u16 % 5000)
            } else {
                (cast.server, cast.client, data_port + number as u16 % 5000)
            };
            scene.note_port(asked, port);
            let sends = if passive == up {
                Side::Client
            } else {
                Side::Server
            };
            connection(scene, asker, (asked, port), at, |data| {
                data.say(sends, Payload::noise(length));
                data.close(sends);
            });
        }
        ended
    });
}

/// A device at an MQTT broker that loses its connection, or gets no answer, and comes again.
pub(super) fn device(scene: &mut Scene, cast: Cast) {
    let login = login::broker(&mut scene.rng);
    let fails = *chance::pick(&mut scene.rng, &[0.0, 0.1, 0.5]);
    let loops = loops(scene, 1, (0.5, 20.0));
    let works = chance::count(&mut scene.rng, 1, 40);
    let pause = chance::span(&mut scene.rng, 0.05, 5.0);
    scene.repeat(loops, |scene, at, _| {
        let server = (cast.server, login.port);
        if scene.rng.random_bool(fails) {
            return bounced(scene, cast.client, server, at);
        }
        connection(scene, cast.client, server, at, |talk| {
            login.opening.play(talk);
            login.accepted.play(talk);
            let lasts = chance::count(talk.rng(), 1, works);
            for _ in 0..lasts {
                talk.wait(pause, 0.6);
                login.work.play(talk);
            }
            Ending::draw(talk.rng()).play(talk);
        })
    });
}

/// A person at a terminal or a remote desktop.
pub(super) fn person(scene: &mut Scene, cast: Cast) {
    let login = login::any(&mut scene.rng);
    let loops = Loops {
        pieces: chance::count(&mut scene.rng, 1, 3),
        ..loops(scene, 1, (1.0, 10.0))
    };
    sessions(scene, cast, &login, loops, (10, 400));
}

/// A person who forgot the password: three or four tries, then in, or away.
pub(super) fn forgotten_password(scene: &mut Scene, cast: Cast) {
    let login = login::any(&mut scene.rng);
    let loops = Loops {
        pieces: scene.rng.random_range(1..=4),
        gap: chance::span(&mut scene.rng, 2.0, 15.0),
        ..loops(scene, 1, (1.0, 10.0))
    };
    scene.repeat(loops, |scene, at, _| {
        connection(scene, cast.client, (cast.server, login.port), at, |talk| {
            login.opening.play(talk);
            let tries = talk.rng().random_range(1..=2);
            for _ in 0..tries {
                talk.wait(Duration::from_secs(4), 0.6);
                login.refused.play(talk);
            }
            if talk.rng().random_bool(0.3) {
                login.accepted.play(talk);
                for _ in 0..20 {
                    talk.wait(Duration::from_millis(400), 1.0);
                    login.work.play(talk);
                }
            }
            login.ending.play(talk);
        })
    });
}
