//! The folder of what outlives a sensor: this user's alone, and one sensor's at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

const LOCK: &str = "lock";

/// Where a sensor keeps its state, and the lock on it.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no place where one is usual.
    #[error(
        "there is no usual folder for state, as neither XDG_STATE_HOME nor HOME is set: name one with --state-dir"
    )]
    NoPlace,
    /// It cannot be made or read.
    #[error("cannot use the state folder `{folder}`")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// Others could change what is in it.
    #[error(
        "the state folder `{folder}` belongs to user {owner} with mode {mode:o}, and has to be that of user {user} alone to \
         write: `chown {user}` and `chmod 700` make it so"
    )]
    NotOurs {
        /// Which.
        folder: String,
        /// Whose it is.
        owner: u32,
        /// Its mode.
        mode: u32,
        /// Who runs the sensor.
        user: u32,
    },
    /// Another sensor has it.
    #[error(
        "the state folder `{folder}` is in use by the netanom with process id {owner}: name another one with --state-dir, \
         or run without by --no-state"
    )]
    InUse {
        /// Which.
        folder: String,
        /// The other's process id.
        owner: String,
    },
}

impl StateFolder {
    /// Where it is unless another one is named: `/var/lib/netanom` for root, else the user's own.
    ///
    /// # Errors
    /// [`StateError::NoPlace`] for a user without a home.
    pub fn usual() -> Result<PathBuf, StateError> {
        if geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/netanom"));
        }
        // XDG Base Directory Specification 0.8: a path that is not absolute is to be ignored.
        let of = |variable| {
            let value = std::env::var_os(variable).map(PathBuf::from);
            value.filter(|path| path.is_absolute())
        };
        of("XDG_STATE_HOME")
            .or_else(|| of("HOME").map(|home| home.join(".local/state")))
            .map(|folder| folder.join("netanom"))
            .ok_or(StateError::NoPlace)
    }

    /// Opens the folder, which it makes where it is missing, and locks it.
    ///
    /// # Errors
    /// [`StateError`] with the folder and the cause.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let folder = path.display().to_string();
        let failed = |source| StateError::Folder {
            folder: folder.clone(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let about = path.metadata().map_err(failed)?;
        let (user, owner, mode) = (geteuid().as_raw(), about.uid(), about.mode() & 0o7777);
        if owner != user || mode & 0o022 != 0 {
            return Err(StateError::NotOurs {
                folder,
                owner,
                mode,
                user,
            });
        }
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // A process id has ten digits at most.
                let _ = lock.take(16).read_to_string(&mut owner);
                return Err(StateError::InUse { folder, owner });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for the message above.
        let _ = lock
            .set_len(0)
            .and_then(|()| write!(lock, "{}", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_is_made_for_its_user_alone_and_has_one_sensor() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = StateFolder::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        let refused = StateFolder::open(&path).unwrap_err().to_string();
        let owner = format!("process id {}", std::process::id());
        assert!(refused.contains(&owner), "{refused}");
        drop(folder);
        StateFolder::open(&path).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let refused = StateFolder::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("mode 777"), "{refused}");
        assert!(refused.contains("chmod 700"), "{refused}");
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = StateFolder::open(file.path()).unwrap_err();
        assert!(matches!(refused, StateError::Folder { .. }), "{refused}");
    }
}
