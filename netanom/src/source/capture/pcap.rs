//! Classic pcap: a header of 24 bytes, then records of a short header and a packet.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html>

use super::LinkType;
use super::buffer::Buffer;
use super::record::{ByteOrder, Head, MAX_PACKET, Stop};

const FILE_HEADER: usize = 24;

/// A classic pcap file after its header.
#[derive(Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    /// Nanoseconds in the unit of the time's second half.
    fraction: u64,
    link: LinkType,
    record_header: usize,
}

impl Pcap {
    /// Byte order, nanoseconds in a fraction and length of a record's header that a magic number stands for.
    fn known(magic: [u8; 4]) -> Option<(ByteOrder, u64, usize)> {
        Some(match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, 1000, 16),
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, 1000, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, 1, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, 1, 16),
            // The "modified" format of old Red Hat: 8 more bytes in each record's header.
            [0x34, 0xcd, 0xb2, 0xa1] => (ByteOrder::Little, 1000, 24),
            [0xa1, 0xb2, 0xcd, 0x34] => (ByteOrder::Big, 1000, 24),
            _ => return None,
        })
    }

    /// Whether a file that begins so is classic pcap.
    pub(super) fn begins(magic: [u8; 4]) -> bool {
        Self::known(magic).is_some()
    }

    /// Reads the file's header; `None` when the file ends before it does, or is none.
    pub(super) fn open(buffer: &mut Buffer) -> Option<Self> {
        let header = buffer.peek(FILE_HEADER);
        let (order, fraction, record_header) = Self::known(*header.first_chunk()?)?;
        if header.len() < FILE_HEADER {
            return None;
        }
        // The upper half says whether and how long a frame check sequence there is, which IP's length leaves out.
        let link = LinkType::of(order.u32(header, 20) as u16);
        buffer.consume(FILE_HEADER);
        Some(Self {
            order,
            fraction,
            link,
            record_header,
        })
    }

    /// The link type of all its packets.
    pub(super) fn link(&self) -> LinkType {
        self.link
    }

    /// Looks at the next record.
    #[inline]
    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> Result<Head, Stop> {
        let order = self.order;
        let header = buffer.peek(self.record_header);
        if header.len() < self.record_header {
            let at = buffer.position();
            return Err(Stop::early(buffer, at));
        }
        let seconds = u64::from(order.u32(header, 0));
        let fraction = u64::from(order.u32(header, 4)) * self.fraction;
        let (captured, original) = (order.u32(header, 8), order.u32(header, 12));
        let at = buffer.position();
        if captured > MAX_PACKET {
            let detail = format!("its record claims {captured} bytes");
            return Err(Stop::Damaged(at, detail));
        }
        let length = self.record_header + captured as usize;
        if buffer.peek(length).len() < length {
            return Err(Stop::early(buffer, at));
        }
        Ok(Head {
            time: seconds * 1_000_000_000 + fraction,
            wire_length: original.max(captured),
            link: self.link,
            offset: self.record_header,
            captured: captured as usize,
            length,
        })
    }
}
