//! The packets of one or many captures, in the order of their time.
//!
//! A merge over one open reader a capture. A file whose first packet is not due yet is closed again, so a long row of
//! rotated captures costs no more memory or open files than those that overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use netanom_common::counter::Ignored;
use serde::Serialize;

use super::LinkType;
use super::input::Origin;
use super::link::UnknownLink;
use super::reader::{Reader, format_error};
use super::record::{Head, Stop};
use crate::source::SourceError;

/// A packet as a capture holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedPacket<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Bytes that it had on the wire.
    pub wire_length: u32,
    /// What the frame begins with.
    pub link: LinkType,
    /// What was captured of the frame.
    pub bytes: &'a [u8],
}

/// What of a capture was not read: all from a place on, or the packets of a link type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The capture.
    pub file: String,
    /// Where the record begins that could not be read, after decompression; of a link type the first one.
    pub byte: u64,
    /// What is wrong there.
    pub reason: UnreadReason,
    /// In words.
    pub detail: String,
}

/// Why a capture was not read, or not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadReason {
    /// It ends within a record, as when the program that wrote it was stopped.
    Cut,
    /// What it says there cannot be.
    Damaged,
    /// Packets of a link layer that is not read; they are counted under `link_type`.
    LinkType,
}

/// How far the captures were read, in stored bytes. Cheap to clone and to ask.
#[derive(Clone, Debug)]
pub struct ReadProgress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl ReadProgress {
    /// Bytes read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes that there are; `None` for a pipe.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// The packets of captures, in the order of their time.
pub struct Packets {
    lanes: Vec<Lane>,
    /// The next packet's time of every lane but the current one.
    waiting: BinaryHeap<Reverse<(u64, usize)>>,
    current: Option<(usize, Head)>,
    unread: Vec<Unread>,
    /// Packets so far of a link type that is read.
    readable: u64,
    progress: ReadProgress,
}

struct Lane {
    name: String,
    origin: Origin,
    /// Closed before its first packet is due, and after its last.
    reader: Option<Reader>,
    /// Its next packet, when it waits and is open.
    head: Option<Head>,
    packets: u64,
    /// What was told already.
    unread_links: Vec<UnknownLink>,
}

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.lanes.iter().map(|lane| &lane.name).collect();
        f.debug_struct("Packets")
            .field("captures", &names)
            .finish_non_exhaustive()
    }
}

impl Packets {
    /// Opens captures; `-` is standard input.
    ///
    /// # Errors
    /// [`SourceError::Read`] when one cannot be read, [`SourceError::Format`] when one is no capture that is read here.
    pub fn open(paths: &[impl AsRef<Path>]) -> Result<Self, SourceError> {
        let origins: Vec<_> = paths.iter().map(|path| Origin::of(path.as_ref())).collect();
        let pipes = origins
            .iter()
            .filter(|origin| matches!(origin, Origin::Standard));
        if pipes.count() > 1 {
            let detail = "it is named twice, and can be read once".to_owned();
            return Err(format_error("standard input", detail));
        }
        Self::of(origins)
    }

    /// A capture from anywhere.
    ///
    /// # Errors
    /// [`SourceError::Format`] when it does not begin like a capture that is read here.
    pub fn read(input: Box<dyn std::io::Read + Send>) -> Result<Self, SourceError> {
        Self::of(vec![Origin::Given(Some(input))])
    }

    fn of(origins: Vec<Origin>) -> Result<Self, SourceError> {
        let total = origins.iter().map(Origin::length).sum();
        let mut packets = Self {
            lanes: Vec::with_capacity(origins.len()),
            waiting: BinaryHeap::new(),
            current: None,
            unread: Vec::new(),
            readable: 0,
            progress: ReadProgress {
                read: Arc::default(),
                total,
            },
        };
        let is_merge = origins.len() > 1;
        for origin in origins {
            packets.lanes.push(Lane {
                name: origin.name(),
                origin,
                reader: None,
                head: None,
                packets: 0,
                unread_links: Vec::new(),
            });
            packets.look_at(packets.lanes.len() - 1, is_merge)?;
        }
        Ok(packets)
    }

    /// Finds the first packet of a lane, and closes its file again when there are others to read before.
    fn look_at(&mut self, lane: usize, is_merge: bool) -> Result<(), SourceError> {
        let is_closed_again = is_merge && self.lanes[lane].origin.is_file();
        if is_closed_again {
            self.lanes[lane].open(&Arc::default())?;
        } else {
            self.lanes[lane].open(&self.progress.read)?;
        }
        let reading = &self.lanes[lane];
        let link = reading.reader.as_ref().and_then(Reader::only_link);
        if !is_merge && let Some(LinkType::Unread(link)) = link {
            return Err(format_error(&reading.name, link.to_string()));
        }
        self.advance(lane)?;
        if let Some((lane, head)) = self.current.take() {
            self.waiting.push(Reverse((head.time, lane)));
            let lane = &mut self.lanes[lane];
            lane.head = Some(head);
            if is_closed_again {
                lane.reader = None;
                lane.head = None;
            }
        }
        Ok(())
    }

