//! IPv4 with options, IPv6 with extension headers.

use super::apart::{Part, Walk};
use crate::counter::Ignored;
use crate::packet::{Fragment, HeaderBytes, PacketBytes, Portion, RawAddress};

const IPV4_MIN: u32 = 20;
const IPV6: u32 = 40;

/// Where a packet ends of which no header says so.
pub(super) const UNSAID: u64 = u32::MAX as u64;

/// IPv6 extension headers that are followed; RFC 8200 4.1 names six, each once but for destination options.
const MAX_EXTENSIONS: usize = 7;

/// Which IP header follows.
#[derive(Clone, Copy)]
pub(super) enum Carried {
    Ipv4,
    Ipv6,
}

impl Carried {
    /// The one of this version; every other number means IPv6, which its header will contradict.
    #[inline(always)]
    pub(super) fn of(version: u32) -> Self {
        if version == 4 { Self::Ipv4 } else { Self::Ipv6 }
    }

    #[inline(always)]
    pub(super) fn version(self) -> u32 {
        match self {
            Self::Ipv4 => 4,
            Self::Ipv6 => 6,
        }
    }
}

/// Where the next header begins, and how far it may go. All are offsets in the frame.
///
/// 64 bits wide, as the compiler writes two neighbours of 32 bits at once, and the verifier wants that aligned.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Where the packet ends on the wire.
    pub(super) end: u64,
    /// Where it ends by the headers so far alone: behind `end` when the frame is cut.
    pub(super) claimed: u64,
    pub(super) offset: u32,
}

impl Room {
    /// The next `N` bytes.
    #[inline(always)]
    pub(super) fn header<'a, const N: usize, B: PacketBytes>(
        &self,
        frame: &'a B,
    ) -> Result<B::Header<'a, N>, Ignored> {
        if u64::from(self.offset) + N as u64 > self.claimed {
            return Err(Ignored::BadHeader);
        }
        frame.header::<N>(self.offset).ok_or(Ignored::Truncated)
    }

    /// The room behind a header of `length` bytes.
    #[inline(always)]
    pub(super) fn behind(&self, length: u32) -> Result<Self, Ignored> {
        let offset = self.offset + length;
        if u64::from(offset) > self.claimed {
            return Err(Ignored::BadHeader);
        }
        if u64::from(offset) > self.end {
            return Err(Ignored::Truncated);
        }
        Ok(Self { offset, ..*self })
    }

    /// Goes on behind a header that was read, or far enough ahead to be out of bounds.
    #[inline(always)]
    pub(super) fn skip(&mut self, length: u32) {
        self.offset += length;
    }

    /// The same, of which the verifier forgets how it was found.
    #[inline(always)]
    pub(super) fn forgotten<B: PacketBytes>(&self, frame: &B) -> Self {
        Self {
            offset: frame.forget(u64::from(self.offset)) as u32,
            end: frame.forget(self.end),
            claimed: frame.forget(self.claimed),
        }
    }
}

/// Where an IP packet is.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) carried: Carried,
    pub(super) room: Room,
    /// What the ICMP error says that quotes it ([`crate::packet::error`]).
    pub(super) error: u64,
}

impl At {
    /// The same, of which the verifier forgets how it was found.
    #[inline(always)]
    pub(super) fn forgotten<B: PacketBytes>(&self, frame: &B) -> Self {
        Self {
            room: self.room.forgotten(frame),
            error: frame.forget(self.error),
            ..*self
        }
    }
}

/// What an IP header says of the packet that it carries.
pub(super) struct Network {
    pub(super) source: RawAddress,
    pub(super) destination: RawAddress,
    pub(super) protocol: u8,
    pub(super) fragment: Fragment,
    /// From the transport header to the end of the IP packet.
    pub(super) room: Room,
}

impl Network {
    /// Of which nothing was read. What is read is written over it: a value that is not there when the reading fails would
    /// leave the compiler registers to copy that nothing was written to, which the verifier refuses.
    pub(super) const NONE: Self = Self {
        source: [0; 4],
        destination: [0; 4],
        protocol: 0,
        fragment: Fragment {
            portion: Portion::Whole,
            protocol: 0,
            offset: 0,
            identification: 0,
        },
        room: Room {
            end: 0,
            claimed: 0,
            offset: 0,
        },
    };

    /// Reads the IP header at a place. What `walk` holds is lost.
    #[inline(always)]
    pub(super) fn read<B: PacketBytes>(
        &mut self,
        frame: &B,
        at: At,
        walk: &mut Walk,
    ) -> Result<(), Ignored> {
        match at.carried {
            Carried::Ipv4 => self.ipv4(frame, at.room),
            Carried::Ipv6 => self.ipv6(frame, at.room, walk),
        }
    }

    /// Lets the verifier forget which way led here, as all go on in the same way.
    #[inline(always)]
    pub(super) fn forget<B: PacketBytes>(&mut self, frame: &B) {
        self.protocol = frame.forget(u64::from(self.protocol)) as u8;
        self.room = self.room.forgotten(frame);
    }

