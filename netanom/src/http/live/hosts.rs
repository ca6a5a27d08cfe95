//! What each host did since it was first seen: bounded records, of which the smallest and oldest make room.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use super::tick::Row;
use crate::alert::{CLASSES, Class};
use crate::flow::Timestamp;

/// Hosts that are remembered.
const MOST: usize = 4096;
/// Peers and ports that are remembered of a host: those with the most bytes.
const SHARES: usize = 8;
/// A host with fewer packets makes room first: a scan's or a flood's.
const SMALL: u64 = 8;
/// Nanoseconds in which what a host did counts half.
const HALF_LIFE: f64 = 10e9;

/// What a host did in one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Role {
    /// Flows.
    pub flows: u64,
    /// Packets of these, in both directions.
    pub packets: u64,
    /// Their frame bytes.
    pub bytes: u64,
}

/// Something that a host had to do with, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Share<T> {
    /// What.
    pub of: T,
    /// Frame bytes, at least.
    pub bytes: u64,
}

/// A host as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HostView {
    /// Its address.
    #[schema(value_type = String)]
    pub ip: IpAddr,
    /// Its first packet since it is remembered.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Its last packet.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// Of flows that it opened.
    pub opened: Role,
    /// Of flows that it was asked by.
    pub answered: Role,
    /// Bytes a second of late: what it did fades to a half in ten seconds.
    pub bytes_per_second: f64,
    /// Its flows by the newest verdict at their first judgement.
    pub verdicts: std::collections::BTreeMap<&'static str, u64>,
    /// Hosts that it exchanged most with.
    #[schema(value_type = Vec<Share<String>>)]
    pub peers: Vec<Share<IpAddr>>,
    /// Ports of responders that it exchanged most at.
    pub ports: Vec<Share<u16>>,
}

#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<IpAddr, Host>);

#[derive(Debug, Default)]
struct Host {
    first_seen: Timestamp,
    last_seen: Timestamp,
    opened: Role,
    answered: Role,
    /// Bytes that fade, and as of when.
    lately: (f64, Timestamp),
    verdicts: [u64; CLASSES],
    peers: Largest<IpAddr>,
    ports: Largest<u16>,
}

impl Hosts {
    pub(super) fn take_in(&mut self, row: &Row, now: Timestamp) {
        let (initiator, responder) = (row.id.initiator, row.id.responder);
        for (own, peer, opened) in [
            (initiator.ip, responder.ip, true),
            (responder.ip, initiator.ip, false),
        ] {
            // A crowd's sources have no address.
            if own.is_unspecified() {
                continue;
            }
            if self.0.len() >= MOST && !self.0.contains_key(&own) {
                self.make_room();
            }
            let host = self.0.entry(own).or_default();
            host.take_in(row, now, opened);
            if !peer.is_unspecified() {
                host.peers.add(peer, row.new_bytes);
            }
            host.ports.add(responder.port, row.new_bytes);
        }
    }

    /// Forgets a quarter of them.
    fn make_room(&mut self) {
        let rank = |host: &Host| {
            let packets = host.opened.packets + host.answered.packets;
            (packets >= SMALL, host.last_seen)
        };
        let mut ranks: Vec<_> = self.0.values().map(rank).collect();
        let (_, &mut bar, _) = ranks.select_nth_unstable(MOST / 4);
        let mut room = MOST / 4;
        self.0.retain(|_, host| {
            let goes = room > 0 && rank(host) <= bar;
            room -= usize::from(goes);
            !goes
        });
    }

    pub(super) fn of(&self, ip: IpAddr, now: Timestamp) -> Option<HostView> {
        self.0.get(&ip).map(|host| host.view(ip, now))
    }

    /// Those with the most bytes of late.
    pub(super) fn busiest(&self, most: usize, now: Timestamp) -> Vec<HostView> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(ip, host)| (host.rate(now), *ip))
            .collect();
        all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(most);
        let views = all.iter().filter_map(|(_, ip)| self.of(*ip, now));
        views.collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Host {
    fn take_in(&mut self, row: &Row, now: Timestamp, opened: bool) {
        if self.first_seen == Timestamp::default() {
            self.first_seen = row.first_seen;
        }
        self.last_seen = self.last_seen.max(row.last_seen);
        let role = if opened {
            &mut self.opened
        } else {
            &mut self.answered
        };
        role.packets += row.new_packets;
        role.bytes += row.new_bytes;
        if row.is_new {
            role.flows += row.flows;
            self.verdicts[row.class as usize] += row.flows;
        }
        self.lately = (self.faded(now) + row.new_bytes as f64, now);
    }

    fn faded(&self, now: Timestamp) -> f64 {
        let (bytes, at) = self.lately;
        bytes * (-(now.since(at).as_nanos() as f64) / HALF_LIFE).exp2()
    }

    /// A steady stream of one byte a second comes to half-life / ln 2 bytes.
    fn rate(&self, now: Timestamp) -> f64 {
        self.faded(now) * std::f64::consts::LN_2 / (HALF_LIFE / 1e9)
    }

    fn view(&self, ip: IpAddr, now: Timestamp) -> HostView {
        let verdicts = Class::ALL.iter().zip(self.verdicts);
        HostView {
            ip,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            opened: self.opened,
            answered: self.answered,
            bytes_per_second: self.rate(now),
            verdicts: verdicts
                .filter(|(_, flows)| *flows > 0)
                .map(|(class, flows)| (class.name(), flows))
                .collect(),
            peers: self.peers.all(),
            ports: self.ports.all(),
        }
    }
}

/// The largest of many shares in little room (space-saving, Metwally et al. 2005): a newcomer takes the smallest's place and
/// its count, so what is shown is never less than what was.
#[derive(Debug)]
struct Largest<T>(Vec<Share<T>>);

impl<T> Default for Largest<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Eq + Hash> Largest<T> {
    fn add(&mut self, of: T, bytes: u64) {
        if let Some(known) = self.0.iter_mut().find(|share| share.of == of) {
            known.bytes += bytes;
        } else if self.0.len() < SHARES {
            self.0.push(Share { of, bytes });
        } else if let Some(smallest) = self.0.iter_mut().min_by_key(|share| share.bytes) {
            smallest.of = of;
            smallest.bytes += bytes;
        }
    }

    fn all(&self) -> Vec<Share<T>> {
        let mut all = self.0.clone();
        all.sort_by_key(|share| std::cmp::Reverse(share.bytes));
        all
    }
}
