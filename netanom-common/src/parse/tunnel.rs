//! Tunnels: IP in IP, GRE, ERSPAN, VXLAN, Geneve, GTP-U; and the packet that an ICMP error quotes. The packet inside takes
//! the place of the one around it.
//!
//! Anybody can send what looks like a tunnel. So a tunnel whose inside does not begin with a sound IP header is counted
//! as the flow between its ends, and one in the other, further than real networks do, under a reason.

use super::apart::{Part, Walk};
use super::link::{ETHERNET, TYPE_IPV4, TYPE_IPV6, Vlans, by_version};
use super::network::{At, Carried, Network, Room};
use crate::counter::Ignored;
use crate::packet::{HeaderBytes, PacketBytes, Portion, Tunnels, error, protocol};

/// Tunnels in one another that are followed, such as a VPN over a container network.
const MAX_DEPTH: usize = 2;

const UDP: u32 = 8;
const ICMP: u32 = 8;
/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).
const VXLAN_GPE_PORT: u16 = 4790;
/// RFC 8926.
const GENEVE_PORT: u16 = 6081;
/// GTP's user plane (3GPP TS 29.281).
const GTP_U_PORT: u16 = 2152;

/// What a [`Walk`] comes to that finds no packet inside.
const NOTHING: u32 = 0;

/// An Ethernet frame inside (RFC 1701, RFC 8926).
const TYPE_ETHERNET: u16 = 0x6558;

