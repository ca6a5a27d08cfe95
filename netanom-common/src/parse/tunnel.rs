//! Tunnels: IP in IP, GRE, VXLAN, Geneve; and the packet that an ICMP error quotes. The packet inside takes the place of
//! the one around it.
//!
//! Anybody can send what looks like a tunnel. So a tunnel whose inside does not begin with a sound IP header is counted
//! as the flow between its ends, and one in the other, further than real networks do, under a reason.

use super::link::{ETHERNET, TYPE_IPV4, TYPE_IPV6, Vlans};
use super::network::{At, Carried, Network, Room};
use crate::counter::Ignored;
use crate::packet::{HeaderBytes, PacketBytes, Place, Tunnels, error, protocol};

/// Tunnels in one another that are followed, such as a VPN over a container network.
const MAX_DEPTH: usize = 2;

const UDP: u32 = 8;
const ICMP: u32 = 8;
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
/// An Ethernet frame inside (RFC 1701, RFC 8926).
const TYPE_ETHERNET: u16 = 0x6558;

/// Whether a packet looks like a tunnel that is to be followed.
#[inline(always)]
pub(super) fn is_one<B: PacketBytes>(frame: &B, network: &Network) -> Result<bool, Ignored> {
    let kind = network.protocol;
    // First what most packets are.
    if kind == protocol::TCP || network.fragment.place == Place::Later {
        return Ok(false);
    }
    let looks_so = match kind {
        protocol::IPV4 | protocol::IPV6 | protocol::GRE => true,
        protocol::UDP => {
            let port = network.room.header::<{ UDP as usize }, B>(frame)?.u16(2);
            port == VXLAN_PORT || port == GENEVE_PORT
        }
        protocol::ICMP | protocol::ICMPV6 if network.fragment.place == Place::Whole => {
            let message = network.room.header::<{ ICMP as usize }, B>(frame)?;
            let number = message.u8(0);
            errors(kind) >> number.min(31) & 1 != 0
        }
        _ => false,
    };
    // Forgotten, so that the answer counts and not the way to it: without, the verifier walks twice as far.
    Ok(frame.forget(u64::from(looks_so)) != 0)
}

/// Whether what looks so is followed: with [`Tunnels::Outer`] only the quotes of ICMP errors.
#[inline(always)]
pub(super) fn is_wanted<B: PacketBytes>(frame: &B, network: &Network) -> bool {
    frame.tunnels() == Tunnels::Inner
        || matches!(network.protocol, protocol::ICMP | protocol::ICMPV6)
}

/// Goes from a tunnel `at` a place, of a `kind` of protocol whose header is in `room`, to the innermost packet.
///
/// Not inlined, as most packets are in no tunnel. It gives a place and not what was read there: so nothing that is known
/// of the packets around it stays alive, and the verifier sees one way out. A result with the place in it would be a
/// type that the kernel's BTF cannot describe.
#[inline(never)]
pub(super) fn enter<B: PacketBytes>(
    frame: &B,
    at: &mut At,
    mut kind: u8,
    mut room: Room,
) -> Result<(), Ignored> {
    for _ in 0..MAX_DEPTH {
        let found = match inside(frame, kind, room.forgotten(frame)) {
            Ok(found) => found.forgotten(frame),
            Err(Ignored::NotIp | Ignored::BadHeader) => return Ok(()),
            Err(reason) => return Err(reason),
        };
        let mut inner = match Network::read(frame, found) {
            Ok(inner) => inner,
            Err(Ignored::BadHeader) => return Ok(()),
            Err(_) if found.error != 0 => return Ok(()),
            Err(reason) => return Err(reason),
        };
        if found.error != 0 {
            // Less than 8 bytes above IP, or a later fragment: the quote does not name a flow.
            if inner.fragment.place != Place::Later && inner.room.header::<8, B>(frame).is_ok() {
                *at = found;
            }
            return Ok(());
        }
        *at = found;
        inner.forget(frame);
        if !is_one(frame, &inner)? {
            return Ok(());
        }
        (kind, room) = (inner.protocol, inner.room);
    }
    if kind == protocol::ICMP || kind == protocol::ICMPV6 {
        return Ok(());
    }
    Err(Ignored::TooDeep)
}

/// The types of ICMP messages that are errors and quote a packet, a bit each.
#[inline(always)]
fn errors(kind: u8) -> u32 {
    if kind == protocol::ICMP {
        1 << 3 | 1 << 11 | 1 << 12
    } else {
        1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
    }
}

