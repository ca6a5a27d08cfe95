//! What the initiator, the responder and the pair did lately, attached to each flow.
//!
//! A single packet of a flood or a scan looks like any other connection request; only what its source and its target
//! did in the last seconds tells. All records are bounded in number and size, whatever the traffic.

use std::hash::Hash;
use std::net::IpAddr;

use super::news::{SUMS, Seen, Sum, news, opened};
use super::sketch::{Distinct, Place, Recent, Sliding};
use crate::flow::{Crowd, Flow, Timestamp};

/// Records of each kind; with about 1.6 KiB each, the context stays under 110 MiB.
const MAX_HOSTS: usize = 16_384;
const MAX_PAIRS: usize = 32_768;

/// The windows, in seconds. Sums are kept over the first three, distinct counts over the last three: how fast it goes
/// shows at once, how far it goes only with time.
pub(super) const INSTANT: u64 = 1;
/// See [`INSTANT`].
pub(super) const SHORT: u64 = 10;
/// See [`INSTANT`].
pub(super) const LONG: u64 = 60;
/// See [`INSTANT`]. A slow scan shows in nothing shorter.
pub(super) const SLOW: u64 = 300;

/// What one host, as initiator or as responder, or one pair did lately.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    instant: Sliding<SUMS, INSTANT>,
    short: Sliding<SUMS, SHORT>,
    long: Sliding<SUMS, LONG>,
    peers: Distinct,
    /// Those of the peers that answered.
    answering: Distinct,
    ports: Distinct,
    /// What it comes to, while nothing is added and the time stays the same: many flows of a window share a host.
    lately: Lately,
    lately_at: Option<Timestamp>,
}

/// What an [`Activity`] comes to at a moment.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    /// Over [`INSTANT`], [`SHORT`] and [`LONG`].
    sums: [[f32; SUMS]; 3],
    /// Over [`SHORT`], [`LONG`] and [`SLOW`], as the next two.
    peers: [f32; 3],
    answering: [f32; 3],
    ports: [f32; 3],
}

impl Activity {
    fn add(&mut self, amounts: &[f32; SUMS], now: Timestamp) {
        self.instant.add(amounts, now);
        self.short.add(amounts, now);
        self.long.add(amounts, now);
        self.lately_at = None;
    }

    fn note_port(&mut self, flow: &Flow, now: Timestamp) {
        self.ports
            .note(&(flow.protocol(), flow.responder().port), now);
        self.lately_at = None;
    }

    fn note_peer<T: Hash>(&mut self, peer: &T, now: Timestamp) {
        self.peers.note(peer, now);
        self.lately_at = None;
    }

    fn note_answering(&mut self, peer: &IpAddr, now: Timestamp) {
        self.answering.note(peer, now);
        self.lately_at = None;
    }

    /// What it comes to at `now`.
    pub fn lately(&mut self, now: Timestamp) -> &Lately {
        if self.lately_at != Some(now) {
            self.lately = Lately {
                sums: [
                    self.instant.sums(now),
                    self.short.sums(now),
                    self.long.sums(now),
                ],
                peers: self.peers.counts([SHORT, LONG, SLOW], now),
                answering: self.answering.counts([SHORT, LONG, SLOW], now),
                ports: self.ports.counts([SHORT, LONG, SLOW], now),
            };
            self.lately_at = Some(now);
        }
        &self.lately
    }
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

/// A distinct count is full long before so many.
const MAX_PEERS: u64 = 1024;

impl Activity {
    /// What each source of a crowd did, as far as the crowd's sums say.
    #[must_use]
    pub fn of_one_in(crowd: &Crowd, now: Timestamp) -> Self {
        let share = |total: u64| (total as f32 / crowd.sources.max(1) as f32).max(1.0);
        let mut activity = Self::default();
        let amounts = opened(
            &crowd.typical,
            share(crowd.flows),
            share(crowd.counters.total.packets),
            share(crowd.counters.total.bytes),
        );
        activity.add(&amounts, now);
        activity.note_port(&crowd.typical, now);
        activity.note_peer(&crowd.typical.responder().ip, now);
        activity
    }
}

type Host = (u32, IpAddr);
type Pair = (u32, IpAddr, IpAddr);

/// The recent past of all hosts.
#[derive(Debug)]
pub struct Context {
    initiators: Recent<Host, Activity>,
    responders: Recent<Host, Activity>,
    pairs: Recent<Pair, Activity>,
    nothing: Activity,
}

/// Where the records of a flow are, for the rest of the window in which it was taken in.
#[derive(Clone, Copy, Debug)]
pub struct Records {
    initiator: Place,
    responder: Place,
    pair: Place,
    /// How many times records had been forgotten.
    forgotten: u64,
}

/// The three records that concern a flow.
#[derive(Debug)]
pub struct FlowContext<'a> {
    /// What its initiator did as initiator.
    pub initiator: &'a Lately,
    /// What was done to its responder.
    pub responder: &'a Lately,
    /// What its initiator did to its responder.
    pub pair: &'a Lately,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            initiators: Recent::new(MAX_HOSTS),
            responders: Recent::new(MAX_HOSTS),
            pairs: Recent::new(MAX_PAIRS),
            nothing: Activity::default(),
        }
    }
}

