//! Folders on the BPF file system that nobody else can change, held by descriptors.
//!
//! The file system's own folder is everybody's on many machines (mode 1777), so whoever comes first can make
//! `netanom` in it, with links in it that lead anywhere. So each folder is opened from the one above it, without
//! following a link, and only if it belongs to this user and no other may look into it. What is done in it is done by
//! its descriptor: a name that is moved meanwhile leads nowhere else.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fstat, fstatfs, mkdirat, open, openat, readlinkat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::source::{Stop, bpf};

/// `BPF_FS_MAGIC` (include/uapi/linux/magic.h).
const MAGIC: u32 = 0xcafe_4a11;
/// Between two tries to take a lock.
const PAUSE: Duration = Duration::from_millis(50);

/// A folder on the BPF file system.
#[derive(Debug)]
pub(super) struct Directory(File);

impl Directory {
    /// The file system's own folder, whoever owns it; `None` where another file system is there.
    pub(super) fn top(path: &str) -> io::Result<Option<Self>> {
        let only_name = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(path, only_name, Mode::empty()) {
            Ok(folder) => Ok(is_bpf(&folder)?.then(|| Self(folder.into()))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A folder in this one.
    ///
    /// # Errors
    /// When it is not there, is none, is on another file system, belongs to somebody else, or is open to others.
    pub(super) fn open(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match openat(&self.0, name, flags, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(io::Error::other(format!(
                    "`{name}` there is no folder: remove it"
                )));
            }
            folder => folder?,
        };
        let about = fstat(&folder)?;
        let (user, owner) = (geteuid().as_raw(), about.st_uid);
        if owner != user {
            return Err(io::Error::other(format!(
                "`{name}` there belongs to user {owner}, and this is user {user}: run as that one, or remove it if no \
                 netanom made it"
            )));
        }
        let mode = about.st_mode & 0o7777;
        if mode & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "`{name}` there has mode {mode:o}, so that others can change what is in it, and must have 700: remove it"
            )));
        }
        if !is_bpf(&folder)? {
            return Err(io::Error::other(format!(
                "`{name}` there is on another file system"
            )));
        }
        Ok(Self(folder.into()))
    }

    /// Makes a folder in this one that only this user may look into: who can open a pinned map can change it.
    pub(super) fn make(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::RWXU)?)
    }

    /// The names in it, sorted. What is neither a folder nor pinned, as a link, is none of them.
    pub(super) fn entries(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let is_ours = matches!(
                entry.file_type(),
                FileType::Directory | FileType::RegularFile
            );
            if is_ours && name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Where something in it is, for calls that take paths alone. Good for this process, as long as this is open.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }

    /// Leaves a short text under a name, as the target of a link: the file system has no plain files.
    pub(super) fn note(&self, name: &str, text: &str) -> io::Result<()> {
        Ok(symlinkat(text, &self.0, name)?)
    }

    /// The text that was left under a name.
    pub(super) fn noted(&self, name: &str) -> Option<String> {
        let text = readlinkat(&self.0, name, Vec::new()).ok()?;
        text.into_string().ok()
    }

    /// Takes away a name that is no folder's.
    pub(super) fn unpin(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Detaches the link that is pinned under a name.
    pub(super) fn detach(&self, name: &str) -> io::Result<()> {
        bpf::detach(&self.path(name))
    }

    /// Takes away all that it has but folders, and then itself from the folder that it is in.
    pub(super) fn remove(&self, parent: &Self, name: &str) -> io::Result<()> {
        let entries: Vec<_> = Dir::read_from(&self.0)?.collect::<Result<_, _>>()?;
        let names = entries.iter().map(|entry| entry.file_name());
        for name in names.filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
            unlinkat(&self.0, name, AtFlags::empty())?;
        }
        parent.remove_empty(name)
    }

    /// Takes away a folder that has nothing in it.
    pub(super) fn remove_empty(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// The same folder once more.
    pub(super) fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Takes its lock if nobody has it.
    pub(super) fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes its lock, and waits for it.
    ///
    /// # Errors
    /// `TimedOut` when somebody still has it after `patience`, `Interrupted` when a stop is asked for meanwhile.
    pub(super) fn lock(&self, patience: Duration, stop: &Stop) -> io::Result<()> {
        let mut waited = Duration::ZERO;
        while !self.try_lock()? {
            if waited.is_zero() {
                log::info!("another netanom starts or is removed: waiting for it");
            }
            if waited >= patience {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another process has had it locked for {patience:?}"),
                ));
            }
            if stop.wait(PAUSE) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            waited += PAUSE;
        }
        Ok(())
    }
}

fn is_bpf(folder: impl AsFd) -> io::Result<bool> {
    Ok(fstatfs(folder)?.f_type as u32 == MAGIC)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn folder() -> (tempfile::TempDir, Directory, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let open = || Directory(File::open(folder.path()).unwrap());
        let (one, other) = (open(), open());
        (folder, one, other)
    }

    #[test]
    fn a_lock_that_is_held_is_waited_for_no_longer_than_allowed() {
        let (_folder, held, wanted) = folder();
        assert!(held.try_lock().unwrap());
        let refused = wanted.lock(2 * PAUSE, &Stop::default()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        drop(held);
        wanted.lock(2 * PAUSE, &Stop::default()).unwrap();
    }

    #[test]
    fn a_stop_ends_the_wait_for_a_lock() {
        let (_folder, held, wanted) = folder();
        assert!(held.try_lock().unwrap());
        let stop = Stop::default();
        let waiting = {
            let stop = stop.clone();
            thread::spawn(move || wanted.lock(Duration::from_secs(3600), &stop))
        };
        stop.raise();
        let refused = waiting.join().unwrap().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Interrupted);
    }
}
