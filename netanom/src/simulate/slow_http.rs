//! Slow HTTP: many connections that each send a request line by line and never finish, until the server has no
//! worker left. The shape of Slowloris.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::conversation::{Conversation, Path, Side};
use super::pace::Pace;
use super::packet::Payload;
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};
use crate::flow::Timestamp;

const PORT: u16 = 80;
/// Connections that are held open, a little more than the workers of a common server.
const CONNECTIONS: usize = 400;
/// Time between two lines of one request; servers give up after some ten seconds of silence.
const BETWEEN_LINES: Duration = Duration::from_secs(9);
/// Packets of the attacker that open a connection: SYN, ACK, the request's first lines.
const TO_OPEN: usize = 3;

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let attack = Attack {
        pace: Pace::of(scenario),
        path: Path {
            loss: 0.0,
            ..Path::internet(&mut rng)
        },
        open: BinaryHeap::with_capacity(CONNECTIONS),
        rng,
        scenario: scenario.clone(),
    };
    Box::new(attack)
}

struct Attack {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    path: Path,
    /// When each open connection ends.
    open: BinaryHeap<Reverse<Timestamp>>,
}

impl Iterator for Attack {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let mut at = self.pace.next_of(TO_OPEN, &mut self.rng);
        while self.open.peek().is_some_and(|Reverse(end)| *end <= at) {
            self.open.pop();
        }
        if self.open.len() >= CONNECTIONS {
            // A place is free when the next connection ends; the pace goes on from there.
            let Reverse(end) = self.open.pop()?;
            self.pace.skip_to(end);
            at = self.pace.next_of(TO_OPEN, &mut self.rng);
        }
        let (source, target) = (
            self.scenario.any_source(&mut self.rng),
            self.scenario.target(),
        );
        let lines = chance::around(&mut self.rng, 12.0, 0.6, 60.0) as u32;
        let mut http = Conversation::open(&mut self.rng, source, (target, PORT), self.path, at);
        let number: u32 = http.rng().random_range(0..10_000);
        let first = format!(
            "GET /?{number} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0\r\n"
        );
        http.say(Side::Client, Payload::bytes(first.into_bytes()));
        for _ in 0..lines {
            let wait = chance::time(http.rng(), BETWEEN_LINES, 0.15);
            http.pause(wait);
            let number: u32 = http.rng().random_range(0..10_000);
            http.say(
                Side::Client,
                Payload::bytes(format!("X-a: {number}\r\n").into_bytes()),
            );
        }
        // The server's patience ends.
        http.think(Duration::from_secs(5));
        http.reset(Side::Server);
        self.open.push(Reverse(http.now()));
        Some(http.finish())
    }
}
