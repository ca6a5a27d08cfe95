//! The packets of one or many captures, in the order of their time.
//!
//! A merge over one open reader a capture. A file whose first packet is not due yet is closed again, so a long row of
//! rotated captures costs no more memory or open files than those that overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::LinkType;
use super::input::Origin;
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

/// A place from which a capture was not read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The capture.
    pub file: String,
    /// Where the record begins that could not be read, after decompression.
    pub byte: u64,
    /// What is wrong there.
    pub reason: UnreadReason,
    /// In words.
    pub detail: String,
}

/// Why a capture was not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadReason {
    /// It ends within a record, as when the program that wrote it was stopped.
    Cut,
    /// What it says there cannot be.
    Damaged,
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
    /// [`SourceError::Read`] when a capture cannot be read on, [`SourceError::Format`] when it has frames of a link
    /// type that is not read.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<CapturedPacket<'_>>, SourceError> {
        if self.current.is_none() {
            self.turn()?;
        }
        let Some((lane, head)) = &self.current else {
            return Ok(None);
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
            Ok(head) => match self.waiting.peek() {
                Some(Reverse(first)) if *first < (head.time, lane) => {
                    reading.head = Some(head);
                    self.waiting.push(Reverse((head.time, lane)));
                }
                _ => self.current = Some((lane, head)),
            },
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

    #[cold]
    fn close(&mut self, lane: usize, stop: Stop) -> Result<(), SourceError> {
        let lane = &mut self.lanes[lane];
        lane.reader = None;
        let file = lane.name.clone();
        let (byte, reason, detail) = match stop {
            Stop::End => return Ok(()),
            Stop::Failed(source) => return Err(SourceError::Read { file, source }),
            Stop::Refused(link) => return Err(format_error(&file, link.to_string())),
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
    fn open(&mut self, read: &Arc<AtomicU64>) -> Result<(), SourceError> {
        let input = self.origin.open(read)?;
        self.reader = Some(Reader::open(&self.name, input)?);
        Ok(())
    }
}
