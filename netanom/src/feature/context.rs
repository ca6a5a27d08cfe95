//! What the initiator, the responder and the pair did lately, attached to each flow.
//!
//! A single packet of a flood or a scan looks like any other connection request; only what its source and its target
//! did in the last seconds tells. All records are bounded in number and size, whatever the traffic.

use std::net::IpAddr;
use std::time::Duration;

use netanom_common::packet::{protocol, tcp};

use super::sketch::{Distinct, Recent, Sliding};
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
    /// TCP flows that the responder reset without having sent data.
    Refused,
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

const SUMS: usize = 8;

/// What one host, as initiator or as responder, or one pair did lately.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    short: Sliding<SUMS, SHORT>,
    long: Sliding<SUMS, LONG>,
    peers: Distinct,
    ports: Distinct,
}

impl Activity {
    fn add(&mut self, sum: Sum, amount: f32, now: Timestamp) {
        if amount > 0.0 {
            self.short.add(sum as usize, amount, now);
            self.long.add(sum as usize, amount, now);
        }
    }

    /// A sum over the window of `seconds`, [`SHORT`] or [`LONG`].
    #[must_use]
    pub(super) fn sum(&self, sum: Sum, seconds: u64, now: Timestamp) -> f32 {
        if seconds == SHORT {
            self.short.sum(sum as usize, now)
        } else {
            self.long.sum(sum as usize, now)
        }
    }

    /// A sum as a share of the flows opened; 0 when there were none.
    #[must_use]
    pub(super) fn share(&self, sum: Sum, seconds: u64, now: Timestamp) -> f32 {
        let flows = self.sum(Sum::Flows, seconds, now);
        if flows > 0.0 {
            (self.sum(sum, seconds, now) / flows).min(1.0)
        } else {
            0.0
        }
    }

    /// Distinct addresses on the other side (for a pair: none).
    #[must_use]
    pub(super) fn peers(&self, seconds: u64, now: Timestamp) -> f32 {
        self.peers.count(Duration::from_secs(seconds), now)
    }

    /// Distinct ports of the responder.
    #[must_use]
    pub(super) fn ports(&self, seconds: u64, now: Timestamp) -> f32 {
        self.ports.count(Duration::from_secs(seconds), now)
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
        activity.add(Sum::Flows, share(crowd.flows), now);
        activity.add(Sum::PacketsFwd, share(crowd.counters.total.packets), now);
        activity.add(Sum::BytesFwd, share(crowd.counters.total.bytes), now);
        activity.note_port(&crowd.typical, now);
        activity.peers.note(&crowd.typical.responder().ip, now);
        activity
    }

    fn note_port(&mut self, flow: &Flow, now: Timestamp) {
        self.ports
            .note(&(flow.protocol(), flow.responder().port), now);
    }
}

/// How much of a flow the context has already taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    opened: bool,
    answered: bool,
    refused: bool,
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

/// The three records that concern a flow.
#[derive(Debug)]
pub struct FlowContext<'a> {
    /// What its initiator did as initiator.
    pub initiator: &'a Activity,
    /// What was done to its responder.
    pub responder: &'a Activity,
    /// What its initiator did to its responder.
    pub pair: &'a Activity,
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
    pub fn take_in(&mut self, flow: &Flow, seen: &mut Seen, now: Timestamp) {
        let (initiator, responder) = (flow.initiator(), flow.responder());
        let interface = flow.key.interface();
        let news = news(flow, seen);
        let records = [
            self.initiators.touch(&(interface, initiator.ip)),
            self.responders.touch(&(interface, responder.ip)),
            self.pairs.touch(&(interface, initiator.ip, responder.ip)),
        ];
        for activity in records {
            for (sum, amount) in news {
                activity.add(sum, amount, now);
            }
            activity.ports.note(&(flow.protocol(), responder.port), now);
        }
        self.initiators
            .touch(&(interface, initiator.ip))
            .peers
            .note(&responder.ip, now);
        self.responders
            .touch(&(interface, responder.ip))
            .peers
            .note(&initiator.ip, now);
    }

    /// Takes in a crowd: its flows, packets, bytes and distinct sources are those of its destination.
    pub fn take_in_crowd(&mut self, crowd: &Crowd, now: Timestamp) {
        let record = (crowd.key.interface(), crowd.key.destination());
        let activity = self.responders.touch(&record);
        let total = crowd.counters.total;
        activity.add(Sum::Flows, crowd.flows as f32, now);
        activity.add(Sum::PacketsFwd, total.packets as f32, now);
        activity.add(Sum::BytesFwd, total.bytes as f32, now);
        activity.note_port(&crowd.typical, now);
        // Which they are is not known, so as many others stand for them.
        for peer in 0..crowd.sources.min(MAX_PEERS) {
            activity.peers.note(&peer, now);
        }
    }

    /// The records of a crowd's typical flow, whose source did what `source` says.
    #[must_use]
    pub fn of_crowd<'a>(&'a self, crowd: &Crowd, source: &'a Activity) -> FlowContext<'a> {
        FlowContext {
            initiator: source,
            pair: source,
            ..self.of(&crowd.typical)
        }
    }

    /// The records of a flow. One that the tables have forgotten already counts as empty.
    #[must_use]
    pub fn of(&self, flow: &Flow) -> FlowContext<'_> {
        let (initiator, responder) = (flow.initiator().ip, flow.responder().ip);
        let interface = flow.key.interface();
        let nothing = &self.nothing;
        FlowContext {
            initiator: self
                .initiators
                .get(&(interface, initiator))
                .unwrap_or(nothing),
            responder: self
                .responders
                .get(&(interface, responder))
                .unwrap_or(nothing),
            pair: self
                .pairs
                .get(&(interface, initiator, responder))
                .unwrap_or(nothing),
        }
    }
}

fn news(flow: &Flow, seen: &mut Seen) -> [(Sum, f32); SUMS] {
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
    let refused =
        is_tcp && bwd.flag(tcp::RST) > 0 && bwd.payload_packets == 0 && bwd.flag(tcp::SYN) == 0;
    let answered = bwd.total.packets > 0 && !refused;
    let established = is_tcp && bwd.flag(tcp::SYN) > 0 && fwd.flag(tcp::ACK) > fwd.flag(tcp::RST);
    [
        (Sum::Flows, once(&mut seen.opened, true)),
        (Sum::Answered, once(&mut seen.answered, answered)),
        (Sum::Refused, once(&mut seen.refused, refused)),
        (Sum::Established, once(&mut seen.established, established)),
        (
            Sum::PacketsFwd,
            since(&mut seen.packets_fwd, fwd.total.packets),
        ),
        (
            Sum::PacketsBwd,
            since(&mut seen.packets_bwd, bwd.total.packets),
        ),
        (Sum::BytesFwd, since(&mut seen.bytes_fwd, fwd.total.bytes)),
        (Sum::BytesBwd, since(&mut seen.bytes_bwd, bwd.total.bytes)),
    ]
}
