//! A small office at work: a few clients, the target as its server, a resolver, a printer, and the Internet.
//!
//! Clients act independently of each other; what they do next, its size and the time in between are drawn anew each
//! time. Servers on the Internet have addresses of the documentation prefixes (RFC 5737, RFC 3849).

mod chatter;
mod mail;
mod office;
mod work;

use std::time::Duration;

use rand::RngExt;

use self::office::Office;
use super::chance;
use super::packet::Planned;
use super::scenario::Scenario;
use super::timeline::{Exchange, Exchanges};
use crate::flow::Timestamp;

/// One thing that somebody does, from a moment on.
type Activity = fn(&mut Office, Timestamp) -> Vec<Planned>;

/// What happens in an office, and how often in relation to each other.
#[rustfmt::skip]
const ACTIVITIES: [(u32, Activity); 15] = [
    (24, work::secure_page),
    ( 8, work::plain_page),
    (16, work::name_lookup),
    (10, work::server_call),
    ( 4, work::terminal),
    ( 1, work::download),
    ( 1, work::upload),
    ( 2, work::printing),
    ( 3, mail::fetched),
    ( 1, mail::sent),
    ( 6, chatter::clock),
    ( 4, chatter::ping),
    (10, chatter::neighbour),
    ( 5, chatter::service_discovery),
    ( 4, chatter::device_discovery),
];

/// Packets of a mean activity, to begin with; see [`Day::typical`].
const TYPICAL: f64 = 70.0;
/// Weight of one activity in the running mean.
const WEIGHT: f64 = 0.02;

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let day = Day {
        office: Office::of(scenario),
        now: scenario.start,
        rate: scenario.rate(),
        typical: TYPICAL,
    };
    Box::new(day)
}

struct Day {
    office: Office,
    now: Timestamp,
    rate: f64,
    /// Running mean of the packets of an activity: the busier the activities, the fewer of them, so that the rate
    /// holds in the long run.
    typical: f64,
}

impl Iterator for Day {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let at = self.now;
        let activity = any_activity(&mut self.office);
        let packets = activity(&mut self.office, at);
        self.typical += WEIGHT * (packets.len() as f64 - self.typical);
        let mean = Duration::from_secs_f64(self.typical / self.rate);
        self.now = at.plus(chance::wait(&mut self.office.rng, mean));
        Some(Exchange::new(at, packets))
    }
}

fn any_activity(office: &mut Office) -> Activity {
    let all: u32 = ACTIVITIES.iter().map(|(weight, _)| weight).sum();
    let mut drawn = office.rng.random_range(0..all);
    for (weight, activity) in ACTIVITIES {
        if drawn < weight {
            return activity;
        }
        drawn -= weight;
    }
    unreachable!("the draw is below the sum of the weights")
}
