//! Packets for whose flow there was no room: counted by destination, protocol and kind, with a sketch of their sources.
//!
//! A flood from spoofed sources brings a new flow with each packet, but only few destinations. Where destinations are many
//! as well, they are counted by prefix ([`Width`]).

use core::net::{IpAddr, Ipv6Addr};
use core::num::NonZeroU32;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::counter::Tally;
use crate::flow::Observation;
use crate::hash::scatter;
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

/// How many destinations a key stands for. One that finds no room is counted under the next wider key, of which there are
/// ever fewer; so that all packets of a tick find one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Width {
    /// One.
    Host = 0,
    /// The network that a site mostly has at least: 24 bits of IPv4, 48 of IPv6 (RFC 6177).
    Prefix = 1,
    /// All of an IP version and a kind; protocols are told apart that have a [`Kind`] or ports.
    Anywhere = 2,
}

impl Width {
    /// Every width, from the narrowest on.
    pub const ALL: [Self; 3] = [Self::Host, Self::Prefix, Self::Anywhere];

    /// Of the entries of a table, how many keys of this width may take; those of a wider one can take more.
    #[must_use]
    pub const fn room(self, entries: u32) -> u32 {
        match self {
            Self::Host => entries / 2,
            Self::Prefix => entries / 2 - ANYWHERE,
            Self::Anywhere => ANYWHERE,
        }
    }
}

/// Keys of [`Width::Anywhere`] that there can be on two interfaces: 15 for each IP version, of which a third is for errors.
const ANYWHERE: u32 = 64;

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
// Of 8 bytes' alignment, since the compiler clears two words of it at once, which the verifier allows on an aligned place of
// the stack alone.
#[repr(C, align(8))]
pub struct OverflowKey {
    destination: RawAddress,
    /// Width in bits 16 to 23, kind in bits 8 to 15, IP protocol in bits 0 to 7.
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

    /// The key of the network that the destination is in.
    #[inline(always)]
    #[must_use]
    pub fn prefix(&self) -> Self {
        const V4: [u32; 4] = [!0, !0, !0, u32::from_ne_bytes([255, 255, 255, 0])];
        const V6: [u32; 4] = [!0, u32::from_ne_bytes([255, 255, 0, 0]), 0, 0];
        let is_ipv6 = self.is_ipv6().wrapping_neg();
        let [first, second, third, fourth] = self.destination;
        let mask = |word: usize| V4[word] & (V6[word] | !is_ipv6);
        Self {
            destination: [first, second & mask(1), third & mask(2), fourth & mask(3)],
            ..self.widened(Width::Prefix)
        }
    }

    /// The key of all destinations of the IP version.
    #[inline(always)]
    #[must_use]
    pub fn anywhere(&self) -> Self {
        // Of what has neither a kind nor ports there would be hundreds of protocols. Without a branch, for the verifier.
        const TOLD_APART: u64 =
            1 << protocol::ICMP | 1 << protocol::TCP | 1 << protocol::UDP | 1 << protocol::ICMPV6;
        let is_told = protocol::is_one_of(self.protocol(), TOLD_APART);
        let key = self.widened(Width::Anywhere);
        Self {
            destination: [0, 0, MAPPED[2] & !self.is_ipv6().wrapping_neg(), 0],
            tags: key.tags & !0xff | self.tags & 0xff & u32::from(is_told).wrapping_neg(),
            ..key
        }
    }

    #[inline(always)]
    fn widened(&self, width: Width) -> Self {
        Self {
            tags: self.tags & 0xffff | (width as u32) << 16,
            ..*self
        }
    }

    /// 1 for IPv6, 0 for IPv4.
    #[inline(always)]
    fn is_ipv6(&self) -> u32 {
        let [first, second, third, _] = self.destination;
        let differs = first | second | (third ^ MAPPED[2]);
        (differs | differs.wrapping_neg()) >> 31
    }

    /// How many destinations it stands for.
    #[must_use]
    pub fn width(&self) -> Width {
        let number = (self.tags >> 16) as usize;
        Width::ALL.get(number).copied().unwrap_or(Width::Anywhere)
    }

    /// Length in bits of the prefix that all of its destinations have in common.
    #[must_use]
    pub fn prefix_length(&self) -> u8 {
        match (self.width(), self.is_ipv6() == 0) {
            (Width::Host, true) => 32,
            (Width::Host, false) => 128,
            (Width::Prefix, true) => 24,
            (Width::Prefix, false) => 48,
            (Width::Anywhere, _) => 0,
        }
    }

    /// The receiver's address as packets carry it, or the first of those that it stands for.
    #[must_use]
    pub fn raw_destination(&self) -> RawAddress {
        self.destination
    }

    /// The receiver's address, or the first of those that it stands for.
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
        let number = (self.tags >> 8 & 0xff) as usize;
        Kind::ALL.get(number).copied().unwrap_or(Kind::Datagram)
    }

    /// Index of the interface that saw them.
    #[must_use]
    pub fn interface(&self) -> u32 {
        self.interface
    }
}

/// No IPv4 address, as packets carry it: mapped (RFC 4291 2.5.5.2).
const MAPPED: RawAddress = [0, 0, u32::from_ne_bytes([0, 0, 0xff, 0xff]), 0];

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
    /// Notes an address, by a seed that is always the same.
    #[inline(always)]
    pub fn note(&mut self, address: &RawAddress) {
        self.note_by(FIXED_SEED, address);
    }

    /// Notes an address. Sketches of one seed can be merged; who knows it can pick addresses that count as one.
    #[inline(always)]
    pub fn note_by(&mut self, seed: u64, address: &RawAddress) {
        let hash = mix(seed, address);
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

/// The seed of sketches that must come out alike every time: those of a replay and of training.
pub const FIXED_SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads the bits of an address, by the multiply and xor-shift steps of MurmurHash3's finaliser.
#[inline(always)]
fn mix(seed: u64, address: &RawAddress) -> u64 {
    let high = u64::from(address[0]) << 32 | u64::from(address[1]);
    let low = u64::from(address[2]) << 32 | u64::from(address[3]);
    scatter(scatter(high ^ seed) ^ low)
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
    /// Adds a packet; its source is noted by [`FIXED_SEED`].
    #[inline(always)]
    pub fn account(&mut self, packet: &Packet, seen: Observation) {
        self.account_by(FIXED_SEED, packet, seen);
    }

    /// Adds a packet; its source is noted by this seed.
    #[inline(always)]
    pub fn account_by(&mut self, seed: u64, packet: &Packet, seen: Observation) {
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
        self.sources.note_by(seed, &packet.source);
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
