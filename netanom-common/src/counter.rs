//! What every packet that is not in a flow is counted as, so that sent = counted + ignored always holds.

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
}

impl Ignored {
    /// Every reason, in the order of the kernel's counter array.
    pub const ALL: [Self; 6] = [
        Self::NotIp,
        Self::Truncated,
        Self::BadHeader,
        Self::TooDeep,
        Self::MapFull,
        Self::MapError,
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
        }
    }
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
