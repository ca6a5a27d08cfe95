//! A folder of labelled captures, and what `netanom train` and `netanom evaluate` make of it.

use std::collections::{BTreeMap, BTreeSet};
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
    pub(super) captures: Vec<Judged>,
}

/// What was made of one capture.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Judged {
    pub(super) name: String,
    tier: String,
    attack: Option<String>,
    /// Whether the attack was found, if there is one.
    found: Option<bool>,
    /// Class and summary of each alert.
    alerts: Vec<(String, String)>,
}

impl Judged {
    /// What is wrong with it, if it counts: an attack that was not found as such, or an alert on normal traffic.
    pub(super) fn mistake(&self) -> Option<String> {
        let is_right = self.found.unwrap_or(self.alerts.is_empty());
        if is_right || self.tier != "core" {
            return None;
        }
        let classes: BTreeSet<&str> = self
            .alerts
            .iter()
            .map(|(class, _)| class.as_str())
            .collect();
        let classes: Vec<&str> = classes.into_iter().collect();
        let said = if classes.is_empty() {
            "no alert".to_owned()
        } else {
            classes.join(", ")
        };
        let is = self.attack.as_deref().unwrap_or("normal");
        Some(format!("{is} in `{}`: {said}", self.name))
    }
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
            // Leaves of fewer rows are of single captures; they double the model's size.
            "--min-leaf",
            "5",
            "--trees",
            "75",
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
    use serde_json::json;

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
    fn mistakes_are_missed_attacks_and_false_alerts_of_core_captures() {
        let judged = |attack: Value, found: Value, tier: &str, alerts: Value| -> Judged {
            let text = json!({ "name": "a.pcap", "tier": tier, "attack": attack, "found": found, "alerts": alerts });
            serde_json::from_value(text).unwrap()
        };
        let scan = json!([["port_scan", "x"], ["port_scan", "y"]]);
        let missed = judged(json!("syn_flood"), json!(false), "core", scan.clone());
        assert_eq!(
            missed.mistake().unwrap(),
            "syn_flood in `a.pcap`: port_scan"
        );
        let silent = judged(json!("syn_flood"), json!(false), "core", json!([]));
        assert_eq!(silent.mistake().unwrap(), "syn_flood in `a.pcap`: no alert");
        let false_alert = judged(Value::Null, Value::Null, "core", scan.clone());
        assert_eq!(
            false_alert.mistake().unwrap(),
            "normal in `a.pcap`: port_scan"
        );
        for fine in [
            judged(json!("port_scan"), json!(true), "core", scan.clone()),
            judged(Value::Null, Value::Null, "core", json!([])),
            judged(Value::Null, Value::Null, "extra", scan),
        ] {
            assert_eq!(fine.mistake(), None);
        }
    }

    #[test]
    fn a_folder_without_labels_is_refused_with_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let error = Folder::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("labels.json"), "{error}");
    }
}
