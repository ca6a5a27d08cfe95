//! Guessed log-ins: at protocols that ask for a password, at HTTP basic authentication, and at web forms.

use std::time::Duration;

use rand::RngExt;

use super::super::chance;
use super::super::conversation::{Conversation, Side};
use super::super::host::Host;
use super::login;
use super::rule::Rule;
use super::scene::{Cast, Loops, Scene};
use super::talk::Ending;
use super::web::{Site, bounced};
use crate::alert::Class;
use crate::flow::Timestamp;

/// What an attacker who guesses decides beforehand.
struct Plan {
    /// Who guesses: one host, or many with few tries each.
    sources: Vec<Host>,
    loops: Loops,
    /// Passwords that are tried on one connection.
    tries: usize,
    /// Time between two passwords on one connection.
    between: Duration,
    /// Share of connections that are not taken: refused, or closed before a word.
    fails: f64,
    /// Share of connections that end in another way than most.
    odd: f64,
}

/// Passwords that an attack has at least; fewer are a person who forgot one.
const LEAST: f64 = 10.0;

impl Plan {
    fn draw(scene: &mut Scene, cast: Cast, most_tries: usize) -> Self {
        let rng = &mut scene.rng;
        let tries = if rng.random_bool(0.5) {
            1
        } else {
            chance::count(rng, 1, most_tries)
        };
        let rate = chance::magnitude(rng, 0.1, 500.0);
        if rate * scene.seconds * 0.85 < LEAST {
            scene.seconds = 60.0;
        }
        let rate = rate.max(LEAST / (scene.seconds * 0.85));
        let rng = &mut scene.rng;
        let workers = chance::count(rng, 1, 64).min((rate * 3.0).ceil() as usize);
        let pauses = rng.random_bool(0.3);
        let between = if rng.random_bool(0.3) {
            chance::span(rng, 0.01, 5.0)
        } else {
            Duration::ZERO
        };
        let mut sources = vec![cast.client];
        if scene.rng.random_bool(0.2) {
            for _ in 0..chance::count(&mut scene.rng, 1, 30) {
                sources.push(scene.far_host());
            }
        }
        let begin = scene.early();
        let rng = &mut scene.rng;
        Self {
            sources,
            loops: Loops {
                workers,
                begin,
                gap: if pauses {
                    chance::span(rng, 0.001, 2.0)
                } else {
                    Duration::ZERO
                },
                every: Duration::from_secs_f64((workers * tries) as f64 / rate),
                spread: chance::magnitude(rng, 0.01, 1.0),
                pieces: usize::MAX,
            },
            tries,
            between,
            fails: if rng.random_bool(0.25) {
                chance::magnitude(rng, 0.005, 0.6)
            } else {
                0.0
            },
            odd: *chance::pick(rng, &[0.0, 0.0, 0.05, 0.3]),
        }
    }

