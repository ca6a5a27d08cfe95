//! A folder of labelled captures, and what `netanom train` and `netanom evaluate` make of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::command;

/// Captures with their labels.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) captures: PathBuf,
    pub(super) labels: PathBuf,
}

/// The label file of a folder: rules by capture, of which nothing but the names matters here.
pub(super) type Labels = BTreeMap<String, Value>;

impl Folder {
    /// A folder with its `labels.json`.
    pub(super) fn of(captures: &Path) -> anyhow::Result<Self> {
        let labels = captures.join("labels.json");
        if !labels.is_file() {
            bail!(
                "`{}` has no labels.json, which says what its captures hold; docs/training.md has the format",
                captures.display()
            );
        }
        Ok(Self {
            captures: captures.to_owned(),
            labels,
        })
    }

    pub(super) fn read_labels(&self) -> anyhow::Result<Labels> {
        let text = std::fs::read(&self.labels)
            .with_context(|| format!("cannot read `{}`", self.labels.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("`{}` is wrong", self.labels.display()))
    }
}

/// The program, with what is the same in every call.
pub(super) struct Netanom<'a> {
    pub(super) program: &'a Path,
    pub(super) trained_at: &'a str,
}

/// Rows of one class of one capture that a model was trained on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Content {
    pub(super) capture: String,
    pub(super) class: String,
    pub(super) rows: u64,
}

/// What `netanom evaluate` found.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Scores {
    pub(super) attack_captures: u64,
    pub(super) found: u64,
    pub(super) benign_captures: u64,
    pub(super) benign_with_alert: u64,
    pub(super) scores: BTreeMap<String, ClassScore>,
}

/// Of the flows of one class.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct ClassScore {
    pub(super) flows: u64,
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
}

impl Netanom<'_> {
    /// Trains a model on the folders; returns what it was trained on.
    pub(super) fn train(
        &self,
        folders: &[Folder],
        output: &Path,
        card: Option<&Path>,
        work: &Path,
    ) -> anyhow::Result<Vec<Content>> {
        let contents = work.join("contents.json");
        let mut train = Command::new(self.program);
        train.args([
            "train",
            "--name",
            "default",
            "--trained-at",
            self.trained_at,
        ]);
        for folder in folders {
            train
                .arg("--captures")
                .arg(&folder.captures)
                .arg("--labels")
                .arg(&folder.labels);
        }
        if let Some(card) = card {
            train.arg("--card").arg(card);
        }
        train
            .arg("--output")
            .arg(output)
            .arg("--contents")
            .arg(&contents);
        command::run(&mut train)?;
        let text =
            std::fs::read(&contents).context("`netanom train` did not say what it trained on")?;
        serde_json::from_slice(&text).context("cannot read what `netanom train` trained on")
    }

    /// Judges a folder's captures.
    pub(super) fn evaluate(&self, folder: &Folder, model: &Path) -> anyhow::Result<Scores> {
        let mut evaluate = Command::new(self.program);
        evaluate
            .args(["evaluate", "--format", "json", "--model"])
            .arg(model);
        evaluate
            .arg("--captures")
            .arg(&folder.captures)
            .arg("--labels")
            .arg(&folder.labels);
        let text = command::shown(&evaluate);
        eprintln!("$ {text}");
        let output = evaluate
            .output()
            .with_context(|| format!("cannot run `{text}`"))?;
        if !output.status.success() {
            bail!(
                "`{text}` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("cannot read what `{text}` prints"))
    }
}

/// Where a capture comes from: the first part of its file name, before the underscore.
///
/// Captures of one source are near-copies of each other: same network, same tools, same hours.
pub(super) fn source_of(capture: &str) -> &str {
    let file = capture.rsplit('/').next().unwrap_or(capture);
    let stem = file.strip_suffix(".pcap").unwrap_or(file);
    stem.split('_').next().unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_first_part_of_the_file_name() {
        assert_eq!(
            source_of("syn_flood/CIC-DDoS2019_lucid_SynFlood.pcap"),
            "CIC-DDoS2019"
        );
        assert_eq!(
            source_of("syn_flood/CIC-DDoS2019_ponyweng_SYN.pcap"),
            "CIC-DDoS2019"
        );
        assert_eq!(source_of("benign/ndpi/nfstream_tor.pcap"), "nfstream");
        assert_eq!(source_of("lonely.pcap"), "lonely");
    }

    #[test]
    fn a_folder_without_labels_is_refused_with_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let error = Folder::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("labels.json"), "{error}");
    }
}
