//! What is remembered of a host or a pair of hosts: nothing, one event, or the sums and sketches of many.
//!
//! The sources of a spoofed flood and the targets of a scan have one event each, so their records stay small. So do those of
//! hosts that nobody answers, whatever is sent to how many of them: sums and sketches have room for more when more comes.

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
    /// Whether the activity is that of another host, which was forgotten: its memory is kept.
    is_stale: bool,
}

impl Past {
    /// Adds an event.
    pub(super) fn take_in(&mut self, event: Event) {
        if self.only.is_none() && (self.activity.is_none() || self.is_stale) {
            self.only = Some(event);
        } else {
            self.activity().take_in(&event);
        }
    }

    /// Notes another host, of which nothing else is known.
    pub(super) fn note_peer(&mut self, peer: Slot, now: Timestamp) {
        let activity = self.activity();
        activity.peers.note(peer, now);
        activity.changed();
    }

    /// Forgets everything but keeps the memory, so that a flood takes none that the one before did not.
    pub(super) fn renew(&mut self) {
        self.only = None;
        self.is_stale = true;
    }

    /// Takes the memory of several events that nobody answered.
    pub(super) fn take_memory(&mut self) {
        self.activity();
        self.renew();
    }

    fn activity(&mut self) -> &mut Activity {
        let activity = self.activity.get_or_insert_default();
        if std::mem::take(&mut self.is_stale) {
            **activity = Activity::default();
        }
        if let Some(event) = self.only.take() {
            activity.take_in(&event);
        }
        activity
    }

    /// What it comes to at `now`. `scratch` takes what is not kept.
    pub(super) fn lately<'a>(&'a mut self, now: Timestamp, scratch: &'a mut Lately) -> &'a Lately {
        match (&mut self.activity, &self.only) {
            (_, Some(event)) => *scratch = event.lately(now),
            (Some(activity), None) if !self.is_stale => return activity.lately(now, scratch),
            (_, None) => *scratch = Lately::default(),
        }
        scratch
    }
}

/// Sums over [`INSTANT`], [`SHORT`] and [`LONG`].
#[derive(Clone, Debug, Default)]
struct Sums {
    asked: Windows<{ ASKED.len() }>,
    /// From the first of them on that is not 0.
    answered: Option<Box<Windows<{ ANSWERED.len() }>>>,
}

/// What adds up when nobody answers.
const ASKED: [Sum; 7] = [
    Sum::Flows,
    Sum::PacketsFwd,
    Sum::BytesFwd,
    Sum::Asked,
    Sum::Syns,
    Sum::Icmp,
    Sum::Udp,
];

/// All the rest.
const ANSWERED: [Sum; SUMS - ASKED.len()] = [
    Sum::Answered,
    Sum::Refused,
    Sum::Errors,
    Sum::Established,
    Sum::PacketsBwd,
    Sum::BytesBwd,
    Sum::Replied,
    Sum::Greeted,
    Sum::Closed,
    Sum::ClosedPayload,
    Sum::ClosedSquares,
];

impl Sums {
    fn add(&mut self, amounts: &[f32; SUMS], at: Timestamp) {
        self.asked.add(&ASKED.map(|sum| amounts[sum as usize]), at);
        let answered = ANSWERED.map(|sum| amounts[sum as usize]);
        if self.answered.is_some() || answered.iter().any(|amount| *amount != 0.0) {
            self.answered.get_or_insert_default().add(&answered, at);
        }
    }

    fn at(&self, now: Timestamp) -> [[f32; SUMS]; 3] {
        let mut sums = [[0.0; SUMS]; 3];
        self.asked.put(ASKED, &mut sums, now);
        if let Some(answered) = &self.answered {
            answered.put(ANSWERED, &mut sums, now);
        }
        sums
    }
}

/// Some of the sums over all three windows.
#[derive(Clone, Debug, Default)]
struct Windows<const K: usize> {
    instant: Sliding<K, INSTANT>,
    short: Sliding<K, SHORT>,
    long: Sliding<K, LONG>,
}

impl<const K: usize> Windows<K> {
    fn add(&mut self, amounts: &[f32; K], at: Timestamp) {
        self.instant.add(amounts, at);
        self.short.add(amounts, at);
        self.long.add(amounts, at);
    }

    /// Puts them, which are these, where they belong among all sums.
    fn put(&self, which: [Sum; K], sums: &mut [[f32; SUMS]; 3], now: Timestamp) {
        let windows = [
            self.instant.sums(now),
            self.short.sums(now),
            self.long.sums(now),
        ];
        for (of_window, own) in sums.iter_mut().zip(windows) {
            for (sum, amount) in which.into_iter().zip(own) {
                of_window[sum as usize] = amount;
            }
        }
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
    /// What it comes to at this time, until something is added: many flows of a window share a host. Kept where it takes
    /// long to work out.
    lately: Option<Box<(Option<Timestamp>, Lately)>>,
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
        self.changed();
    }

    /// What was worked out holds no more.
    fn changed(&mut self) {
        if let Some(kept) = &mut self.lately {
            kept.0 = None;
        }
    }

    fn lately<'a>(&'a mut self, now: Timestamp, scratch: &'a mut Lately) -> &'a Lately {
        let is_kept = self.lately.as_ref().is_some_and(|kept| kept.0 == Some(now));
        if !is_kept {
            let lately = Lately {
                sums: self.sums.at(now),
                peers: self.peers.counts(DISTINCT, now),
                answering: self.answering.counts(DISTINCT, now),
                ports: self.ports.counts(DISTINCT, now),
            };
            if !self.peers.is_many() && !self.ports.is_many() {
                *scratch = lately;
                return scratch;
            }
            match &mut self.lately {
                Some(kept) => **kept = (Some(now), lately),
                None => self.lately = Some(Box::new((Some(now), lately))),
            }
        }
        match &self.lately {
            Some(kept) => &kept.1,
            None => scratch,
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sum_is_kept_once() {
        let kept: BTreeSet<usize> = ASKED
            .into_iter()
            .chain(ANSWERED)
            .map(|sum| sum as usize)
            .collect();
        assert_eq!(kept.len(), SUMS);
        let all: [f32; SUMS] = std::array::from_fn(|sum| sum as f32 + 1.0);
        let mut sums = Sums::default();
        let now = Timestamp::from_nanos(5_000_000_000);
        sums.add(&all, now);
        assert_eq!(sums.at(now), [all; 3]);
    }

    #[test]
    fn what_nobody_answers_takes_a_third_of_a_kibibyte() {
        assert!(size_of::<Activity>() <= 352, "{}", size_of::<Activity>());
    }

    #[test]
    fn a_renewed_past_knows_nothing_of_the_one_before() {
        let event = |at| Event {
            at: Timestamp::from_nanos(at),
            amounts: [1.0; SUMS],
            port: Slots::default().of(&1),
            peer: None,
            answering: None,
        };
        let mut past = Past::default();
        let now = Timestamp::from_nanos(3);
        let flows = |past: &mut Past| {
            past.lately(now, &mut Lately::default())
                .sum(Sum::Flows, SHORT)
        };
        past.take_in(event(1));
        past.take_in(event(2));
        assert_eq!(flows(&mut past), 2.0);
        past.renew();
        assert_eq!(flows(&mut past), 0.0);
        past.take_in(event(3));
        assert_eq!(flows(&mut past), 1.0);
        past.take_in(event(3));
        assert_eq!(flows(&mut past), 2.0);
    }
}
