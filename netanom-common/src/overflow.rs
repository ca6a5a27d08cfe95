//! Packets for whose flow there was no room: counted by destination, protocol and kind, with a sketch of their sources.
//!
//! A flood from spoofed sources brings a new flow with each packet, but only few destinations.

use core::net::{IpAddr, Ipv6Addr};
use core::num::NonZeroU32;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::counter::Tally;
use crate::flow::Observation;
use crate::packet::{Packet, RawAddress, error, icmp, protocol, tcp};

/// What a packet is for, as far as its flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Not TCP, and no echo request.
    Datagram = 0,
    /// TCP with SYN and without ACK: a connection request.
    Syn = 1,
    /// TCP with SYN and ACK: the answer to one.
    SynAck = 2,
    /// TCP with RST.
    Rst = 3,
    /// Any other TCP packet.
    Segment = 4,
    /// An echo request of ICMP or ICMPv6.
    Echo = 5,
    /// An ICMP error that quotes a packet of the destination, with the protocol of that packet.
    Error = 6,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Datagram,
        Self::Syn,
        Self::SynAck,
        Self::Rst,
        Self::Segment,
        Self::Echo,
        Self::Error,
    ];

    /// The kind of a packet. RST outweighs SYN, as it does for who receives it.
    #[inline(always)]
    #[must_use]
    pub fn of(packet: &Packet) -> Self {
        if packet.error != error::NONE {
            return Self::Error;
        }
        match packet.protocol {
            protocol::TCP if packet.flags & tcp::RST != 0 => Self::Rst,
            protocol::TCP if packet.flags & tcp::SYN == 0 => Self::Segment,
            protocol::TCP if packet.flags & tcp::ACK == 0 => Self::Syn,
            protocol::TCP => Self::SynAck,
            protocol::ICMP | protocol::ICMPV6 if packet.flags & icmp::ECHO_REQUEST != 0 => {
                Self::Echo
            }
            _ => Self::Datagram,
        }
    }
}

/// What such packets are counted under.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
)]
#[repr(C)]
pub struct OverflowKey {
    destination: RawAddress,
    /// Kind in bits 8 to 15, IP protocol in bits 0 to 7.
    tags: u32,
    interface: u32,
}

impl OverflowKey {
    /// The key of a packet that `interface` saw.
    #[inline(always)]
    #[must_use]
    pub fn of(packet: &Packet, interface: u32) -> Self {
        Self {
            destination: packet.destination,
            tags: (Kind::of(packet) as u32) << 8 | u32::from(packet.protocol),
            interface,
        }
    }

    /// The receiver's address as packets carry it.
    #[must_use]
    pub fn raw_destination(&self) -> RawAddress {
        self.destination
    }

    /// The receiver's address.
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        let mut bytes = [0_u8; 16];
        for (chunk, part) in bytes.chunks_exact_mut(4).zip(self.destination) {
            chunk.copy_from_slice(&part.to_ne_bytes());
        }
        Ipv6Addr::from(bytes).to_canonical()
    }

    /// IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.tags as u8
    }

    /// What the packets are for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let number = (self.tags >> 8) as usize;
        Kind::ALL.get(number).copied().unwrap_or(Kind::Datagram)
    }

    /// Index of the interface that saw them.
    #[must_use]
    pub fn interface(&self) -> u32 {
        self.interface
    }
}

/// Registers of [`Sources`]: with 128 the estimate's standard error is 9 %.
pub const REGISTERS: usize = 128;

/// Distinct addresses by HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007), without the division at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Sources {
    /// The longest run of zeros plus one that each register has seen; 0 without any.
    pub registers: [u8; REGISTERS],
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            registers: [0; REGISTERS],
        }
    }
}

impl Sources {
    /// Notes an address.
    #[inline(always)]
    pub fn note(&mut self, address: &RawAddress) {
        let hash = mix(address);
        let register = &mut self.registers[hash as usize & (REGISTERS - 1)];
        // The highest bit ends the run where all others are zero.
        let rank = ((hash >> 32) as u32 | 1 << 31).trailing_zeros() as u8 + 1;
        if rank > *register {
            *register = rank;
        }
    }

    /// Adds what another sketch has seen.
    pub fn merge(&mut self, other: &Self) {
        for (register, more) in self.registers.iter_mut().zip(other.registers) {
            *register = (*register).max(more);
        }
    }
}

/// Spreads the bits of an address, by the multiply and xor-shift steps of MurmurHash3's finaliser. The seed is fixed:
/// sketches of several CPUs and windows are merged.
#[inline(always)]
fn mix(address: &RawAddress) -> u64 {
    let high = u64::from(address[0]) << 32 | u64::from(address[1]);
    let low = u64::from(address[2]) << 32 | u64::from(address[3]);
    scatter(scatter(high ^ 0x9e37_79b9_7f4a_7c15) ^ low)
}

/// MurmurHash3's 64-bit finaliser.
#[inline(always)]
pub(crate) fn scatter(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}

/// What is counted under an [`OverflowKey`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct OverflowCounters {
    /// Packets, and their frame bytes on the wire.
    pub total: Tally,
    /// The part that left through the interface; the rest came in.
    pub egress: Tally,
    /// Time of the first packet, in nanoseconds of the source's clock.
    pub first: u64,
    /// Time of the last packet.
    pub last: u64,
    /// Who sent them.
    pub sources: Sources,
    /// Destination port of the first packet.
    pub port: u32,
    /// Keeps the size a multiple of 8.
    pub reserved: u32,
}

impl OverflowCounters {
    /// Adds a packet.
    #[inline(always)]
    pub fn account(&mut self, packet: &Packet, seen: Observation) {
        if self.total.packets == 0 {
            self.first = seen.now;
            self.port = u32::from(packet.destination_port);
        }
        self.last = seen.now;
        let (segments, bytes) = (count(seen.segments), u64::from(packet.length));
        self.total.add(segments, bytes);
        if seen.egress {
            self.egress.add(segments, bytes);
        }
        self.sources.note(&packet.source);
    }

    /// Adds what another CPU counted under the same key.
    pub fn merge(&mut self, other: &Self) {
        if other.total.packets == 0 {
            return;
        }
        if self.total.packets == 0 || other.first < self.first {
            self.first = other.first;
            self.port = other.port;
        }
        self.last = self.last.max(other.last);
        self.total.add(other.total.packets, other.total.bytes);
        self.egress.add(other.egress.packets, other.egress.bytes);
        self.sources.merge(&other.sources);
    }
}

#[inline(always)]
fn count(segments: NonZeroU32) -> u64 {
    u64::from(segments.get())
}
