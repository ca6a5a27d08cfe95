//! Names on the BPF file system: they keep the programs attached and the counters alive when the sensor is killed.
//!
//! Every sensor has a folder of its own, `/sys/fs/bpf/netanom/v<layout>/<network namespace>-<number>`, with
//!
//! - its links, `xdp-native-<interface>`, `xdp-generic-<interface>`, `egress-<interface>` and `ingress-<interface>`: these
//!   names and the lock stay as they are in every layout, so that a newer sensor can take over the links of an older one,
//! - the maps that hold what nobody has looked at yet,
//! - `owner`, a symbolic link whose target is its process id: the file system has no plain files.
//!
//! It holds a lock on the folder. A folder that is not locked is what a killed sensor left behind.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use netanom_common::flow::LAYOUT_VERSION;
use rustix::fs::statfs;
use rustix::mount::{MountFlags, mount};

use crate::source::{Interface, bpf};

const FILE_SYSTEM: &str = "/sys/fs/bpf";
/// `BPF_FS_MAGIC` (include/uapi/linux/magic.h).
const MAGIC: u32 = 0xcafe_4a11;
const OWNER: &str = "owner";
/// More sensors than this do not start in one network namespace.
const MOST: u32 = 1024;

/// Which program a link holds, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    /// XDP in the driver.
    Native,
    /// XDP in the network stack.
    Generic,
    /// TCX, for what leaves.
    Egress,
    /// TCX, for what comes in.
    Ingress,
}

/// A link: its hook and the index of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) hook: Hook,
    pub(super) interface: u32,
}

const NAMES: [(Hook, &str); 4] = [
    (Hook::Native, "xdp-native-"),
    (Hook::Generic, "xdp-generic-"),
    (Hook::Egress, "egress-"),
    (Hook::Ingress, "ingress-"),
];

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(hook, _)| *hook == self.hook);
        write!(f, "{}{}", name.map_or("", |(_, name)| name), self.interface)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let place = |(hook, name): &(Hook, &str)| {
            let interface = text.strip_prefix(name)?.parse().ok()?;
            Some(Self {
                hook: *hook,
                interface,
            })
        };
        NAMES.iter().find_map(place).ok_or(())
    }
}

/// netanom's folder on the BPF file system, locked against other sensors that start or are removed.
pub(super) struct Root {
    path: PathBuf,
    _lock: File,
}

impl Root {
    /// Opens it for a sensor; mounts the file system where it is missing.
    ///
    /// # Errors
    /// When it cannot be mounted or written: the sensor then runs without pins.
    pub(super) fn open() -> io::Result<Self> {
        if !is_mounted() {
            mount("bpf", FILE_SYSTEM, "bpf", MountFlags::empty(), None)?;
            log::info!("mounted the BPF file system at {FILE_SYSTEM}");
        }
        let path = Path::new(FILE_SYSTEM).join("netanom");
        make(&path)?;
        Self::lock(path)
    }

    /// Opens it when there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn existing() -> io::Result<Option<Self>> {
        let path = Path::new(FILE_SYSTEM).join("netanom");
        if !is_mounted() || !path.try_exists()? {
            return Ok(None);
        }
        Self::lock(path).map(Some)
    }

    fn lock(path: PathBuf) -> io::Result<Self> {
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// The folders of every layout and network namespace.
    pub(super) fn folders(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for layout in entries(&self.path)? {
            let version = name(&layout).strip_prefix('v').map(str::parse);
            let Some(Ok(version)) = version else {
                continue;
            };
            for path in entries(&layout)? {
                found.extend(Found::open(path, version)?);
            }
        }
        Ok(found)
    }

    /// Makes this sensor's folder.
    pub(super) fn create(&self) -> io::Result<Folder> {
        let layout = self.path.join(format!("v{LAYOUT_VERSION}"));
        make(&layout)?;
        let namespace = network_namespace()?;
        for number in 0..MOST {
            let path = layout.join(format!("{namespace}-{number}"));
            match builder().create(&path) {
                Ok(()) => {
                    let lock = File::open(&path)?;
                    lock.lock()?;
                    let folder = Folder { path, _lock: lock };
                    symlink(std::process::id().to_string(), folder.path.join(OWNER))?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!(
            "{} is full: `netanom detach` empties it",
            layout.display()
        )))
    }

    /// Removes the folders that hold nothing any more, this one too.
    pub(super) fn tidy(&self) {
        self.tidy_layouts();
        let _ = fs::remove_dir(&self.path);
    }

    fn tidy_layouts(&self) {
        for layout in entries(&self.path).into_iter().flatten() {
            // Fails when something is in it.
            let _ = fs::remove_dir(layout);
        }
    }

    /// The same folder for a sensor that goes. It does not wait for one that comes, which needs what would be tidied.
    fn unless_busy() -> Option<Self> {
        let path = Path::new(FILE_SYSTEM).join("netanom");
        let lock = File::open(&path).ok()?;
        lock.try_lock().ok()?;
        Some(Self { path, _lock: lock })
    }
}

/// The folder of this sensor. Dropping it detaches and removes everything in it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Where something is pinned.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            log::warn!(
                "cannot remove `{}`: {error}; `netanom detach` does it",
                self.path.display()
            );
        } else if let Some(root) = Root::unless_busy() {
            root.tidy_layouts();
        }
    }
}

