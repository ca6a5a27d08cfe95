//! Zstandard as a stream of frames (RFC 8878), as `zstd`, `pzstd` and `cat a.zst b.zst` leave them.
//!
//! The decoder is pure Rust, so that no C compiler is needed; its window, and so its memory, ends at 128 MiB.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Reads what was compressed.
pub(super) struct ZstdReader {
    source: BufReader<Watched>,
    decoder: FrameDecoder,
    in_frame: bool,
}

/// Remembers how reading went: the decoder's errors do not tell a cut file from a damaged one.
struct Watched {
    input: Box<dyn Read + Send>,
    has_ended: bool,
    failure: Option<io::ErrorKind>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.input.read(buffer);
        match &outcome {
            Ok(0) if !buffer.is_empty() => self.has_ended = true,
            Ok(_) => {}
            Err(error) => self.failure = Some(error.kind()),
        }
        outcome
    }
}

impl ZstdReader {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        let watched = Watched {
            input,
            has_ended: false,
            failure: None,
        };
        Self {
            source: BufReader::with_capacity(64 << 10, watched),
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Whether a file that begins so is compressed like this: a frame, or a skippable frame, which `pzstd` begins with.
    pub(super) fn begins(magic: [u8; 4]) -> bool {
        matches!(
            u32::from_le_bytes(magic),
            0xfd2f_b528 | 0x184d_2a50..=0x184d_2a5f
        )
    }

    /// Reads the next frame's header; false when there is none.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped =
                        io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn failed(&self, error: FrameDecoderError) -> io::Error {
        let watched = self.source.get_ref();
        let kind = match watched.failure {
            Some(kind) => kind,
            None if watched.has_ended => io::ErrorKind::UnexpectedEof,
            None => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }

    fn check_sum(&self) -> io::Result<()> {
        match self.decoder.get_checksum_from_data() {
            Some(written) if self.decoder.get_calculated_checksum() != Some(written) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "wrong checksum"))
            }
            _ => Ok(()),
        }
    }
}

impl Read for ZstdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                if !self.begin_frame()? {
                    return Ok(0);
                }
                self.in_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, step);
                decoded.map_err(|error| self.failed(error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.check_sum()?;
            self.in_frame = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: Vec<u8>) -> (Vec<u8>, io::Result<usize>) {
        let mut text = Vec::new();
        let mut reader = ZstdReader::new(Box::new(io::Cursor::new(bytes)));
        let outcome = reader.read_to_end(&mut text);
        (text, outcome)
    }

    fn frame(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn frames_in_a_row_are_one_text_and_skippable_ones_are_none() {
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        let bytes = [
            &skippable[..],
            &frame(b"half a "),
            &skippable,
            &frame(b"loaf"),
        ]
        .concat();
        let (text, outcome) = read(bytes);
        assert_eq!((&text[..], outcome.unwrap()), (&b"half a loaf"[..], 11));
    }

    #[test]
    fn a_cut_is_told_from_damage() {
        let whole = frame(&[7; 1000]);
        let (_, cut) = read(whole[..whole.len() - 1].to_vec());
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (_, garbage) = read([&whole[..], b"garbage"].concat());
        assert_eq!(garbage.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_wrong_checksum_is_damage() {
        let mut bytes = frame(b"a text that is not what was summed");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let (_, outcome) = read(bytes);
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
