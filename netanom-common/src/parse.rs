//! The only parser: from a frame, mostly of Ethernet, to a [`Packet`], or to the reason why it is in no flow.
//!
//! Lengths come from the IP header, as Ethernet pads short frames; the wire length bounds them. Every header is
//! checked once, whole. Later fragments carry no ports (RFC 791 3.2, RFC 8200 4.5) and are counted under port 0.

use crate::counter::Ignored;
use crate::packet::{HeaderBytes, Packet, PacketBytes, RawAddress, icmp, protocol};

const ETHERNET: u32 = 14;
const VLAN_TAG: u32 = 4;
const IPV4_MIN: u32 = 20;
const IPV6: u32 = 40;

/// Length of a packet whose header leaves it out: the frame alone bounds it.
const UNSAID: u32 = u32::MAX;

/// EtherType of IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const TYPE_IPV6: u16 = 0x86dd;

/// IPv6 extension headers that are followed; RFC 8200 4.1 names six, each once but for destination options.
const MAX_EXTENSIONS: usize = 7;

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
    let (mut ether_type, mut offset) = (ether_type, offset);
    let mut vlans = Vlans::of_offload(frame.offloaded_vlan());
    // What the interface took out of the frame is in its length on the wire, but in no offset.
    let wire_length = frame
        .wire_length()
        .saturating_sub(u32::from(vlans.count) * VLAN_TAG);
    // Written twice rather than as a loop: the verifier follows straight code with known offsets far more cheaply.
    if is_vlan(ether_type) {
        let tag = frame
            .header::<{ VLAN_TAG as usize }>(offset)
            .ok_or(Ignored::Truncated)?;
        vlans.push(tag.u16(0))?;
        ether_type = tag.u16(2);
        offset += VLAN_TAG;
        if is_vlan(ether_type) {
            let tag = frame
                .header::<{ VLAN_TAG as usize }>(offset)
                .ok_or(Ignored::Truncated)?;
            vlans.push(tag.u16(0))?;
            ether_type = tag.u16(2);
            offset += VLAN_TAG;
        }
    }
    match ether_type {
        TYPE_IPV4 => ipv4(frame, offset, wire_length, vlans),
        TYPE_IPV6 => ipv6(frame, offset, wire_length, vlans),
        other if is_vlan(other) => Err(Ignored::TooDeep),
        _ => Err(Ignored::NotIp),
    }
}

/// 802.1Q, 802.1ad and the older stacked tag that some switches still send.
#[inline(always)]
fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100)
}

#[derive(Clone, Copy)]
struct Vlans {
    count: u8,
    outer: u16,
    inner: u16,
}

impl Vlans {
    #[inline(always)]
    fn of_offload(tag: Option<u16>) -> Self {
        match tag {
            Some(tag) => Self {
                count: 1,
                outer: tag & 0x0fff,
                inner: 0,
            },
            None => Self {
                count: 0,
                outer: 0,
                inner: 0,
            },
        }
    }

    #[inline(always)]
    fn push(&mut self, tag: u16) -> Result<(), Ignored> {
        match self.count {
            0 => self.outer = tag & 0x0fff,
            1 => self.inner = tag & 0x0fff,
            _ => return Err(Ignored::TooDeep),
        }
        self.count += 1;
        Ok(())
    }
}

/// What an IP header says of the packet that it carries.
struct Network {
    source: RawAddress,
    destination: RawAddress,
    protocol: u8,
    /// Where the transport header begins.
    offset: u32,
    /// Bytes from there to the end of the IP packet.
    length: u32,
    /// The same by the IP header alone; more than `length` when the frame is cut.
    claimed: u32,
    later_fragment: bool,
    vlans: Vlans,
}

impl Network {
    /// What a header of `length` bytes that ends behind the frame means.
    #[inline(always)]
    fn overrun(&self, length: u32) -> Ignored {
        if length > self.claimed {
            Ignored::BadHeader
        } else {
            Ignored::Truncated
        }
    }
}

#[inline(always)]
fn ipv4<B: PacketBytes>(
    frame: &B,
    offset: u32,
    wire_length: u32,
    vlans: Vlans,
) -> Result<Packet, Ignored> {
    let header = frame
        .header::<{ IPV4_MIN as usize }>(offset)
        .ok_or(Ignored::Truncated)?;
    let first = header.u8(0);
    let header_length = u32::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_length < IPV4_MIN {
        return Err(Ignored::BadHeader);
    }
    let on_wire = wire_length.saturating_sub(offset);
    let total = match u32::from(header.u16(2)) {
        // Segmentation offload leaves 0 where the packet does not fit 16 bits (Linux BIG TCP).
        0 => UNSAID,
        length => length,
    };
    if total < header_length {
        return Err(Ignored::BadHeader);
    }
    transport(
        frame,
        &Network {
            source: mapped(header.u32(12)),
            destination: mapped(header.u32(16)),
            protocol: header.u8(9),
            offset: offset + header_length,
            length: total.min(on_wire).saturating_sub(header_length),
            claimed: total - header_length,
            later_fragment: header.u16(6) & 0x1fff != 0,
            vlans,
        },
    )
}

