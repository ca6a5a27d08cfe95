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
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use netanom_common::flow::LAYOUT_VERSION;
use rustix::mount::{MountFlags, mount};

use super::directory::Directory;
use crate::source::{Interface, Stop};

const FILE_SYSTEM: &str = "/sys/fs/bpf";
/// Ours on it.
const NAME: &str = "netanom";
const OWNER: &str = "owner";
/// More sensors than this do not start in one network namespace.
const MOST: u32 = 1024;
/// For the lock of a sensor that starts, which takes a second or two.
const PATIENCE: Duration = Duration::from_secs(20);

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
pub(super) struct LinkName {
    pub(super) hook: Hook,
    pub(super) interface: u32,
}

const NAMES: [(Hook, &str); 4] = [
    (Hook::Native, "xdp-native-"),
    (Hook::Generic, "xdp-generic-"),
    (Hook::Egress, "egress-"),
    (Hook::Ingress, "ingress-"),
];

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(hook, _)| *hook == self.hook);
        write!(f, "{}{}", name.map_or("", |(_, name)| name), self.interface)
    }
}

impl FromStr for LinkName {
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
    top: Directory,
    folder: Directory,
}

impl Root {
    /// Opens it for a sensor; mounts the file system where it is missing.
    ///
    /// # Errors
    /// When it cannot be mounted or is not ours alone: the sensor then runs without pins. `TimedOut` and `Interrupted` as
    /// [`Directory::lock`].
    pub(super) fn open(stop: &Stop) -> io::Result<Self> {
        let mut top = Directory::top(FILE_SYSTEM)?;
        if top.is_none() {
            // As systemd does. Without a mode everybody could write there.
            mount("bpf", FILE_SYSTEM, "bpf", MountFlags::empty(), c"mode=0700")?;
            log::info!("mounted the BPF file system at {FILE_SYSTEM}");
            top = Directory::top(FILE_SYSTEM)?;
        }
        let top = top.ok_or_else(|| io::Error::other("mounting it did not help"))?;
        loop {
            make(&top, NAME)?;
            match Self::lock(&top, stop) {
                // `detach` has removed it between the two.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                folder => {
                    return Ok(Self {
                        folder: folder?,
                        top,
                    });
                }
            }
        }
    }

    /// Opens it when there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is not ours alone.
    pub(super) fn existing(stop: &Stop) -> io::Result<Option<Self>> {
        let Some(top) = Directory::top(FILE_SYSTEM)? else {
            return Ok(None);
        };
        match Self::lock(&top, stop) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            folder => Ok(Some(Self {
                folder: folder?,
                top,
            })),
        }
    }

    fn lock(top: &Directory, stop: &Stop) -> io::Result<Directory> {
        let folder = top.open(NAME)?;
        folder.lock(PATIENCE, stop)?;
        Ok(folder)
    }

    /// The folders of every layout and network namespace.
    pub(super) fn folders(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for layout in self.folder.entries()? {
            let version = layout.strip_prefix('v').map(str::parse);
            let Some(Ok(version)) = version else {
                continue;
            };
            let layout = self.folder.open(&layout)?;
            for name in layout.entries()? {
                found.extend(Found::open(&layout, name, version)?);
            }
        }
        Ok(found)
    }

    /// Makes this sensor's folder.
    pub(super) fn create(&self) -> io::Result<Folder> {
        let layout = format!("v{LAYOUT_VERSION}");
        make(&self.folder, &layout)?;
        let layout = self.folder.open(&layout)?;
        let namespace = network_namespace()?;
        for number in 0..MOST {
            let name = format!("{namespace}-{number}");
            match layout.make(&name) {
                Ok(()) => {
                    let folder = layout.open(&name)?;
                    // Nobody else looks for it as long as the root is locked.
                    if !folder.try_lock()? {
                        return Err(io::Error::other(format!("`{name}` is locked already")));
                    }
                    folder.note(OWNER, &std::process::id().to_string())?;
                    return Ok(Folder {
                        folder,
                        layout,
                        name,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!(
            "{NAME}/v{LAYOUT_VERSION} is full: `netanom detach` empties it"
        )))
    }

    /// Removes the folders that hold nothing any more, this one too.
    pub(super) fn tidy(&self) {
        self.tidy_layouts();
        let _ = self.top.remove_empty(NAME);
    }

    fn tidy_layouts(&self) {
        for layout in self.folder.entries().into_iter().flatten() {
            // Fails when something is in it.
            let _ = self.folder.remove_empty(&layout);
        }
    }

    /// The same folder for a sensor that goes. It does not wait for one that comes, which needs what would be tidied.
    fn unless_busy() -> Option<Self> {
        let top = Directory::top(FILE_SYSTEM).ok()??;
        let folder = top.open(NAME).ok()?;
        folder.try_lock().ok()?.then_some(Self { top, folder })
    }
}

/// The folder of this sensor. Dropping it detaches and removes everything in it.
#[derive(Debug)]
pub(super) struct Folder {
    folder: Directory,
    layout: Directory,
    name: String,
}

impl Folder {
    /// Where something is pinned, as long as this lives.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder, &self.layout, &self.name) {
            log::warn!(
                "cannot remove `{FILE_SYSTEM}/{NAME}/v{LAYOUT_VERSION}/{}`: {error}; `netanom detach` does it",
                self.name
            );
        } else if let Some(root) = Root::unless_busy() {
            root.tidy_layouts();
        }
    }
}

