//! What a watch keeps over a restart: its places in files, and how many lines it has judged.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::sink::state::StateFolder;
use crate::source::follow::Places;

const FILE: &str = "watch.json";
const FORMAT: u32 = 1;

/// The state, and where it is written.
#[derive(Debug)]
pub(super) struct WatchState {
    path: Option<PathBuf>,
    written: Written,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Written {
    format: u32,
    /// Lines that were judged or refused since the first start.
    lines: u64,
    places: Places,
}

impl WatchState {
    /// That of a folder; a damaged one is moved aside and a new one begins.
    pub(super) fn open(folder: &StateFolder) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let written = match fs::read(&path) {
            Ok(text) => match serde_json::from_slice::<Written>(&text) {
                Ok(written) if written.format > FORMAT => bail!(
                    "`{}` was written by a newer netanom: use that one, or another --state-dir",
                    path.display()
                ),
                Ok(written) => written,
                Err(error) => {
                    let aside = path.with_extension("damaged");
                    log::warn!(
                        "`{}` is damaged ({error}) and was moved to `{}`: files are read from their beginning",
                        path.display(),
                        aside.display()
                    );
                    fs::rename(&path, &aside)
                        .with_context(|| format!("cannot move `{}` aside", path.display()))?;
                    Written::default()
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::default(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        Ok(Self {
            path: Some(path),
            written,
        })
    }

    /// One that a restart forgets.
    pub(super) fn in_memory() -> Self {
        Self {
            path: None,
            written: Written::default(),
        }
    }

    pub(super) fn places(&self) -> Places {
        self.written.places.clone()
    }

    /// Writes where reading has come to with `lines` more, whole or not at all; nothing when nothing has changed.
    pub(super) fn write(&mut self, places: Places, lines: u64) -> anyhow::Result<()> {
        if lines == 0 && places == self.written.places {
            return Ok(());
        }
        self.written = Written {
            format: FORMAT,
            lines: self.written.lines + lines,
            places,
        };
        let Some(path) = &self.path else {
            return Ok(());
        };
        let new = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec(&self.written)?)?;
            fs::rename(&new, path)
        };
        write().with_context(|| {
            format!(
                "cannot write `{}`: make room, or choose another --state-dir",
                path.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_after_a_restart_and_a_damaged_file_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let open = || StateFolder::open(&folder.path().join("a")).unwrap();
        let mut state = WatchState::open(&open()).unwrap();
        state.write(Places::default(), 5).unwrap();
        state.write(Places::default(), 2).unwrap();
        assert_eq!(WatchState::open(&open()).unwrap().written.lines, 7);
        let path = folder.path().join("a/watch.json");
        fs::write(&path, "{\"format\":").unwrap();
        assert_eq!(WatchState::open(&open()).unwrap().written.lines, 0);
        assert!(path.with_extension("damaged").is_file());
        fs::write(
            &path,
            "{\"format\":99,\"lines\":1,\"places\":{\"places\":[],\"past\":[],\"read\":{}}}",
        )
        .unwrap();
        let refused = WatchState::open(&open()).unwrap_err().to_string();
        assert!(refused.contains("newer netanom"), "{refused}");
    }
}
