//! A capture in memory, as Ethernet frames cut to their headers, and its way from and to a file.

use std::path::Path;

use super::RewriteError;
use super::view::{ETHERNET, View};
use crate::flow::Timestamp;
use crate::simulate::CaptureWriter;
use crate::source::capture::{CapturedPacket, LinkType, Packets};

/// Bytes of a frame that are kept: every header and what an ICMP error quotes, as far as the program looks.
const CUT: usize = 128;

/// A packet of a capture.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Nanoseconds since the Unix epoch.
    pub(super) at: u64,
    /// The frame, cut.
    pub(super) bytes: Vec<u8>,
    /// Bytes that it has on the wire.
    pub(super) wire: u32,
    /// What it is, when that is known.
    pub(super) view: Option<View>,
    /// Whether it was sent again, as its first was lost.
    pub(super) is_again: bool,
}

impl Packet {
    fn of(captured: CapturedPacket<'_>) -> Option<Self> {
        let (bytes, wire) = as_ethernet(captured)?;
        Some(Self {
            at: captured.time,
            view: View::of(&bytes),
            bytes,
            wire,
            is_again: false,
        })
    }

    /// Reads its headers again, after they were changed.
    pub(super) fn look_again(&mut self) {
        self.view = View::of(&self.bytes);
    }
}

/// The frame with an Ethernet header, as it had it or made up.
fn as_ethernet(captured: CapturedPacket<'_>) -> Option<(Vec<u8>, u32)> {
    let bytes = captured.bytes;
    let type_at = |at: usize| Some([*bytes.get(at)?, *bytes.get(at + 1)?]);
    let by_version = |at: usize| match bytes.get(at)? >> 4 {
        4 => Some([0x08, 0x00]),
        6 => Some([0x86, 0xdd]),
        _ => None,
    };
    let (skipped, kind) = match captured.link {
        LinkType::Ethernet => {
            return Some((bytes[..bytes.len().min(CUT)].to_vec(), captured.wire_length));
        }
        LinkType::LinuxCooked => (16, type_at(14)?),
        LinkType::LinuxCooked2 => (20, type_at(0)?),
        LinkType::Raw => (0, by_version(0)?),
        LinkType::Loopback => (4, by_version(4)?),
        LinkType::Unread(_) => return None,
    };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(kind);
    let rest = bytes.get(skipped..)?;
    frame.extend(&rest[..rest.len().min(CUT - ETHERNET)]);
    let wire = (captured.wire_length + ETHERNET as u32).checked_sub(skipped as u32)?;
    Some((frame, wire))
}

/// The first `most` packets of a capture in the order of time.
pub(super) fn read(path: &Path, most: usize) -> Result<Vec<Packet>, RewriteError> {
    let read = |source| RewriteError::Read {
        path: path.to_owned(),
        source,
    };
    let mut captured = Packets::open(&[path]).map_err(read)?;
    let mut packets = Vec::new();
    while let Some(packet) = captured.peek().map_err(read)? {
        packets.extend(Packet::of(packet));
        captured.consume().map_err(read)?;
        if packets.len() == most {
            break;
        }
    }
    packets.sort_by_key(|packet: &Packet| packet.at);
    Ok(packets)
}

/// Writes packets in the order of time.
pub(super) fn write(path: &Path, packets: &[Packet]) -> Result<(), RewriteError> {
    let mut capture = CaptureWriter::create(path)?;
    for packet in packets {
        capture.write_with_length(Timestamp::from_nanos(packet.at), &packet.bytes, packet.wire)?;
    }
    capture.finish()?;
    Ok(())
}
