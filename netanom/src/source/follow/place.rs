//! Where reading has come to in each file, kept over a restart.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A file whatever it is called: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Id {
    device: u64,
    inode: u64,
}

impl Id {
    pub(super) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    pub(super) fn of_file(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// Bytes that tell a file from another one with its inode: the first line of a log has a time in it.
pub(super) const HEAD: u64 = 256;

/// The first bytes that were read of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head(Vec<u8>);

impl Head {
    /// Whether the file still begins so.
    pub(super) fn is_of(&self, file: &File) -> bool {
        let mut first = vec![0; self.0.len()];
        file.read_exact_at(&mut first, 0).is_ok() && first == self.0
    }

    /// Whether a compressed file's content begins so.
    pub(super) fn begins(&self, content: &[u8]) -> bool {
        !self.0.is_empty() && content.starts_with(&self.0)
    }

    /// Takes in what was read up to `offset`.
    pub(super) fn grow(&mut self, file: &File, offset: u64) -> io::Result<()> {
        let wanted = offset.min(HEAD) as usize;
        if self.0.len() < wanted {
            self.0.resize(wanted, 0);
            file.read_exact_at(&mut self.0, 0)?;
        }
        Ok(())
    }
}

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it was called.
    pub path: PathBuf,
    /// Which file it is.
    pub id: Id,
    /// How it begins.
    pub head: Head,
    /// Where the first line begins that was not given.
    pub offset: u64,
}

/// How far all were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// Files that grow.
    pub places: Vec<Place>,
    /// Files that were let go: rotation may compress them.
    pub past: Vec<Place>,
    /// Compressed files, which are read once.
    pub read: BTreeMap<PathBuf, Id>,
}
