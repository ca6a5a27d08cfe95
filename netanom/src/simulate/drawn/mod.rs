//! Captures drawn at random, as many as are wanted: attacks and their benign twins with every parameter drawn over orders
//! of magnitude.
//!
//! A model that is trained on one lab learns the lab: its round trips of microseconds, its tools, its attackers who do
//! nothing else. Where everything varies that is not the attack itself, the attack is what is left to learn (domain
//! randomisation: Tobin et al., "Domain Randomization for Transferring Deep Neural Networks from Simulation to the Real
//! World", 2017; for traffic: Beltiukov et al., "In Search of netUnicorn", 2023).
//!
//! A capture has one kind of [`kinds`], between hosts of its own, 10 to 60 s long. An attacker may also work: other things
//! go on from its address, to the attacked server and to others, at a hundredth to a hundred times the attack's packets.

mod browsing;
mod discovery;
mod floods;
mod guess;
mod known;
mod login;
mod machines;
mod raw;
mod rule;
mod scene;
mod sessions;
mod strays;
mod talk;
mod web;
mod web_flood;

use std::time::Duration;

use rand::RngExt;

use self::scene::{Cast, Scene};
use super::chance;
use super::timeline::Frames;
use crate::alert::Class;

pub use self::rule::Rule;

/// A capture that was drawn.
pub struct Drawn {
    /// What is in it, by name; one of [`kinds`].
    pub kind: &'static str,
    /// Its frames in the order of time.
    pub frames: Frames,
    /// What its flows are, the first rule that matches wins; what none matches is normal.
    pub rules: Vec<Rule>,
}

struct Kind {
    name: &'static str,
    /// How often it is drawn in relation to the others.
    weight: u32,
    play: fn(&mut Scene, Cast),
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Attack,
    /// Of one client to one server: what an attacker may do besides.
    Work,
    /// Of many hosts, or none that an attack would have beside it.
    Benign,
}

use What::{Attack, Benign, Work};

