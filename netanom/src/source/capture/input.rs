//! Where a capture's bytes come from: a file or standard input, plain or compressed, with a count of what was read.

use std::fs::File;
use std::io::{self, BufReader, Cursor, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::zstd::ZstdReader;
use crate::source::SourceError;

/// A place to read a capture from.
pub(super) enum Origin {
    /// A file, or a pipe that has a name.
    File(PathBuf),
    /// Standard input: `-`.
    Standard,
    /// Anything that can be read; once.
    Given(Option<Box<dyn Read + Send>>),
}

impl Origin {
    pub(super) fn of(path: &Path) -> Self {
        if path == Path::new("-") {
            Self::Standard
        } else {
            Self::File(path.to_owned())
        }
    }

    /// Its name in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Standard => "standard input".to_owned(),
            Self::Given(_) => "input".to_owned(),
        }
    }

    /// Length of what is stored, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::File(path) => {
                let metadata = path.metadata().ok()?;
                metadata.is_file().then_some(metadata.len())
            }
            Self::Standard | Self::Given(_) => None,
        }
    }

    /// Whether it can be opened twice.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(path) if path.is_file())
    }

    /// Opens it, and takes off the compression; what is read of the stored bytes is added to `read`.
    pub(super) fn open(
        &mut self,
        read: &Arc<AtomicU64>,
    ) -> Result<Box<dyn Read + Send>, SourceError> {
        let name = self.name();
        let refuse = |detail: &str| SourceError::Format {
            file: name.clone(),
            detail: detail.to_owned(),
        };
        let failed = |source| SourceError::Read {
            file: name.clone(),
            source,
        };
        let input: Box<dyn Read + Send> = match self {
            Self::File(path) => {
                let file = File::open(path).map_err(failed)?;
                if file.metadata().map_err(failed)?.is_dir() {
                    return Err(refuse("it is a directory; name the files in it"));
                }
                Box::new(file)
            }
            Self::Standard if io::stdin().is_terminal() => {
                return Err(refuse(
                    "it is a terminal; pipe a capture into it, such as `tcpdump -w -`",
                ));
            }
            Self::Standard => Box::new(io::stdin()),
            Self::Given(input) => input.take().ok_or_else(|| refuse("it was read before"))?,
        };
        let counted = Counted {
            input,
            read: Arc::clone(read),
        };
        decompressed(counted).map_err(failed)
    }
}

/// Looks at the first bytes for the mark of a compression.
fn decompressed(mut input: Counted) -> io::Result<Box<dyn Read + Send>> {
    let mut first = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut first)?;
    let magic: [u8; 4] = first.first_chunk().copied().unwrap_or_default();
    let whole = Cursor::new(first).chain(input);
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::new(whole))),
        _ if ZstdReader::begins(magic) => Box::new(ZstdReader::new(Box::new(whole))),
        _ => Box::new(whole),
    })
}

/// Counts the bytes that pass, for a progress bar.
struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
