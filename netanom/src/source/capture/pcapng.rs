//! pcapng: sections of blocks; a section describes its interfaces, each with its own link type and clock.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>. Blocks that carry no packet are stepped over.

use super::LinkType;
use super::buffer::Buffer;
use super::record::{ByteOrder, Head, MAX_PACKET, Stop};

/// Block type of a section's header: the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION_TYPE: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before a block's body, and the length again after it.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;

/// Longest description of an interface that is believed: options are texts of at most 64 KiB.
const MAX_DESCRIPTION: u32 = 4 << 20;

/// Interfaces of a section that are kept at most; a real one has a few.
const MAX_INTERFACES: usize = 65_536;

/// The latest time that is believed, in the year 2262: windows end later than their packets.
const LATEST: u64 = i64::MAX as u64;

/// A pcapng file within a section.
#[derive(Debug)]
pub(super) struct PcapNg {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Time of the last packet: simple packet blocks have none of their own.
    last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_length: u32,
    clock: Clock,
}

/// How an interface tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    unit: Unit,
    /// Nanoseconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many to a nanosecond.
    PerNanosecond(u64),
    /// A second has two to the power of so many.
    Binary(u32),
}

impl Clock {
    const MICROSECONDS: Self = Self {
        unit: Unit::Nanoseconds(1000),
        offset: 0,
    };

    /// Nanoseconds since the Unix epoch, at the ends of what is believed for nonsense.
    #[inline]
    fn nanoseconds(self, ticks: u64) -> u64 {
        let time = match self.unit {
            Unit::Nanoseconds(unit) => ticks.saturating_mul(unit),
            Unit::PerNanosecond(ticks_each) => ticks / ticks_each,
            Unit::Binary(bits) => {
                let time = (u128::from(ticks) * 1_000_000_000) >> bits;
                u64::try_from(time).unwrap_or(u64::MAX)
            }
        };
        time.saturating_add_signed(self.offset).min(LATEST)
    }
}

impl Unit {
    /// From the option `if_tsresol`: a negative power of ten, or of two when the highest bit is set.
    fn of_resolution(byte: u8) -> Self {
        let power = u32::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            Self::Binary(power)
        } else if power <= 9 {
            Self::Nanoseconds(10_u64.pow(9 - power))
        } else {
            Self::PerNanosecond(10_u64.checked_pow(power - 9).unwrap_or(u64::MAX))
        }
    }
}

impl PcapNg {
    /// At the begin of a file whose first bytes are [`SECTION`].
    pub(super) fn new() -> Self {
        Self {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            last: 0,
        }
    }

    /// Goes on to the next block with a packet.
    #[inline]
    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> Result<Head, Stop> {
        loop {
            let at = buffer.position();
            let start = buffer.peek(BLOCK_HEADER);
            if start.len() < BLOCK_HEADER {
                return Err(Stop::early(buffer, at));
            }
            let kind = self.order.u32(start, 0);
            if kind == SECTION_TYPE {
                self.begin_section(buffer, at)?;
                continue;
            }
            let length = self.order.u32(start, 4);
            check_length(length, at)?;
            match kind {
                ENHANCED_PACKET | PACKET | SIMPLE_PACKET => {
                    // A packet, its header and options; the options of a packet are few.
                    if length > MAX_PACKET + MAX_DESCRIPTION {
                        let detail = format!("its block claims {length} bytes");
                        return Err(Stop::Damaged(at, detail));
                    }
                    self.whole(buffer, length, at)?;
                    let head = self.packet(kind, buffer.seen(0, length as usize), at)?;
                    self.last = head.time;
                    return Ok(head);
                }
                INTERFACE if length <= MAX_DESCRIPTION => {
                    self.whole(buffer, length, at)?;
                    self.add_interface(buffer.seen(0, length as usize), at)?;
                    buffer.consume(length as usize);
                }
                _ => self.step_over(buffer, length, at)?,
            }
        }
    }

    /// The byte order and the end of the interfaces before.
    fn begin_section(&mut self, buffer: &mut Buffer, at: u64) -> Result<(), Stop> {
        let header = buffer.peek(12);
        if header.len() < 12 {
            return Err(Stop::early(buffer, at));
        }
        self.order = match header[8..12] {
            [0x4d, 0x3c, 0x2b, 0x1a] => ByteOrder::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => ByteOrder::Big,
            _ => {
                let detail = "its section header has no byte order".to_owned();
                return Err(Stop::Damaged(at, detail));
            }
        };
        let length = self.order.u32(header, 4);
        check_length(length, at)?;
        self.interfaces.clear();
        self.step_over(buffer, length, at)
    }

    /// Sees to it that the whole block is in the buffer, and that its two lengths agree.
    #[inline]
    fn whole(&self, buffer: &mut Buffer, length: u32, at: u64) -> Result<(), Stop> {
        let block = buffer.peek(length as usize);
        if block.len() < length as usize {
            return Err(Stop::early(buffer, at));
        }
        check_trailer(
            self.order.u32(block, length as usize - BLOCK_TRAILER),
            length,
            at,
        )
    }

