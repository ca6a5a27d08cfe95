//! Text files that other programs append to: each line once, through rotation by renaming and by truncation, and across
//! restarts.
//!
//! Polled, not notified: a look at a file that has not grown is one `stat`, works on every file system, and misses nothing
//! when a program renames, truncates and writes between two looks. A file is known by its device and inode and by its
//! first bytes, so a new file in an old one's place, or with its inode, begins at its beginning.

mod compressed;
mod file;
mod place;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wildmatch::WildMatch;

use super::records::{Line, LineCutter};
use super::{SourceError, access_log};

use compressed::is_compressed;
use file::Followed;
use place::{Head, Id};
pub use place::{Place, Places};

/// Bytes that are read of a file at a look, so that one file does not make the others wait.
const AT_A_LOOK: usize = 1024 * 1024;
/// What was renamed away is read on for so long: its writer may not have heard of it yet.
const PATIENCE: Duration = Duration::from_secs(60);
/// A compressed file that came later is whole when it has not grown for so long.
const STILL: Duration = Duration::from_secs(2);
/// Files that are followed at most.
pub const MAX_FILES: usize = 256;
/// Files that were let go and are known again when they were compressed.
const MAX_PAST: usize = 64;

/// What is to be followed: a file, or all that match a pattern.
#[derive(Debug)]
struct Wanted {
    folder: PathBuf,
    name: String,
    pattern: Option<WildMatch>,
}

/// Files that grow.
#[derive(Debug)]
pub struct Follower {
    wanted: Vec<Wanted>,
    files: Vec<Followed>,
    /// Compressed files, which are read once: those that were.
    read: BTreeMap<PathBuf, Id>,
    /// What an earlier run had read.
    before: Vec<Place>,
    /// Files that were let go.
    past: Vec<Place>,
    chunk: Vec<u8>,
    has_looked: bool,
    /// What cannot be read now.
    trouble: BTreeMap<PathBuf, String>,
    /// Lengths of compressed files that are perhaps still being written, and since when they have them.
    growing: BTreeMap<PathBuf, (u64, Duration)>,
}

impl Follower {
    /// Follows these files and patterns (`*` and `?` in the last part of a path), from where `places` says an earlier run
    /// had come to, else from their beginning.
    ///
    /// # Errors
    /// When a folder is not there, a name is a directory's, or a file cannot be read.
    pub fn new(names: &[PathBuf], places: Places) -> Result<Self, SourceError> {
        let mut wanted = Vec::new();
        for path in names {
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            let refuse = |detail: &str| SourceError::Follow {
                file: path.display().to_string(),
                detail: detail.to_owned(),
            };
            let name = path.file_name().and_then(OsStr::to_str);
            let Some(name) = name.filter(|_| !path.is_dir()) else {
                return Err(refuse(
                    "it is a directory; name the files in it, or a pattern such as 'logs/*.log'",
                ));
            };
            if !folder.is_dir() {
                return Err(refuse("its folder does not exist; make it first"));
            }
            let pattern = name.contains(['*', '?']).then(|| WildMatch::new(name));
            if pattern.is_none() && path.exists() {
                File::open(path).map_err(|source| SourceError::Read {
                    file: path.display().to_string(),
                    source,
                })?;
            }
            wanted.push(Wanted {
                folder,
                name: name.to_owned(),
                pattern,
            });
        }
        Ok(Self {
            wanted,
            files: Vec::new(),
            read: places.read,
            before: places.places,
            past: places.past,
            chunk: vec![0; AT_A_LOOK],
            has_looked: false,
            trouble: BTreeMap::new(),
            growing: BTreeMap::new(),
        })
    }

    /// Where reading has come to, as of the lines that were given.
    #[must_use]
    pub fn places(&self) -> Places {
        let places = self.files.iter().map(Followed::place);
        Places {
            places: places.chain(self.before.iter().cloned()).collect(),
            past: self.past.clone(),
            read: self.read.clone(),
        }
    }

