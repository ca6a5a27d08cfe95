//! Captures that are made for training alone: drawn ones, and rewritten ones of those that were given. They are kept in a
//! folder, so that the next training finds them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use xtask::command;

use super::folder::Folder;
use crate::draw;

/// Seed of all draws for training; none that tests or benchmarks use.
const SEED: u64 = 20_261_128;
/// What of the sources decides how such captures look.
const MAKERS: [&str; 3] = [
    "netanom/src/simulate",
    "netanom/src/rewrite",
    "netanom-testbed/src/draw.rs",
];

/// A folder for what was made, by the version of what makes it.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// The part of `folder` that belongs to this version of the sources.
    pub(super) fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(command::workspace()?);
        git.args(["log", "-1", "--format=%h", "--"]).args(MAKERS);
        let output = git.output().context("cannot run git")?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || version.is_empty() {
            bail!("there is no commit to name what is made by");
        }
        Ok(Self(folder.join(version)))
    }

    /// So many drawn captures.
    pub(super) fn drawn(&self, count: u64) -> anyhow::Result<Folder> {
        self.kept(&format!("drawn-{count}"), |folder| {
            eprintln!("train-default: drawing {count} captures");
            draw::make(folder, count, SEED, &[]).map(|_| ())
        })
    }

    /// So many rewritten copies of each capture of a folder.
    pub(super) fn rewritten(
        &self,
        program: &Path,
        of: &Folder,
        copies: u64,
    ) -> anyhow::Result<Folder> {
        let name = format!("rewritten-{copies}-{:016x}", name_of(of)?);
        self.kept(&name, |folder| {
            let mut rewrite = Command::new(program);
            rewrite.arg("rewrite").arg(&of.captures);
            rewrite.arg("--labels").arg(&of.labels);
            rewrite.arg("--output").arg(folder);
            rewrite.args(["--copies", &copies.to_string(), "--seed", &SEED.to_string()]);
            command::run(&mut rewrite)
        })
    }

    /// A folder of that name; made beside it first, so that one that is there is whole.
    fn kept(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Folder> {
        let folder = self.0.join(name);
        if !folder.is_dir() {
            let unfinished = self.0.join(format!("{name}.unfinished"));
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished)
                    .with_context(|| format!("cannot remove `{}`", unfinished.display()))?;
            }
            fs::create_dir_all(&unfinished)
                .with_context(|| format!("cannot create `{}`", unfinished.display()))?;
            make(&unfinished)?;
            fs::rename(&unfinished, &folder)
                .with_context(|| format!("cannot rename `{}`", unfinished.display()))?;
        }
        Folder::of(&folder)
    }
}

/// A number for the folder and its labels: other captures have others.
fn name_of(folder: &Folder) -> anyhow::Result<u64> {
    let labels = fs::read(&folder.labels)
        .with_context(|| format!("cannot read `{}`", folder.labels.display()))?;
    let path = folder.captures.canonicalize()?;
    // FNV-1a (Fowler, Noll, Vo): the same on every machine and in every version.
    let bytes = path.as_os_str().as_encoded_bytes().iter().chain(&labels);
    Ok(bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_made_once_and_what_failed_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache(folder.path().to_owned());
        let failed = cache.kept("a", |_| bail!("no room"));
        assert_eq!(failed.unwrap_err().to_string(), "no room");
        for made in [true, false] {
            let mut was_made = false;
            let kept = cache.kept("a", |folder| {
                was_made = true;
                fs::write(folder.join("labels.json"), "{}").map_err(Into::into)
            });
            assert!(kept.unwrap().labels.is_file());
            assert_eq!(was_made, made);
        }
    }

    #[test]
    fn other_labels_have_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let named = |labels: &str| {
            fs::write(folder.path().join("labels.json"), labels).unwrap();
            name_of(&Folder::of(folder.path()).unwrap()).unwrap()
        };
        assert_eq!(named("{}"), named("{}"));
        assert_ne!(named("{}"), named("{ }"));
    }
}
