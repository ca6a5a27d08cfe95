//! What stands between the link layer and the IP header: VLAN tags, and rarer MPLS labels, PPPoE, 802.2.

use super::apart::{Part, Walk};
use super::network::{At, Carried, Room, UNSAID};
use crate::counter::Ignored;
use crate::packet::{HeaderBytes, PacketBytes};

pub(super) const ETHERNET: u32 = 14;
const VLAN_TAG: u32 = 4;
const LABEL: u32 = 4;

/// EtherType of IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const TYPE_IPV6: u16 = 0x86dd;
const TYPE_MPLS: u16 = 0x8847;
/// MPLS with a label that the next router upstream gave (RFC 5332).
const TYPE_MPLS_UPSTREAM: u16 = 0x8848;
/// A PPPoE session (RFC 2516).
const TYPE_PPPOE: u16 = 0x8864;
/// Smaller ones are lengths, of frames with an 802.2 header (IEEE 802.3 3.2.6).
const FIRST_TYPE: u16 = 0x0600;

/// MPLS labels that are followed; a VPN with fast reroute and an entropy label has five.
const MAX_LABELS: usize = 6;

/// What leads up to the IP header.
pub(super) struct Link {
    pub(super) packet: At,
    pub(super) vlans: Vlans,
}

impl Link {
    #[inline(always)]
    pub(super) fn read<B: PacketBytes>(
        frame: &B,
        ether_type: u16,
        offset: u32,
        walk: &mut Walk,
    ) -> Result<Self, Ignored> {
        let mut vlans = Vlans::of_offload(frame.offloaded_vlan());
        // What the interface took out of the frame is in its length on the wire, but in no offset.
        let wire_length = frame
            .wire_length()
            .saturating_sub(u32::from(vlans.count) * VLAN_TAG);
        let mut room = Room {
            offset,
            end: u64::from(wire_length),
            claimed: UNSAID,
        };
        let carried = Carried::read(frame, ether_type, &mut room, &mut vlans, walk)?;
        let packet = At {
            carried,
            room,
            error: 0,
        };
        Ok(Self {
            packet: packet.forgotten(frame),
            vlans: Vlans {
                outer: frame.forget(u64::from(vlans.outer)) as u16,
                inner: frame.forget(u64::from(vlans.inner)) as u16,
                ..vlans
            },
        })
    }
}

impl Carried {
    /// Which IP header follows a field with an Ethernet type, behind VLAN tags and what [`rare`] knows. What `walk` holds is
    /// lost.
    #[inline(always)]
    pub(super) fn read<B: PacketBytes>(
        frame: &B,
        mut ether_type: u16,
        room: &mut Room,
        vlans: &mut Vlans,
        walk: &mut Walk,
    ) -> Result<Self, Ignored> {
        // Written twice rather than as a loop: the verifier follows straight code far more cheaply.
        if is_vlan(ether_type) {
            ether_type = tag(frame, room, vlans)?;
            if is_vlan(ether_type) {
                ether_type = tag(frame, room, vlans)?;
            }
        }
        match ether_type {
            TYPE_IPV4 => Ok(Self::Ipv4),
            TYPE_IPV6 => Ok(Self::Ipv6),
            other if is_rare(other) => {
                *walk = Walk::before(u32::from(other), *room);
                Part::Link.of(frame, walk)?;
                *room = walk.room();
                Ok(walk.carried())
            }
            _ => Err(Ignored::NotIp),
        }
    }
}

/// Whether it is a type that [`rare`] knows: others, such as ARP's, need no call.
#[inline(always)]
fn is_rare(ether_type: u16) -> bool {
    matches!(ether_type, TYPE_MPLS | TYPE_MPLS_UPSTREAM | TYPE_PPPOE)
        || ether_type < FIRST_TYPE
        || is_vlan(ether_type)
}

/// Goes on from an Ethernet type that is neither IP's nor a tag's to the IP header.
#[inline(always)]
pub(super) fn rare<B: PacketBytes>(frame: &B, walk: &mut Walk) -> Result<(), Ignored> {
    let mut room = walk.room();
    let carried = match walk.kind as u16 {
        TYPE_MPLS | TYPE_MPLS_UPSTREAM => labels(frame, &mut room)?,
        TYPE_PPPOE => pppoe(frame, &mut room)?,
        length if length < FIRST_TYPE => snap(frame, &mut room)?,
        other if is_vlan(other) => return Err(Ignored::TooDeep),
        _ => return Err(Ignored::NotIp),
    };
    walk.go(carried.version(), room);
    Ok(())
}