/// What error an ICMP message is ([`crate::packet::error`]), by its type and code.
///
/// A table of two bits a type, as the verifier walks on from each branch.
#[inline(always)]
fn error(kind: u8, type_and_code: u16) -> u64 {
    const V4: u64 = UNREACHABLE << (2 * 3) | TIME_EXCEEDED << (2 * 11) | OTHER << (2 * 12);
    const V6: u64 =
        UNREACHABLE << 2 | OTHER << (2 * 2) | TIME_EXCEEDED << (2 * 3) | OTHER << (2 * 4);
    const UNREACHABLE: u64 = error::UNREACHABLE as u64;
    const TIME_EXCEEDED: u64 = error::TIME_EXCEEDED as u64;
    const OTHER: u64 = error::OTHER as u64;
    // A packet that was too big (RFC 1191) does not say that nobody listens.
    const TOO_BIG: u16 = 0x0304;
    let number = u32::from(type_and_code >> 8);
    if number > 31 {
        return 0;
    }
    if kind == protocol::ICMPV6 {
        return V6 >> (2 * number) & 3;
    }
    if type_and_code == TOO_BIG {
        return OTHER;
    }
    V4 >> (2 * number) & 3
}

/// Where the packet is that a tunnel carries; [`Ignored::NotIp`] when it carries none that is followed.
#[inline(always)]
fn inside<B: PacketBytes>(frame: &B, kind: u8, mut room: Room) -> Result<At, Ignored> {
    let ether_type = match kind {
        protocol::IPV4 => TYPE_IPV4,
        protocol::IPV6 => TYPE_IPV6,
        protocol::GRE => gre(frame, &mut room)?,
        protocol::ICMP | protocol::ICMPV6 => {
            let message = room.header::<{ ICMP as usize }, B>(frame)?;
            room.skip(ICMP);
            let carried = if kind == protocol::ICMP {
                Carried::Ipv4
            } else {
                Carried::Ipv6
            };
            return Ok(At {
                carried,
                room,
                error: error(kind, message.u16(0)),
            });
        }
        _ => {
            let port = room.header::<{ UDP as usize }, B>(frame)?.u16(2);
            room.skip(UDP);
            if port == VXLAN_PORT {
                vxlan(frame, &mut room)?
            } else {
                geneve(frame, &mut room)?
            }
        }
    };
    room = room.forgotten(frame);
    let ether_type = if ether_type == TYPE_ETHERNET {
        let ethernet = room.header::<{ ETHERNET as usize }, B>(frame)?;
        room.skip(ETHERNET);
        ethernet.u16(12)
    } else {
        ether_type
    };
    // Tags inside are skipped: a flow is kept apart by those that the interface sees.
    let carried = Carried::read(frame, ether_type, &mut room, &mut { Vlans::NONE })?;
    Ok(At {
        carried,
        room,
        error: 0,
    })
}

/// GRE (RFC 2784) with key and sequence number (RFC 2890). With RFC 1701's routing or as PPTP (version 1) it is left
/// as it is.
#[inline(always)]
fn gre<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;
    let header = room.header::<4, B>(frame)?;
    let flags = header.u16(0);
    if flags & (ROUTING | VERSION) != 0 {
        return Err(Ignored::NotIp);
    }
    let fields = (flags & CHECKSUM) >> 15;
    let fields = fields + ((flags & KEY) >> 13) + ((flags & SEQUENCE) >> 12);
    room.skip(4 + 4 * u32::from(fields));
    Ok(header.u16(2))
}

/// VXLAN (RFC 7348): its first byte says that the network's identifier is there.
#[inline(always)]
fn vxlan<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    const HAS_IDENTIFIER: u8 = 0x08;
    let header = room.header::<8, B>(frame)?;
    if header.u8(0) & HAS_IDENTIFIER == 0 {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    Ok(TYPE_ETHERNET)
}

/// Geneve (RFC 8926), version 0, whose options are skipped.
#[inline(always)]
fn geneve<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    let header = room.header::<8, B>(frame)?;
    let first = header.u8(0);
    if first >> 6 != 0 {
        return Err(Ignored::NotIp);
    }
    room.skip(8 + 4 * u32::from(first & 0x3f));
    Ok(header.u16(2))
}
