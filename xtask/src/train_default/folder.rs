//! A folder of labelled captures, and what `netanom train` and `netanom evaluate` make of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::command;

/// Captures with their labels.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) captures: PathBuf,
    pub(super) labels: PathBuf,
}

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
    pub(super) balanced_macro_f1: Option<f64>,
    #[serde(default)]
    pub(super) scores: Vec<ClassScore>,
    #[serde(default)]
    pub(super) balanced_scores: Vec<ClassScore>,
    #[serde(default)]
    pub(super) captures: Vec<Judged>,
}

/// What a model made of a class that it was never told of.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct UnknownClass {
    pub(super) class: String,
    pub(super) captures: u64,
    pub(super) noticed: u64,
    pub(super) flows: u64,
    pub(super) not_normal: u64,
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

impl Scores {
    /// Counts a capture, but not its flows.
    pub(super) fn count(&mut self, capture: &Judged) {
        match capture.found {
            Some(found) => {
                self.attack_captures += 1;
                self.found += u64::from(found);
            }
            None => {
                self.benign_captures += 1;
                self.benign_with_alert += u64::from(!capture.alerts.is_empty());
            }
        }
    }
}

impl Judged {
    pub(super) fn is_core(&self) -> bool {
        self.tier == "core"
    }

    /// What is wrong with it, if it counts: an attack that was not found as such, or an alert on normal traffic.
    pub(super) fn mistake(&self) -> Option<String> {
        let is_right = self.found.unwrap_or(self.alerts.is_empty());
        if is_right || !self.is_core() {
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

/// Of the flows of one class; a share of nothing is none.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClassScore {
    pub(super) class: String,
    pub(super) support: f64,
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) f1: Option<f64>,
}

/// How the default model is grown. Leaves of fewer rows are of single captures; they double the model's size.
const FOREST: [&str; 4] = ["--min-leaf", "5", "--trees", "75"];

/// Each source is left out alone to calibrate it, as a new network is one.
const CALIBRATE: [&str; 2] = ["--calibrate", "20"];

impl Netanom<'_> {
    /// Trains a model on the folders, calibrated on `folders` alone; returns what it was trained on.
    pub(super) fn train(
        &self,
        folders: &[Folder],
        also: &[Folder],
        output: &Path,
        card: Option<&Path>,
        work: &Path,
    ) -> anyhow::Result<Vec<Content>> {
        let contents = work.join("contents.json");
        let mut train = Command::new(self.program);
        train.arg("train").args(FOREST).args(CALIBRATE);
        train.args(["--name", "default", "--trained-at", self.trained_at]);
        for folder in folders {
            train
                .arg("--captures")
                .arg(&folder.captures)
                .arg("--labels")
                .arg(&folder.labels);
        }
        for folder in also {
            train
                .arg("--also-captures")
                .arg(&folder.captures)
                .arg("--also-labels")
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
        let mut evaluate = self.evaluate_command(std::slice::from_ref(folder));
        evaluate.arg("--model").arg(model);
        answer(&mut evaluate)
    }

    /// Judges the captures of `folders` source by source, each by a model that has seen nothing of it; `always` are
    /// trained on in any case.
    pub(super) fn leave_out_sources(
        &self,
        folders: &[Folder],
        always: &[Folder],
    ) -> anyhow::Result<Scores> {
        answer(&mut self.leave_out_command("source", folders, always))
    }

    /// Judges each of `folders` by a model of `made` captures alone.
    pub(super) fn made_alone(
        &self,
        folders: &[Folder],
        made: &[Folder],
        work: &Path,
    ) -> anyhow::Result<Vec<Scores>> {
        let model = work.join("made_alone.model");
        // What is simulated is last, and alone where there is no range.
        let (dealt, also) = made.split_at((made.len() - 1).max(1));
        self.train(dealt, also, &model, None, work)?;
        let scores = folders.iter().map(|folder| self.evaluate(folder, &model));
        scores.collect()
    }

    /// Judges each class of attack by a model that was never told of it.
    pub(super) fn leave_out_classes(
        &self,
        folders: &[Folder],
        always: &[Folder],
    ) -> anyhow::Result<Vec<UnknownClass>> {
        answer(&mut self.leave_out_command("class", folders, always))
    }

    fn leave_out_command(&self, what: &str, folders: &[Folder], always: &[Folder]) -> Command {
        let mut evaluate = self.evaluate_command(folders);
        evaluate.args(["--leave-out", what]).args(FOREST);
        for folder in always {
            evaluate
                .arg("--also-captures")
                .arg(&folder.captures)
                .arg("--also-labels")
                .arg(&folder.labels);
        }
        evaluate
    }

    fn evaluate_command(&self, folders: &[Folder]) -> Command {
        let mut evaluate = Command::new(self.program);
        evaluate.args(["evaluate", "--format", "json"]);
        for folder in folders {
            evaluate
                .arg("--captures")
                .arg(&folder.captures)
                .arg("--labels")
                .arg(&folder.labels);
        }
        evaluate
    }
}

/// Runs a command that prints JSON. Its progress goes to the terminal.
fn answer<T: serde::de::DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let text = command::shown(command);
    eprintln!("$ {text}");
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed");
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("cannot read what `{text}` prints"))
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
    use serde_json::{Value, json};

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