/// A folder that was there before.
#[derive(Debug)]
pub(super) struct Found {
    folder: Directory,
    layout: Directory,
    name: String,
    /// The layout of its maps.
    pub(super) version: u32,
    /// The network namespace that its interfaces are in.
    pub(super) namespace: u64,
    /// Process id of the sensor that made it.
    pub(super) owner: u32,
    pub(super) links: Vec<LinkName>,
    /// Whether the sensor that made it still runs.
    is_in_use: bool,
}

impl Found {
    fn open(layout: &Directory, name: String, version: u32) -> io::Result<Option<Self>> {
        let namespace = name.split_once('-').map(|(first, _)| first.parse());
        let Some(Ok(namespace)) = namespace else {
            return Ok(None);
        };
        let folder = match layout.open(&name) {
            Ok(folder) => folder,
            // Its sensor has just stopped.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_in_use = !folder.try_lock()?;
        // Its sensor may have stopped between the two.
        match layout.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => drop(other?),
        }
        let owner = folder.noted(OWNER);
        let links = folder.entries()?;
        Ok(Some(Self {
            version,
            namespace,
            owner: owner
                .and_then(|owner| owner.parse().ok())
                .unwrap_or_default(),
            links: links.iter().filter_map(|link| link.parse().ok()).collect(),
            folder,
            layout: layout.again()?,
            name,
            is_in_use,
        }))
    }

    /// Whether the sensor that made it still runs.
    pub(super) fn is_in_use(&self) -> bool {
        self.is_in_use
    }

    /// Whether it has a link on an interface.
    pub(super) fn is_on(&self, interface: &Interface) -> bool {
        self.links
            .iter()
            .any(|link| link.interface == interface.index)
    }

    /// What is pinned in it.
    pub(super) fn entries(&self) -> io::Result<Vec<String>> {
        self.folder.entries()
    }

    /// Where something in it is pinned, as long as this lives.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// Where a link of it is pinned, as long as this lives.
    pub(super) fn link(&self, place: LinkName) -> PathBuf {
        self.join(&place.to_string())
    }

    /// Forgets a link that another folder has taken over: it stays attached.
    pub(super) fn give_away(&mut self, place: LinkName) -> io::Result<()> {
        self.folder.unpin(&place.to_string())?;
        self.links.retain(|link| *link != place);
        Ok(())
    }

    /// Detaches what nobody has taken over.
    pub(super) fn detach(&self) {
        for link in &self.links {
            // Where this fails, removing it later detaches it too.
            let _ = self.folder.detach(&link.to_string());
        }
    }

    /// Detaches what is left in it, and removes it.
    pub(super) fn remove(self) -> io::Result<()> {
        remove(&self.folder, &self.layout, &self.name)
    }
}

/// The network namespace of the calling thread.
pub(super) fn network_namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/thread-self/ns/net")?.ino())
}

fn make(parent: &Directory, name: &str) -> io::Result<()> {
    match parent.make(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Detaches the links in a folder, which removing their names alone would do only some time later, and removes it.
fn remove(folder: &Directory, layout: &Directory, name: &str) -> io::Result<()> {
    for entry in folder.entries()? {
        if entry.parse::<LinkName>().is_ok() {
            // Where this fails, removing the name detaches it too.
            let _ = folder.detach(&entry);
        }
    }
    folder.remove(layout, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_name_reads_back() {
        for (hook, _) in NAMES {
            let place = LinkName {
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
            assert_eq!(name.parse::<LinkName>(), Err(()), "{name}");
        }
    }
}
