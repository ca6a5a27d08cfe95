//! Who began a flow, by what its packets say.
//!
//! The rules, of which the first that fits decides:
//! 1. ICMP: who asks for the echoes; the receiver of errors; then as any other protocol.
//! 2. TCP: who sent the first SYN, however late it was seen.
//! 3. TCP: who got the first SYN-ACK. Not where nothing but RST came back for it, as for a SYN-ACK scan: then who sent
//!    it, unless it came from a service's port to none, as what answers forged requests does.
//! 4. TCP: who got the first packet, if that was an RST with ACK: what a closed port answers.
//! 5. TCP that is met in its middle (the first packet has ACK or RST): who is not at the service's port, the lower one
//!    below 1024.
//! 6. Who sent the first packet: the one with the earlier time, and of equal times the one that was counted first.

use super::{FlowCounters, FlowKey, Side};
use crate::packet::{protocol, tcp};

/// Nothing was counted yet but errors.
pub const UNKNOWN: u32 = 0;

/// Who sent the first packet, the first SYN without ACK, the first SYN with ACK: a place of two bits each that holds 0
/// for nobody, 1 for the low endpoint, 2 for the high one. Above them stand the flags of the first packet.
const FIRST: u32 = 0;
const SYN: u32 = 2;
const SYN_ACK: u32 = 4;
const FLAGS: u32 = 8;
const PLACE: u32 = 0b11;

/// System ports end before this one (RFC 6335 section 6).
const FIRST_USER_PORT: u16 = 1024;

/// What the first packet says.
#[inline(always)]
pub(super) fn first(side: Side, flags: u8) -> u32 {
    (side as u32 + 1) << FIRST | u32::from(flags) << FLAGS
}

/// What was known, and a TCP packet with SYN.
#[inline(always)]
pub(super) fn with_syn(known: u32, side: Side, flags: u8) -> u32 {
    let place = if flags & tcp::ACK == 0 { SYN } else { SYN_ACK };
    if known >> place & PLACE == 0 {
        known | (side as u32 + 1) << place
    } else {
        known
    }
}

/// What two parts of a flow say, of which one began earlier.
pub(super) fn join(earlier: u32, later: u32) -> u32 {
    let either = |mask: u32| {
        if earlier & mask == 0 {
            later & mask
        } else {
            earlier & mask
        }
    };
    let first = if earlier == UNKNOWN { later } else { earlier };
    first & (PLACE << FIRST | 0xff << FLAGS) | either(PLACE << SYN) | either(PLACE << SYN_ACK)
}

/// Who began a flow that has packets and is not told by its key alone.
pub(super) fn initiator(flow: &FlowCounters, key: &FlowKey) -> Side {
    let first = first_sender(flow);
    if key.protocol() != protocol::TCP {
        return first;
    }
    if let Some(side) = at(flow.opener, SYN) {
        return side;
    }
    let service = service(key);
    if let Some(answering) = at(flow.opener, SYN_ACK) {
        let is_refused = flow.sent_by(answering.other()).only_resets();
        if is_refused && service != Some(answering) {
            return answering;
        }
        return answering.other();
    }
    // Of the flags of the first packet by time it is only known when that was counted first, too.
    let flags = (flow.opener >> FLAGS) as u8;
    const REFUSAL: u8 = tcp::RST | tcp::ACK;
    if flags & REFUSAL == REFUSAL && at(flow.opener, FIRST) == Some(first) {
        return first.other();
    }
    match service {
        Some(side) if flags & REFUSAL != 0 => side.other(),
        _ => first,
    }
}

/// Who sent the first packet.
fn first_sender(flow: &FlowCounters) -> Side {
    let (low, high) = (&flow.low, &flow.high);
    match (low.total.packets, high.total.packets) {
        (0, _) => Side::High,
        (_, 0) => Side::Low,
        _ if low.first < high.first => Side::Low,
        _ if high.first < low.first => Side::High,
        _ => at(flow.opener, FIRST).unwrap_or(Side::Low),
    }
}

/// The side with the better known port: the lower of two, if that is a system port. Port 0 is none.
fn service(key: &FlowKey) -> Option<Side> {
    let (low, high) = (key.port(Side::Low), key.port(Side::High));
    if low == high || low.min(high) == 0 || low.min(high) >= FIRST_USER_PORT {
        return None;
    }
    Some(if low < high { Side::Low } else { Side::High })
}

fn at(opener: u32, place: u32) -> Option<Side> {
    match opener >> place & PLACE {
        1 => Some(Side::Low),
        2 => Some(Side::High),
        _ => None,
    }
}