/// Whether a packet looks like a tunnel that is to be followed.
#[inline(always)]
pub(super) fn is_one<B: PacketBytes>(frame: &B, network: &Network) -> Result<bool, Ignored> {
    let kind = network.protocol;
    // First what most packets are.
    if kind == protocol::TCP || network.fragment.portion == Portion::Later {
        return Ok(false);
    }
    let looks_so = match kind {
        protocol::IPV4 | protocol::IPV6 | protocol::GRE => true,
        protocol::UDP => {
            let port = network.room.header::<{ UDP as usize }, B>(frame)?.u16(2);
            frame.vxlan_ports().has(port)
                || matches!(port, VXLAN_GPE_PORT | GENEVE_PORT | GTP_U_PORT)
        }
        protocol::ICMP | protocol::ICMPV6 if network.fragment.portion == Portion::Whole => {
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

/// Where the innermost packet is of what `network` carries, or `around` where nothing sound is inside.
#[inline(always)]
pub(super) fn inside<B: PacketBytes>(
    frame: &B,
    around: At,
    network: &Network,
    walk: &mut Walk,
) -> Result<At, Ignored> {
    *walk = Walk::before(u32::from(network.protocol), network.room);
    Part::Tunnel.of(frame, walk)?;
    if walk.kind == NOTHING {
        return Ok(around);
    }
    Ok(At {
        carried: walk.carried(),
        room: walk.room(),
        error: walk.error,
    })
}

/// Goes from a tunnel, by its protocol, to the IP header of the innermost packet, by its version or [`NOTHING`].
#[inline(always)]
pub(super) fn enter<B: PacketBytes>(frame: &B, walk: &mut Walk) -> Result<(), Ignored> {
    let mut kind = walk.kind as u8;
    let mut room = walk.room();
    walk.kind = NOTHING;
    let mut inner = Network::NONE;
    let mut within = Walk::new();
    for _ in 0..MAX_DEPTH {
        let found = match carried(frame, kind, room.forgotten(frame), &mut within) {
            Ok(found) => found.forgotten(frame),
            Err(Ignored::NotIp | Ignored::BadHeader) => return Ok(()),
            Err(reason) => return Err(reason),
        };
        match inner.read(frame, found, &mut within) {
            Ok(()) => {}
            Err(Ignored::BadHeader) => return Ok(()),
            Err(_) if found.error != 0 => return Ok(()),
            Err(reason) => return Err(reason),
        }
        if found.error != 0 {
            // Less than 8 bytes above IP, or a later fragment: the quote does not name a flow.
            if inner.fragment.portion != Portion::Later && inner.room.header::<8, B>(frame).is_ok()
            {
                go(walk, found);
            }
            return Ok(());
        }
        go(walk, found);
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

#[inline(always)]
fn go(walk: &mut Walk, found: At) {
    walk.go(found.carried.version(), found.room);
    walk.error = found.error;
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
fn carried<B: PacketBytes>(
    frame: &B,
    kind: u8,
    mut room: Room,
    walk: &mut Walk,
) -> Result<At, Ignored> {
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
            match port {
                GENEVE_PORT => geneve(frame, &mut room)?,
                GTP_U_PORT => gtp_u(frame, &mut room)?,
                _ => vxlan(frame, &mut room)?,
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
    let carried = Carried::read(frame, ether_type, &mut room, &mut { Vlans::NONE }, walk)?;
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
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;
    let header = room.header::<4, B>(frame)?;
    let flags = header.u16(0);
    if flags & (ROUTING | VERSION) != 0 {
        return Err(Ignored::NotIp);
    }
    let fields = (flags & CHECKSUM) >> 15;
    let fields = fields + ((flags & KEY) >> 13) + ((flags & SEQUENCE) >> 12);
    room.skip(4 + 4 * u32::from(fields));
    match header.u16(2) {
        // Type I has no header of its own, and no sequence number (draft-foschiano-erspan-03 4).
        ERSPAN if flags & SEQUENCE == 0 => Ok(TYPE_ETHERNET),
        ERSPAN => erspan_2(frame, room),
        ERSPAN_3 => erspan_3(frame, room),
        other => Ok(other),
    }
}

/// ERSPAN type II (draft-foschiano-erspan-03 4.2): what a switch mirrors.
#[inline(always)]
fn erspan_2<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    if room.header::<8, B>(frame)?.u8(0) >> 4 != 1 {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    Ok(TYPE_ETHERNET)
}

/// ERSPAN type III (draft-foschiano-erspan-03 4.3), with or without the subheader of 8 bytes.
#[inline(always)]
fn erspan_3<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    const SUBHEADER: u16 = 1;
    const ETHERNET_FRAME: u16 = 0;
    const IP_PACKET: u16 = 2;
    let header = room.header::<12, B>(frame)?;
    if header.u8(0) >> 4 != 2 {
        return Err(Ignored::NotIp);
    }
    let about = header.u16(10);
    room.skip(12 + 8 * u32::from(about & SUBHEADER));
    match about >> 10 & 0x1f {
        ETHERNET_FRAME => Ok(TYPE_ETHERNET),
        IP_PACKET => type_by_version(frame, room),
        _ => Err(Ignored::NotIp),
    }
}

/// VXLAN (RFC 7348): its first byte says that the network's identifier is there. In VXLAN-GPE
/// (draft-ietf-nvo3-vxlan-gpe) it may also say that what follows need not be Ethernet.
#[inline(always)]
fn vxlan<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    const HAS_IDENTIFIER: u8 = 0x08;
    const HAS_NEXT_PROTOCOL: u8 = 0x04;
    let header = room.header::<8, B>(frame)?;
    let flags = header.u8(0);
    if flags & HAS_IDENTIFIER == 0 {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    if flags & HAS_NEXT_PROTOCOL == 0 {
        return Ok(TYPE_ETHERNET);
    }
    match header.u8(3) {
        1 => Ok(TYPE_IPV4),
        2 => Ok(TYPE_IPV6),
        // Plain VXLAN has no such flag, and a receiver ignores it.
        0 | 3 => Ok(TYPE_ETHERNET),
        _ => Err(Ignored::NotIp),
    }
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

/// GTP-U (3GPP TS 29.281 5): what a mobile network carries between its nodes. Only messages with a packet are tunnels.
#[inline(always)]
fn gtp_u<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<u16, Ignored> {
    // Version 1, GTP and not GTP'.
    const VERSION: u8 = 0xf0;
    const VERSION_1: u8 = 0x30;
    // Any of extension headers, sequence number, N-PDU number: then there is room for all three.
    const HAS_MORE: u8 = 0x07;
    const HAS_EXTENSIONS: u8 = 0x04;
    const PACKET: u8 = 255;
    /// A packet has one or two: where it belongs in a session, and what the radio network adds.
    const MAX_EXTENSIONS: usize = 3;
    let header = room.header::<8, B>(frame)?;
    let first = header.u8(0);
    if first & VERSION != VERSION_1 || header.u8(1) != PACKET {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    if first & HAS_MORE == 0 {
        return type_by_version(frame, room);
    }
    let mut next = room.header::<4, B>(frame)?.u8(3);
    room.skip(4);
    if first & HAS_EXTENSIONS == 0 {
        next = 0;
    }
    for _ in 0..MAX_EXTENSIONS {
        *room = room.forgotten(frame);
        if next == 0 {
            return type_by_version(frame, room);
        }
        // Their length is in units of 4 bytes, and the last byte says what follows.
        let length = 4 * u32::from(room.header::<4, B>(frame)?.u8(0));
        if length == 0 {
            return Err(Ignored::NotIp);
        }
        room.skip(length - 1);
        next = room.header::<1, B>(frame)?.u8(0);
        room.skip(1);
    }
    Err(Ignored::NotIp)
}

/// The Ethernet type of an IP packet that nothing announces.
#[inline(always)]
fn type_by_version<B: PacketBytes>(frame: &B, room: &Room) -> Result<u16, Ignored> {
    Ok(match by_version(frame, &room.forgotten(frame))? {
        Carried::Ipv4 => TYPE_IPV4,
        Carried::Ipv6 => TYPE_IPV6,
    })
}
