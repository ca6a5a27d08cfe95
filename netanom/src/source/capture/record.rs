//! What the readers of both formats yield, and how they say that there is no more.

use std::io;

use super::buffer::Buffer;

/// Longest packet that is believed. The longest snapshot of tcpdump and Wireshark is 256 KiB.
pub(super) const MAX_PACKET: u32 = 1 << 20;

/// A packet whose record is whole, in the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Bytes that it had on the wire.
    pub wire_length: u32,
    /// Its frames begin like this.
    pub link: super::LinkType,
    /// Where its bytes begin in the record.
    pub offset: usize,
    /// How many of its bytes there are.
    pub captured: usize,
    /// Length of the record.
    pub length: usize,
}

/// Why a reader goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file ends where a record ends.
    End,
    /// The file ends within the record at this byte: the writer was stopped, or a copy is not whole.
    Cut(u64),
    /// What is at this byte cannot be what was written.
    Damaged(u64, String),
    /// Reading failed: the disk's or the pipe's fault.
    Failed(io::Error),
}

impl Stop {
    /// The stream ended before the record at `at` did: an end, a cut, or a failure.
    pub(super) fn early(buffer: &mut Buffer, at: u64) -> Self {
        match buffer.take_failure() {
            None if buffer.position() == at && buffer.peek(1).is_empty() => Self::End,
            None => Self::Cut(at),
            // A compressed file that was cut.
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Cut(at),
            // What decompressors say of data that were never compressed like this.
            Some(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
                ) =>
            {
                Self::Damaged(at, format!("the compressed data are damaged ({error})"))
            }
            Some(error) => Self::Failed(error),
        }
    }
}

/// Reads numbers in the byte order of the machine that wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The 16-bit number at `at`; 0 when there are no bytes.
    #[inline(always)]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let raw = bytes.get(at..).and_then(<[u8]>::first_chunk);
        let raw = raw.copied().unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        }
    }

    /// The 32-bit number at `at`; 0 when there are no bytes.
    #[inline(always)]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let raw = bytes.get(at..).and_then(<[u8]>::first_chunk);
        let raw = raw.copied().unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        }
    }
}
