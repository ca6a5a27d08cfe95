//! Captures rewritten before the parser sees them: the same attack and the same work as another network would show them.
//!
//! A model that learned round trips of one lab, one attacker that does nothing else, one number of tries, knows that lab.
//! Each [`Kind`] changes one of these. What it changes is drawn, and the same seed gives the same files. Frames are cut to
//! their headers; checksums above IP are not kept, as they cannot be told from what is left of the payload.

mod capture;
mod company;
mod conversations;
mod labels;
mod schedule;
mod shape;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use thiserror::Error;

use self::capture::Packet;
use self::company::Attack;
use self::conversations::{Conversation, conversations};
use self::schedule::Conditions;
use crate::simulate::CaptureError;
use crate::simulate::chance::{self, Rng};
use crate::source::SourceError;

pub use self::labels::CarriedRules;

/// One thing that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 10 to 100 tries of a guess are kept.
    Tries,
    /// The attacker also works, as a client of another capture does.
    Work,
    /// Others are there, as in another capture, some of them on the attacked host.
    Mix,
    /// Many clients stand behind one address.
    Nat,
    /// IPv4 becomes IPv6.
    Ipv6,
    /// Clients wait a tenth to ten times as long before they go on.
    Rate,
    /// Round trips are longer by 0.1 to 500 ms, with jitter, seen from either end.
    Distance,
    /// Segments are lost, and sent again.
    Loss,
    /// Segments are merged, as segmentation offload shows them.
    Merge,
    /// The capture begins in the middle.
    Middle,
    /// One direction is missing.
    Direction,
}

/// What has to be known of a capture for a kind to change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// What its flows are.
    Labels,
    /// That some of them are an attack.
    Attack,
}

use Known::{Attack as AnAttack, Labels, Nothing};

/// Every kind in the order in which they are applied, with its name, how often it is drawn, and what it needs.
#[rustfmt::skip]
const KINDS: [(Kind, &str, f64, Known); 11] = [
    (Kind::Tries, "tries", 0.5, AnAttack),
    (Kind::Work, "work", 0.45, AnAttack),
    (Kind::Mix, "mix", 0.3, AnAttack),
    (Kind::Nat, "nat", 0.15, Labels),
    (Kind::Ipv6, "ipv6", 0.1, Nothing),
    (Kind::Rate, "rate", 0.6, Nothing),
    (Kind::Distance, "distance", 0.8, Nothing),
    (Kind::Loss, "loss", 0.2, Nothing),
    (Kind::Merge, "merge", 0.2, Nothing),
    (Kind::Middle, "middle", 0.1, Nothing),
    (Kind::Direction, "direction", 0.08, Nothing),
];

impl Kind {
    /// Every kind, in the order in which they are applied.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, ..)| *kind)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// What has to be known of a capture.
    #[must_use]
    pub fn needs(self) -> Known {
        self.entry().3
    }

    /// Draws which kinds one copy gets of those that can change anything; at least one.
    #[must_use]
    pub fn draw(seed: u64, stream: u64, known: Known) -> Vec<Self> {
        let mut rng = draws(seed, stream ^ u64::MAX);
        loop {
            let drawn = KINDS.iter().filter(|(kind, _, often, _)| {
                let is_drawn = rng.random_bool(*often);
                is_drawn && kind.needs() <= known
            });
            let drawn: Vec<Self> = drawn.map(|(kind, ..)| *kind).collect();
            if !drawn.is_empty() {
                return drawn;
            }
        }
    }