/// A folder that was there before.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The layout of its maps.
    pub(super) version: u32,
    /// The network namespace that its interfaces are in.
    pub(super) namespace: u64,
    /// Process id of the sensor that made it.
    pub(super) owner: u32,
    pub(super) links: Vec<Place>,
    /// `None` while its sensor runs.
    lock: Option<File>,
}

impl Found {
    fn open(path: PathBuf, version: u32) -> io::Result<Option<Self>> {
        let namespace = name(&path).split_once('-').map(|(first, _)| first.parse());
        let Some(Ok(namespace)) = namespace else {
            return Ok(None);
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            // Its sensor has just stopped.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(fs::TryLockError::WouldBlock) => None,
            Err(fs::TryLockError::Error(error)) => return Err(error),
        };
        // Its sensor may have stopped between the two.
        if !path.try_exists()? {
            return Ok(None);
        }
        let owner = fs::read_link(path.join(OWNER)).ok();
        let links = entries(&path).unwrap_or_default();
        Ok(Some(Self {
            version,
            namespace,
            owner: owner
                .and_then(|owner| owner.to_str()?.parse().ok())
                .unwrap_or_default(),
            links: links
                .iter()
                .filter_map(|link| name(link).parse().ok())
                .collect(),
            path,
            lock,
        }))
    }

    /// Whether the sensor that made it still runs.
    pub(super) fn is_in_use(&self) -> bool {
        self.lock.is_none()
    }

    /// Whether it has a link on an interface.
    pub(super) fn is_on(&self, interface: &Interface) -> bool {
        self.links
            .iter()
            .any(|link| link.interface == interface.index)
    }

    /// Where a link of it is pinned.
    pub(super) fn link(&self, place: Place) -> PathBuf {
        self.path.join(place.to_string())
    }

    /// Forgets a link that another folder has taken over: it stays attached.
    pub(super) fn give_away(&mut self, place: Place) -> io::Result<()> {
        fs::remove_file(self.link(place))?;
        self.links.retain(|link| *link != place);
        Ok(())
    }

    /// Detaches what nobody has taken over.
    pub(super) fn detach(&self) {
        for link in &self.links {
            // Where this fails, removing it later detaches it too.
            let _ = bpf::detach(&self.link(*link));
        }
    }

    /// Detaches what is left in it, and removes it.
    pub(super) fn remove(self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// The network namespace of the calling thread.
pub(super) fn network_namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/thread-self/ns/net")?.ino())
}

/// The paths in a folder, sorted.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn is_mounted() -> bool {
    statfs(FILE_SYSTEM).is_ok_and(|about| about.f_type as u32 == MAGIC)
}

/// Only its owner may look into it: who can open a pinned map can change it.
fn builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn make(folder: &Path) -> io::Result<()> {
    match builder().create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Detaches the links in a folder, which removing their names alone would do only some time later, and removes it.
fn remove(folder: &Path) -> io::Result<()> {
    for path in entries(folder)? {
        if name(&path).parse::<Place>().is_ok() {
            // Where this fails, removing the name detaches it too.
            let _ = bpf::detach(&path);
        }
        fs::remove_file(&path)?;
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_name_reads_back() {
        for (hook, _) in NAMES {
            let place = Place {
                hook,
                interface: 17,
            };
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn maps_and_strangers_are_no_links() {
        for name in [
            "shard-3",
            "IGNORED",
            "owner",
            "xdp-native-",
            "xdp-native-x",
            "egress",
        ] {
            assert_eq!(name.parse::<Place>(), Err(()), "{name}");
        }
    }
}
