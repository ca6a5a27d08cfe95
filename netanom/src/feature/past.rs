//! What is remembered of a host or a pair of hosts: nothing, one event, or the sums and sketches of many.
//!
//! The sources of a spoofed flood and the targets of a scan have one event each, so their records stay small.

use super::news::{SUMS, Sum};
use super::sketch::{Distinct, Sliding, Slot, Slots, is_within};
use crate::flow::{Flow, Timestamp};

/// The windows, in seconds. Sums are kept over the first three, distinct counts over the last three: how fast it goes
/// shows at once, how far it goes only with time.
pub(super) const INSTANT: u64 = 1;
/// See [`INSTANT`].
pub(super) const SHORT: u64 = 10;
/// See [`INSTANT`].
pub(super) const LONG: u64 = 60;
/// See [`INSTANT`]. A slow scan shows in nothing shorter.
pub(super) const SLOW: u64 = 300;

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    at: Timestamp,
    amounts: [f32; SUMS],
    port: Slot,
    peer: Option<Slot>,
    /// The peer, if it answered.
    answering: Option<Slot>,
}

impl Event {
    /// `amounts` in a flow, whose responder was asked for its port.
    pub(super) fn new(slots: Slots, flow: &Flow, amounts: [f32; SUMS], at: Timestamp) -> Self {
        Self {
            at,
            amounts,
            port: slots.of(&(flow.protocol(), flow.responder().port)),
            peer: None,
            answering: None,
        }
    }

    /// The same between the record's host and this other one.
    pub(super) fn with(mut self, peer: Slot) -> Self {
        self.peer = Some(peer);
        self
    }

    /// The same, when the other one has answered.
    pub(super) fn answered(mut self, is_answered: bool) -> Self {
        self.answering = self.peer.filter(|_| is_answered);
        self
    }

    /// What it comes to at `now`, when it is all that happened.
    pub(super) fn lately(&self, now: Timestamp) -> Lately {
        let mut sums = Sums::default();
        sums.add(&self.amounts, self.at);
        let one = DISTINCT.map(|window| f32::from(u8::from(is_within(self.at, window, now))));
        let count = |slot: Option<Slot>| slot.map_or([0.0; 3], |_| one);
        Lately {
            sums: sums.at(now),
            peers: count(self.peer),
            answering: count(self.answering),
            ports: count(Some(self.port)),
        }
    }
}

/// What one host, as initiator or as responder, or one pair did.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The first event, as long as there is no other.
    only: Option<Event>,
    /// All of several events.
    activity: Option<Box<Activity>>,
}

impl Past {
    /// Adds an event.
    pub(super) fn take_in(&mut self, event: Event) {
        if self.only.is_none() && self.activity.is_none() {
            self.only = Some(event);
        } else {
            self.activity().take_in(&event);
        }
    }

    /// Notes another host, of which nothing else is known.
    pub(super) fn note_peer(&mut self, peer: Slot, now: Timestamp) {
        let activity = self.activity();
        activity.peers.note(peer, now);
        activity.lately_at = None;
    }

    fn activity(&mut self) -> &mut Activity {
        let only = self.only.take();
        self.activity.get_or_insert_with(|| {
            let mut activity = Box::<Activity>::default();
            if let Some(event) = only {
                activity.take_in(&event);
            }
            activity
        })
    }

    /// What it comes to at `now`. `scratch` takes what is not kept.
    pub(super) fn lately<'a>(&'a mut self, now: Timestamp, scratch: &'a mut Lately) -> &'a Lately {
        match (&mut self.activity, &self.only) {
            (Some(activity), _) => return activity.lately(now),
            (None, Some(event)) => *scratch = event.lately(now),
            (None, None) => *scratch = Lately::default(),
        }
        scratch
    }
}

/// Sums over [`INSTANT`], [`SHORT`] and [`LONG`].
#[derive(Clone, Debug, Default)]
struct Sums {
    instant: Sliding<SUMS, INSTANT>,
    short: Sliding<SUMS, SHORT>,
    long: Sliding<SUMS, LONG>,
}

