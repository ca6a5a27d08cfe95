//! What the initiator, the responder and the pair did lately, attached to each flow.
//!
//! A single packet of a flood or a scan looks like any other connection request; only what its source and its target
//! did in the last seconds tells. All records are bounded in number and size, whatever the traffic.

use std::hash::Hash;
use std::net::IpAddr;

use netanom_common::packet::{protocol, tcp};

use super::sketch::{Distinct, Place, Recent, Sliding};
use crate::flow::{Crowd, Flow, Timestamp};

/// Records of each kind; with about 1 KiB each, the context stays under 70 MiB.
const MAX_HOSTS: usize = 16_384;
const MAX_PAIRS: usize = 32_768;

/// The short and the long window, in seconds.
pub(super) const SHORT: u64 = 10;
/// See [`SHORT`].
pub(super) const LONG: u64 = 60;

/// What is summed of the flows of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Flows opened.
    Flows,
    /// Flows in which the responder sent something else than a refusal.
    Answered,
    /// Flows that were refused: TCP that the responder reset without having sent data, and what nothing but ICMP's
    /// "destination unreachable" came back for, as for a closed port of UDP (RFC 1122 4.1.3.1).
    Refused,
    /// Flows that an ICMP error came back for.
    Errors,
    /// TCP flows whose handshake the initiator completed.
    Established,
    /// Packets from initiator to responder.
    PacketsFwd,
    /// Packets from responder to initiator.
    PacketsBwd,
    /// Frame bytes from initiator to responder.
    BytesFwd,
    /// Frame bytes from responder to initiator.
    BytesBwd,
}

const SUMS: usize = 9;

/// What one host, as initiator or as responder, or one pair did lately.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    short: Sliding<SUMS, SHORT>,
    long: Sliding<SUMS, LONG>,
    peers: Distinct,
    ports: Distinct,
    /// What it comes to, while nothing is added and the time stays the same: many flows of a window share a host.
    lately: Lately,
    lately_at: Option<Timestamp>,
}

/// What an [`Activity`] comes to at a moment.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    /// Over [`SHORT`] and over [`LONG`].
    sums: [[f32; SUMS]; 2],
    peers: [f32; 2],
    ports: [f32; 2],
}

impl Activity {
    fn add(&mut self, amounts: &[f32; SUMS], now: Timestamp) {
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

    /// What it comes to at `now`.
    pub fn lately(&mut self, now: Timestamp) -> &Lately {
        if self.lately_at != Some(now) {
            self.lately = Lately {
                sums: [self.short.sums(now), self.long.sums(now)],
                peers: self.peers.counts([SHORT, LONG], now),
                ports: self.ports.counts([SHORT, LONG], now),
            };
            self.lately_at = Some(now);
        }
        &self.lately
    }
}

impl Lately {
    /// A sum over the window of `seconds`, [`SHORT`] or [`LONG`].
    #[must_use]
    pub(super) fn sum(&self, sum: Sum, seconds: u64) -> f32 {
        self.sums[window(seconds)][sum as usize]
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

    /// Distinct addresses on the other side (for a pair: none).
    #[must_use]
    pub(super) fn peers(&self, seconds: u64) -> f32 {
        self.peers[window(seconds)]
    }

    /// Distinct ports of the responder.
    #[must_use]
    pub(super) fn ports(&self, seconds: u64) -> f32 {
        self.ports[window(seconds)]
    }
}

/// Where [`Lately`] keeps what is over so many seconds.
const fn window(seconds: u64) -> usize {
    (seconds != SHORT) as usize
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

/// What flows without an answer add up to.
fn opened(flows: f32, packets: f32, bytes: f32) -> [f32; SUMS] {
    let mut amounts = [0.0; SUMS];
    amounts[Sum::Flows as usize] = flows;
    amounts[Sum::PacketsFwd as usize] = packets;
    amounts[Sum::BytesFwd as usize] = bytes;
    amounts
}

/// How much of a flow the context has already taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    opened: bool,
    answered: bool,
    refused: bool,
    errors: bool,
    established: bool,
    packets_fwd: u64,
    packets_bwd: u64,
    bytes_fwd: u64,
    bytes_bwd: u64,
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
        let amounts = opened(crowd.flows as f32, total.packets as f32, total.bytes as f32);
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

fn news(flow: &Flow, seen: &mut Seen) -> [f32; SUMS] {
    let (fwd, bwd) = (flow.fwd(), flow.bwd());
    let once = |flag: &mut bool, holds: bool| {
        let first = holds && !*flag;
        *flag |= holds;
        if first { 1.0 } else { 0.0 }
    };
    let since = |before: &mut u64, total: u64| {
        let more = total.saturating_sub(*before);
        *before = total;
        more as f32
    };
    let is_tcp = flow.protocol() == protocol::TCP;
    let reset =
        is_tcp && bwd.flag(tcp::RST) > 0 && bwd.payload_packets == 0 && bwd.flag(tcp::SYN) == 0;
    let errors = flow.errors_bwd();
    let refused = reset || (errors.unreachable > 0 && bwd.total.packets == 0);
    let answered = bwd.total.packets > 0 && !refused;
    let established = is_tcp && bwd.flag(tcp::SYN) > 0 && fwd.flag(tcp::ACK) > fwd.flag(tcp::RST);
    // In the order of `Sum`.
    [
        once(&mut seen.opened, true),
        once(&mut seen.answered, answered),
        once(&mut seen.refused, refused),
        once(&mut seen.errors, errors.packets > 0),
        once(&mut seen.established, established),
        since(&mut seen.packets_fwd, fwd.total.packets),
        since(&mut seen.packets_bwd, bwd.total.packets),
        since(&mut seen.bytes_fwd, fwd.total.bytes),
        since(&mut seen.bytes_bwd, bwd.total.bytes),
    ]
}
