//! The counters of a flow, the one way in which a packet is added to them, and the key that they are counted under.

mod errors;
mod key;
pub mod opener;

use core::num::NonZeroU32;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::counter::Tally;
use crate::packet::{Packet, error, protocol, tcp};

pub use errors::ErrorCounters;
pub(crate) use key::talk::ports;
pub use key::{FlowKey, Side, talk};

/// Version of the kernel's maps: of [`FlowKey`], [`FlowCounters`], what [`crate::overflow`] counts, and of which maps
/// there are. It goes up with every change.
pub const LAYOUT_VERSION: u32 = 4;

/// Packets within one generation that make a flow known, also when only one direction is seen. Flows of a flood from
/// random sources have one or two.
const MANY_PACKETS: u64 = 8;

/// What one endpoint sent. All sums wrap after 2⁶⁴; times are nanoseconds of the source's clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DirectionCounters {
    /// Packets, and their frame bytes on the wire.
    pub total: Tally,
    /// Bytes above the transport header.
    pub payload_bytes: u64,
    /// Sum of squares of the frame lengths, in bytes².
    pub length_squares: u64,
    /// Sum of the gaps between packets, in microseconds.
    pub gap_sum: u64,
    /// Sum of squares of the gaps, in microseconds²; a gap above [`MAX_GAP`] enters as that.
    pub gap_squares: u64,
    /// Time of the first packet; 0 without a packet.
    pub first: u64,
    /// Time of the last packet.
    pub last: u64,
    /// Time of the first packet with payload; 0 without one.
    pub first_payload: u64,
    /// How many packets had each TCP control bit set ([`tcp`]), or were of each ICMP kind ([`crate::packet::icmp`]).
    pub flags: [u32; 8],
    /// Packets with payload.
    pub payload_packets: u32,
    /// Shortest gap in microseconds; counts from two packets on.
    pub gap_min: u32,
    /// Longest gap in microseconds.
    pub gap_max: u32,
    /// Shortest frame in bytes; counts from one packet on.
    pub length_min: u32,
    /// Longest frame in bytes.
    pub length_max: u32,
    /// TCP receive window of the first packet, unscaled.
    pub first_window: u32,
}

/// Of the packets that a frame is cut into, each has these bits; the first or the last alone has the others
/// (tcp_gso_segment in net/ipv4/tcp_offload.c).
const ON_EACH_SEGMENT: u8 = tcp::ACK | tcp::ECE;

/// Longest gap that enters the sum of squares, in microseconds: a minute. Longer ones would overflow the sum.
pub const MAX_GAP: u64 = 60_000_000;

impl DirectionCounters {
    #[inline(always)]
    fn account(&mut self, packet: &Packet, segments: NonZeroU32, now: u64) {
        let count = u64::from(segments.get());
        let length = packet.length / segments;
        if self.total.packets == 0 {
            self.first = now;
            self.length_min = length;
            self.first_window = u32::from(packet.window);
        } else {
            let gap = now.saturating_sub(self.last) / 1000;
            self.add_gap(gap, self.total.packets == 1);
            if length < self.length_min {
                self.length_min = length;
            }
        }
        // Segments of one frame leave back to back: gaps of zero, which change no sum.
        if count > 1 {
            self.gap_min = 0;
        }
        if length > self.length_max {
            self.length_max = length;
        }
        if now > self.last {
            self.last = now;
        }
        self.total.add(count, u64::from(packet.length));
        let squares = (u64::from(length) * u64::from(length)).wrapping_mul(count);
        self.length_squares = self.length_squares.wrapping_add(squares);
        if packet.payload > 0 {
            if self.payload_packets == 0 {
                self.first_payload = now;
            }
            self.payload_bytes = self.payload_bytes.wrapping_add(u64::from(packet.payload));
            self.payload_packets = self.payload_packets.wrapping_add(segments.get());
        }
        for (bit, counter) in self.flags.iter_mut().enumerate() {
            let carriers = if ON_EACH_SEGMENT >> bit & 1 == 1 {
                segments.get()
            } else {
                1
            };
            *counter = counter.wrapping_add(u32::from(packet.flags >> bit & 1) * carriers);
        }
    }