    /// Files that are followed now.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Looks once: gives each line that has come with the path of its file, the old ones of a file before the new ones of
    /// another. `now` is the time since any moment. Returns whether there is more to read at once.
    ///
    /// A file that cannot be read is told of once, and tried again at each look: the others go on.
    pub fn look(&mut self, now: Duration, take: &mut dyn FnMut(&Path, Line<'_>)) -> bool {
        let named = self.named();
        self.find_parts(&named, take);
        for path in &named {
            let tried = if self.follows(path) || !is_compressed(path) {
                self.open(path)
            } else if self.is_whole(path, now) {
                self.read_once(path, take)
            } else {
                Ok(())
            };
            if let Err(error) = tried {
                self.note(path, error);
            }
        }
        self.has_looked = true;
        let (mut has_more, mut failed) = (false, Vec::new());
        for file in &mut self.files {
            match file.read(&mut self.chunk, take) {
                Ok(more) => has_more |= more,
                Err(source) => failed.push((file.path.clone(), source)),
            }
        }
        for (path, source) in failed {
            let file = path.display().to_string();
            self.note(&path, SourceError::Read { file, source });
        }
        self.let_go(&named, now, take);
        has_more
    }

    /// Gives what has no end, as when nobody writes any more.
    pub fn finish(&mut self, take: &mut dyn FnMut(&Path, Line<'_>)) {
        for file in &mut self.files {
            let path = file.path.clone();
            file.cutter.finish(&mut |line| take(&path, line));
        }
    }

    /// The paths that are wanted and there, the oldest first.
    fn named(&self) -> Vec<PathBuf> {
        let mut named = Vec::new();
        for wanted in &self.wanted {
            let Some(pattern) = &wanted.pattern else {
                named.push(wanted.folder.join(&wanted.name));
                continue;
            };
            let entries = fs::read_dir(&wanted.folder).into_iter().flatten().flatten();
            let matching = entries.filter(|entry| {
                let name = entry.file_name();
                name.to_str().is_some_and(|name| pattern.matches(name))
            });
            named.extend(matching.map(|entry| entry.path()));
        }
        named.retain(|path| path.is_file());
        named.sort_by_cached_key(|path| {
            let changed = path
                .metadata()
                .ok()
                .map(|metadata| (metadata.mtime(), metadata.mtime_nsec()));
            (changed, path.clone())
        });
        named.dedup();
        named
    }

    /// Files of an earlier run that were renamed while nobody looked: their rest comes first.
    fn find_parts(&mut self, named: &[PathBuf], take: &mut dyn FnMut(&Path, Line<'_>)) {
        let before = std::mem::take(&mut self.before);
        for place in before {
            let same = |path: &PathBuf| Id::of(path).is_some_and(|id| id == place.id);
            let folder = place.path.parent().unwrap_or(Path::new("."));
            let found = named.iter().find(|path| same(path)).cloned().or_else(|| {
                let entries = fs::read_dir(folder).into_iter().flatten().flatten();
                entries.map(|entry| entry.path()).find(|path| same(path))
            });
            // What begins otherwise under the same inode was truncated, or is another log's.
            let opened = found.and_then(|path| {
                let file = File::open(&path).ok()?;
                let is_whole =
                    place.head.is_of(&file) && file.metadata().ok()?.len() >= place.offset;
                let is_ours = access_log::log_name(&path) == access_log::log_name(&place.path);
                (is_whole || is_ours).then_some((path, file, is_whole))
            });
            match opened {
                Some((path, file, is_whole)) => self.files.push(Followed {
                    path,
                    file,
                    id: place.id,
                    offset: if is_whole { place.offset } else { 0 },
                    head: if is_whole {
                        place.head
                    } else {
                        Head::default()
                    },
                    cutter: LineCutter::default(),
                    gone: None,
                }),
                None => self.find_compressed(place, take),
            }
        }
    }

    /// Tells of what cannot be read, once for each cause.
    fn note(&mut self, path: &Path, error: SourceError) {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", cause.unwrap_or_default());
        if self.trouble.get(path) != Some(&text) {
            log::warn!("{text}; it is tried again");
            self.trouble.insert(path.to_owned(), text);
        }
    }

    fn follows(&self, path: &Path) -> bool {
        let id = Id::of(path);
        self.files.iter().any(|file| Some(file.id) == id)
    }

    fn remember(&mut self, place: Place) {
        self.past.push(place);
        if self.past.len() > MAX_PAST {
            self.past.remove(0);
        }
    }

    fn open(&mut self, path: &Path) -> Result<(), SourceError> {
        let failed = |source: io::Error| SourceError::Read {
            file: path.display().to_string(),
            source,
        };
        let Some(id) = Id::of(path) else {
            return Ok(());
        };
        if let Some(known) = self.files.iter_mut().find(|file| file.id == id) {
            path.clone_into(&mut known.path);
            return Ok(());
        }
        if self.files.len() >= MAX_FILES {
            return Err(SourceError::Follow {
                file: path.display().to_string(),
                detail: format!(
                    "{MAX_FILES} files are followed already; start another watch for it"
                ),
            });
        }
        let file = match File::open(path) {
            Ok(file) => file,
            // Renamed just now: the next look finds it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let id = Id::of_file(&file).map_err(failed)?;
        self.files.push(Followed {
            path: path.to_owned(),
            file,
            id,
            head: Head::default(),
            offset: 0,
            cutter: LineCutter::default(),
            gone: None,
        });
        Ok(())
    }

    /// What was renamed away and has been still for long enough, or deleted, is let go.
    fn let_go(&mut self, named: &[PathBuf], now: Duration, take: &mut dyn FnMut(&Path, Line<'_>)) {
        let ids: Vec<Id> = named.iter().filter_map(|path| Id::of(path)).collect();
        let mut gone = Vec::new();
        self.files.retain_mut(|file| {
            if ids.contains(&file.id) {
                file.gone = None;
                return true;
            }
            let since = *file.gone.get_or_insert(now);
            let stays = now.saturating_sub(since) < PATIENCE;
            if !stays {
                let path = file.path.clone();
                file.cutter.finish(&mut |line| take(&path, line));
                gone.push(file.place());
            }
            stays
        });
        gone.into_iter().for_each(|place| self.remember(place));
    }
}

/// That what is there already is an access log: a file that is none was named by mistake.
///
/// # Errors
/// As [`access_log::open`]; an empty file may become one.
pub fn check_access_log(path: &Path) -> Result<(), SourceError> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {
            access_log::open(path).map(|_| ())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
