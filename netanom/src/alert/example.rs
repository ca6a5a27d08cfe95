//! Some flows of an incident, kept with its alert: what to look for in captures and in other tools.

use std::net::IpAddr;

use netanom_common::flow::FlowKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Facts;
use crate::flow::{Endpoint, Timestamp, community_id, protocol_name};

/// Flows that are kept of an incident: the first ones.
const MOST: usize = 10;

/// A flow of an incident, as it was when it was judged last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExampleFlow {
    /// `tcp`, `udp`, `icmp` or `ip-N`.
    pub protocol: String,
    /// Who opened it.
    #[schema(value_type = String)]
    pub initiator_ip: IpAddr,
    /// Its port; 0 where the protocol has none.
    pub initiator_port: u16,
    /// Who was asked.
    #[schema(value_type = String)]
    pub responder_ip: IpAddr,
    /// Its port; 0 where the protocol has none.
    pub responder_port: u16,
    /// First packet.
    #[schema(value_type = String)]
    pub first_seen: Timestamp,
    /// Last packet.
    #[schema(value_type = String)]
    pub last_seen: Timestamp,
    /// Packets both ways.
    pub packets: u64,
    /// Their frame bytes on the wire.
    pub bytes: u64,
    /// Its Community ID (version 1, seed 0), where it has one.
    pub community_id: Option<String>,
}

/// The first flows of a case.
#[derive(Clone, Debug, Default)]
pub(super) struct Examples(Vec<Example>);

#[derive(Clone, Copy, Debug)]
struct Example {
    key: FlowKey,
    initiator: Endpoint,
    responder: Endpoint,
    seen: (Timestamp, Timestamp),
    packets: u64,
    bytes: u64,
}

impl Example {
    fn is_same(&self, other: &Self) -> bool {
        (self.initiator, self.responder, self.key.protocol())
            == (other.initiator, other.responder, other.key.protocol())
    }
}

impl Examples {
    /// Takes in a flow, or how it is now.
    pub(super) fn take(&mut self, fact: &Facts) {
        if fact.crowd.is_some() {
            // Of which no flow is known.
            return;
        }
        let example = Example {
            key: fact.key,
            initiator: fact.initiator,
            responder: fact.responder,
            seen: (fact.first_seen, fact.last_seen),
            packets: fact.packets,
            bytes: fact.bytes,
        };
        if let Some(known) = self.0.iter_mut().find(|known| known.is_same(&example)) {
            *known = example;
        } else if self.0.len() < MOST {
            self.0.push(example);
        }
    }

    /// Takes in those of another case, as far as there is room.
    pub(super) fn merge(&mut self, other: &Self) {
        for example in &other.0 {
            let is_known = self.0.iter().any(|known| known.is_same(example));
            if self.0.len() < MOST && !is_known {
                self.0.push(*example);
            }
        }
    }

    /// As alerts show them.
    pub(super) fn shown(&self) -> Vec<ExampleFlow> {
        let shown = |example: &Example| ExampleFlow {
            protocol: protocol_name(example.key.protocol()),
            initiator_ip: example.initiator.ip,
            initiator_port: example.initiator.port,
            responder_ip: example.responder.ip,
            responder_port: example.responder.port,
            first_seen: example.seen.0,
            last_seen: example.seen.1,
            packets: example.packets,
            bytes: example.bytes,
            community_id: community_id(&example.key),
        };
        self.0.iter().map(shown).collect()
    }
}