    #[inline(always)]
    fn add_gap(&mut self, gap: u64, is_first: bool) {
        let squared = if gap > MAX_GAP { MAX_GAP } else { gap };
        let short = if gap > u64::from(u32::MAX) {
            u32::MAX
        } else {
            gap as u32
        };
        self.gap_sum = self.gap_sum.wrapping_add(gap);
        self.gap_squares = self.gap_squares.wrapping_add(squared * squared);
        if is_first || short < self.gap_min {
            self.gap_min = short;
        }
        if short > self.gap_max {
            self.gap_max = short;
        }
    }

    /// Adds what the same endpoint sent at another time: exact when one of the two ends before the other begins, and
    /// exact but for gaps when they overlap, as on two CPUs.
    pub fn merge(&mut self, other: &Self) {
        if other.total.packets == 0 {
            return;
        }
        if self.total.packets == 0 {
            *self = *other;
            return;
        }
        let had_gap = self.total.packets > 1;
        let (begin, end) = (self.first.max(other.first), self.last.min(other.last));
        self.add_gap(begin.saturating_sub(end) / 1000, !had_gap);
        if other.total.packets > 1 {
            self.gap_min = self.gap_min.min(other.gap_min);
            self.gap_max = self.gap_max.max(other.gap_max);
        }
        self.gap_sum = self.gap_sum.wrapping_add(other.gap_sum);
        self.gap_squares = self.gap_squares.wrapping_add(other.gap_squares);
        self.total.add(other.total.packets, other.total.bytes);
        let is_earlier = other.first_payload < self.first_payload;
        if self.payload_packets == 0 || (other.payload_packets > 0 && is_earlier) {
            self.first_payload = other.first_payload;
        }
        self.payload_bytes = self.payload_bytes.wrapping_add(other.payload_bytes);
        self.payload_packets = self.payload_packets.wrapping_add(other.payload_packets);
        self.length_squares = self.length_squares.wrapping_add(other.length_squares);
        self.length_min = self.length_min.min(other.length_min);
        self.length_max = self.length_max.max(other.length_max);
        if other.first < self.first {
            self.first = other.first;
            self.first_window = other.first_window;
        }
        self.last = self.last.max(other.last);
        for (counter, more) in self.flags.iter_mut().zip(other.flags) {
            *counter = counter.wrapping_add(more);
        }
    }

    /// Whether it sent a packet with neither SYN nor RST.
    #[inline(always)]
    fn speaks(&self) -> bool {
        const SYN: usize = tcp::SYN.trailing_zeros() as usize;
        const RST: usize = tcp::RST.trailing_zeros() as usize;
        self.total.packets > u64::from(self.flags[SYN]) + u64::from(self.flags[RST])
    }

    /// Whether it sent something, and every packet of it had RST.
    fn only_resets(&self) -> bool {
        self.total.packets > 0 && self.total.packets == u64::from(self.flag(tcp::RST))
    }

    /// Packets that had the TCP control bit or were of the ICMP kind `flag` (one bit).
    #[must_use]
    pub fn flag(&self, flag: u8) -> u32 {
        self.flags[flag.trailing_zeros() as usize & 7]
    }
}

/// All that is counted of a flow within one generation of the kernel's maps, or over its life in user space.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FlowCounters {
    /// What the low endpoint sent.
    pub low: DirectionCounters,
    /// What the high endpoint sent.
    pub high: DirectionCounters,
    /// Errors that came in place of an answer of the low endpoint, about what the high one sent.
    pub low_errors: ErrorCounters,
    /// Errors about what the low endpoint sent.
    pub high_errors: ErrorCounters,
    /// The part of all these that left through the interface; the rest came in.
    pub egress: Tally,
    /// What its packets say of who began it ([`opener`]).
    pub opener: u32,
    /// Not 0 once the kernel has noted the flow as known in this generation; always 0 in user space.
    pub noted: u32,
}

/// A packet as an observation point saw it.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Nanoseconds of the source's clock.
    pub now: u64,
    /// Packets that the frame becomes on the wire: 1, or more under segmentation offload.
    pub segments: NonZeroU32,
    /// Whether it left through the interface.
    pub egress: bool,
}

