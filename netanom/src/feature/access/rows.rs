//! The open rows: a bounded table of clients' minutes, and what of it has changed since it was judged.

use std::net::IpAddr;

use ndarray::Array2;
use netanom_common::packet::protocol;

use super::columns::{ACCESS_FEATURES, Subject};
use super::minute::Minute;
use super::past::Past;
use super::request::Request;
use crate::alert::{Class, Facts, Memory, Verdict};
use crate::feature::Features;
use crate::flow::{Endpoint, Recent, Timestamp};

/// Rows that are open at most, about 1.3 KiB each; those that had no line for longest are closed.
pub const MAX_ROWS: usize = 16_384;
/// Clients whose last minutes are known at most, 0.5 KiB each; as above.
const MAX_CLIENTS: usize = 16_384;
/// Minute of the log's time.
const MINUTE: u64 = 60_000_000_000;
/// Requests are TCP's for the most part; what comes by QUIC is logged alike.
const PROTOCOL: u8 = protocol::TCP;

/// Which row a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Minute since the Unix epoch.
    pub minute: u64,
    /// Number of the log that it is in: one server's clients are not another's.
    pub log: u32,
    /// Who asked.
    pub client: IpAddr,
}

#[derive(Clone, Debug, Default)]
struct Row {
    minute: Minute,
    is_changed: bool,
    class: Option<Class>,
    memory: Memory,
}

/// Makes rows of lines.
#[derive(Debug)]
pub struct AccessRows {
    rows: Recent<RowKey, Row>,
    clients: Recent<(u32, IpAddr), Past>,
    changed: Vec<RowKey>,
    seed: u64,
}

impl Default for AccessRows {
    fn default() -> Self {
        Self::seeded(0x6c6f_6773)
    }
}

impl AccessRows {
    /// Counts distinct things with this seed: who knows it can make many paths look like one.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            rows: Recent::new(MAX_ROWS),
            clients: Recent::new(MAX_CLIENTS),
            changed: Vec::new(),
            seed,
        }
    }

    /// Takes in a line of the log with this number. At most half of [`MAX_ROWS`] rows may change before [`Self::take`].
    pub fn add(&mut self, log: u32, request: &Request<'_>) {
        let minute = request.at.as_nanos() / MINUTE;
        let key = RowKey {
            log,
            client: request.client,
            minute,
        };
        let place = self.rows.touch(&key);
        let row = self.rows.at(place);
        if !row.is_changed {
            row.is_changed = true;
            self.changed.push(key);
        }
        let is_odd = row.minute.add(request, self.seed);
        let client = self.clients.touch(&(log, request.client));
        let (is_error, is_post) = (request.status >= 400, request.method == "POST");
        self.clients
            .at(client)
            .add(minute, is_error, is_post, is_odd);
    }

    /// Rows that have changed since they were taken.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.changed.len()
    }

    /// The rows that have changed, with the key of each, in the order in which they first did.
    pub fn take(&mut self, now: Timestamp) -> (Features, Vec<RowKey>) {
        let keys = std::mem::take(&mut self.changed);
        let mut values = Vec::with_capacity(keys.len() * ACCESS_FEATURES.len());
        let mut facts = Vec::with_capacity(keys.len());
        let mut taken = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(place) = self.rows.find(&key) else {
                continue;
            };
            let before = match self.clients.find(&(key.log, key.client)) {
                Some(client) => self.clients.at(client).before(key.minute),
                None => Default::default(),
            };
            let row = self.rows.at(place);
            let subject = Subject {
                minute: &row.minute,
                before,
            };
            values.extend(ACCESS_FEATURES.iter().map(|feature| feature.of(&subject)));
            facts.push(row.facts(key));
            row.is_changed = false;
            (row.minute.new_requests, row.minute.new_bytes) = (0, 0);
            taken.push(key);
        }
        let shape = (taken.len(), ACCESS_FEATURES.len());
        // As many values as the shape says were pushed above.
        let rows = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape));
        (Features { now, rows, facts }, taken)
    }

    /// Keeps what judging a row has left behind.
    pub fn remember(&mut self, key: &RowKey, memory: Memory, verdict: Verdict) {
        if let Some(place) = self.rows.find(key) {
            let row = self.rows.at(place);
            row.memory = memory;
            row.class = Some(verdict.class);
        }
    }
}

impl Row {
    fn facts(&self, key: RowKey) -> Facts {
        // A log does not say at which address its server was asked. With one address for all, clients would be many
        // sources of one target and share an alert; so each stands in its target's place.
        let at = |ip| Endpoint { ip, port: 0 };
        Facts {
            key: None,
            initiator: at(key.client),
            responder: at(key.client),
            protocol: PROTOCOL,
            interface: key.log,
            first_seen: self.minute.first,
            last_seen: self.minute.last,
            packets: self.minute.requests as u64,
            bytes: self.minute.bytes.sum as u64,
            new_packets: self.minute.new_requests,
            new_bytes: self.minute.new_bytes,
            before: self.class,
            memory: self.memory,
            spoken_for: None,
            conversation: None,
            crowd: None,
        }
    }
}
