//! One capture of either format, record by record.

use std::io::Read;

use super::LinkType;
use super::buffer::Buffer;
use super::pcap::Pcap;
use super::pcapng::{self, PcapNg};
use super::record::{Head, Stop};
use crate::source::SourceError;

/// A capture whose header was read.
pub(super) struct Reader {
    buffer: Buffer,
    format: Format,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

impl Reader {
    /// Reads the header of a capture.
    pub(super) fn open(name: &str, input: Box<dyn Read + Send>) -> Result<Self, SourceError> {
        let mut buffer = Buffer::new(input);
        let format = match buffer.peek(4).first_chunk() {
            Some(&pcapng::SECTION) => Some(Format::PcapNg(PcapNg::new())),
            Some(&magic) if Pcap::begins(magic) => Pcap::open(&mut buffer).map(Format::Pcap),
            Some(_) => {
                let failure = buffer.take_failure();
                return Err(format_error(name, failure.map_or_else(
                    || {
                        "it begins neither like pcap nor like pcapng, plain or compressed by gzip or zstd; \
                         Wireshark's `editcap` converts many others"
                            .to_owned()
                    },
                    |error| format!("it cannot be decompressed ({error})"),
                )));
            }
            None => None,
        };
        match format {
            Some(format) => Ok(Self { buffer, format }),
            None => Err(match buffer.take_failure() {
                Some(source) => SourceError::Read {
                    file: name.to_owned(),
                    source,
                },
                None if buffer.peek(1).is_empty() => format_error(name, "it is empty".to_owned()),
                None => format_error(name, "it is shorter than a capture's header".to_owned()),
            }),
        }
    }

    /// The link type of all packets, where the format has but one.
    pub(super) fn only_link(&self) -> Option<LinkType> {
        match &self.format {
            Format::Pcap(pcap) => Some(pcap.link()),
            Format::PcapNg(_) => None,
        }
    }

    /// Where the packet's record begins that [`Self::advance`] found.
    pub(super) fn position(&self) -> u64 {
        self.buffer.position()
    }

    /// Goes on to the next packet, which stays until [`Self::consume`].
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Head, Stop> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.advance(&mut self.buffer),
            Format::PcapNg(pcapng) => pcapng.advance(&mut self.buffer),
        }
    }

    /// What was captured of the packet that [`Self::advance`] found.
    #[inline]
    pub(super) fn bytes(&self, head: &Head) -> &[u8] {
        self.buffer.seen(head.offset, head.captured)
    }

    /// Leaves the packet that [`Self::advance`] found.
    #[inline]
    pub(super) fn consume(&mut self, head: &Head) {
        self.buffer.consume(head.length);
    }
}

pub(super) fn format_error(name: &str, detail: String) -> SourceError {
    SourceError::Format {
        file: name.to_owned(),
        detail,
    }
}
