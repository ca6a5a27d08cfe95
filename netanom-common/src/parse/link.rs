//! What stands between the link layer and the IP header: VLAN tags, MPLS labels.

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
        let carried = Carried::read(frame, ether_type, &mut room, &mut vlans)?;
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
    /// Which IP header follows a field with an Ethernet type, behind VLAN tags and MPLS labels.
    #[inline(always)]
    pub(super) fn read<B: PacketBytes>(
        frame: &B,
        mut ether_type: u16,
        room: &mut Room,
        vlans: &mut Vlans,
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
            TYPE_MPLS | TYPE_MPLS_UPSTREAM => labels(frame, room),
            other if is_vlan(other) => Err(Ignored::TooDeep),
            _ => Err(Ignored::NotIp),
        }
    }
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
            return match room.header::<1, B>(frame)?.u8(0) >> 4 {
                4 => Ok(Carried::Ipv4),
                6 => Ok(Carried::Ipv6),
                _ => Err(Ignored::NotIp),
            };
        }
    }
    Err(Ignored::TooDeep)
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
