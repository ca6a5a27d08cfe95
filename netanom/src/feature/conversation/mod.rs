//! Conversations: the TCP flows of one client with one service of one server, judged together.
//!
//! A guessed password is one ordinary connection, and so is a request of a web flood; a hundred alike ones in a row are
//! an attack. A conversation keeps the newest flows in which somebody sent payload, so that scans and SYN floods never
//! enter, and a host that also works is judged for what it does here.
//!
//! Blind spot: fewer than five flows, and many attempts in one.

mod columns;
mod member;
mod talk;

use std::net::IpAddr;
use std::time::Duration;

use netanom_common::packet::protocol;

pub use columns::{COLUMNS, Column};

use self::member::Member;
use self::talk::Talk;
use crate::flow::{Endpoint, Flow, Place, Recent, Timestamp};

/// Conversations that are kept at most, those unused for longest go; with 3 KiB for one of 32 flows, 12 MiB.
const MAX_CONVERSATIONS: usize = 4096;
/// Flows of a conversation that are compared: the newest.
const MAX_MEMBERS: usize = 32;
/// Fewer say nothing.
const LEAST_MEMBERS: usize = 5;
/// A flow that had no packet for so long is no part of a conversation any more.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(5);
/// The count of flows fades to a half in this time.
const HALF_LIFE: Duration = Duration::from_mins(1);
/// A conversation is judged again after this time, or when a quarter more flows have come.
const JUDGE_AGAIN: Duration = Duration::from_secs(1);
/// Conversations that are judged in a window at most; the others' turn comes in the next.
const MAX_DUE: usize = 512;

/// Interface, client, server, the server's port.
type Key = (u32, IpAddr, IpAddr, u16);

/// A conversation that is to be judged now.
#[derive(Clone, Debug, PartialEq)]
pub struct DueConversation {
    /// Where it is, until the next flow is taken in.
    pub place: Place,
    /// Index of the interface that sees it.
    pub interface: u32,
    /// Who asks; without a port, as each flow has its own.
    pub client: Endpoint,
    /// Who is asked.
    pub server: Endpoint,
    /// The first packet of those of its flows that are compared.
    pub first_seen: Timestamp,
    /// The last one.
    pub last_seen: Timestamp,
    /// Flows, older ones counting less.
    pub flows: f32,
    /// A value for each of [`COLUMNS`].
    pub row: Vec<f32>,
}

/// One of them, with `M`, what the caller remembers of it.
#[derive(Debug, Default)]
struct Conversation<M> {
    key: Option<Key>,
    /// In the order in which they began.
    members: Vec<Member>,
    /// Flows so far, fading, as of the time behind it.
    flows: (f32, Timestamp),
    /// Flows that have come since it was judged, and when it was.
    news: u32,
    judged_at: Timestamp,
    is_due: bool,
    memo: M,
}

/// All conversations.
#[derive(Debug)]
pub struct Conversations<M> {
    all: Recent<Key, Conversation<M>>,
    due: Vec<Place>,
}

impl<M: Default> Default for Conversations<M> {
    fn default() -> Self {
        Self {
            all: Recent::new(MAX_CONVERSATIONS),
            due: Vec::new(),
        }
    }
}

impl<M: Default> Conversations<M> {
    /// Takes in a flow as it is now; its conversation's memory, if it has one that is judged.
    pub fn take_in(&mut self, flow: &Flow, now: Timestamp) -> Option<&mut M> {
        let has_payload = flow.fwd().payload_packets > 0 || flow.bwd().payload_packets > 0;
        if flow.protocol() != protocol::TCP || !has_payload {
            return None;
        }
        let (client, server) = (flow.initiator().ip, flow.responder());
        let key = (flow.key.interface(), client, server.ip, server.port);
        let place = self.all.touch(&key);
        let conversation = self.all.at(place);
        conversation.key = Some(key);
        conversation.take_in(Member::of(flow), now);
        if conversation.members.len() < LEAST_MEMBERS {
            return None;
        }
        if !conversation.is_due && conversation.wants_judging(now) {
            conversation.is_due = true;
            self.due.push(place);
        }
        Some(&mut conversation.memo)
    }

    /// The conversations that are to be judged now.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<DueConversation> {
        let late = self.due.split_off(self.due.len().min(MAX_DUE));
        let places = std::mem::replace(&mut self.due, late).into_iter();
        let due = places.filter_map(|place| {
            let conversation = self.all.at(place);
            // Another may be in its place by now.
            std::mem::take(&mut conversation.is_due)
                .then(|| conversation.judged(place, now))
                .flatten()
        });
        due.collect()
    }

    /// What is remembered of the conversation at a place.
    pub fn memo(&mut self, place: Place) -> &mut M {
        &mut self.all.at(place).memo
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.all.clear();
        self.due.clear();
    }
}

impl<M> Conversation<M> {
    fn take_in(&mut self, flow: Member, now: Timestamp) {
        let known = |member: &&mut Member| member.port == flow.port && member.first == flow.first;
        if let Some(member) = self.members.iter_mut().rev().find(known) {
            *member = flow;
            return;
        }
        if self.members.len() == MAX_MEMBERS {
            self.members.remove(0);
        }
        let place = self
            .members
            .partition_point(|member| member.first <= flow.first);
        self.members.insert(place, flow);
        self.flows = (self.flows_at(now) + 1.0, now);
        self.news += 1;
    }

    fn flows_at(&self, now: Timestamp) -> f32 {
        let age = now.since(self.flows.1).as_secs_f32() / HALF_LIFE.as_secs_f32();
        self.flows.0 * (-age).exp2()
    }

    fn wants_judging(&self, now: Timestamp) -> bool {
        now.since(self.judged_at) >= JUDGE_AGAIN || self.news * 4 >= self.members.len() as u32
    }

    /// What is to be judged of it; nothing where too few flows are left.
    fn judged(&mut self, place: Place, now: Timestamp) -> Option<DueConversation> {
        self.members
            .retain(|member| now.since(member.last) < FORGOTTEN_AFTER);
        let (interface, client, server, port) = self.key?;
        if self.members.len() < LEAST_MEMBERS {
            return None;
        }
        (self.news, self.judged_at) = (0, now);
        let talk = Talk {
            members: &self.members,
            now,
            flows: self.flows_at(now),
        };
        let finite = |value: f32| if value.is_finite() { value } else { 0.0 };
        let columns = COLUMNS.iter();
        Some(DueConversation {
            place,
            interface,
            client: Endpoint {
                ip: client,
                port: 0,
            },
            server: Endpoint { ip: server, port },
            first_seen: talk.members[0].first,
            last_seen: talk.members.iter().map(|member| member.last).max()?,
            flows: talk.flows,
            row: columns
                .map(|column| finite((column.compute)(&talk)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests;
