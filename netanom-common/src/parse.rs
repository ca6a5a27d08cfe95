//! The only parser: from a frame, mostly of Ethernet, to a [`Packet`], or to the reason why it is in no flow.
//!
//! Lengths come from the IP header, as Ethernet pads short frames; the wire length bounds them. Every header is
//! checked once, whole. Later fragments carry no ports (RFC 791 3.2, RFC 8200 4.5); [`crate::fragment::join`] gives
//! them those of their first fragment.

mod apart;
mod link;
mod network;
mod transport;
mod tunnel;

use crate::counter::Ignored;
use crate::packet::{HeaderBytes, Packet, PacketBytes};
use link::{ETHERNET, Link};
use network::Network;

pub use apart::{Answer, Part, Walk, encapsulation_slot};
pub use link::{TYPE_IPV4, TYPE_IPV6};

/// Parses an Ethernet frame.
///
/// # Errors
/// The reason under which the packet is counted when it belongs to no flow.
#[inline(always)]
pub fn parse<B: PacketBytes>(frame: &B) -> Result<Packet, Ignored> {
    let ethernet = frame
        .header::<{ ETHERNET as usize }>(0)
        .ok_or(Ignored::Truncated)?;
    parse_network(frame, ethernet.u16(12), ETHERNET)
}

/// Parses a frame of another link layer, from the EtherType that its header gives (VLAN tags included) and the
/// `offset` where that header ends.
///
/// # Errors
/// The reason under which the packet is counted when it belongs to no flow.
#[inline(always)]
pub fn parse_network<B: PacketBytes>(
    frame: &B,
    ether_type: u16,
    offset: u32,
) -> Result<Packet, Ignored> {
    let mut walk = Walk::new();
    let Link { mut packet, vlans } = Link::read(frame, ether_type, offset, &mut walk)?;
    let mut network = Network::NONE;
    network.read(frame, packet, &mut walk)?;
    network.forget(frame);
    if tunnel::is_one(frame, &network)? && tunnel::is_wanted(frame, &network) {
        packet = tunnel::inside(frame, packet, &network, &mut walk)?;
        network.read(frame, packet, &mut walk)?;
        network.forget(frame);
    }
    transport::transport(frame, &network, vlans, packet.error as u8)
}
