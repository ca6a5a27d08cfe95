//! What stands in place of a port in the key of a flow of ICMP: which messages it is made of, at the endpoint that they tell
//! of.
//!
//! Echoes are a flow for each side that asks for some, and errors one for each side that sends some, so that nobody is taken
//! to have begun what the other did.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{FlowKey, Side, is_low};
use crate::packet::{Packet, RawAddress, icmp, protocol};

/// At who asks for echoes.
pub const ECHO: u16 = 0x01;
/// At who sends errors that name no flow.
pub const ERROR: u16 = 0x04;
/// At both ends: the discovery of routers and neighbours.
pub const DISCOVERY: u16 = 0x10;
/// At who sends a flood of errors; in user space alone.
pub const FLOOD: u16 = 0x40;

impl FlowKey {
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
        marked(ECHO | FLOOD).or_else(|| marked(ERROR).map(Side::other))
    }

    /// The side that asks, if it is a flow of echoes.
    #[must_use]
    pub fn echo_asker(&self) -> Option<Side> {
        let mut sides = [Side::Low, Side::High].into_iter();
        sides.find(|side| self.is_icmp() && self.port_field(*side) & ECHO != 0)
    }

    /// The side that sends the errors of which this flow is made, if it is one of errors that quote no flow.
    #[must_use]
    pub fn error_sender(&self) -> Option<Side> {
        let mut sides = [Side::Low, Side::High].into_iter();
        let is_sender = |side: &Side| self.port_field(*side) & ERROR != 0;
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
            ..self.marked(ERROR, sender)
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
        let (low_address, high_address, sender) = if is_low(&nobody, ERROR, &receiver, 0) {
            (nobody, receiver, Side::Low)
        } else {
            (receiver, nobody, Side::High)
        };
        let key = Self {
            low_address,
            high_address,
            ..self.marked(ERROR, sender)
        };
        (key, sender)
    }

    /// A flow of errors as one that is no answer to anything: its sender began it.
    #[must_use]
    pub fn as_flood(&self, sender: Side) -> Self {
        self.marked(FLOOD, sender)
    }

    /// The flow of the echoes that `asker` asks for, between the endpoints of a flow of ICMP.
    #[must_use]
    pub fn echoes_of(&self, asker: Side) -> Self {
        self.marked(ECHO, asker)
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
}

/// What the key has in its two places for ports, of the sender and of the receiver. A later fragment of an ICMP message
/// has them from its first one.
///
/// Without a branch: each would double the ways that the verifier walks from here on.
#[inline(always)]
pub(crate) fn ports(packet: &Packet) -> (u16, u16) {
    const ICMP_AND_V6: u64 = 1 << protocol::ICMP | 1 << protocol::ICMPV6;
    let flags =
        u16::from(packet.flags) & protocol::is_one_of(packet.protocol, ICMP_AND_V6).wrapping_neg();
    let bit = |kind: u8| flags >> kind.trailing_zeros() & 1;
    let error = bit(icmp::UNREACHABLE) | bit(icmp::TIME_EXCEEDED);
    let both = bit(icmp::DISCOVERY) * DISCOVERY;
    let from_sender = (bit(icmp::ECHO_REQUEST) * ECHO) | (error * ERROR) | both;
    let from_receiver = (bit(icmp::ECHO_REPLY) * ECHO) | both;
    (
        packet.source_port | from_sender,
        packet.destination_port | from_receiver,
    )
}

/// An address as packets carry it.
fn raw(address: Ipv6Addr) -> RawAddress {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(address.octets().chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}
