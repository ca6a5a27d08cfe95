//! Flows as user space keeps them: what a window brings, and the table that merges windows into flows.

mod community;
mod crowd;
mod distinct;
mod lone;
mod recent;
mod strays;
mod table;
#[cfg(test)]
pub(crate) mod test_support;
mod time;
mod timeouts;
mod unanswered;

use std::net::IpAddr;

use netanom_common::counter::{Ignored, Tally};
use netanom_common::flow::{DirectionCounters, ErrorCounters, FlowCounters, FlowKey, Side};
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use netanom_common::packet::protocol;

pub use community::community_id;
pub use crowd::Crowd;
pub use distinct::distinct;
pub use lone::request;
pub use recent::{Place, Recent};
pub use table::{Entry, FlowTable, Merged};
pub use time::Timestamp;
pub use timeouts::FlowTimeouts;
pub use unanswered::MOST_UNANSWERED;

/// All that one tick of a source delivers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// Where the window begins; not before the end of the one before.
    pub start: Timestamp,
    /// Where it ends. No packet in it is later.
    pub end: Timestamp,
    /// What was counted since the window before, a flow at most once per shard. Times are nanoseconds since the
    /// Unix epoch.
    pub flows: Vec<(FlowKey, FlowCounters)>,
    /// What was counted by destination because its flow found no room, a key at most once per shard. Only the kernel's
    /// tables are bounded; a capture's window never has any.
    pub overflow: Vec<(OverflowKey, OverflowCounters)>,
    /// What was not counted in a flow, by reason, since the window before.
    pub ignored: IgnoredTallies,
}

/// A [`Tally`] for every reason, in the order of [`Ignored::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IgnoredTallies(pub [Tally; Ignored::ALL.len()]);

impl IgnoredTallies {
    /// Counts one packet of `bytes` bytes.
    pub fn add(&mut self, reason: Ignored, bytes: u64) {
        self.0[reason as usize].add(1, bytes);
    }

    /// Every reason with its tally.
    pub fn iter(&self) -> impl Iterator<Item = (Ignored, Tally)> + '_ {
        Ignored::ALL.into_iter().zip(self.0)
    }

    /// Packets under all reasons.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.0.iter().map(|tally| tally.packets).sum()
    }
}

/// An address and a port; the port is 0 where the protocol has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
}

/// A flow with all that was counted of it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its key.
    pub key: FlowKey,
    /// Who opened it.
    pub initiator: Side,
    /// Everything counted so far.
    pub counters: FlowCounters,
}

impl Flow {
    /// Who opened the flow.
    #[must_use]
    pub fn initiator(&self) -> Endpoint {
        self.endpoint(self.initiator)
    }

    /// Who was asked.
    #[must_use]
    pub fn responder(&self) -> Endpoint {
        self.endpoint(self.initiator.other())
    }

    fn endpoint(&self, side: Side) -> Endpoint {
        Endpoint {
            ip: self.key.address(side),
            port: self.key.port(side),
        }
    }

    /// What the initiator sent.
    #[must_use]
    pub fn fwd(&self) -> &DirectionCounters {
        self.counters.sent_by(self.initiator)
    }

    /// What the responder sent.
    #[must_use]
    pub fn bwd(&self) -> &DirectionCounters {
        self.counters.sent_by(self.initiator.other())
    }

    /// ICMP errors about what the responder sent.
    #[must_use]
    pub fn errors_fwd(&self) -> &ErrorCounters {
        self.counters.errors_for(self.initiator)
    }

    /// ICMP errors that came back for what the initiator sent.
    #[must_use]
    pub fn errors_bwd(&self) -> &ErrorCounters {
        self.counters.errors_for(self.initiator.other())
    }

    /// Time of the first packet; an ICMP error is none.
    #[must_use]
    pub fn first_seen(&self) -> Timestamp {
        let times = [&self.counters.low, &self.counters.high];
        let first = times
            .iter()
            .filter(|sent| sent.total.packets > 0)
            .map(|sent| sent.first)
            .min();
        Timestamp::from_nanos(first.unwrap_or_default())
    }

    /// Time of the last packet; an ICMP error is none.
    #[must_use]
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_nanos(self.counters.low.last.max(self.counters.high.last))
    }

    /// IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.key.protocol()
    }
}

/// `tcp`, `udp`, `icmp`, `icmpv6`, `sctp` or `ip-N`.
#[must_use]
pub fn protocol_name(number: u8) -> String {
    match number {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        other => format!("ip-{other}"),
    }
}