    /// The next packet, which stays the next one until [`Self::consume`].
    ///
    /// # Errors
    /// [`SourceError::Read`] when a capture cannot be read on, [`SourceError::Format`] at the end when no packet was of a
    /// link type that is read.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<CapturedPacket<'_>>, SourceError> {
        if self.current.is_none() {
            self.turn()?;
        }
        let Some((lane, head)) = &self.current else {
            return self.end();
        };
        let reader = self.lanes[*lane].reader.as_ref();
        Ok(reader.map(|reader| CapturedPacket {
            time: head.time,
            wire_length: head.wire_length,
            link: head.link,
            bytes: reader.bytes(head),
        }))
    }

    /// Goes on to the packet after the one that [`Self::peek`] gave.
    ///
    /// # Errors
    /// As [`Self::peek`].
    #[inline]
    pub fn consume(&mut self) -> Result<(), SourceError> {
        let Some((lane, head)) = self.current.take() else {
            return Ok(());
        };
        let reading = &mut self.lanes[lane];
        reading.packets += 1;
        self.readable += u64::from(!matches!(head.link, LinkType::Unread(_)));
        if let Some(reader) = &mut reading.reader {
            reader.consume(&head);
        }
        self.advance(lane)
    }

    /// What could not be read so far.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// How far the captures were read.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        self.progress.clone()
    }

    /// Finds a lane's next packet, and makes it the current one unless another lane's comes first.
    #[inline]
    fn advance(&mut self, lane: usize) -> Result<(), SourceError> {
        let reading = &mut self.lanes[lane];
        let Some(reader) = &mut reading.reader else {
            return Ok(());
        };
        match reader.advance() {
            Ok(head) => {
                if let LinkType::Unread(link) = head.link {
                    let byte = reader.position();
                    self.unread.extend(reading.note(link, byte));
                }
                match self.waiting.peek() {
                    Some(Reverse(first)) if *first < (head.time, lane) => {
                        reading.head = Some(head);
                        self.waiting.push(Reverse((head.time, lane)));
                    }
                    _ => self.current = Some((lane, head)),
                }
            }
            Err(stop) => self.close(lane, stop)?,
        }
        Ok(())
    }

    /// The lane whose packet is the earliest becomes the current one.
    fn turn(&mut self) -> Result<(), SourceError> {
        while self.current.is_none() {
            let Some(Reverse((_, lane))) = self.waiting.pop() else {
                return Ok(());
            };
            let reading = &mut self.lanes[lane];
            if let Some(head) = reading.head.take() {
                self.current = Some((lane, head));
            } else {
                reading.open(&self.progress.read)?;
                self.advance(lane)?;
            }
        }
        Ok(())
    }

    /// There is no further packet.
    fn end(&self) -> Result<Option<CapturedPacket<'_>>, SourceError> {
        let link_type = |unread: &&Unread| unread.reason == UnreadReason::LinkType;
        match self.unread.iter().find(link_type) {
            Some(unread) if self.readable == 0 => {
                Err(format_error(&unread.file, unread.detail.clone()))
            }
            _ => Ok(None),
        }
    }

    #[cold]
    fn close(&mut self, lane: usize, stop: Stop) -> Result<(), SourceError> {
        let lane = &mut self.lanes[lane];
        lane.reader = None;
        let file = lane.name.clone();
        let (byte, reason, detail) = match stop {
            Stop::End => return Ok(()),
            Stop::Failed(source) => return Err(SourceError::Read { file, source }),
            Stop::Cut(byte) => (
                byte,
                UnreadReason::Cut,
                "it ends within a record".to_owned(),
            ),
            Stop::Damaged(byte, detail) => (byte, UnreadReason::Damaged, detail),
        };
        if lane.packets == 0 {
            let detail = format!("{detail} at byte {byte}, before any packet");
            return Err(format_error(&file, detail));
        }
        self.unread.push(Unread {
            file,
            byte,
            reason,
            detail,
        });
        Ok(())
    }
}

impl Lane {
    /// Tells once of a link type that is not read, of which a packet begins at `byte`.
    #[cold]
    fn note(&mut self, link: UnknownLink, byte: u64) -> Option<Unread> {
        if self.unread_links.contains(&link) {
            return None;
        }
        self.unread_links.push(link);
        let detail = link.to_string();
        log::warn!(
            "`{}` has packets that are not read: {detail}; they are counted as {}",
            self.name,
            Ignored::LinkType.name()
        );
        Some(Unread {
            file: self.name.clone(),
            byte,
            reason: UnreadReason::LinkType,
            detail,
        })
    }

    fn open(&mut self, read: &Arc<AtomicU64>) -> Result<(), SourceError> {
        let input = self.origin.open(read)?;
        self.reader = Some(Reader::open(&self.name, input)?);
        Ok(())
    }
}
