//! The transport header: ports, TCP's flags and window, the kind of an ICMP message.

use super::link::Vlans;
use super::network::{Network, Room};
use crate::counter::Ignored;
use crate::packet::{Fragment, HeaderBytes, Packet, PacketBytes, Portion, icmp, protocol};

/// Reads the transport header of the innermost packet.
#[inline(always)]
pub(super) fn transport<B: PacketBytes>(
    frame: &B,
    network: &Network,
    vlans: Vlans,
    error: u8,
) -> Result<Packet, Ignored> {
    let room = network.room;
    let mut packet = Packet {
        source: network.source,
        destination: network.destination,
        source_port: 0,
        destination_port: 0,
        protocol: network.protocol,
        flags: 0,
        outer_vlan: vlans.outer,
        inner_vlan: vlans.inner,
        window: 0,
        payload: room.end.saturating_sub(u64::from(room.offset)) as u32,
        length: frame.wire_length(),
        fragment: network.fragment,
        error,
    };
    if error != 0 {
        return quoted(frame, network, packet);
    }
    if network.fragment.portion == Portion::Later {
        if network.protocol == protocol::TCP && network.fragment.offset < LONGEST_TCP.div_ceil(UNIT)
        {
            within_tcp_header(frame, network, &mut packet)?;
        }
        return Ok(packet);
    }
    let header_length = match network.protocol {
        protocol::TCP | protocol::SCTP if is_tiny(network) => return tiny(frame, room, packet),
        protocol::TCP => {
            let header = room.header::<20, B>(frame)?;
            ports(&header, &mut packet);
            packet.flags = header.u8(13);
            packet.window = header.u16(14);
            let length = u32::from(header.u8(12) >> 4) * 4;
            if length < 20 {
                return Err(Ignored::BadHeader);
            }
            length
        }
        protocol::UDP => {
            let header = room.header::<8, B>(frame)?;
            ports(&header, &mut packet);
            8
        }
        protocol::SCTP => {
            let header = room.header::<12, B>(frame)?;
            ports(&header, &mut packet);
            12
        }
        protocol::ICMP => {
            let header = room.header::<8, B>(frame)?;
            packet.flags = icmp_kind(header.u8(0));
            8
        }
        protocol::ICMPV6 => {
            let header = room.header::<8, B>(frame)?;
            packet.flags = icmpv6_kind(header.u8(0));
            8
        }
        _ => 0,
    };
    let above = room.behind(header_length)?;
    packet.payload = (above.end - u64::from(above.offset)) as u32;
    Ok(packet)
}

/// Bytes of the longest TCP header, and what an IP fragment's offset counts in.
const LONGEST_TCP: u16 = 60;
const UNIT: u16 = 8;

/// Whether a first fragment holds less than the whole header of TCP or SCTP (RFC 1858 3, `nmap -f`).
#[inline(always)]
fn is_tiny(network: &Network) -> bool {
    let room = network.room;
    let least = if network.protocol == protocol::TCP {
        20
    } else {
        12
    };
    network.fragment.portion == Portion::First && room.claimed < u64::from(room.offset) + least
}

/// A first fragment with the ports alone. TCP's flags come with the second one ([`within_tcp_header`]).
#[inline(always)]
fn tiny<B: PacketBytes>(frame: &B, room: Room, mut packet: Packet) -> Result<Packet, Ignored> {
    // Offsets are in units of 8 bytes, so there cannot be fewer (RFC 791 3.2) in a packet that is ever put together.
    let header = room.header::<8, B>(frame)?;
    ports(&header, &mut packet);
    packet.payload = 0;
    if packet.protocol == protocol::TCP {
        match room.header::<16, B>(frame) {
            Ok(header) => {
                packet.flags = header.u8(13);
                packet.window = header.u16(14);
            }
            Err(Ignored::BadHeader) => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(packet)
}

/// A later fragment that begins where a TCP header may still go on: the second of a tiny first one has the flags, and
/// what is in such a header is no payload.
///
/// Nobody else cuts a packet so soon, as no link has an MTU for it (RFC 791 3.2: 68 bytes). So up to 60 bytes are taken
/// for header behind the second fragment, which has its length.
#[inline(always)]
fn within_tcp_header<B: PacketBytes>(
    frame: &B,
    network: &Network,
    packet: &mut Packet,
) -> Result<(), Ignored> {
    let begin = u32::from(network.fragment.offset) * u32::from(UNIT);
    let mut header_end = u32::from(LONGEST_TCP);
    if network.fragment.offset == 1 {
        // Bytes 8 to 15 of the header. A last fragment may be shorter, and then nobody can put the packet together.
        match network.room.header::<8, B>(frame) {
            Ok(header) => {
                header_end = u32::from(header.u8(4) >> 4) * 4;
                packet.flags = header.u8(5);
                packet.window = header.u16(6);
            }
            Err(Ignored::BadHeader) => {}
            Err(reason) => return Err(reason),
        }
    }
    packet.payload = packet
        .payload
        .saturating_sub(header_end.saturating_sub(begin));
    Ok(())
}

/// The answer to a packet of which an ICMP error quotes the first 8 bytes above IP (RFC 792, RFC 4443 2.4).
#[inline(always)]
fn quoted<B: PacketBytes>(
    frame: &B,
    network: &Network,
    mut packet: Packet,
) -> Result<Packet, Ignored> {
    (packet.source, packet.destination) = (network.destination, network.source);
    packet.fragment = Fragment::default();
    packet.payload = 0;
    if matches!(
        network.protocol,
        protocol::TCP | protocol::UDP | protocol::SCTP
    ) {
        let header = network.room.header::<8, B>(frame)?;
        packet.source_port = header.u16(2);
        packet.destination_port = header.u16(0);
    }
    Ok(packet)
}

#[inline(always)]
fn ports<H: HeaderBytes>(header: &H, packet: &mut Packet) {
    packet.source_port = header.u16(0);
    packet.destination_port = header.u16(2);
}

#[inline(always)]
fn icmp_kind(kind: u8) -> u8 {
    match kind {
        8 => icmp::ECHO_REQUEST,
        0 => icmp::ECHO_REPLY,
        3 => icmp::UNREACHABLE,
        11 => icmp::TIME_EXCEEDED,
        9 | 10 => icmp::DISCOVERY,
        _ => icmp::OTHER,
    }
}

#[inline(always)]
fn icmpv6_kind(kind: u8) -> u8 {
    match kind {
        128 => icmp::ECHO_REQUEST,
        129 => icmp::ECHO_REPLY,
        1 => icmp::UNREACHABLE,
        3 => icmp::TIME_EXCEEDED,
        130..=137 | 143 => icmp::DISCOVERY,
        _ => icmp::OTHER,
    }
}
