//! The flow key: which packets belong together, whichever way they go.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::overflow::scatter;
use crate::packet::{Packet, RawAddress, icmp, protocol};

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

    /// Who began a flow of ICMP, where the kind of its messages says so: who asks for echoes, whom errors are sent to,
    /// or who sends more of them than any host answers with ([`Self::as_flood`]).
    #[must_use]
    pub fn icmp_initiator(&self) -> Option<Side> {
        if !self.is_icmp() {
            return None;
        }
        let marked = |mark: u16| {
            let mut sides = [Side::Low, Side::High].into_iter();
            sides.find(|&side| self.port_field(side) & mark != 0)
        };
        marked(talk::ECHO | talk::FLOOD).or_else(|| marked(talk::ERROR).map(Side::other))
    }

    /// The side that sends the errors of which this flow is made, if it is one of errors that quote no flow.
    #[must_use]
    pub fn error_sender(&self) -> Option<Side> {
        let mut sides = [Side::Low, Side::High].into_iter();
        let is_sender = |side: &Side| self.port_field(*side) & talk::ERROR != 0;
        sides.find(|side| self.is_icmp() && is_sender(side))
    }

    /// The flow of the errors that `sender` sends to the other endpoint of this flow, or a host between them does.
    #[must_use]
    pub fn errors_of(&self, sender: Side) -> Self {
        let is_ipv4 = self.address(Side::Low).is_ipv4();
        let protocol = if is_ipv4 {
            protocol::ICMP
        } else {
            protocol::ICMPV6
        };
        Self {
            tags: self.tags & !0xff | u32::from(protocol),
            ..self.marked(talk::ERROR, sender)
        }
    }

    /// A flow of errors as one whose sender is not known, with the side at which that one then is: the unspecified
    /// address (RFC 1122 3.2.1.3, RFC 4291 2.5.2).
    #[must_use]
    pub fn from_nobody(&self, sender: Side) -> (Self, Side) {
        let receiver = self.raw_address(sender.other());
        let nobody = match self.address(sender) {
            IpAddr::V4(_) => raw(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()),
            IpAddr::V6(_) => raw(Ipv6Addr::UNSPECIFIED),
        };
        let (low_address, high_address, sender) = if is_low(&nobody, talk::ERROR, &receiver, 0) {
            (nobody, receiver, Side::Low)
        } else {
            (receiver, nobody, Side::High)
        };
        let key = Self {
            low_address,
            high_address,
            ..self.marked(talk::ERROR, sender)
        };
        (key, sender)
    }

    /// A flow of errors as one that is no answer to anything: its sender began it.
    #[must_use]
    pub fn as_flood(&self, sender: Side) -> Self {
        self.marked(talk::FLOOD, sender)
    }

    /// The flow of the echoes that `asker` asks for, between the endpoints of a flow of ICMP.
    #[must_use]
    pub fn echoes_of(&self, asker: Side) -> Self {
        self.marked(talk::ECHO, asker)
    }

    fn marked(&self, mark: u16, side: Side) -> Self {
        let at = |end| if end == side { mark } else { 0 };
        Self {
            low_port: at(Side::Low),
            high_port: at(Side::High),
            ..*self
        }
    }

    /// Whether the protocol is ICMP or ICMPv6.
    #[must_use]
    pub fn is_icmp(&self) -> bool {
        matches!(self.protocol(), protocol::ICMP | protocol::ICMPV6)
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

/// What stands in place of a port in the key of a flow of ICMP: which messages it is made of, at the endpoint that they
/// tell of. Echoes are a flow for each side that asks for some, and errors one for each side that sends some, so that
/// nobody is taken to have begun what the other did.
pub mod talk {
    /// At who asks for echoes.
    pub const ECHO: u16 = 0x01;
    /// At who sends errors that name no flow.
    pub const ERROR: u16 = 0x04;
    /// At both ends: the discovery of routers and neighbours.
    pub const DISCOVERY: u16 = 0x10;
    /// At who sends a flood of errors; in user space alone.
    pub const FLOOD: u16 = 0x40;
}

/// What the key has in its two places for ports, of the sender and of the receiver. A later fragment of an ICMP message
/// has them from its first one.
///
/// Without a branch: each would double the ways that the verifier walks from here on.
#[inline(always)]
pub(crate) fn ports(packet: &Packet) -> (u16, u16) {
    const ICMP_AND_V6: u64 = 1 << protocol::ICMP | 1 << protocol::ICMPV6;
    let flags = u16::from(packet.flags) & is_one_of(packet.protocol, ICMP_AND_V6).wrapping_neg();
    let bit = |kind: u8| flags >> kind.trailing_zeros() & 1;
    let error = bit(icmp::UNREACHABLE) | bit(icmp::TIME_EXCEEDED);
    let both = bit(icmp::DISCOVERY) * talk::DISCOVERY;
    let from_sender = bit(icmp::ECHO_REQUEST) * talk::ECHO | error * talk::ERROR | both;
    let from_receiver = bit(icmp::ECHO_REPLY) * talk::ECHO | both;
    (
        packet.source_port | from_sender,
        packet.destination_port | from_receiver,
    )
}

/// 1 for a protocol whose bit is set in `bits`, which tell of those below 64; 0 for any other.
#[inline(always)]
pub(crate) fn is_one_of(protocol: u8, bits: u64) -> u16 {
    let beyond = protocol >> 6 | protocol >> 7;
    (bits >> (protocol & 63)) as u16 & 1 & u16::from(!beyond)
}

/// An address as packets carry it.
fn raw(address: Ipv6Addr) -> RawAddress {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(address.octets().chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
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
