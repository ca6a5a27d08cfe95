//! Parts of the parser that few packets come to, each behind one call.
//!
//! The kernel's programs have each part as a function that the verifier checks by itself, once, for whatever may stand in
//! a [`Walk`] (a "global function", Documentation/bpf/verifier.rst), and not again on each way that leads to it. So what
//! is added to a part adds to that part alone, and most packets pay a comparison for it.

use super::network::{Carried, Room};
use super::{link, network, tunnel};
use crate::counter::Ignored;
use crate::encapsulation::Encapsulation;
use crate::packet::{Fragment, PacketBytes, Portion};

/// A part of the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What an Ethernet type announces that is neither IP nor a tag.
    Link,
    /// IPv6 extension headers.
    Extensions,
    /// Tunnels and the quotes of ICMP errors.
    Tunnel,
    /// Which encapsulation it is that makes an Ethernet frame no IP.
    Encapsulation,
}

/// Where the parser is: what a part begins with, and what it gives back. Numbers alone, as the kernel's BTF has to
/// describe it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Walk {
    end: u64,
    claimed: u64,
    offset: u32,
    /// What follows: an Ethernet type, the version of IP or the number of a protocol.
    pub(super) kind: u32,
    /// [`Fragment`]: its place, its protocol in bits 8 to 15, its offset in bits 16 to 31, its identification above.
    fragment: u64,
    /// What the ICMP error says that quotes what follows ([`crate::packet::error`]).
    pub(super) error: u64,
}

impl Walk {
    /// Before anything.
    #[inline(always)]
    pub(super) fn new() -> Self {
        let nowhere = Room {
            end: 0,
            claimed: 0,
            offset: 0,
        };
        Self::before(0, nowhere)
    }

    /// Before what is of this kind.
    #[inline(always)]
    pub(super) fn before(kind: u32, room: Room) -> Self {
        Self {
            end: room.end,
            claimed: room.claimed,
            offset: room.offset,
            kind,
            fragment: 0,
            error: 0,
        }
    }

    #[inline(always)]
    pub(super) fn room(&self) -> Room {
        Room {
            end: self.end,
            claimed: self.claimed,
            offset: self.offset,
        }
    }

    /// Goes on to what is of this kind.
    #[inline(always)]
    pub(super) fn go(&mut self, kind: u32, room: Room) {
        (self.end, self.claimed, self.offset) = (room.end, room.claimed, room.offset);
        self.kind = kind;
    }

    #[inline(always)]
    pub(super) fn carried(&self) -> Carried {
        Carried::of(self.kind)
    }

    #[inline(always)]
    pub(super) fn fragment(&self) -> Fragment {
        Fragment {
            portion: match self.fragment & 0xff {
                0 => Portion::Whole,
                1 => Portion::First,
                _ => Portion::Later,
            },
            protocol: (self.fragment >> 8) as u8,
            offset: (self.fragment >> 16) as u16,
            identification: (self.fragment >> 32) as u32,
        }
    }

    #[inline(always)]
    pub(super) fn set_fragment(&mut self, fragment: Fragment) {
        let (portion, protocol) = (fragment.portion as u64, u64::from(fragment.protocol));
        self.fragment = portion
            | protocol << 8
            | u64::from(fragment.offset) << 16
            | u64::from(fragment.identification) << 32;
    }
}

/// The slot of the kernel's tallies for the encapsulation of an Ethernet frame that is not IP, if it is one that is told
/// ([`Encapsulation::slot`]).
#[inline(always)]
pub fn encapsulation_slot<B: PacketBytes>(frame: &B) -> Option<u32> {
    let mut walk = Walk::new();
    let answer = frame.apart(Part::Encapsulation, &mut walk);
    (answer == 0 && walk.kind != 0).then_some(walk.kind)
}

/// What a part answers with: 0, or one more than the reason why the packet is in no flow.
pub type Answer = u32;

impl Part {
    /// Goes through this part.
    #[inline(always)]
    pub fn run<B: PacketBytes>(self, frame: &B, walk: &mut Walk) -> Answer {
        let outcome = match self {
            Self::Link => link::rare(frame, walk),
            Self::Extensions => network::extensions(frame, walk),
            Self::Tunnel => tunnel::enter(frame, walk),
            Self::Encapsulation => {
                walk.kind = Encapsulation::of_frame(frame).map_or(0, Encapsulation::slot);
                Ok(())
            }
        };
        match outcome {
            Ok(()) => 0,
            Err(reason) => 1 + reason as Answer,
        }
    }

    /// Has the frame go through this part.
    #[inline(always)]
    pub(super) fn of<B: PacketBytes>(self, frame: &B, walk: &mut Walk) -> Result<(), Ignored> {
        match frame.apart(self, walk) {
            0 => Ok(()),
            answer => Err(reason(answer)),
        }
    }
}

/// The reasons that a parser has.
#[inline(always)]
fn reason(answer: Answer) -> Ignored {
    const NOT_IP: Answer = 1 + Ignored::NotIp as Answer;
    const TRUNCATED: Answer = 1 + Ignored::Truncated as Answer;
    const BAD_HEADER: Answer = 1 + Ignored::BadHeader as Answer;
    match answer {
        NOT_IP => Ignored::NotIp,
        TRUNCATED => Ignored::Truncated,
        BAD_HEADER => Ignored::BadHeader,
        _ => Ignored::TooDeep,
    }
}
