//! The evidence of one host over time, for who asks why it raised an alert or raised none.

use std::net::IpAddr;

use super::Class;
use crate::flow::{Endpoint, Timestamp};

/// What one judged flow of a watched host did to the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The end of the window in which it was judged.
    pub at: Timestamp,
    /// Who opened the flow.
    pub initiator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// IP protocol number.
    pub protocol: u8,
    /// How many flows it stands for, where it is a conversation.
    pub conversation: Option<f32>,
    /// What the flow was judged to be.
    pub judged: Class,
    /// How surely it is an attack of some class that its protocol allows, 0 to 1.
    pub anomaly: f32,
    /// What that added to the evidence, or took away.
    pub added: f32,
    /// What the pair of hosts is called, where it is an attack.
    pub named: Option<Class>,
    /// The evidence of the case that it counts for.
    pub evidence: f64,
}

/// Flows that are remembered of a watched host at most; later ones are not.
const MAX_TRACES: usize = 100_000;

/// Watches a host.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) host: IpAddr,
    pub(super) traces: Vec<Trace>,
}

impl Watch {
    pub(super) fn of(host: IpAddr) -> Self {
        Self {
            host,
            traces: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, trace: Trace) {
        let is_about = trace.initiator.ip == self.host || trace.responder.ip == self.host;
        if is_about && self.traces.len() < MAX_TRACES {
            self.traces.push(trace);
        }
    }
}
