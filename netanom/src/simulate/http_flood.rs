//! HTTP flood: whole requests, on many connections at once.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::conversation::{Conversation, Path, Side};
use super::pace::Pace;
use super::scenario::Scenario;
use super::speech;
use super::timeline::{Exchange, Exchanges};

const PORT: u16 = 80;

/// What is asked of the server, and how it bears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Several costly pages a connection; the server answers more slowly the longer it lasts, and refuses a part.
    Costly,
    /// The same page on a connection of its own each time, which the server bears.
    Single,
    /// The same, with a server that soon takes connections and answers no more.
    Overwhelmed,
}

pub(super) fn exchanges(scenario: &Scenario, load: Load) -> Exchanges {
    let mut rng = scenario.rng();
    let path = Path {
        loss: 0.0,
        ..Path::internet(&mut rng)
    };
    Box::new(Flood {
        load,
        page: chance::size(&mut rng, 4000, 0.8, 60_000),
        pace: Pace::of(scenario),
        typical: 20,
        path,
        rng,
        scenario: scenario.clone(),
    })
}

struct Flood {
    load: Load,
    /// Bytes of the page that is asked for again and again.
    page: u32,
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    path: Path,
    /// Packets that the connection before took of the attacker; the pace makes room for as many.
    typical: usize,
}

impl Iterator for Flood {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let at = self.pace.next_of(self.typical, &mut self.rng);
        let (source, target) = (
            self.scenario.any_source(&mut self.rng),
            self.scenario.target(),
        );
        let mut http = Conversation::open(&mut self.rng, source, (target, PORT), self.path, at);
        let lasted = at.since(self.scenario.start).as_secs_f64();
        match self.load {
            Load::Costly => costly(&mut http, lasted),
            Load::Single => single(&mut http, self.page),
            Load::Overwhelmed if http.rng().random_bool(1.0 / (1.0 + 2.0 * lasted)) => {
                single(&mut http, self.page);
            }
            Load::Overwhelmed => unanswered(&mut http),
        }
        self.typical = http.packets_of_client();
        Some(http.finish())
    }
}

fn costly(http: &mut Conversation, lasted: f64) {
    for _ in 0..http.rng().random_range(1..=8) {
        let (page, length) = (
            http.rng().random_range(0..100_000),
            http.rng().random_range(180..=420),
        );
        http.say(
            Side::Client,
            speech::http_request(&format!("/search?q={page}"), length),
        );
        http.think(Duration::from_secs_f64(0.02 + 0.01 * lasted.min(20.0)));
        let refused = http.rng().random_bool(0.3);
        let (status, size) = match refused {
            true => ("503 Service Unavailable", 180),
            false => ("200 OK", chance::size(http.rng(), 4000, 0.6, 40_000)),
        };
        http.say(Side::Server, speech::http_response(status, size));
        http.think(Duration::from_millis(5));
    }
    http.close(Side::Client);
}

fn single(http: &mut Conversation, page: u32) {
    ask(http);
    http.think(Duration::from_millis(2));
    http.say(Side::Server, speech::http_response("200 OK", page));
    http.close(Side::Client);
}

/// The client gives up after a while, or never.
fn unanswered(http: &mut Conversation) {
    ask(http);
    if http.rng().random_bool(0.7) {
        http.think(Duration::from_secs(3));
        http.close(Side::Client);
    }
}

fn ask(http: &mut Conversation) {
    let length = http.rng().random_range(70..=420);
    http.say(Side::Client, speech::http_request("/", length));
}
