//! Compressed files: history at the start, and what rotation makes of files that were followed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::Followed;
use super::place::{HEAD, Id, Place};
use super::{Follower, MAX_FILES, STILL};
use crate::source::records::{Line, Lines};
use crate::source::{SourceError, access_log, capture};

impl Follower {
    /// The rest of a file that was compressed while nobody looked.
    pub(super) fn find_compressed(&mut self, place: Place, take: &mut dyn FnMut(&Path, Line<'_>)) {
        let name = access_log::log_name(&place.path);
        let folder = place.path.parent().unwrap_or(Path::new("."));
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut parts = entries.map(|entry| entry.path());
        let path = place.path.clone();
        let offset = place.offset;
        let is_part = |part: &PathBuf| {
            access_log::log_name(part) == name
                && is_compressed(part)
                && beginning(part).is_ok_and(|(first, _)| place.head.begins(&first))
        };
        let part = parts.find(is_part);
        self.remember(place);
        let read = part.map(|part| self.read_once(&part, take));
        if !matches!(read, Some(Ok(()))) {
            log::warn!(
                "`{}` is no longer the file that was read up to byte {offset}: what is there now is read from its beginning",
                path.display()
            );
        }
    }

    /// Whether nobody writes a compressed file any more; what was there at the first look is whole.
    pub(super) fn is_whole(&mut self, path: &Path, now: Duration) -> bool {
        if !self.has_looked || self.read.get(path).copied() == Id::of(path) {
            return true;
        }
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        let (known, since) = self.growing.entry(path.to_owned()).or_insert((length, now));
        if *known != length {
            (*known, *since) = (length, now);
        }
        let is_whole = now.saturating_sub(*since) >= STILL;
        if is_whole {
            self.growing.remove(path);
        }
        is_whole
    }

    /// A compressed file does not grow: it is read once, and of one that was followed before it was compressed, the rest.
    pub(super) fn read_once(
        &mut self,
        path: &Path,
        take: &mut dyn FnMut(&Path, Line<'_>),
    ) -> Result<(), SourceError> {
        let Some(id) = Id::of(path) else {
            return Ok(());
        };
        // A rotation that compresses renames what was read before: it is known by its inode.
        if self.read.values().any(|known| *known == id) {
            self.read.insert(path.to_owned(), id);
            return Ok(());
        }
        // Also when it cannot be read: it will not become better.
        self.read.insert(path.to_owned(), id);
        let (first, rest) = beginning(path)?;
        let known = self
            .files
            .iter()
            .map(Followed::place)
            .chain(self.past.iter().cloned());
        let mut known = known.filter(|place| place.head.begins(&first));
        let offset = known.next().map_or(0, |place| place.offset);
        let mut input = io::Cursor::new(first).chain(rest);
        if let Err(error) = io::copy(&mut input.by_ref().take(offset), &mut io::sink()) {
            log::warn!("`{}` cannot be read to its end: {error}", path.display());
        }
        let mut lines = Lines::of(Box::new(input));
        let read = loop {
            match lines.next(&mut |line| take(path, line)) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = read {
            log::warn!("`{}` cannot be read to its end: {error}", path.display());
        }
        while self.read.len() > MAX_FILES {
            self.read.pop_first();
        }
        Ok(())
    }
}

/// The first bytes of a compressed file's content, and what comes after them.
fn beginning(path: &Path) -> Result<(Vec<u8>, Box<dyn Read + Send>), SourceError> {
    let mut input = capture::open_decompressed(path)?;
    let mut first = Vec::new();
    let read = input.by_ref().take(HEAD).read_to_end(&mut first);
    read.map_err(|source| SourceError::Read {
        file: path.display().to_string(),
        source,
    })?;
    Ok((first, input))
}

/// Whether a file is called or begins like gzip or Zstandard; one that is being written may still be empty.
pub(super) fn is_compressed(path: &Path) -> bool {
    if path
        .extension()
        .is_some_and(|ending| ending == "gz" || ending == "zst")
    {
        return true;
    }
    let mut first = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read(&mut first));
    read.is_ok_and(|read| {
        first[..read].starts_with(&[0x1f, 0x8b]) || first[..read] == [0x28, 0xb5, 0x2f, 0xfd]
    })
}
