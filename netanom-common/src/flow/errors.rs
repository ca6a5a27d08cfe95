//! ICMP errors that quote packets of a flow, and what they come to where nobody saw that flow.

use core::num::NonZeroU32;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{DirectionCounters, FlowCounters, MAX_GAP, Side, opener};
use crate::counter::Tally;
use crate::packet::{Packet, error, icmp};

/// ICMP errors that quote packets of a flow: the network's answer in place of an endpoint's. All sums wrap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ErrorCounters {
    /// Errors.
    pub packets: u32,
    /// Those of them that say that the destination cannot be reached ([`error::UNREACHABLE`]).
    pub unreachable: u32,
    /// Frame bytes on the wire of all of them.
    pub bytes: u64,
}

impl ErrorCounters {
    #[inline(always)]
    pub(super) fn account(&mut self, packet: &Packet, segments: NonZeroU32) {
        let packets = segments.get();
        self.packets = self.packets.wrapping_add(packets);
        if packet.error == error::UNREACHABLE {
            self.unreachable = self.unreachable.wrapping_add(packets);
        }
        self.bytes = self.bytes.wrapping_add(u64::from(packet.length));
    }

    /// Adds what was counted in another generation or on another CPU.
    pub fn merge(&mut self, other: &Self) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.unreachable = self.unreachable.wrapping_add(other.unreachable);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }

    /// The same errors as a flow of their own, which `sender` sent between two moments: all of the mean length and
    /// evenly spread, as only sums are known. `headers` is the length of a frame's headers in bytes.
    #[must_use]
    pub fn as_flow(&self, sender: Side, headers: u32, begin: u64, end: u64) -> FlowCounters {
        let packets = u64::from(self.packets.max(1));
        let length = self.bytes / packets;
        let step = end.saturating_sub(begin) / packets;
        let (gap, gaps) = (step / 1000, packets - 1);
        let first = begin + step / 2;
        let shortest = if gaps > 0 {
            gap.min(u64::from(u32::MAX)) as u32
        } else {
            0
        };
        let payload = length.saturating_sub(u64::from(headers));
        let mut sent = DirectionCounters {
            total: Tally {
                packets: u64::from(self.packets),
                bytes: self.bytes,
            },
            payload_bytes: payload * packets,
            length_squares: length.wrapping_mul(length).wrapping_mul(packets),
            gap_sum: gap * gaps,
            gap_squares: gap.min(MAX_GAP).pow(2).wrapping_mul(gaps),
            first,
            last: first + step * gaps,
            gap_min: shortest,
            gap_max: shortest,
            length_min: length as u32,
            length_max: length as u32,
            ..DirectionCounters::default()
        };
        if payload > 0 {
            (sent.first_payload, sent.payload_packets) = (first, self.packets);
        }
        // Of those that are not unreachable it is not known which they are.
        let kinds = [
            (icmp::UNREACHABLE, self.unreachable),
            (icmp::OTHER, self.packets.saturating_sub(self.unreachable)),
        ];
        for (kind, count) in kinds {
            sent.flags[kind.trailing_zeros() as usize] = count;
        }
        let mut flow = FlowCounters {
            opener: opener::first(sender, icmp::UNREACHABLE),
            ..FlowCounters::default()
        };
        match sender {
            Side::Low => flow.low = sent,
            Side::High => flow.high = sent,
        }
        flow
    }
}