    #[inline(always)]
    fn ipv4<B: PacketBytes>(&mut self, frame: &B, room: Room) -> Result<(), Ignored> {
        let header = room.header::<{ IPV4_MIN as usize }, B>(frame)?;
        let first = header.u8(0);
        let header_length = u32::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_length < IPV4_MIN {
            return Err(Ignored::BadHeader);
        }
        let total = u32::from(header.u16(2));
        if total != 0 && total < header_length {
            return Err(Ignored::BadHeader);
        }
        let place = header.u16(6);
        let protocol = header.u8(9);
        self.room = bounded(room, room.offset + header_length, total)?;
        self.source = mapped(header.u32(12));
        self.destination = mapped(header.u32(16));
        self.protocol = protocol;
        self.fragment = Fragment {
            portion: portion_of(place & 0x1fff != 0, place & 0x2000 != 0),
            protocol,
            offset: place & 0x1fff,
            identification: u32::from(header.u16(4)),
        };
        Ok(())
    }

    #[inline(always)]
    fn ipv6<B: PacketBytes>(
        &mut self,
        frame: &B,
        mut room: Room,
        walk: &mut Walk,
    ) -> Result<(), Ignored> {
        let header = room.header::<{ IPV6 as usize }, B>(frame)?;
        if header.u8(0) >> 4 != 6 {
            return Err(Ignored::BadHeader);
        }
        let payload = u32::from(header.u16(4));
        room.skip(IPV6);
        self.room = bounded(room, room.offset, payload)?;
        self.source = address(&header, 8);
        self.destination = address(&header, 24);
        self.protocol = header.u8(6);
        self.fragment = Fragment::default();
        if is_extension(self.protocol) {
            *walk = Walk::before(u32::from(self.protocol), self.room);
            Part::Extensions.of(frame, walk)?;
            self.protocol = walk.kind as u8;
            self.fragment = walk.fragment();
            self.room = walk.room();
        }
        Ok(())
    }
}

/// The room behind a header that ends at `offset`, when it says that it and the packet end `length` bytes behind
/// `around`'s beginning. It says 0 for a jumbogram (RFC 2675) and with segmentation offload, where a length does not fit into 16 bits.
#[inline(always)]
fn bounded(around: Room, offset: u32, length: u32) -> Result<Room, Ignored> {
    if u64::from(offset) > around.claimed {
        return Err(Ignored::BadHeader);
    }
    let mut room = Room { offset, ..around };
    if length != 0 {
        let end = u64::from(around.offset + length);
        room.end = end.min(around.end);
        room.claimed = end.min(around.claimed);
    }
    Ok(room)
}

#[inline(always)]
fn mapped(address: u32) -> RawAddress {
    [0, 0, 0xffff_u32.to_be(), address.to_be()]
}

#[inline(always)]
fn portion_of(has_offset: bool, has_more: bool) -> Portion {
    if has_offset {
        Portion::Later
    } else if has_more {
        Portion::First
    } else {
        Portion::Whole
    }
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

/// Whether it is the number of an extension header that [`extensions`] walks over.
#[inline(always)]
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)
}

/// Walks over IPv6 extension headers (RFC 8200 4, RFC 4302 for AH) to the transport header.
#[inline(always)]
pub(super) fn extensions<B: PacketBytes>(frame: &B, walk: &mut Walk) -> Result<(), Ignored> {
    let mut protocol = walk.kind as u8;
    let mut room = walk.room();
    let mut fragment = Fragment::default();
    for _ in 0..MAX_EXTENSIONS {
        let length = match protocol {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6: in units of 8 bytes, without the first.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let header = room.header::<2, B>(frame)?;
                protocol = header.u8(0);
                (u32::from(header.u8(1)) + 1) * 8
            }
            44 => {
                let header = room.header::<8, B>(frame)?;
                protocol = header.u8(0);
                let place = header.u16(2);
                fragment = Fragment {
                    portion: portion_of(place & 0xfff8 != 0, place & 1 != 0),
                    protocol,
                    offset: place >> 3,
                    identification: header.u32(4),
                };
                8
            }
            // The authentication header counts in units of 4 bytes, without the first two.
            51 => {
                let header = room.header::<2, B>(frame)?;
                protocol = header.u8(0);
                (u32::from(header.u8(1)) + 2) * 4
            }
            _ => return found(walk, protocol, room, fragment),
        };
        room = room.behind(length)?.forgotten(frame);
        if fragment.portion == Portion::Later {
            return found(walk, protocol, room, fragment);
        }
    }
    Err(Ignored::TooDeep)
}

#[inline(always)]
fn found(walk: &mut Walk, protocol: u8, room: Room, fragment: Fragment) -> Result<(), Ignored> {
    walk.go(u32::from(protocol), room);
    walk.set_fragment(fragment);
    Ok(())
}