impl Sums {
    fn add(&mut self, amounts: &[f32; SUMS], at: Timestamp) {
        self.instant.add(amounts, at);
        self.short.add(amounts, at);
        self.long.add(amounts, at);
    }

    fn at(&self, now: Timestamp) -> [[f32; SUMS]; 3] {
        [
            self.instant.sums(now),
            self.short.sums(now),
            self.long.sums(now),
        ]
    }
}

/// The windows of distinct counts.
const DISTINCT: [u64; 3] = [SHORT, LONG, SLOW];

/// Sums and sketches of many events.
#[derive(Clone, Debug, Default)]
struct Activity {
    sums: Sums,
    peers: Distinct,
    /// Those of the peers that answered.
    answering: Distinct,
    ports: Distinct,
    /// What it comes to, while nothing is added and the time stays the same: many flows of a window share a host.
    lately: Lately,
    lately_at: Option<Timestamp>,
}

impl Activity {
    fn take_in(&mut self, event: &Event) {
        self.sums.add(&event.amounts, event.at);
        self.ports.note(event.port, event.at);
        let peers = [
            (&mut self.peers, event.peer),
            (&mut self.answering, event.answering),
        ];
        for (sketch, slot) in peers {
            if let Some(slot) = slot {
                sketch.note(slot, event.at);
            }
        }
        self.lately_at = None;
    }

    fn lately(&mut self, now: Timestamp) -> &Lately {
        if self.lately_at != Some(now) {
            self.lately = Lately {
                sums: self.sums.at(now),
                peers: self.peers.counts(DISTINCT, now),
                answering: self.answering.counts(DISTINCT, now),
                ports: self.ports.counts(DISTINCT, now),
            };
            self.lately_at = Some(now);
        }
        &self.lately
    }
}

/// What a [`Past`] comes to at a moment.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    /// Over [`INSTANT`], [`SHORT`] and [`LONG`].
    sums: [[f32; SUMS]; 3],
    /// Over [`SHORT`], [`LONG`] and [`SLOW`], as the next two.
    peers: [f32; 3],
    answering: [f32; 3],
    ports: [f32; 3],
}

impl Lately {
    /// A sum over the window of `seconds`: [`INSTANT`], [`SHORT`] or [`LONG`].
    #[must_use]
    pub(super) fn sum(&self, sum: Sum, seconds: u64) -> f32 {
        let window = match seconds {
            INSTANT => 0,
            SHORT => 1,
            _ => 2,
        };
        self.sums[window][sum as usize]
    }

    /// A sum as a share of the flows opened; 0 when there were none.
    #[must_use]
    pub(super) fn share(&self, sum: Sum, seconds: u64) -> f32 {
        let flows = self.sum(Sum::Flows, seconds);
        if flows > 0.0 {
            (self.sum(sum, seconds) / flows).min(1.0)
        } else {
            0.0
        }
    }

    /// Distinct addresses on the other side (for a pair: none) over [`SHORT`], [`LONG`] or [`SLOW`].
    #[must_use]
    pub(super) fn peers(&self, seconds: u64) -> f32 {
        self.peers[distinct_window(seconds)]
    }

    /// Those of an initiator's peers that did not answer.
    #[must_use]
    pub(super) fn silent_peers(&self, seconds: u64) -> f32 {
        (self.peers(seconds) - self.answering[distinct_window(seconds)]).max(0.0)
    }

    /// Distinct ports of the responder.
    #[must_use]
    pub(super) fn ports(&self, seconds: u64) -> f32 {
        self.ports[distinct_window(seconds)]
    }
}

/// Where [`Lately`] keeps a distinct count over so many seconds.
const fn distinct_window(seconds: u64) -> usize {
    match seconds {
        SHORT => 0,
        LONG => 1,
        _ => 2,
    }
}
