//! What the initiator, the responder and the pair did lately, attached to each flow.
//!
//! A single packet of a flood or a scan looks like any other connection request; only what its source and its target
//! did in the last seconds tells. All records are bounded in number and size, whatever the traffic.

use std::hash::Hash;
use std::net::IpAddr;

use super::news::{Seen, news, opened};
use super::past::{Event, Lately, Past};
use super::sketch::Slots;
use crate::flow::{Crowd, Flow, Place, Recent, Timestamp};

/// Records of each kind. Each takes 104 bytes, 350 more when more than one thing happened to it, and up to 1.3 KiB more
/// for answers and many peers and ports: 28 MiB that are taken at the start, and 84 MiB more if every host was busy.
const MAX_HOSTS: usize = 16_384;
const MAX_PAIRS: usize = 32_768;

/// A distinct count is full long before so many.
const MAX_PEERS: u64 = 1024;

type Host = (u32, IpAddr);
type Pair = (u32, IpAddr, IpAddr);

/// The recent past of all hosts.
#[derive(Debug)]
pub struct Context {
    initiators: Recent<Host, Past>,
    responders: Recent<Host, Past>,
    pairs: Recent<Pair, Past>,
    /// What is not kept of the initiator, the responder and the pair of the flow asked for last.
    scratch: [Lately; 3],
    slots: Slots,
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
            initiators: Recent::renewing(MAX_HOSTS, Past::renew),
            responders: Recent::renewing(MAX_HOSTS, Past::renew),
            pairs: Recent::renewing(MAX_PAIRS, Past::renew),
            scratch: Default::default(),
            slots: Slots::default(),
        }
    }
}

impl Context {
    /// Counts distinct hosts and ports with this seed from now on; without it, with one that is always the same.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self {
            slots: Slots::seeded(seed),
            ..self
        }
    }

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
        let slots = self.slots;
        let event = Event::new(slots, flow, news, now);
        let of_initiator = event
            .clone()
            .with(slots.of(&responder.ip))
            .answered(seen.is_answered());
        self.initiators.at(records.initiator).take_in(of_initiator);
        let of_responder = event.clone().with(slots.of(&initiator.ip));
        self.responders.at(records.responder).take_in(of_responder);
        self.pairs.at(records.pair).take_in(event);
        records
    }

    /// Takes in a crowd: its flows, packets, bytes and distinct sources are those of its destination.
    pub fn take_in_crowd(&mut self, crowd: &Crowd, now: Timestamp) {
        let record = (crowd.key.interface(), crowd.key.destination());
        let record = self.responders.touch(&record);
        let past = self.responders.at(record);
        let slots = self.slots;
        let total = crowd.counters.total;
        let amounts = opened(
            &crowd.typical,
            crowd.flows as f32,
            total.packets as f32,
            total.bytes as f32,
        );
        past.take_in(Event::new(slots, &crowd.typical, amounts, now));
        // Which they are is not known, so as many others stand for them.
        for peer in 0..crowd.sources.min(MAX_PEERS) {
            past.note_peer(slots.of(&peer), now);
        }
    }

    /// What the records of a flow come to, which was taken in last in the window that ends at `now`.
    pub fn of(&mut self, flow: &Flow, records: Records, now: Timestamp) -> FlowContext<'_> {
        if records.forgotten != self.forgotten() {
            return self.find(flow, now);
        }
        let [initiator, responder, pair] = &mut self.scratch;
        FlowContext {
            initiator: self.initiators.at(records.initiator).lately(now, initiator),
            responder: self.responders.at(records.responder).lately(now, responder),
            pair: self.pairs.at(records.pair).lately(now, pair),
        }
    }

    /// What the records of a crowd's typical flow come to. Its source did what each source of the crowd did, as far as the
    /// crowd's sums say; `source` takes what that comes to.
    pub fn of_crowd<'a>(
        &'a mut self,
        crowd: &Crowd,
        source: &'a mut Lately,
        now: Timestamp,
    ) -> FlowContext<'a> {
        let share = |total: u64| (total as f32 / crowd.sources.max(1) as f32).max(1.0);
        let amounts = opened(
            &crowd.typical,
            share(crowd.flows),
            share(crowd.counters.total.packets),
            share(crowd.counters.total.bytes),
        );
        let responder = self.slots.of(&crowd.typical.responder().ip);
        let event = Event::new(self.slots, &crowd.typical, amounts, now);
        *source = event.with(responder).lately(now);
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
        let [of_initiator, of_responder, of_pair] = &mut self.scratch;
        FlowContext {
            initiator: self
                .initiators
                .lately(&(interface, initiator), now, of_initiator),
            responder: self
                .responders
                .lately(&(interface, responder), now, of_responder),
            pair: self
                .pairs
                .lately(&(interface, initiator, responder), now, of_pair),
        }
    }

    /// Takes the memory of as many hosts and pairs as are remembered, each with several events that nobody answered, and
    /// forgets them.
    pub fn take_memory(&mut self) {
        let host = |n: usize| {
            (
                0,
                IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, (n >> 16) as u16, n as u16]),
            )
        };
        for n in 0..MAX_HOSTS {
            for hosts in [&mut self.initiators, &mut self.responders] {
                let record = hosts.touch(&host(n));
                hosts.at(record).take_memory();
            }
        }
        for n in 0..MAX_PAIRS {
            let record = self.pairs.touch(&(0, host(n).1, host(0).1));
            self.pairs.at(record).take_memory();
        }
        self.clear();
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.initiators.clear();
        self.responders.clear();
        self.pairs.clear();
    }

    fn forgotten(&self) -> u64 {
        self.initiators.forgotten() + self.responders.forgotten() + self.pairs.forgotten()
    }
}

impl<K: Hash + Eq + Clone> Recent<K, Past> {
    /// What the record of `key` comes to, if there is one.
    fn lately<'a>(&'a mut self, key: &K, now: Timestamp, scratch: &'a mut Lately) -> &'a Lately {
        match self.find(key) {
            Some(place) => self.at(place).lately(now, scratch),
            None => {
                *scratch = Lately::default();
                scratch
            }
        }
    }
}
