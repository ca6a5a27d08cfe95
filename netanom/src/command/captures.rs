//! What `train` and `evaluate` share: folders of captures, each with its labels.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::progress;
use crate::config::Config;
use crate::learn::corpus::{self, Labelled};
use crate::learn::gather::{self, Gathered};
use crate::learn::labels::Labels;

/// Names of missing captures that are told.
const TOLD: usize = 3;

/// The labels of each folder.
pub(super) fn read_labels(captures: &[PathBuf], labels: &[PathBuf]) -> anyhow::Result<Vec<Labels>> {
    if captures.len() != labels.len() {
        bail!(
            "give one --labels for each --captures, and one --also-labels for each --also-captures: there are {} and {}",
            labels.len(),
            captures.len()
        );
    }
    let read = labels.iter().map(|file| Labels::read(file));
    Ok(read.collect::<Result<_, _>>()?)
}

/// Every labelled capture that is there, of all folders; a word on those that are not.
pub(super) fn find_all<'a>(
    folders: &[PathBuf],
    labels: &'a [Labels],
) -> anyhow::Result<Vec<Labelled<'a>>> {
    let mut all = Vec::new();
    for (folder, labels) in folders.iter().zip(labels) {
        tell_missing(folder, labels);
        let found = corpus::captures(folder, labels);
        if found.is_empty() {
            bail!(
                "no labelled capture is under `{}`: the labels name captures by their path there",
                folder.display()
            );
        }
        all.extend(found);
    }
    Ok(all)
}

/// The rows of all core captures of all folders; a word on captures that are not there.
pub(super) fn gather_all<'a>(
    folders: &[PathBuf],
    labels: &'a [Labels],
) -> anyhow::Result<Vec<Gathered<'a>>> {
    let config = Config::default();
    let mut all = Vec::new();
    for (folder, labels) in folders.iter().zip(labels) {
        tell_missing(folder, labels);
        let bar = progress::bar(0, "reading captures");
        let progress = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let (settings, tick) = (config.pipeline()?, config.tick()?);
        all.extend(gather::gather(folder, labels, settings, tick, &progress)?);
        bar.finish_and_clear();
    }
    Ok(all)
}

fn tell_missing(folder: &Path, labels: &Labels) {
    let names = labels.iter().map(|(name, _)| name);
    let missing: Vec<_> = names.filter(|name| !folder.join(name).is_file()).collect();
    if !missing.is_empty() {
        log::warn!(
            "{} of the captures that the labels name are not under `{}`, such as `{}`: they are left out",
            missing.len(),
            folder.display(),
            missing[..missing.len().min(TOLD)].join("`, `")
        );
    }
}

/// The same of captures that were made, and are trained on in any case.
pub(super) fn gather_made<'a>(
    folders: &[PathBuf],
    labels: &'a [Labels],
) -> anyhow::Result<Vec<Gathered<'a>>> {
    let gathered = gather_all(folders, labels)?.into_iter();
    Ok(gathered.map(Gathered::made).collect())
}

/// That no file is read twice: it would be trained on and left out at once.
pub(super) fn check_apart(
    captures: &[Gathered<'_>],
    always: &[Gathered<'_>],
) -> anyhow::Result<()> {
    let mut known = BTreeSet::new();
    for Gathered { capture, .. } in captures.iter().chain(always) {
        if !known.insert(capture.path.canonicalize()?) {
            bail!(
                "`{}` is given twice, so what is left out would be trained on: name each capture in one place, \
                 --captures or --also-captures",
                capture.path.display()
            );
        }
    }
    Ok(())
}