    fn entry(self) -> &'static (Self, &'static str, f64, Known) {
        // The table has the order of the enum; a test keeps it so.
        &KINDS[self as usize]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no kind has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no kind of rewriting; there are {names}", names = Kind::all().map(Kind::name).collect::<Vec<_>>().join(", "))]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let found = Self::all().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// Why a capture could not be rewritten.
#[derive(Debug, Error)]
pub enum RewriteError {
    /// It cannot be read.
    #[error("cannot read capture `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SourceError,
    },
    /// The new one cannot be written.
    #[error(transparent)]
    Write(#[from] CaptureError),
    /// Its folder cannot be made.
    #[error("cannot make the folder `{}`", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its rules are none.
    #[error("the label rules of a capture are wrong (docs/training.md has their format)")]
    Labels(#[from] serde_json::Error),
}

/// A capture in memory, with what its flows are.
#[derive(Clone, Debug)]
pub struct Capture {
    packets: Vec<Packet>,
    labels: CarriedRules,
}

impl Capture {
    /// Reads the first `most` packets of a capture.
    ///
    /// # Errors
    /// [`RewriteError::Read`] when it is none that is read here.
    pub fn read(path: &Path, most: usize, labels: CarriedRules) -> Result<Self, RewriteError> {
        let packets = capture::read(path, most)?;
        Ok(Self { packets, labels })
    }

    /// Writes it, and returns its rules.
    ///
    /// # Errors
    /// [`RewriteError::Write`] when the file or its folder cannot be written.
    pub fn write(self, path: &Path) -> Result<CarriedRules, RewriteError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| RewriteError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        capture::write(path, &self.packets)?;
        Ok(self.labels)
    }

    /// How many packets it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Rewrites it by these kinds, in their own order, and returns what was done. `benign` is where other work comes from;
    /// without it nothing is added.
    ///
    /// # Errors
    /// [`RewriteError::Labels`] when its rules are wrong.
    pub fn rewrite(
        &mut self,
        kinds: &[Kind],
        benign: Option<&Self>,
        seed: u64,
        stream: u64,
    ) -> Result<Vec<String>, RewriteError> {
        let mut rng = draws(seed, stream);
        let mut done = Vec::new();
        let mut conditions = Conditions::default();
        for kind in Kind::all().filter(|kind| kinds.contains(kind)) {
            match kind {
                Kind::Rate => {
                    conditions.stretch = chance::magnitude(&mut rng, 0.1, 10.0);
                    done.push(format!("waits times {:.2}", conditions.stretch));
                }
                Kind::Distance => done.push(self.place_hosts(&mut conditions, &mut rng)),
                Kind::Loss => {
                    conditions.loss = chance::magnitude(&mut rng, 0.001, 0.1);
                    done.push(format!("{:.1} % lost", conditions.loss * 100.0));
                }
                _ => {
                    self.play(&mut conditions, &mut rng);
                    done.extend(self.shaped(kind, benign, &mut rng)?);
                }
            }
        }
        self.play(&mut conditions, &mut rng);
        Ok(done)
    }

    /// Moves the packets to when they would have been; once.
    fn play(&mut self, conditions: &mut Conditions, rng: &mut Rng) {
        let is_changed =
            !conditions.distance.is_empty() || conditions.stretch != 1.0 || conditions.loss > 0.0;
        if is_changed {
            let all = conversations(&self.packets);
            schedule::schedule(&mut self.packets, &all, conditions, rng);
            *conditions = Conditions::default();
        }
    }

    fn shaped(
        &mut self,
        kind: Kind,
        benign: Option<&Self>,
        rng: &mut Rng,
    ) -> Result<Option<String>, RewriteError> {
        let all: Vec<Conversation> = conversations(&self.packets);
        let classes = self.labels.classes(&all)?;
        let (packets, labels) = (&mut self.packets, &mut self.labels);
        Ok(match kind {
            Kind::Tries => shape::fewer_tries(packets, &all, &classes, rng),
            Kind::Work | Kind::Mix => {
                let attack = Attack::of(packets, &all, &classes);
                match (attack, benign) {
                    (Some(attack), Some(benign)) if kind == Kind::Work => {
                        company::attackers_work(packets, labels, &attack, &benign.packets, rng)
                    }
                    (Some(attack), Some(benign)) => {
                        company::others(packets, labels, &attack, &benign.packets, rng)
                    }
                    _ => None,
                }
            }
            Kind::Nat => shape::behind_one_address(packets, &all, &classes, labels),
            Kind::Ipv6 => Some(shape::over_ipv6(packets, labels)),
            Kind::Merge => shape::merged(packets, rng),
            Kind::Middle => shape::begun_in_the_middle(packets, rng),
            Kind::Direction => Some(shape::one_direction(packets, &all, rng)),
            Kind::Rate | Kind::Distance | Kind::Loss => None,
        })
    }

    /// Draws how far away the hosts are: the tap is near the clients, near the servers, or between them.
    fn place_hosts(&self, conditions: &mut Conditions, rng: &mut Rng) -> String {
        let whole = chance::magnitude(rng, 0.000_1, 0.5);
        let behind = match rng.random_range(0..4) {
            0 | 1 => 1.0,
            2 => 0.0,
            _ => rng.random::<f64>(),
        };
        conditions.jitter = chance::magnitude(rng, 0.005, 0.5);
        let mut roles: BTreeMap<IpAddr, i64> = BTreeMap::new();
        for one in conversations(&self.packets) {
            *roles.entry(one.server.0).or_default() += 1;
            *roles.entry(one.client.0).or_default() -= 1;
        }
        for (ip, role) in roles {
            let share = if role > 0 { behind } else { 1.0 - behind };
            // Not all servers are in one place.
            let seconds = whole * share * chance::around(rng, 1.0, 0.3, 5.0);
            if seconds > 0.0 {
                conditions.distance.insert(ip, (seconds * 1e9) as u64);
            }
        }
        format!(
            "{:.1} ms farther, {:.0} % of it behind the tap",
            whole * 1000.0,
            behind * 100.0
        )
    }
}

/// The draws of one copy.
fn draws(seed: u64, stream: u64) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

#[cfg(test)]
mod tests;