impl FlowCounters {
    /// Adds a packet that `side` sent. The kernel's programs and every user-space source count with this.
    #[inline(always)]
    pub fn account(&mut self, side: Side, packet: &Packet, seen: Observation) {
        let segments = seen.segments;
        if seen.egress {
            self.egress
                .add(u64::from(segments.get()), u64::from(packet.length));
        }
        if packet.error != error::NONE {
            match side {
                Side::Low => self.low_errors.account(packet, segments),
                Side::High => self.high_errors.account(packet, segments),
            }
            return;
        }
        if self.opener == opener::UNKNOWN {
            self.opener = opener::first(side, packet.flags);
        }
        if packet.protocol == protocol::TCP && packet.flags & (tcp::SYN | tcp::RST) == tcp::SYN {
            self.opener = opener::with_syn(self.opener, side, packet.flags);
        }
        match side {
            Side::Low => self.low.account(packet, segments, seen.now),
            Side::High => self.high.account(packet, segments, seen.now),
        }
    }

    /// Adds the counters of the same flow from another generation or CPU. The part that began first says who began the
    /// flow, where both say something of it; `self`, where they began together.
    pub fn merge(&mut self, other: &Self) {
        self.opener = if other.began() < self.began() {
            opener::join(other.opener, self.opener)
        } else {
            opener::join(self.opener, other.opener)
        };
        self.low.merge(&other.low);
        self.high.merge(&other.high);
        self.low_errors.merge(&other.low_errors);
        self.high_errors.merge(&other.high_errors);
        self.egress.add(other.egress.packets, other.egress.bytes);
    }

    /// When the first packet of either endpoint came; the end of time when none did.
    fn began(&self) -> u64 {
        let sent = [&self.low, &self.high].into_iter();
        let firsts = sent.filter(|sent| sent.total.packets > 0);
        firsts.map(|sent| sent.first).min().unwrap_or(u64::MAX)
    }

    /// Whether this can be no flow of a flood from spoofed sources: both endpoints sent something else than SYN and
    /// RST, which nobody does who never got an answer, or it has many packets.
    #[inline(always)]
    #[must_use]
    pub fn is_known(&self) -> bool {
        (self.low.speaks() && self.high.speaks())
            || self.low.total.packets + self.high.total.packets >= MANY_PACKETS
    }

    /// What one endpoint sent.
    #[must_use]
    pub fn sent_by(&self, side: Side) -> &DirectionCounters {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    /// Errors that came in place of an answer of one endpoint, about what the other sent.
    #[must_use]
    pub fn errors_for(&self, side: Side) -> &ErrorCounters {
        match side {
            Side::Low => &self.low_errors,
            Side::High => &self.high_errors,
        }
    }

    /// Whether an endpoint was seen to send anything: not when all that is known of the flow is errors that quote it.
    #[inline(always)]
    #[must_use]
    pub fn has_packets(&self) -> bool {
        self.low.total.packets | self.high.total.packets != 0
    }

    /// Who sent the packets that errors quote.
    #[must_use]
    pub fn quoted_sender(&self) -> Side {
        if self.low_errors.packets > 0 {
            Side::High
        } else {
            Side::Low
        }
    }

    /// Who began the flow with this key, by the rules of [`opener`]; where only errors are known, who sent what they
    /// quote.
    #[must_use]
    pub fn initiator(&self, key: &FlowKey) -> Side {
        match key.icmp_initiator() {
            Some(side) => side,
            None if self.has_packets() => opener::initiator(self, key),
            None => self.quoted_sender(),
        }
    }

    /// Packets of both directions, and ICMP errors about them.
    #[must_use]
    pub fn packets(&self) -> u64 {
        let errors = u64::from(self.low_errors.packets) + u64::from(self.high_errors.packets);
        self.low.total.packets + self.high.total.packets + errors
    }

    /// Frame bytes of both directions, and of ICMP errors about them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let errors = self.low_errors.bytes + self.high_errors.bytes;
        self.low.total.bytes + self.high.total.bytes + errors
    }
}
