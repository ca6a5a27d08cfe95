//! Writes frames as a classic capture file that every tool reads.
//!
//! The format is 24 bytes and then 16 before each frame (draft-ietf-opsawg-pcap), which is less than any library
//! that writes it. Times are microseconds, as old readers take the nanosecond magic for another byte order.

use std::fs::File;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::timeline::TimedFrame;
use crate::flow::Timestamp;

const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: [u16; 2] = [2, 4];
/// tcpdump's own limit; no frame here comes near.
const SNAPLEN: u32 = 262_144;
const LINKTYPE_ETHERNET: u32 = 1;

/// Why a capture could not be written.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The file cannot be made.
    #[error("cannot create capture `{}`", path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot take more.
    #[error("cannot write to capture `{name}`")]
    Write {
        /// The file, or `-` for standard output.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The format has 32 bits for the seconds.
    #[error(
        "a capture cannot hold a frame of {at}, after the year 2106; start the traffic earlier"
    )]
    TooLate {
        /// When the frame is.
        at: Timestamp,
    },
}

/// A capture that is being written.
pub struct CaptureWriter<W: Write> {
    name: String,
    out: W,
}

impl CaptureWriter<BufWriter<File>> {
    /// Begins a capture in the file `path`, which is replaced when it exists.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn create(path: &Path) -> Result<Self, CaptureError> {
        let file = File::create(path).map_err(|source| CaptureError::Create {
            path: path.to_owned(),
            source,
        })?;
        Self::new(
            path.display().to_string(),
            BufWriter::with_capacity(1 << 18, file),
        )
    }
}

impl CaptureWriter<BufWriter<Stdout>> {
    /// Begins a capture on standard output.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn to_stdout() -> Result<Self, CaptureError> {
        Self::new(
            "-".to_owned(),
            BufWriter::with_capacity(1 << 18, io::stdout()),
        )
    }
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture in `out`; `name` is what errors call it.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn new(name: String, out: W) -> Result<Self, CaptureError> {
        let mut header = Vec::with_capacity(24);
        header.extend(MAGIC.to_le_bytes());
        header.extend(VERSION.into_iter().flat_map(u16::to_le_bytes));
        // Time zone and accuracy: always zero.
        header.extend([0; 8]);
        header.extend(SNAPLEN.to_le_bytes());
        header.extend(LINKTYPE_ETHERNET.to_le_bytes());
        let mut writer = Self { name, out };
        writer.put(&header)?;
        Ok(writer)
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When the file cannot take more, or the frame's time does not fit the format.
    pub fn write(&mut self, frame: &TimedFrame) -> Result<(), CaptureError> {
        self.write_cut(frame, usize::MAX)
    }

    /// Adds the first `most` bytes of a frame, and how long it was.
    ///
    /// # Errors
    /// When the file cannot take more, or the frame's time does not fit the format.
    pub fn write_cut(&mut self, frame: &TimedFrame, most: usize) -> Result<(), CaptureError> {
        let kept = &frame.bytes[..frame.bytes.len().min(most)];
        self.write_with_length(frame.at, kept, frame.bytes.len() as u32)
    }

    /// Adds what is kept of a frame that had `length` bytes on the wire.
    ///
    /// # Errors
    /// When the file cannot take more, or the frame's time does not fit the format.
    pub fn write_with_length(
        &mut self,
        at: Timestamp,
        kept: &[u8],
        length: u32,
    ) -> Result<(), CaptureError> {
        let micros = at.as_nanos() / 1000;
        let seconds =
            u32::try_from(micros / 1_000_000).map_err(|_| CaptureError::TooLate { at })?;
        let mut header = [0; 16];
        for (field, value) in header.chunks_exact_mut(4).zip([
            seconds,
            (micros % 1_000_000) as u32,
            kept.len() as u32,
            length,
        ]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        self.put(&header)?;
        self.put(kept)
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When the file cannot take it.
    pub fn finish(mut self) -> Result<W, CaptureError> {
        self.out.flush().map_err(|source| CaptureError::Write {
            name: self.name,
            source,
        })?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.out
            .write_all(bytes)
            .map_err(|source| CaptureError::Write {
                name: self.name.clone(),
                source,
            })
    }
}