/// 802.1Q, 802.1ad and the older stacked tag that some switches still send.
#[inline(always)]
fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100)
}

/// Takes a VLAN tag, and returns the type of what follows.
#[inline(always)]
fn tag<B: PacketBytes>(frame: &B, room: &mut Room, vlans: &mut Vlans) -> Result<u16, Ignored> {
    let tag = room.header::<{ VLAN_TAG as usize }, B>(frame)?;
    vlans.push(tag.u16(0))?;
    room.skip(VLAN_TAG);
    Ok(tag.u16(2))
}

/// Walks over an MPLS label stack (RFC 3032 2.1). Its last label does not say what follows, so the version of the IP
/// header does; a pseudowire (RFC 4385 begins it with zeros) is not followed.
#[inline(always)]
fn labels<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<Carried, Ignored> {
    const BOTTOM: u32 = 0x100;
    *room = room.forgotten(frame);
    for _ in 0..MAX_LABELS {
        let label = room.header::<{ LABEL as usize }, B>(frame)?;
        room.skip(LABEL);
        if label.u32(0) & BOTTOM != 0 {
            *room = room.forgotten(frame);
            return by_version(frame, room);
        }
    }
    Err(Ignored::TooDeep)
}

/// The header of a PPPoE session (RFC 2516 4) and PPP's protocol behind it, in two bytes: RFC 2516 7 advises against
/// the short form.
#[inline(always)]
fn pppoe<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<Carried, Ignored> {
    /// Version 1, type 1, code 0: data of a session.
    const SESSION: u16 = 0x1100;
    // IANA, PPP DLL Protocol Numbers.
    const IPV4: u16 = 0x0021;
    const IPV6: u16 = 0x0057;
    const MPLS: u16 = 0x0281;
    let header = room.header::<8, B>(frame)?;
    if header.u16(0) != SESSION {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    match header.u16(6) {
        IPV4 => Ok(Carried::Ipv4),
        IPV6 => Ok(Carried::Ipv6),
        MPLS => labels(frame, room),
        _ => Err(Ignored::NotIp),
    }
}

/// An 802.2 header with SNAP that gives an Ethernet type (RFC 1042), as old and industrial Ethernet frames IP.
#[inline(always)]
fn snap<B: PacketBytes>(frame: &B, room: &mut Room) -> Result<Carried, Ignored> {
    // Both access points.
    const SNAP: u16 = 0xaaaa;
    // Unnumbered information; organisation 0 or that of bridges (IEEE 802.1H).
    const TYPES: u32 = 0x0300_0000;
    const BRIDGED_TYPES: u32 = 0x0300_00f8;
    // Other 802.2 frames may be shorter than SNAP's header.
    if room.header::<2, B>(frame)?.u16(0) != SNAP {
        return Err(Ignored::NotIp);
    }
    let header = room.header::<8, B>(frame)?;
    if !matches!(header.u32(2), TYPES | BRIDGED_TYPES) {
        return Err(Ignored::NotIp);
    }
    room.skip(8);
    match header.u16(6) {
        TYPE_IPV4 => Ok(Carried::Ipv4),
        TYPE_IPV6 => Ok(Carried::Ipv6),
        _ => Err(Ignored::NotIp),
    }
}

/// Which IP header there is, by its version.
#[inline(always)]
pub(super) fn by_version<B: PacketBytes>(frame: &B, room: &Room) -> Result<Carried, Ignored> {
    match room.header::<1, B>(frame)?.u8(0) >> 4 {
        4 => Ok(Carried::Ipv4),
        6 => Ok(Carried::Ipv6),
        _ => Err(Ignored::NotIp),
    }
}

/// The identifiers of up to two VLAN tags.
#[derive(Clone, Copy)]
pub(super) struct Vlans {
    count: u8,
    pub(super) outer: u16,
    pub(super) inner: u16,
}

impl Vlans {
    pub(super) const NONE: Self = Self {
        count: 0,
        outer: 0,
        inner: 0,
    };

    #[inline(always)]
    fn of_offload(tag: Option<u16>) -> Self {
        match tag {
            Some(tag) => Self {
                count: 1,
                outer: tag & 0x0fff,
                inner: 0,
            },
            None => Self::NONE,
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
