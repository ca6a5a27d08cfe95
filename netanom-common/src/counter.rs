//! What every packet that is not in a flow is counted as, so that sent = counted + ignored always holds.

#[cfg(doc)]
use crate::encapsulation::Encapsulation;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why a packet is in no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Ignored {
    /// Neither IPv4 nor IPv6: ARP, LLDP, spanning tree, …
    NotIp = 0,
    /// The frame ends before the headers do.
    Truncated = 1,
    /// A header contradicts itself: a wrong version, a length shorter than the header.
    BadHeader = 2,
    /// More VLAN tags or IPv6 extension headers than are followed.
    TooDeep = 3,
    /// The kernel's flow table was full, and the overflow table too.
    MapFull = 4,
    /// The kernel refused a new entry in the overflow table for another reason than that it is full.
    MapError = 5,
    /// A capture's packet of a link layer that is not read.
    LinkType = 6,
}

impl Ignored {
    /// Every reason, in the order of the kernel's counter array.
    pub const ALL: [Self; 7] = [
        Self::NotIp,
        Self::Truncated,
        Self::BadHeader,
        Self::TooDeep,
        Self::MapFull,
        Self::MapError,
        Self::LinkType,
    ];

    /// The reason's name in metrics and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotIp => "not_ip",
            Self::Truncated => "truncated",
            Self::BadHeader => "bad_header",
            Self::TooDeep => "too_deep",
            Self::MapFull => "map_full",
            Self::MapError => "map_error",
            Self::LinkType => "link_type",
        }
    }
}

/// Why the kernel refused a flow a new entry, by the errno that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Refusal {
    /// `E2BIG`: the part of the shard that is kept for known flows was full as well.
    Full = 0,
    /// `ENOMEM`: the kernel had no memory at hand.
    NoMemory = 1,
    /// `EBUSY`: the bucket was locked on this CPU.
    Busy = 2,
    /// Every other errno.
    Other = 3,
}

impl Refusal {
    /// Every refusal, in the order of the kernel's counter array.
    pub const ALL: [Self; 4] = [Self::Full, Self::NoMemory, Self::Busy, Self::Other];

    /// Of what a helper of the kernel gave back, which is negative (include/uapi/asm-generic/errno-base.h).
    #[inline(always)]
    #[must_use]
    pub const fn of(answer: i32) -> Self {
        match answer {
            -7 => Self::Full,
            -12 => Self::NoMemory,
            -16 => Self::Busy,
            _ => Self::Other,
        }
    }

    /// The errno's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "E2BIG",
            Self::NoMemory => "ENOMEM",
            Self::Busy => "EBUSY",
            Self::Other => "other",
        }
    }
}

/// Where things stand in the kernel's array of tallies: at first packets by [`Ignored`], then refused entries by
/// [`Refusal`], then messages to the log, sent or lost, by the [`Ignored`] that they are about, then frames by the
/// [`Encapsulation`] that nobody looks into.
pub mod slot {
    use super::{Ignored, Refusal};
    use crate::encapsulation::Encapsulation;

    /// The first refusal.
    pub const REFUSED: u32 = Ignored::ALL.len() as u32;
    /// The first message.
    pub const TOLD: u32 = REFUSED + Refusal::ALL.len() as u32;
    /// The first kind of encapsulation.
    pub const ENCAPSULATED: u32 = TOLD + Ignored::ALL.len() as u32;
    /// How many slots there are.
    pub const COUNT: usize = ENCAPSULATED as usize + Encapsulation::OF_FRAMES;
}

/// Packets and the bytes that they had on the wire.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Tally {
    /// Packets; a segmentation-offload frame counts as the segments that leave the interface.
    pub packets: u64,
    /// Frame bytes on the wire, without the frame check sequence.
    pub bytes: u64,
}

impl Tally {
    /// Adds `packets` packets of `bytes` bytes altogether.
    #[inline(always)]
    pub fn add(&mut self, packets: u64, bytes: u64) {
        self.packets = self.packets.wrapping_add(packets);
        self.bytes = self.bytes.wrapping_add(bytes);
    }
}