impl Context {
    /// Takes in what happened in a flow since it was last taken in; `seen` keeps count of that. `now` is the end of
    /// the window, the same for all of its flows.
    pub fn take_in(&mut self, flow: &Flow, seen: &mut Seen, now: Timestamp) -> Records {
        let (initiator, responder) = (flow.initiator(), flow.responder());
        let interface = flow.key.interface();
        let news = news(flow, seen);
        let records = Records {
            initiator: self.initiators.touch(&(interface, initiator.ip)),
            responder: self.responders.touch(&(interface, responder.ip)),
            pair: self.pairs.touch(&(interface, initiator.ip, responder.ip)),
            forgotten: self.forgotten(),
        };
        let of_initiator = self.initiators.at(records.initiator);
        let of_responder = self.responders.at(records.responder);
        of_initiator.note_peer(&responder.ip, now);
        if seen.is_answered() {
            of_initiator.note_answering(&responder.ip, now);
        }
        of_responder.note_peer(&initiator.ip, now);
        for activity in [of_initiator, of_responder, self.pairs.at(records.pair)] {
            activity.add(&news, now);
            activity.note_port(flow, now);
        }
        records
    }

    /// Takes in a crowd: its flows, packets, bytes and distinct sources are those of its destination.
    pub fn take_in_crowd(&mut self, crowd: &Crowd, now: Timestamp) {
        let record = (crowd.key.interface(), crowd.key.destination());
        let record = self.responders.touch(&record);
        let activity = self.responders.at(record);
        let total = crowd.counters.total;
        let amounts = opened(
            &crowd.typical,
            crowd.flows as f32,
            total.packets as f32,
            total.bytes as f32,
        );
        activity.add(&amounts, now);
        activity.note_port(&crowd.typical, now);
        // Which they are is not known, so as many others stand for them.
        for peer in 0..crowd.sources.min(MAX_PEERS) {
            activity.note_peer(&peer, now);
        }
    }

    /// What the records of a flow come to, which was taken in last in the window that ends at `now`.
    pub fn of(&mut self, flow: &Flow, records: Records, now: Timestamp) -> FlowContext<'_> {
        if records.forgotten != self.forgotten() {
            return self.find(flow, now);
        }
        FlowContext {
            initiator: self.initiators.at(records.initiator).lately(now),
            responder: self.responders.at(records.responder).lately(now),
            pair: self.pairs.at(records.pair).lately(now),
        }
    }

    /// What the records of a crowd's typical flow come to, whose source did what `source` says.
    pub fn of_crowd<'a>(
        &'a mut self,
        crowd: &Crowd,
        source: &'a mut Activity,
        now: Timestamp,
    ) -> FlowContext<'a> {
        let source = source.lately(now);
        FlowContext {
            initiator: source,
            pair: source,
            ..self.find(&crowd.typical, now)
        }
    }

    /// The same by addresses. A record that was forgotten already counts as empty.
    fn find(&mut self, flow: &Flow, now: Timestamp) -> FlowContext<'_> {
        let (initiator, responder) = (flow.initiator().ip, flow.responder().ip);
        let interface = flow.key.interface();
        let nothing = self.nothing.lately(now);
        let places = (
            self.initiators.find(&(interface, initiator)),
            self.responders.find(&(interface, responder)),
            self.pairs.find(&(interface, initiator, responder)),
        );
        FlowContext {
            initiator: places
                .0
                .map_or(nothing, |place| self.initiators.at(place).lately(now)),
            responder: places
                .1
                .map_or(nothing, |place| self.responders.at(place).lately(now)),
            pair: places
                .2
                .map_or(nothing, |place| self.pairs.at(place).lately(now)),
        }
    }

    fn forgotten(&self) -> u64 {
        self.initiators.forgotten() + self.responders.forgotten() + self.pairs.forgotten()
    }
}