    /// Plays connection after connection; `guess` plays one.
    fn play(
        &self,
        scene: &mut Scene,
        server: (Host, u16),
        usual: Ending,
        guess: impl Fn(&mut Conversation<'_>, usize),
    ) {
        scene.repeat(self.loops, |scene, at, _| {
            let source = *chance::pick(&mut scene.rng, &self.sources);
            if scene.rng.random_bool(self.fails) {
                return bounced(scene, source, server, at);
            }
            let ending = if scene.rng.random_bool(self.odd) {
                Ending::draw(&mut scene.rng)
            } else {
                usual
            };
            // A server lets some go after fewer tries.
            let tries = if self.tries > 1 && scene.rng.random_bool(0.2) {
                scene.rng.random_range(1..=self.tries)
            } else {
                self.tries
            };
            connection(scene, source, server, at, |talk| {
                guess(talk, tries);
                ending.play(talk);
            })
        });
        scene.attacked_by(
            &self.sources,
            Rule::of(Class::BruteForce)
                .hosts(&self.sources)
                .peer(server.0)
                .tcp(server.1),
        );
    }
}

/// Plays one connection, and tells when it ends.
pub(super) fn connection(
    scene: &mut Scene,
    client: Host,
    server: (Host, u16),
    at: Timestamp,
    play: impl FnOnce(&mut Conversation<'_>),
) -> Timestamp {
    let mut talk = scene.open(client, server, at);
    play(&mut talk);
    let ended = talk.now();
    let packets = talk.into_packets();
    scene.add(packets);
    ended
}

/// SSH, FTP, telnet, mail, MQTT, databases, shares, desktops.
pub(super) fn protocols(scene: &mut Scene, cast: Cast) {
    let login = login::any(&mut scene.rng);
    let plan = Plan::draw(scene, cast, login.tries);
    plan.play(
        scene,
        (cast.server, login.port),
        login.ending,
        |talk, tries| {
            login.opening.play(talk);
            for number in 0..tries {
                if number > 0 {
                    talk.wait(plan.between, 0.3);
                }
                login.refused.play(talk);
            }
            // Guessers seldom say good-bye; a server that had enough never lets them.
            if tries < login.tries {
                login.parting.play(talk);
            }
        },
    );
}

/// HTTP basic authentication: the same page again and again, each time with another password.
pub(super) fn basic_authentication(scene: &mut Scene, cast: Cast) {
    let mut site = Site::draw(&mut scene.rng);
    site.is_steady(&mut scene.rng, (200, 2500));
    let plan = Plan::draw(scene, cast, 200);
    let asked = chance::count(&mut scene.rng, 90, 700) as u32;
    let varies = scene.rng.random_range(0..16);
    plan.play(
        scene,
        (cast.server, site.port),
        site.ending,
        |talk, tries| {
            site.greet(talk);
            for number in 0..tries {
                if number > 0 {
                    talk.wait(plan.between, 0.3);
                }
                let length = asked + talk.rng().random_range(0..=varies);
                site.ask(talk, length);
                site.answer(talk, "401 Unauthorized");
            }
        },
    );
}

/// A form: perhaps its page first, for a token in it; the form; perhaps the page that it leads to.
pub(super) fn web_form(scene: &mut Scene, cast: Cast) {
    let rng = &mut scene.rng;
    let (mut page, mut answer) = (Site::draw(rng), Site::draw(rng));
    page.is_steady(rng, (400, 30_000));
    answer.is_steady(rng, (150, 12_000));
    answer.takes(rng, 0.001, 2.0);
    let (gets, follows): (bool, bool) = (rng.random(), rng.random_bool(0.3));
    let apart = rng.random_bool(0.3);
    let (asked, posted) = (
        chance::count(rng, 80, 700) as u32,
        chance::count(rng, 150, 1400) as u32,
    );
    let varies = rng.random_range(0..24);
    let status = *chance::pick(
        rng,
        &["200 OK", "302 Found", "401 Unauthorized", "403 Forbidden"],
    );
    let plan = Plan::draw(scene, cast, 100);
    plan.play(
        scene,
        (cast.server, page.port),
        page.ending,
        |talk, tries| {
            page.greet(talk);
            for number in 0..tries {
                if number > 0 {
                    talk.wait(plan.between, 0.3);
                }
                // Where every request has a connection of its own, each is either page or form.
                let only = apart.then(|| talk.rng().random::<bool>());
                if only.unwrap_or(gets) {
                    page.ask(talk, asked);
                    page.answer(talk, "200 OK");
                }
                if !only.unwrap_or(false) {
                    let length = posted + talk.rng().random_range(0..=varies);
                    page.post(talk, length);
                    answer.answer(talk, status);
                }
                if follows && !apart {
                    page.ask(talk, asked);
                    page.answer(talk, "200 OK");
                }
            }
            if talk.rng().random_bool(0.02) {
                talk.reset(Side::Server);
            }
        },
    );
}