    fn step_over(&self, buffer: &mut Buffer, length: u32, at: u64) -> Result<(), Stop> {
        let is_there = buffer.skip(u64::from(length) - BLOCK_TRAILER as u64);
        if !is_there || buffer.peek(BLOCK_TRAILER).len() < BLOCK_TRAILER {
            return Err(Stop::early(buffer, at));
        }
        let trailer = self.order.u32(buffer.peek(BLOCK_TRAILER), 0);
        buffer.consume(BLOCK_TRAILER);
        check_trailer(trailer, length, at)
    }

    fn add_interface(&mut self, block: &[u8], at: u64) -> Result<(), Stop> {
        if block.len() < 20 || self.interfaces.len() == MAX_INTERFACES {
            let detail = "its interface description cannot be".to_owned();
            return Err(Stop::Damaged(at, detail));
        }
        let options = &block[16..block.len() - BLOCK_TRAILER];
        self.interfaces.push(Interface {
            link: LinkType::of(self.order.u16(block, 8)),
            snap_length: self.order.u32(block, 12),
            clock: self.clock(options),
        });
        Ok(())
    }

    /// The options `if_tsresol` (9) and `if_tsoffset` (14) among an interface's.
    fn clock(&self, mut options: &[u8]) -> Clock {
        let mut clock = Clock::MICROSECONDS;
        while options.len() >= 4 {
            let code = self.order.u16(options, 0);
            let length = usize::from(self.order.u16(options, 2));
            let Some(value) = options.get(4..4 + length) else {
                break;
            };
            match (code, value) {
                (0, _) => break,
                (9, [resolution]) => clock.unit = Unit::of_resolution(*resolution),
                (14, [_, _, _, _, _, _, _, _]) => {
                    let (first, second) = (self.order.u32(value, 0), self.order.u32(value, 4));
                    let (low, high) = match self.order {
                        ByteOrder::Little => (first, second),
                        ByteOrder::Big => (second, first),
                    };
                    let seconds = (u64::from(high) << 32 | u64::from(low)) as i64;
                    clock.offset = seconds.saturating_mul(1_000_000_000);
                }
                _ => {}
            }
            options = options
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        clock
    }

    /// The packet of a whole block.
    #[inline]
    fn packet(&self, kind: u32, block: &[u8], at: u64) -> Result<Head, Stop> {
        let order = self.order;
        let damaged = |detail: &str| Stop::Damaged(at, detail.to_owned());
        let (interface, offset) = match kind {
            ENHANCED_PACKET => (order.u32(block, 8) as usize, 28),
            PACKET => (usize::from(order.u16(block, 8)), 28),
            _ => (0, 12),
        };
        let room = block
            .len()
            .checked_sub(offset + BLOCK_TRAILER)
            .ok_or_else(|| damaged("its block is too short for a packet"))?;
        let interface = self
            .interfaces
            .get(interface)
            .ok_or_else(|| damaged("its packet is of an interface that was not described"))?;
        let (time, captured, original) = if kind == SIMPLE_PACKET {
            let original = order.u32(block, 8);
            let limit = match interface.snap_length {
                0 => original,
                limit => original.min(limit),
            };
            (self.last, limit.min(room as u32), original)
        } else {
            let ticks = u64::from(order.u32(block, 12)) << 32 | u64::from(order.u32(block, 16));
            let time = interface.clock.nanoseconds(ticks);
            (time, order.u32(block, 20), order.u32(block, 24))
        };
        if captured as usize > room || captured > MAX_PACKET {
            return Err(Stop::Damaged(
                at,
                format!("its packet claims {captured} bytes"),
            ));
        }
        Ok(Head {
            time,
            wire_length: original.max(captured),
            link: interface.link,
            offset,
            captured: captured as usize,
            length: block.len(),
        })
    }
}

#[inline]
fn check_length(length: u32, at: u64) -> Result<(), Stop> {
    if length < (BLOCK_HEADER + BLOCK_TRAILER) as u32 || !length.is_multiple_of(4) {
        let detail = format!("its block claims {length} bytes");
        return Err(Stop::Damaged(at, detail));
    }
    Ok(())
}

#[inline]
fn check_trailer(trailer: u32, length: u32, at: u64) -> Result<(), Stop> {
    if trailer != length {
        let detail =
            format!("its block begins with a length of {length} bytes and ends with {trailer}");
        return Err(Stop::Damaged(at, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(resolution: u8, offset: i64, ticks: u64, expected: u64) {
        let clock = Clock {
            unit: Unit::of_resolution(resolution),
            offset,
        };
        assert_eq!(clock.nanoseconds(ticks), expected);
    }

    #[test]
    fn a_clock_ticks_in_powers_of_ten_or_two() {
        check(0, 0, 3, 3_000_000_000);
        check(3, 0, 5, 5_000_000);
        check(6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000);
        check(9, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789);
        check(12, 0, 1_234_567, 1234);
        check(0x80 | 20, 0, 3 << 19, 1_500_000_000);
    }

    #[test]
    fn a_clock_may_begin_elsewhere() {
        check(6, 1_000_000_000, 5, 1_000_005_000);
        check(6, -1000, 5, 4000);
        check(6, -1_000_000, 5, 0);
    }

    #[test]
    fn a_clock_out_of_bounds_stays_at_the_end() {
        check(0, i64::MAX, u64::MAX, LATEST);
        check(127, 0, u64::MAX, 1);
        check(0xff, 0, u64::MAX, 0);
    }
}
