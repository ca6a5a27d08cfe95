//! Captures as a source of windows: the parser and the accounting of the kernel, by the packets' own time.
//!
//! Reads classic pcap with Ethernet frames, micro- or nanoseconds, either byte order.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use foldhash::fast::RandomState;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::{Frame, PacketBytes};
use netanom_common::parse::parse;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, Linktype, PcapBlockOwned, PcapError};

use super::{FlowSource, SourceError};
use crate::flow::{IgnoredTallies, Timestamp, Window};

/// Longest record that is read, with room to spare: tcpdump's longest snapshot is 256 KiB.
const BUFFER: usize = 1 << 20;

/// A capture file, window by window.
pub struct CaptureSource {
    name: String,
    reader: LegacyPcapReader<Box<dyn Read>>,
    nanoseconds: bool,
    tick: u64,
    counting: Counting,
    is_done: bool,
}

impl std::fmt::Debug for CaptureSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureSource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl CaptureSource {
    /// Opens a capture file; windows are `tick` long by packet time.
    ///
    /// # Errors
    /// [`SourceError::Read`] when it cannot be read, [`SourceError::Format`] when it is no capture that is read here.
    pub fn open(path: &Path, tick: Duration) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let read_error = |source| SourceError::Read {
            file: name.clone(),
            source,
        };
        let file = File::open(path).map_err(read_error)?;
        if file.metadata().map_err(read_error)?.is_dir() {
            return Err(SourceError::Format {
                file: name,
                detail: "it is a directory; name the files in it".to_owned(),
            });
        }
        Self::read(Box::new(file), name, tick)
    }

    /// Reads a capture from anywhere; `name` stands in errors.
    ///
    /// # Errors
    /// [`SourceError::Format`] when it does not begin like a capture that is read here.
    pub fn read(input: Box<dyn Read>, name: String, tick: Duration) -> Result<Self, SourceError> {
        let mut reader = match LegacyPcapReader::new(BUFFER, input) {
            Ok(reader) => reader,
            Err(error) => return Err(format_error(&name, &error, 0)),
        };
        let (length, nanoseconds, link) = match reader.next() {
            Ok((length, PcapBlockOwned::LegacyHeader(header))) => {
                (length, header.is_nanosecond_precision(), header.network)
            }
            _ => {
                return Err(SourceError::Format {
                    file: name,
                    detail: "it has no header".to_owned(),
                });
            }
        };
        reader.consume(length);
        if link != Linktype::ETHERNET {
            let detail = format!("its link type is {}, and only Ethernet (1) is read", link.0);
            return Err(SourceError::Format { file: name, detail });
        }
        let tick = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1);
        let counting = Counting::default();
        Ok(Self {
            name,
            reader,
            nanoseconds,
            tick,
            counting,
            is_done: false,
        })
    }
}

impl FlowSource for CaptureSource {
    /// The next window that has packets. Windows begin at multiples of the tick; a packet that is older than its
    /// window is counted in it.
    fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
        if self.is_done {
            return Ok(None);
        }
        let mut span: Option<(u64, u64)> = None;
        loop {
            let position = self.reader.consumed();
            match self.reader.next() {
                Ok((length, PcapBlockOwned::Legacy(record))) => {
                    let fraction =
                        u64::from(record.ts_usec) * if self.nanoseconds { 1 } else { 1000 };
                    let time = u64::from(record.ts_sec) * 1_000_000_000 + fraction;
                    let begin = time - time % self.tick;
                    let (_, end) = *span.get_or_insert((begin, begin.saturating_add(self.tick)));
                    if time >= end {
                        // Not consumed: it is the first of the next window.
                        break;
                    }
                    let wire_length = record.origlen.max(record.caplen);
                    self.counting
                        .add(&Frame::captured(record.data, wire_length), time);
                    self.reader.consume(length);
                }
                Ok((length, _)) => self.reader.consume(length),
                Err(PcapError::Incomplete(_)) => {
                    if self.reader.refill().is_err() {
                        let source = std::io::Error::other("reading failed");
                        return Err(SourceError::Read {
                            file: self.name.clone(),
                            source,
                        });
                    }
                }
                Err(PcapError::Eof) => {
                    self.is_done = true;
                    break;
                }
                Err(PcapError::UnexpectedEof) => {
                    log::warn!(
                        "`{}` ends within the record at byte {position}: what is whole was read",
                        self.name
                    );
                    self.is_done = true;
                    break;
                }
                Err(error) => return Err(format_error(&self.name, &error, position)),
            }
        }
        Ok(span.map(|(start, end)| {
            let (flows, ignored) = self.counting.take();
            Window {
                start: Timestamp::from_nanos(start),
                end: Timestamp::from_nanos(end),
                flows,
                ignored,
            }
        }))
    }
}

/// Counts the packets of one window, as the kernel's maps do.
#[derive(Debug, Default)]
struct Counting {
    index: HashMap<FlowKey, usize, RandomState>,
    flows: Vec<(FlowKey, FlowCounters)>,
    ignored: IgnoredTallies,
}

impl Counting {
    fn add(&mut self, frame: &Frame<'_>, now: u64) {
        match parse(frame) {
            Ok(packet) => {
                let (key, side) = FlowKey::of(&packet, 0);
                let slot = *self.index.entry(key).or_insert_with(|| {
                    self.flows.push((key, FlowCounters::default()));
                    self.flows.len() - 1
                });
                let seen = Observation {
                    now,
                    segments: NonZeroU32::MIN,
                    egress: false,
                };
                self.flows[slot].1.account(side, &packet, seen);
            }
            Err(reason) => self.ignored.add(reason, u64::from(frame.wire_length())),
        }
    }

    fn take(&mut self) -> (Vec<(FlowKey, FlowCounters)>, IgnoredTallies) {
        self.index.clear();
        (
            std::mem::take(&mut self.flows),
            std::mem::take(&mut self.ignored),
        )
    }
}

fn format_error<I>(name: &str, error: &PcapError<I>, position: usize) -> SourceError {
    let detail = match error {
        PcapError::HeaderNotRecognized | PcapError::NomError(..) | PcapError::OwnedNomError(..) if position == 0 => {
            "it does not begin like one (classic pcap is read; convert others with `editcap -F pcap`)".to_owned()
        }
        PcapError::Incomplete(_) | PcapError::UnexpectedEof | PcapError::Eof => "it is shorter than a header".to_owned(),
        PcapError::BufferTooSmall => format!("the record at byte {position} claims to be longer than {BUFFER} bytes"),
        _ => format!("the record at byte {position} is damaged"),
    };
    SourceError::Format {
        file: name.to_owned(),
        detail,
    }
}
