//! Frames of the attacks and of an office, made once; a cell puts them beside each other.
//!
//! Every attack has the same attacker and the same victim, which is the office's server.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use anyhow::Context;
use netanom::flow::Timestamp;
use netanom::simulate::{self, DEFAULT_START, Mode, Scenario, TimedFrame};

use super::cells::Cell;
use crate::attacks::{Attack, Party};
use crate::hosts::{ATTACKER, SERVER, source};

/// Time before the first attack, in which an office is seen at work.
const LEAD: Duration = Duration::from_secs(5);
/// Time after the last attack, in which an alert may still come.
const TAIL: Duration = Duration::from_secs(3);
/// An attack sends about so many packets, within the bounds of [`SECONDS`].
const PACKETS: f64 = 12_000.0;
/// Shortest and longest attack.
const SECONDS: (f64, f64) = (3.0, 12.0);

/// All frames, by the time since their traffic began.
pub(super) struct Traffic {
    attacks: BTreeMap<&'static str, Vec<Frame>>,
    normal: Vec<Frame>,
}

struct Frame {
    since: Duration,
    bytes: Vec<u8>,
}

impl Traffic {
    /// What these cells need.
    ///
    /// # Errors
    /// When a mode cannot be simulated.
    pub(super) fn make(cells: &[Cell], seed: u64) -> anyhow::Result<Self> {
        let mut traffic = Self {
            attacks: BTreeMap::new(),
            normal: Vec::new(),
        };
        for attack in cells
            .iter()
            .flat_map(|cell| cell.first().into_iter().chain([cell.second()]))
        {
            if !traffic.attacks.contains_key(attack.mode.name()) {
                let frames = frames(attack.mode, length(attack.mode), seed)?;
                traffic.attacks.insert(attack.mode.name(), frames);
            }
        }
        let among = cells.iter().filter(|cell| cell.is_among);
        if let Some(longest) = among.map(|cell| Times::of(*cell).end).max() {
            // An office of another seed than the attacks, as the two are independent.
            traffic.normal = frames(Mode::Normal, longest, seed + 1)?;
        }
        Ok(traffic)
    }
}

fn frames(mode: Mode, duration: Duration, seed: u64) -> anyhow::Result<Vec<Frame>> {
    let scenario = Scenario {
        duration,
        seed,
        ..Scenario::new(mode, source(mode).parse()?, SERVER.parse()?)
    };
    let frames = simulate::frames(&scenario).with_context(|| format!("cannot simulate {mode}"))?;
    let since = |TimedFrame { at, bytes }| Frame {
        since: at.since(DEFAULT_START),
        bytes,
    };
    Ok(frames.map(since).collect())
}

/// How long an attack lasts: whole seconds, so that its windows are cut alike wherever it stands.
fn length(mode: Mode) -> Duration {
    let seconds = (PACKETS / mode.default_rate()).clamp(SECONDS.0, SECONDS.1);
    Duration::from_secs_f64(seconds.ceil())
}

/// When what begins, since the traffic did.
struct Times {
    second: Duration,
    end: Duration,
}

impl Times {
    fn of(cell: Cell) -> Self {
        let first = cell
            .first()
            .map_or(Duration::ZERO, |first| length(first.mode));
        let second = LEAD + first + cell.gap();
        Self {
            second,
            end: second + length(cell.second().mode) + TAIL,
        }
    }
}

/// A cell with its frames.
pub(super) struct Play<'a> {
    pub(super) attack: &'static Attack,
    /// Whom an alert must name.
    pub(super) named: &'static str,
    /// The second attack's first packet.
    pub(super) begins: Timestamp,
    attacks: Vec<(Duration, &'a [Frame])>,
    normal: &'a [Frame],
    end: Duration,
}

impl<'a> Play<'a> {
    pub(super) fn of(cell: Cell, traffic: &'a Traffic) -> Self {
        let frames = |attack: &Attack| {
            let frames = traffic.attacks.get(attack.mode.name());
            frames.map_or(&[][..], Vec::as_slice)
        };
        let attack = cell.second();
        let Times { second, end } = Times::of(cell);
        let mut attacks = Vec::new();
        attacks.extend(cell.first().map(|first| (LEAD, frames(first))));
        attacks.push((second, frames(attack)));
        let first_packet = frames(attack)
            .first()
            .map_or(Duration::ZERO, |frame| frame.since);
        Self {
            attack,
            named: match attack.named {
                Party::Source => ATTACKER,
                Party::Target => SERVER,
            },
            begins: DEFAULT_START.plus(second + first_packet),
            attacks,
            normal: if cell.is_among { &traffic.normal } else { &[] },
            end,
        }
    }

    /// All packets in the order of time.
    pub(super) fn packets(&self) -> impl Iterator<Item = (Timestamp, &'a [u8])> {
        let at = |begin: Duration| {
            move |frame: &'a Frame| {
                let time = DEFAULT_START.plus(begin + frame.since);
                (time, frame.bytes.as_slice())
            }
        };
        let attacks = self.attacks.clone().into_iter();
        let mut attacks = attacks
            .flat_map(move |(begin, frames)| frames.iter().map(at(begin)))
            .peekable();
        let end = DEFAULT_START.plus(self.end);
        let normal = self.normal.iter().map(at(Duration::ZERO));
        let mut normal = normal.take_while(move |(time, _)| *time < end).peekable();
        iter::from_fn(move || match (attacks.peek(), normal.peek()) {
            (Some((attack, _)), Some((other, _))) if other < attack => normal.next(),
            (Some(_), _) => attacks.next(),
            (None, _) => normal.next(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::cells;

    #[test]
    fn a_second_attack_begins_a_gap_after_the_end_of_the_first_among_all_packets_in_order() {
        let cell = |cell: &Cell| {
            let modes = [Mode::PortScan, Mode::IcmpFlood];
            cell.is_among
                && cell.gap().as_secs() == 5
                && cell.first().map(|first| first.mode) == Some(modes[0])
                && cell.second().mode == modes[1]
        };
        let cell = cells::all().into_iter().find(cell).unwrap();
        let traffic = Traffic::make(&[cell], 1).unwrap();
        let play = Play::of(cell, &traffic);
        let gap = cell.gap() + LEAD + length(Mode::PortScan);
        let begins = play.begins.since(DEFAULT_START);
        assert!(begins >= gap && begins < gap + Duration::from_millis(100));
        let times: Vec<_> = play.packets().map(|(time, _)| time).collect();
        assert!(times.is_sorted());
        let of_attacks: usize = traffic.attacks.values().map(Vec::len).sum();
        assert!(times.len() > of_attacks && times.len() <= of_attacks + traffic.normal.len());
    }

    #[test]
    fn alone_an_attack_has_no_other_one_before_it() {
        let cell = cells::all()[0];
        let traffic = Traffic::make(&[cell], 1).unwrap();
        let alone = Play::of(cell.alone(), &traffic);
        let only = &traffic.attacks[cell.second().mode.name()];
        assert_eq!(alone.packets().count(), only.len());
        assert!(alone.begins.since(DEFAULT_START) >= LEAD);
    }
}
