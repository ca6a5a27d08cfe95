//! HTTP flood: whole requests for pages that cost the server much, on many connections at once.
//!
//! The server answers more slowly the longer it lasts, and refuses a part of the requests.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::conversation::{Conversation, Path, Side};
use super::pace::Pace;
use super::scenario::Scenario;
use super::speech;
use super::timeline::{Exchange, Exchanges};

const PORT: u16 = 80;

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let path = Path {
        loss: 0.0,
        ..Path::internet(&mut rng)
    };
    Box::new(Flood {
        pace: Pace::of(scenario),
        typical: 20,
        path,
        rng,
        scenario: scenario.clone(),
    })
}

struct Flood {
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
        for _ in 0..http.rng().random_range(1..=8) {
            let (page, length) = (
                http.rng().random_range(0..100_000),
                http.rng().random_range(180..=420),
            );
            http.say(
                Side::Client,
                speech::http_request(&format!("/search?q={page}"), length),
            );
            let load = at.since(self.scenario.start).as_secs_f64().min(20.0);
            http.think(Duration::from_secs_f64(0.02 + 0.01 * load));
            let refused = http.rng().random_bool(0.3);
            let (status, size) = match refused {
                true => ("503 Service Unavailable", 180),
                false => ("200 OK", chance::size(http.rng(), 4000, 0.6, 40_000)),
            };
            http.say(Side::Server, speech::http_response(status, size));
            http.think(Duration::from_millis(5));
        }
        http.close(Side::Client);
        self.typical = http.packets_of_client();
        Some(http.finish())
    }
}