#[rustfmt::skip]
const KINDS: [Kind; 48] = [
    Kind { name: "guess", weight: 80, what: Attack, play: guess::protocols },
    Kind { name: "guess-basic", weight: 25, what: Attack, play: guess::basic_authentication },
    Kind { name: "guess-form", weight: 50, what: Attack, play: guess::web_form },
    Kind { name: "web-flood", weight: 80, what: Attack, play: web_flood::flood },
    Kind { name: "slow-web", weight: 45, what: Attack, play: web_flood::slow },
    Kind { name: "flood", weight: 50, what: Attack, play: known::floods },
    Kind { name: "scan", weight: 50, what: Attack, play: known::scans },
    Kind { name: "flood-segments", weight: 14, what: Attack, play: floods::segments },
    Kind { name: "flood-datagrams", weight: 14, what: Attack, play: floods::datagrams },
    Kind { name: "flood-kept-port", weight: 10, what: Attack, play: floods::kept_port },
    Kind { name: "flood-reflected", weight: 12, what: Attack, play: floods::reflected },
    Kind { name: "flood-amplified", weight: 12, what: Attack, play: floods::amplified },
    Kind { name: "flood-pings", weight: 8, what: Attack, play: floods::pings },
    Kind { name: "flood-smurf", weight: 8, what: Attack, play: floods::smurf },
    Kind { name: "scan-pings", weight: 8, what: Attack, play: floods::ping_sweep },

    Kind { name: "short-connections", weight: 20, what: Work, play: browsing::short_connections },
    Kind { name: "kept-connections", weight: 14, what: Work, play: browsing::kept_connections },
    Kind { name: "polls", weight: 24, what: Work, play: browsing::polls },
    Kind { name: "crawler", weight: 16, what: Work, play: browsing::crawler },
    Kind { name: "retries", weight: 18, what: Work, play: browsing::retries },
    Kind { name: "updater", weight: 10, what: Work, play: browsing::updater },
    Kind { name: "health-checks", weight: 16, what: Benign, play: browsing::health_checks },
    Kind { name: "crowd", weight: 12, what: Work, play: browsing::crowd_behind_one_address },
    Kind { name: "service-calls", weight: 16, what: Work, play: browsing::service_calls },
    Kind { name: "transfer", weight: 12, what: Work, play: browsing::transfer },
    Kind { name: "long-polls", weight: 20, what: Work, play: web_flood::long_polls },
    Kind { name: "slow-upload", weight: 10, what: Work, play: web_flood::slow_upload },
    Kind { name: "deployment", weight: 20, what: Work, play: sessions::deployment },
    Kind { name: "monitor", weight: 20, what: Work, play: sessions::monitor },
    Kind { name: "mail", weight: 18, what: Work, play: sessions::mail },
    Kind { name: "jobs", weight: 22, what: Work, play: sessions::jobs },
    Kind { name: "clones", weight: 12, what: Work, play: sessions::clones },
    Kind { name: "file-transfer", weight: 20, what: Work, play: sessions::file_transfer },
    Kind { name: "device", weight: 16, what: Work, play: sessions::device },
    Kind { name: "person", weight: 10, what: Work, play: sessions::person },
    Kind { name: "forgotten-password", weight: 10, what: Work, play: sessions::forgotten_password },
    Kind { name: "stream", weight: 18, what: Work, play: machines::stream },
    Kind { name: "industrial", weight: 14, what: Benign, play: machines::industrial },
    Kind { name: "reports", weight: 12, what: Benign, play: machines::reports },
    Kind { name: "lookups", weight: 14, what: Benign, play: machines::lookups },
    Kind { name: "asks-in-vain", weight: 16, what: Work, play: machines::asks_in_vain },
    Kind { name: "pings", weight: 10, what: Benign, play: machines::pings },
    Kind { name: "tunnel", weight: 12, what: Work, play: machines::tunnel },
    Kind { name: "traceroute", weight: 16, what: Benign, play: strays::traceroute },
    Kind { name: "no-route", weight: 12, what: Benign, play: strays::no_route },
    Kind { name: "searches", weight: 20, what: Benign, play: discovery::searches },
    Kind { name: "membership", weight: 8, what: Benign, play: discovery::membership },
    Kind { name: "office", weight: 30, what: Benign, play: known::office },
];

/// More of what looks odd and is nothing.
#[rustfmt::skip]
const STRAYS: [Kind; 4] = [
    Kind { name: "ends", weight: 16, what: Benign, play: strays::ends_without_beginning },
    Kind { name: "one-direction", weight: 14, what: Benign, play: strays::one_direction },
    Kind { name: "answers-alone", weight: 12, what: Benign, play: strays::answers_alone },
    Kind { name: "looked-in", weight: 8, what: Benign, play: strays::looked_in },
];

fn all() -> impl Iterator<Item = &'static Kind> + Clone {
    KINDS.iter().chain(&STRAYS)
}

/// The names of all kinds, in the order of the table.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    all().map(|kind| kind.name)
}

/// The capture of that number. The same seed and number give the same frames; numbers that follow each other have
/// different kinds, so that few captures already hold many.
#[must_use]
pub fn draw(seed: u64, number: u64) -> Drawn {
    // Steps of the golden ratio fall evenly on the circle, however many there are.
    let golden = 0.618_033_988_749_895;
    let whole: u32 = all().map(|kind| kind.weight).sum();
    let mut at = (number as f64 * golden).fract() * f64::from(whole);
    let kind = all().find(|kind| {
        at -= f64::from(kind.weight);
        at < 0.0
    });
    draw_of(kind.unwrap_or(&KINDS[0]), seed, number)
}

/// The capture of that number, with this kind in it; none for a name that no kind has.
#[must_use]
pub fn draw_kind(name: &str, seed: u64, number: u64) -> Option<Drawn> {
    let kind = all().find(|kind| kind.name == name)?;
    Some(draw_of(kind, seed, number))
}

