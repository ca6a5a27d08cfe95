//! Access logs to try the sensor on and to train it with: people, programs and attackers at many kinds of sites.
//!
//! Everything is drawn over orders of magnitude (pages, rates, sizes, error shares, spelling), so that a model cannot
//! learn one site. Each actor's requests are made at once and merged in the order of time; memory is that of the actors
//! under way.

mod actor;
mod attack;
mod browser;
mod program;
mod site;
mod words;
mod writer;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand::{RngExt, SeedableRng};

use super::chance::{self, Rng};
use crate::alert::Class;
use crate::feature::access::Request;
use crate::flow::Timestamp;

pub use actor::{ATTACKS, Kind, NORMAL};
pub use writer::{LogWriter, write_line};

use site::Site;

/// One line with what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// What was asked.
    pub request: Request<'static>,
    /// Whether the client that asked was attacking with it.
    pub class: Class,
}

/// One client's lines.
#[derive(Clone, Debug)]
pub struct Actor {
    /// What kind it is.
    pub kind: Kind,
    /// Its address.
    pub client: IpAddr,
    /// Its lines, in the order of time.
    pub lines: Vec<LogLine>,
}

/// Draws actors, each at a site of its own or all at one.
#[derive(Debug)]
pub struct Actors {
    rng: Rng,
    site: Option<Site>,
}

impl Actors {
    /// Each actor visits a site of its own: to train with.
    #[must_use]
    pub fn of_many_sites(seed: u64) -> Self {
        Self {
            rng: Rng::seed_from_u64(seed),
            site: None,
        }
    }

    /// All actors visit one site, as in one server's log.
    #[must_use]
    pub fn of_one_site(seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let site = Site::draw(&mut rng);
        Self {
            rng,
            site: Some(site),
        }
    }

    /// An actor of this kind that begins at `start` and acts for at most `most`.
    pub fn draw(&mut self, kind: Kind, start: Timestamp, most: Duration) -> Actor {
        let drawn;
        let site = match &self.site {
            Some(site) => site,
            None => {
                drawn = Site::draw(&mut self.rng);
                &drawn
            }
        };
        let client = client(&mut self.rng);
        let mut scene = actor::Scene::new(&mut self.rng, site, client, start, most);
        kind.act(&mut scene);
        let lines = scene.finish();
        Actor {
            kind,
            client,
            lines,
        }
    }

    /// A kind among those of a list, at random.
    pub fn pick(&mut self, kinds: &[Kind]) -> Kind {
        *chance::pick(&mut self.rng, kinds)
    }
}

/// An address from the ranges of documentation and benchmarks, which nobody has (RFC 5737, 2544, 3849).
fn client(rng: &mut Rng) -> IpAddr {
    match rng.random_range(0..10) {
        0 => {
            let mut parts = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0];
            parts[2] = rng.random::<u16>();
            parts[7] = rng.random::<u16>();
            Ipv6Addr::from(parts).into()
        }
        _ => Ipv4Addr::new(198, 18 + rng.random_range(0..2), rng.random(), rng.random()).into(),
    }
}

/// A server's log of about so many lines, of which a share is attackers'.
#[derive(Debug)]
pub struct SimulatedLog {
    actors: Actors,
    next_start: Timestamp,
    waiting: BinaryHeap<Reverse<(Timestamp, u64)>>,
    lines: std::collections::HashMap<u64, LogLine>,
    number: u64,
    made: u64,
    made_anomalies: u64,
    rows: u64,
    anomalies: f64,
    /// Attackers so far: kind, address, lines.
    attackers: Vec<(Kind, IpAddr, u64)>,
}

/// Between two clients' first requests, in the mean.
const ARRIVALS: Duration = Duration::from_secs(2);
/// A client stays so long at most.
const LONGEST: Duration = Duration::from_mins(20);

impl SimulatedLog {
    /// A log of `rows` lines that begins at `start`; `anomalies` is the share of attackers' lines.
    #[must_use]
    pub fn new(rows: u64, anomalies: f64, seed: u64, start: Timestamp) -> Self {
        Self {
            actors: Actors::of_one_site(seed),
            next_start: start,
            waiting: BinaryHeap::new(),
            lines: std::collections::HashMap::new(),
            number: 0,
            made: 0,
            made_anomalies: 0,
            rows,
            anomalies,
            attackers: Vec::new(),
        }
    }

    /// Who attacked so far: kind, address, lines.
    #[must_use]
    pub fn attackers(&self) -> &[(Kind, IpAddr, u64)] {
        &self.attackers
    }

    fn draw(&mut self) {
        let wanted = self.anomalies * (self.made as f64 + 1.0);
        let is_attack = self.anomalies > 0.0 && (self.made_anomalies as f64) < wanted;
        let kinds = if is_attack { ATTACKS } else { NORMAL };
        let kind = self.actors.pick(kinds);
        let mut actor = self.actors.draw(kind, self.next_start, LONGEST);
        // No actor is most of a short log.
        let part = match is_attack {
            true => self.rows as f64 * self.anomalies / 6.0,
            false => self.rows as f64 / 10.0,
        };
        let left = self.rows.saturating_sub(self.made);
        let most = (part as u64).max(50).min(left);
        actor
            .lines
            .truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let is_bad = |line: &&LogLine| line.class != Class::Normal;
        let bad = actor.lines.iter().filter(is_bad).count() as u64;
        self.made += actor.lines.len() as u64;
        self.made_anomalies += bad;
        if bad > 0 {
            self.attackers.push((kind, actor.client, bad));
        }
        for line in actor.lines {
            self.waiting.push(Reverse((line.request.at, self.number)));
            self.lines.insert(self.number, line);
            self.number += 1;
        }
        self.next_start = self
            .next_start
            .plus(chance::wait(&mut self.actors.rng, ARRIVALS));
    }
}

impl Iterator for SimulatedLog {
    type Item = LogLine;

    fn next(&mut self) -> Option<LogLine> {
        // Who begins later has no line before the first one that waits.
        while self.made < self.rows
            && self
                .waiting
                .peek()
                .is_none_or(|Reverse((at, _))| *at >= self.next_start)
        {
            self.draw();
        }
        let Reverse((_, number)) = self.waiting.pop()?;
        self.lines.remove(&number)
    }
}

#[cfg(test)]
mod tests;
