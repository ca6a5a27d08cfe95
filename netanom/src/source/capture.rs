//! Captures as a source of windows: the parser and the accounting of the kernel, by the packets' own time.
//!
//! pcap and pcapng, from files or standard input, plain or compressed; docs/replay.md says what is read and how.

mod buffer;
mod counting;
mod input;
mod link;
mod packets;
mod pcap;
mod pcapng;
mod reader;
mod record;
mod zstd;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

pub use counting::{Counted, Counting, PacketCounter};
pub use link::{LinkType, UnknownLink};
pub use packets::{CapturedPacket, Packets, ReadProgress, Unread, UnreadReason};

use super::encapsulated::{Encapsulated, EncapsulatedPackets};
use super::{FlowSource, SourceError};
use crate::flow::{Timestamp, Window};

/// Flows of a window at most: as many as the kernel's maps count between two ticks by default. A window that has
/// more is delivered in parts, so memory stays bounded and no packet is lost.
pub const MAX_FLOWS: usize = 131_072;

/// One or many captures, window by window.
#[derive(Debug)]
pub struct CaptureSource<C = Counting> {
    packets: Packets,
    tick: u64,
    counting: C,
    encapsulated: Encapsulated,
    /// End of the last window.
    end: u64,
    /// Time of the latest packet.
    latest: u64,
    out_of_order: u64,
}

/// Opens a file, or standard input for `-`, and takes off the compression (gzip, zstd).
///
/// # Errors
/// When it cannot be opened or its beginning not be read.
pub fn open_decompressed(path: &Path) -> Result<Box<dyn Read + Send>, SourceError> {
    open_counted(path, &Arc::default())
}

/// The same, with the bytes that were read of the file, as they are there, in `read`.
///
/// # Errors
/// As [`open_decompressed`].
pub fn open_counted(
    path: &Path,
    read: &Arc<AtomicU64>,
) -> Result<Box<dyn Read + Send>, SourceError> {
    input::Origin::of(path).open(read)
}

impl CaptureSource {
    /// Opens a capture file, or standard input for `-`; windows are `tick` long by packet time.
    ///
    /// # Errors
    /// [`SourceError::Read`] when it cannot be read, [`SourceError::Format`] when it is no capture that is read here.
    pub fn open(path: &Path, tick: Duration) -> Result<Self, SourceError> {
        Ok(Self::new(Packets::open(&[path])?, tick))
    }

    /// Reads a capture from anywhere.
    ///
    /// # Errors
    /// [`SourceError::Format`] when it does not begin like a capture that is read here.
    pub fn read(input: Box<dyn Read + Send>, tick: Duration) -> Result<Self, SourceError> {
        Ok(Self::new(Packets::read(input)?, tick))
    }

    /// Counts these packets; windows are `tick` long by packet time.
    #[must_use]
    pub fn new(packets: Packets, tick: Duration) -> Self {
        Self::counted_by(Counting::default(), packets, tick)
    }
}

impl<C: PacketCounter> CaptureSource<C> {
    /// Has these packets counted; windows are `tick` long by packet time.
    #[must_use]
    pub fn counted_by(counting: C, packets: Packets, tick: Duration) -> Self {
        Self {
            encapsulated: Encapsulated::new(counting.tunnels()),
            packets,
            tick: u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1),
            counting,
            end: 0,
            latest: 0,
            out_of_order: 0,
        }
    }
}

impl<C> CaptureSource<C> {
    /// What was not looked into so far.
    #[must_use]
    pub fn encapsulated(&self) -> EncapsulatedPackets {
        self.encapsulated.packets()
    }

    /// How far the captures were read.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        self.packets.progress()
    }

    /// Packets so far that were earlier than one before them.
    #[must_use]
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// What could not be read so far.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        self.packets.unread()
    }

    /// Whether all was read, but for a record that a file's end cuts.
    ///
    /// # Errors
    /// [`SourceError::Damaged`] when a capture is damaged in its middle.
    pub fn check(&self) -> Result<(), SourceError> {
        let damage = |unread: &&Unread| unread.reason == UnreadReason::Damaged;
        match self.unread().iter().find(damage) {
            Some(unread) => Err(SourceError::Damaged {
                file: unread.file.clone(),
                byte: unread.byte,
                detail: unread.detail.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl<C: PacketCounter> FlowSource for CaptureSource<C> {
    /// The next window that has packets. Windows begin at multiples of the tick; a packet that is older than its
    /// window is counted in it.
    fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
        let Some(first) = self.packets.peek()? else {
            return Ok(None);
        };
        let tick = self.tick;
        let start = (first.time - first.time % tick).max(self.end);
        let mut end = (start - start % tick).saturating_add(tick);
        while let Some(packet) = self.packets.peek()? {
            let time = packet.time;
            if time >= end {
                break;
            }
            if self.counting.flows() == MAX_FLOWS {
                end = self.latest.max(start);
                break;
            }
            self.counting.add(&packet)?;
            if time < self.latest {
                self.out_of_order += 1;
            } else {
                self.latest = time;
            }
            self.packets.consume()?;
        }
        self.end = end;
        let (flows, ignored) = self.counting.take()?;
        self.encapsulated
            .add(&flows, self.counting.encapsulated_frames());
        Ok(Some(Window {
            start: Timestamp::from_nanos(start),
            end: Timestamp::from_nanos(end),
            flows,
            // A window ends before a table could be full.
            overflow: Vec::new(),
            ignored,
        }))
    }
}