#[inline(always)]
fn mapped(address: u32) -> RawAddress {
    [0, 0, 0xffff_u32.to_be(), address.to_be()]
}

#[inline(always)]
fn ipv6<B: PacketBytes>(
    frame: &B,
    offset: u32,
    wire_length: u32,
    vlans: Vlans,
) -> Result<Packet, Ignored> {
    let header = frame
        .header::<{ IPV6 as usize }>(offset)
        .ok_or(Ignored::Truncated)?;
    if header.u8(0) >> 4 != 6 {
        return Err(Ignored::BadHeader);
    }
    let on_wire = wire_length.saturating_sub(offset + IPV6);
    let payload = match u32::from(header.u16(4)) {
        // A jumbogram (RFC 2675) or segmentation offload.
        0 => UNSAID,
        length => length,
    };
    let mut network = Network {
        source: address(&header, 8),
        destination: address(&header, 24),
        protocol: header.u8(6),
        offset: offset + IPV6,
        length: payload.min(on_wire),
        claimed: payload,
        later_fragment: false,
        vlans,
    };
    skip_extensions(frame, &mut network)?;
    transport(frame, &network)
}

#[inline(always)]
fn address<H: HeaderBytes>(header: &H, at: usize) -> RawAddress {
    [
        header.u32(at).to_be(),
        header.u32(at + 4).to_be(),
        header.u32(at + 8).to_be(),
        header.u32(at + 12).to_be(),
    ]
}

/// Walks over IPv6 extension headers (RFC 8200 4, RFC 4302 for AH) to the transport header.
#[inline(always)]
fn skip_extensions<B: PacketBytes>(frame: &B, network: &mut Network) -> Result<(), Ignored> {
    for _ in 0..MAX_EXTENSIONS {
        let length = match network.protocol {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6: in units of 8 bytes, without the first.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let header = frame
                    .header::<2>(network.offset)
                    .ok_or(Ignored::Truncated)?;
                network.protocol = header.u8(0);
                (u32::from(header.u8(1)) + 1) * 8
            }
            44 => {
                let header = frame
                    .header::<8>(network.offset)
                    .ok_or(Ignored::Truncated)?;
                network.protocol = header.u8(0);
                network.later_fragment = header.u16(2) & 0xfff8 != 0;
                8
            }
            // The authentication header counts in units of 4 bytes, without the first two.
            51 => {
                let header = frame
                    .header::<2>(network.offset)
                    .ok_or(Ignored::Truncated)?;
                network.protocol = header.u8(0);
                (u32::from(header.u8(1)) + 2) * 4
            }
            _ => return Ok(()),
        };
        if length > network.length {
            return Err(network.overrun(length));
        }
        network.offset += length;
        network.length -= length;
        network.claimed -= length;
        if network.later_fragment {
            return Ok(());
        }
    }
    Err(Ignored::TooDeep)
}

#[inline(always)]
fn transport<B: PacketBytes>(frame: &B, network: &Network) -> Result<Packet, Ignored> {
    let mut packet = Packet {
        source: network.source,
        destination: network.destination,
        source_port: 0,
        destination_port: 0,
        protocol: network.protocol,
        flags: 0,
        outer_vlan: network.vlans.outer,
        inner_vlan: network.vlans.inner,
        window: 0,
        payload: network.length,
        length: frame.wire_length(),
    };
    if network.later_fragment {
        return Ok(packet);
    }
    let header_length = match network.protocol {
        protocol::TCP => {
            let header = frame
                .header::<20>(network.offset)
                .ok_or(Ignored::Truncated)?;
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
            let header = frame
                .header::<8>(network.offset)
                .ok_or(Ignored::Truncated)?;
            ports(&header, &mut packet);
            8
        }
        protocol::SCTP => {
            let header = frame
                .header::<12>(network.offset)
                .ok_or(Ignored::Truncated)?;
            ports(&header, &mut packet);
            12
        }
        protocol::ICMP => {
            let header = frame
                .header::<8>(network.offset)
                .ok_or(Ignored::Truncated)?;
            packet.flags = icmp_kind(header.u8(0));
            8
        }
        protocol::ICMPV6 => {
            let header = frame
                .header::<8>(network.offset)
                .ok_or(Ignored::Truncated)?;
            packet.flags = icmpv6_kind(header.u8(0));
            8
        }
        _ => 0,
    };
    if header_length > network.length {
        return Err(network.overrun(header_length));
    }
    packet.payload = network.length - header_length;
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
