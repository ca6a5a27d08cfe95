//! The flows that were judged of late, each with its newest judgement, newest first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use super::tick::{FlowId, Row};
use crate::alert::Class;
use crate::flow::{Timestamp, protocol_name};

/// A judged flow.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FlowView {
    /// Who opened it; `null` where it stands for many flows from many sources.
    #[schema(value_type = Option<String>)]
    pub initiator_ip: Option<IpAddr>,
    /// Its port; 0 where the protocol has none.
    pub initiator_port: u16,
    /// Who was asked.
    #[schema(value_type = String)]
    pub responder_ip: IpAddr,
    /// Its port; 0 where the protocol has none.
    pub responder_port: u16,
    /// `tcp`, `udp`, `icmp`, …
    pub protocol: String,
    /// The first packet.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// The last packet.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// Packets so far.
    pub packets: u64,
    /// Frame bytes so far.
    pub bytes: u64,
    /// Bytes a second, between its last two judgements.
    pub bytes_per_second: f64,
    /// What it is judged to be.
    pub class: Class,
    /// How sure that is, 0 to 1.
    pub score: f32,
    /// How unlike normal traffic it is, 0 to 1.
    pub anomaly: f32,
    /// How many flows it stands for; 1 but for a flood's.
    pub flows: u64,
}

/// Which flows are asked for.
#[derive(Clone, Debug, Default)]
pub struct FlowsQuery {
    /// Only with this address as the initiator's.
    pub source: Option<IpAddr>,
    /// Only with this address as the responder's.
    pub target: Option<IpAddr>,
    /// Only with this address as either's.
    pub host: Option<IpAddr>,
    /// Only with this port of the responder.
    pub port: Option<u16>,
    /// Only of this protocol, by name.
    pub protocol: Option<String>,
    /// Only judged so.
    pub class: Option<Class>,
    /// Only with a packet at or after this moment.
    pub since: Option<Timestamp>,
    /// Only with a packet at or before this moment.
    pub until: Option<Timestamp>,
    /// At most this many.
    pub limit: usize,
    /// Only those that stand after this place.
    pub before: Option<u64>,
}

/// A page of them.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowsPage {
    /// In the order that was asked for.
    pub flows: Vec<FlowView>,
    /// The place of the last one, when there are more.
    pub next: Option<u64>,
    /// How many match on all pages.
    pub total: usize,
}

/// Flows that were judged last, so many at most.
#[derive(Debug)]
pub(super) struct RecentFlows {
    most: usize,
    next: u64,
    /// By the order of their judgement.
    kept: BTreeMap<u64, Kept>,
    places: HashMap<FlowId, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    row: Row,
    judged_at: Timestamp,
    rate: f64,
}

impl RecentFlows {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            next: 0,
            kept: BTreeMap::new(),
            places: HashMap::new(),
        }
    }

    /// Takes in the newest judgement of a flow.
    pub(super) fn put(&mut self, row: Row, now: Timestamp) {
        let before = self.remove(&row.id);
        let since = before.map_or(row.first_seen, |before| before.judged_at);
        // What came within a window is spread over a quarter of a second at least: one packet is no rate.
        let seconds = now.since(since).as_secs_f64().max(0.25);
        if self.kept.len() >= self.most
            && let Some((_, oldest)) = self.kept.pop_first()
        {
            self.places.remove(&oldest.row.id);
        }
        self.places.insert(row.id, self.next);
        let kept = Kept {
            row,
            judged_at: now,
            rate: row.new_bytes as f64 / seconds,
        };
        self.kept.insert(self.next, kept);
        self.next += 1;
    }

    /// Forgets a flow.
    pub(super) fn forget(&mut self, id: &FlowId) {
        self.remove(id);
    }

    fn remove(&mut self, id: &FlowId) -> Option<Kept> {
        let place = self.places.remove(id)?;
        self.kept.remove(&place)
    }

    /// Those that match, newest first, page by page.
    pub(super) fn page(&self, query: &FlowsQuery) -> FlowsPage {
        let before = query.before.unwrap_or(u64::MAX);
        let mut page = FlowsPage {
            flows: Vec::new(),
            next: None,
            total: 0,
        };
        let mut last = 0;
        let matching = self.kept.iter().rev();
        for (&place, kept) in matching.filter(|(_, kept)| query.matches(&kept.row)) {
            page.total += 1;
            if place >= before {
                continue;
            }
            if page.flows.len() < query.limit {
                page.flows.push(kept.view());
                last = place;
            } else {
                page.next = Some(last);
            }
        }
        page
    }

    /// Those with a packet since `since`, with their rates.
    pub(super) fn since(
        &self,
        since: Timestamp,
        query: &FlowsQuery,
    ) -> impl Iterator<Item = FlowView> {
        let query = query.clone();
        let lately = self.kept.values().rev();
        lately
            .take_while(move |kept| kept.judged_at >= since)
            .filter(move |kept| query.matches(&kept.row))
            .map(Kept::view)
    }
}

impl Kept {
    fn view(&self) -> FlowView {
        FlowView {
            bytes_per_second: self.rate,
            ..self.row.view()
        }
    }
}

impl Row {
    /// As it is shown, without a rate.
    pub(super) fn view(&self) -> FlowView {
        let FlowId {
            initiator,
            responder,
            protocol,
            ..
        } = self.id;
        FlowView {
            initiator_ip: (!initiator.ip.is_unspecified()).then_some(initiator.ip),
            initiator_port: initiator.port,
            responder_ip: responder.ip,
            responder_port: responder.port,
            protocol: protocol_name(protocol),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            packets: self.packets,
            bytes: self.bytes,
            bytes_per_second: 0.0,
            class: self.class,
            score: self.score,
            anomaly: self.anomaly,
            flows: self.flows,
        }
    }
}

impl FlowsQuery {
    fn matches(&self, row: &Row) -> bool {
        let (initiator, responder) = (row.id.initiator, row.id.responder);
        self.source.is_none_or(|ip| initiator.ip == ip)
            && self.target.is_none_or(|ip| responder.ip == ip)
            && self
                .host
                .is_none_or(|ip| initiator.ip == ip || responder.ip == ip)
            && self.port.is_none_or(|port| responder.port == port)
            && self
                .protocol
                .as_ref()
                .is_none_or(|name| protocol_name(row.id.protocol) == *name)
            && self.class.is_none_or(|class| row.class == class)
            && self.since.is_none_or(|since| row.last_seen >= since)
            && self.until.is_none_or(|until| row.first_seen <= until)
    }
}
