//! The flow key: which packets belong together, whichever way they go.

pub mod talk;

use core::net::{IpAddr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::hash::scatter;
use crate::packet::{Packet, RawAddress};
use talk::ports;

/// One of the two endpoints of a flow, in the key's canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// The endpoint that sorts first.
    Low = 0,
    /// The endpoint that sorts second.
    High = 1,
}

impl Side {
    /// The other endpoint.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// A bidirectional flow at one interface: both directions of a conversation have the same key.
///
/// Endpoints are ordered by their bytes as the machine reads them, which is arbitrary but the same in the kernel and
/// in user space. ICMP has no ports: there the key says in their place which of the messages between two hosts are meant
/// ([`talk`]).
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
pub struct FlowKey {
    low_address: RawAddress,
    high_address: RawAddress,
    low_port: u16,
    high_port: u16,
    /// Outer VLAN in bits 20 to 31, inner VLAN in bits 8 to 19, IP protocol in bits 0 to 7.
    tags: u32,
    /// Index of the interface that saw the packet; 0 for captures.
    interface: u32,
}

impl FlowKey {
    /// The key of the flow that `packet` belongs to, and which endpoint sent it.
    #[inline(always)]
    #[must_use]
    pub fn of(packet: &Packet, interface: u32) -> (Self, Side) {
        let tags = u32::from(packet.outer_vlan & 0x0fff) << 20
            | u32::from(packet.inner_vlan & 0x0fff) << 8
            | u32::from(packet.protocol);
        let (source_port, destination_port) = ports(packet);
        if is_low(
            &packet.source,
            source_port,
            &packet.destination,
            destination_port,
        ) {
            let key = Self {
                low_address: packet.source,
                high_address: packet.destination,
                low_port: source_port,
                high_port: destination_port,
                tags,
                interface,
            };
            (key, Side::Low)
        } else {
            let key = Self {
                low_address: packet.destination,
                high_address: packet.source,
                low_port: destination_port,
                high_port: source_port,
                tags,
                interface,
            };
            (key, Side::High)
        }
    }

    /// A hash of the key, the same for every generation.
    #[inline(always)]
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let both = |a: u32, b: u32| u64::from(a) << 32 | u64::from(b);
        let (low, high) = (&self.low_address, &self.high_address);
        let ports = u32::from(self.low_port) << 16 | u32::from(self.high_port);
        let mut hash = scatter(both(self.tags, self.interface));
        hash = scatter(hash ^ both(ports, low[0] ^ high[0].rotate_left(16)));
        hash = scatter(hash ^ both(low[1], low[2]));
        hash = scatter(hash ^ both(high[1], high[2]));
        scatter(hash ^ both(low[3], high[3]))
    }

    /// Address of one endpoint as packets carry it.
    #[must_use]
    pub fn raw_address(&self, side: Side) -> RawAddress {
        match side {
            Side::Low => self.low_address,
            Side::High => self.high_address,
        }
    }

    /// Address of one endpoint.
    #[must_use]
    pub fn address(&self, side: Side) -> IpAddr {
        let mut bytes = [0_u8; 16];
        for (chunk, part) in bytes.chunks_exact_mut(4).zip(self.raw_address(side)) {
            chunk.copy_from_slice(&part.to_ne_bytes());
        }
        Ipv6Addr::from(bytes).to_canonical()
    }

    /// Port of one endpoint, 0 where the protocol has none.
    #[must_use]
    pub fn port(&self, side: Side) -> u16 {
        if self.is_icmp() {
            0
        } else {
            self.port_field(side)
        }
    }

    fn port_field(&self, side: Side) -> u16 {
        match side {
            Side::Low => self.low_port,
            Side::High => self.high_port,
        }
    }

    /// IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.tags as u8
    }

    /// Identifiers of the outer and the inner VLAN tag; 0 without one.
    #[must_use]
    pub fn vlans(&self) -> (u16, u16) {
        ((self.tags >> 20) as u16, (self.tags >> 8 & 0x0fff) as u16)
    }

    /// Index of the interface that saw the flow; 0 for captures.
    #[must_use]
    pub fn interface(&self) -> u32 {
        self.interface
    }
}

/// Whether one endpoint sorts before the other.
#[inline(always)]
fn is_low(a: &RawAddress, port: u16, b: &RawAddress, other_port: u16) -> bool {
    // IPv4 differs in the last word only, so that is the common first answer.
    if a[3] != b[3] {
        return a[3] < b[3];
    }
    if a[2] != b[2] {
        return a[2] < b[2];
    }
    if a[1] != b[1] {
        return a[1] < b[1];
    }
    if a[0] != b[0] {
        return a[0] < b[0];
    }
    port <= other_port
}
