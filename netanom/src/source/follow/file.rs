//! One file that is followed.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::{Head, Id, Place};
use crate::source::records::{Line, LineCutter};

#[derive(Debug)]
pub(super) struct Followed {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) id: Id,
    pub(super) head: Head,
    /// Where the next byte to be read is.
    pub(super) offset: u64,
    pub(super) cutter: LineCutter,
    /// When it was first seen under no name any more.
    pub(super) gone: Option<Duration>,
}

impl Followed {
    pub(super) fn place(&self) -> Place {
        Place {
            path: self.path.clone(),
            id: self.id,
            head: self.head.clone(),
            offset: self.offset - self.cutter.pending(),
        }
    }

    /// Reads on, from the beginning when the file was truncated; whether there may be more.
    pub(super) fn read(
        &mut self,
        chunk: &mut [u8],
        take: &mut dyn FnMut(&Path, Line<'_>),
    ) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        if length < self.offset || !self.head.is_of(&self.file) {
            let path = self.path.clone();
            self.cutter.finish(&mut |line| take(&path, line));
            (self.offset, self.head) = (0, Head::default());
        }
        let read = match self.file.read_at(chunk, self.offset) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            read => read?,
        };
        if read == 0 {
            return Ok(false);
        }
        self.offset += read as u64;
        self.head.grow(&self.file, self.offset)?;
        let path = &self.path;
        self.cutter
            .feed(&chunk[..read], &mut |line| take(path, line));
        Ok(read == chunk.len())
    }
}