fn draw_of(kind: &Kind, seed: u64, number: u64) -> Drawn {
    let mut scene = Scene::new(seed, number);
    let cast = scene.cast();
    let share = scene.left * 3 / 5;
    scene.within(share, |scene| (kind.play)(scene, cast));
    if kind.what == Attack {
        let attack = scene.planned();
        if !scene.attackers.is_empty() && scene.rng.random_bool(0.45) {
            attackers_work(&mut scene, cast, attack);
        }
        if scene.rng.random_bool(0.4) {
            others_work(&mut scene, cast);
        }
    } else if scene.rng.random_bool(0.6) {
        all_work(&mut scene, cast);
    }
    let (exchanges, end, rules) = scene.finish();
    Drawn {
        kind: kind.name,
        frames: Frames::new(Box::new(exchanges.into_iter()), end),
        rules,
    }
}

fn pick_work(scene: &mut Scene) -> &'static Kind {
    let work: Vec<&'static Kind> = all().filter(|kind| kind.what == Work).collect();
    let picked: &&Kind = chance::pick(&mut scene.rng, &work);
    picked
}

/// An attacker that also works, at a hundredth to a hundred times the attack's packets.
fn attackers_work(scene: &mut Scene, cast: Cast, attack: usize) {
    let attackers: Vec<_> = scene.attackers.iter().copied().take(3).collect();
    let mut ports = Vec::new();
    for &client in &attackers {
        let factor = chance::magnitude(&mut scene.rng, 0.01, 100.0);
        let packets = (attack as f64 * factor).max(30.0) as usize;
        let times = chance::count(&mut scene.rng, 1, 5);
        for _ in 0..times {
            let own = scene.path;
            let server = if scene.rng.random_bool(0.4) {
                cast.server
            } else {
                scene.move_elsewhere();
                scene.cast().server
            };
            let kind = pick_work(scene);
            scene.note_ports();
            scene.within(packets / times, |scene| {
                (kind.play)(scene, Cast { client, server });
            });
            ports.extend(scene.noted_ports(client));
            scene.path = own;
        }
    }
    ports.sort_unstable();
    ports.dedup();
    if !ports.is_empty() {
        // Attacks take other ports of the same host, so these are told apart by them.
        let rule = Rule::of(Class::Normal).hosts(&attackers).ports(ports);
        scene.rules.insert(0, rule);
    }
}

/// Others who use the attacked server, or do something else.
fn others_work(scene: &mut Scene, cast: Cast) {
    let mut innocent = Vec::new();
    for _ in 0..chance::count(&mut scene.rng, 1, 5) {
        scene.move_elsewhere();
        let other = scene.cast();
        let kind = pick_work(scene);
        let other = if scene.rng.random() {
            innocent.push(other.client);
            Cast {
                server: cast.server,
                ..other
            }
        } else {
            other
        };
        let share = scene.left / 3;
        scene.within(share, |scene| (kind.play)(scene, other));
    }
    if !innocent.is_empty() {
        let rule = Rule::of(Class::Normal).hosts(&innocent);
        scene.rules.insert(0, rule);
    }
}

/// More of benign traffic, of the same hosts or of others.
fn all_work(scene: &mut Scene, cast: Cast) {
    let benign: Vec<&Kind> = all().filter(|kind| kind.what != Attack).collect();
    for _ in 0..chance::count(&mut scene.rng, 1, 5) {
        let own = scene.path;
        scene.move_elsewhere();
        let other = scene.cast();
        let kind = *chance::pick(&mut scene.rng, &benign);
        let cast = Cast {
            client: if scene.rng.random_bool(0.4) {
                cast.client
            } else {
                other.client
            },
            server: if scene.rng.random_bool(0.3) {
                cast.server
            } else {
                other.server
            },
        };
        let share = scene.left / 3;
        scene.within(share, |scene| (kind.play)(scene, cast));
        scene.path = own;
    }
}

/// Longest capture.
pub const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
