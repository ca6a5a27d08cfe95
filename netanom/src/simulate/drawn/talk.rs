//! What two programs say to each other, as a list of turns that is drawn once and played on many connections.
//!
//! One server greets all its clients alike, and one tool asks alike each time: what varies from connection to
//! connection is a property of the two, drawn once a capture.

use std::time::Duration;

use rand::RngExt;

use super::super::chance::{self, Rng};
use super::super::conversation::{Conversation, Side};
use super::super::packet::Payload;

/// How long what is said is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) median: u32,
    /// Deviation of its logarithm; 0 for what is alike to the byte.
    pub(super) spread: f64,
}

impl Length {
    /// Always the same, drawn between two bounds.
    pub(super) fn alike(rng: &mut Rng, low: u32, high: u32) -> Self {
        Self {
            median: chance::count(rng, low as usize, high as usize) as u32,
            spread: 0.0,
        }
    }

    /// Varies a little or much.
    pub(super) fn varied(rng: &mut Rng, low: u32, high: u32, spread: f64) -> Self {
        Self {
            spread,
            ..Self::alike(rng, low, high)
        }
    }

    pub(super) fn draw(self, rng: &mut Rng) -> u32 {
        if self.spread == 0.0 {
            return self.median;
        }
        chance::size(rng, self.median, self.spread, 4_000_000)
    }
}

/// One side says something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) side: Side,
    pub(super) length: Length,
    /// Time that it takes to think of it.
    pub(super) after: Duration,
    /// What it begins with.
    pub(super) head: &'static [u8],
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Close(Side),
    Reset(Side),
    /// The client says that it is done, and the server breaks off.
    ClosedThenReset,
    /// Nobody says anything.
    Left,
}

impl Ending {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.random_range(0..20) {
            0..=8 => Self::Close(Side::Client),
            9..=13 => Self::Close(Side::Server),
            14..=16 => Self::Reset(Side::Client),
            17 => Self::Reset(Side::Server),
            18 => Self::ClosedThenReset,
            _ => Self::Left,
        }
    }

    pub(super) fn play(self, talk: &mut Conversation<'_>) {
        match self {
            Self::Close(side) => talk.close(side),
            Self::Reset(side) => talk.reset(side),
            Self::ClosedThenReset => {
                talk.shut(Side::Client);
                talk.reset(Side::Server);
            }
            Self::Left => {}
        }
    }
}

/// A dialogue of a protocol.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) turns: Vec<Turn>,
    /// Deviation of the logarithm of each time to think: programs are steady, people are not.
    pub(super) unsteady: f64,
}

impl Talk {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            turns: Vec::new(),
            unsteady: chance::magnitude(rng, 0.01, 0.8),
        }
    }

    /// `side` says `length` bytes after a time between `low` and `high` seconds, drawn once.
    pub(super) fn say(
        &mut self,
        rng: &mut Rng,
        side: Side,
        length: Length,
        (low, high): (f64, f64),
    ) {
        self.turns.push(Turn {
            side,
            length,
            after: chance::span(rng, low, high),
            head: b"",
        });
    }

    /// The client says something of a length between two bounds, without much thought.
    pub(super) fn asks(&mut self, rng: &mut Rng, low: u32, high: u32) {
        let length = Length::alike(rng, low, high);
        self.say(rng, Side::Client, length, (0.000_02, 0.002));
    }

    /// The server says something of a length between two bounds, without much thought.
    pub(super) fn answers(&mut self, rng: &mut Rng, low: u32, high: u32) {
        let length = Length::alike(rng, low, high);
        self.say(rng, Side::Server, length, (0.000_05, 0.02));
    }

    /// Names what the last turn begins with.
    pub(super) fn beginning(&mut self, head: &'static [u8]) {
        if let Some(turn) = self.turns.last_mut() {
            turn.head = head;
        }
    }

    /// Lets what the last turn says vary in length.
    pub(super) fn varying(&mut self, spread: f64) {
        if let Some(turn) = self.turns.last_mut() {
            turn.length.spread = spread;
        }
    }

    /// Lets the last turn take a time between `low` and `high` seconds.
    pub(super) fn taking(&mut self, rng: &mut Rng, low: f64, high: f64) {
        if let Some(turn) = self.turns.last_mut() {
            turn.after = chance::span(rng, low, high);
        }
    }

    pub(super) fn play(&self, talk: &mut Conversation<'_>) {
        for turn in &self.turns {
            talk.wait(turn.after, self.unsteady);
            let length = turn.length.draw(talk.rng());
            talk.say(turn.side, Payload::headed(turn.head, length));
        }
    }
}
