//! A folder of labelled captures, and what `netanom train` and `netanom evaluate` make of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use netanom::alert::Class;
use netanom::learn::evaluation::{CaptureResult, Summary};
use netanom::learn::gather::Content;
use netanom::learn::leave_out::UnknownClass;
use serde::Deserialize;
use xtask::command;

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

/// What `netanom evaluate --format json` prints.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Scores {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) captures: Vec<CaptureResult>,
}

/// Captures that count, by what was made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) attacks: usize,
    pub(super) found: usize,
    pub(super) benign: usize,
    pub(super) benign_with_alert: usize,
}

impl Counts {
    pub(super) fn add(&mut self, capture: &CaptureResult) {
        if let Some(found) = capture.found {
            self.attacks += 1;
            self.found += usize::from(found);
        } else if capture.is_benign {
            self.benign += 1;
            self.benign_with_alert += usize::from(!capture.alerts.is_empty());
        }
    }
}

impl Scores {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            attacks: self.summary.attack_captures,
            found: self.summary.found,
            benign: self.summary.benign_captures,
            benign_with_alert: self.summary.benign_with_alert,
        }
    }

    /// Without rewritten copies, which are no captures of their own; what is said of flows stays.
    pub(super) fn of_originals(mut self) -> Self {
        self.captures
            .retain(|capture| !capture.name.contains(".rewritten-"));
        let mut counts = Counts::default();
        for capture in self.core() {
            counts.add(capture);
        }
        self.summary.attack_captures = counts.attacks;
        self.summary.found = counts.found;
        self.summary.benign_captures = counts.benign;
        self.summary.benign_with_alert = counts.benign_with_alert;
        self
    }

    /// Captures that count.
    pub(super) fn core(&self) -> impl Iterator<Item = &CaptureResult> {
        self.captures
            .iter()
            .filter(|capture| capture.tier == "core")
    }
}

/// What is wrong with a capture: an attack that was not found as such, or an alert on normal traffic.
pub(super) fn mistake(capture: &CaptureResult) -> Option<String> {
    let is_right = match capture.found {
        Some(found) => found,
        None => !capture.is_benign || capture.alerts.is_empty(),
    };
    if is_right {
        return None;
    }
    let classes: BTreeSet<&str> = capture
        .alerts
        .iter()
        .map(|(class, _)| class.name())
        .collect();
    let classes: Vec<&str> = classes.into_iter().collect();
    let said = if classes.is_empty() {
        "no alert".to_owned()
    } else {
        classes.join(", ")
    };
    let is = capture.attack.unwrap_or(Class::Normal);
    Some(format!("{is} in `{}`: {said}", capture.name))
}

/// How the default model is grown. Leaves of fewer rows are of single captures; they double the model's size.
const FOREST: [&str; 4] = ["--min-leaf", "22", "--trees", "60"];

/// The same exercise on the same application, by five people.
const ALIKE: &str = "cristobal,cvtalrc,iamnejoo,lucasib,mono510";

/// Parts that are left out to calibrate it.
const CALIBRATE: [&str; 2] = ["--calibrate", "5"];

impl Netanom<'_> {
    /// Trains a model on the folders, calibrated on `folders` alone; returns what it was trained on.
    pub(super) fn train(
        &self,
        folders: &[Folder],
        also: &[Folder],
        output: &Path,
        card: Option<&Path>,
        work: &Path,
    ) -> anyhow::Result<Vec<Content<'static>>> {
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

    /// Judges the captures of `folders` group of sources by group, each by a model that has seen nothing of it; `always` are
    /// trained on in any case.
    pub(super) fn leave_out_groups(
        &self,
        folders: &[Folder],
        always: &[Folder],
    ) -> anyhow::Result<Scores> {
        let mut command = self.leave_out_command("group", folders, always);
        answer(command.args(["--alike", ALIKE]))
    }

    /// Judges each of `folders` by a model of `made` captures alone.
    pub(super) fn made_alone(
        &self,
        folders: &[Folder],
        made: &[Folder],
        range: usize,
        work: &Path,
    ) -> anyhow::Result<Vec<Scores>> {
        let model = work.join("made_alone.model");
        // The range is first; where there is none, whatever else is calibrates.
        let (dealt, also) = made.split_at(range.max(1));
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
        let mut command = self.leave_out_command("class", folders, always);
        answer(command.args(["--calibrate", "0"]))
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

#[cfg(test)]
mod tests {
    use netanom::learn::evaluation::Evaluation;

    use super::*;

    fn judged(attack: Option<Class>, found: Option<bool>, alerts: &[Class]) -> CaptureResult {
        CaptureResult {
            name: "a.pcap".to_owned(),
            tier: "core".to_owned(),
            attack,
            is_benign: attack.is_none(),
            found,
            noticed: found,
            named: found,
            delay_seconds: None,
            seconds: 1.0,
            flows: 1,
            alerts: alerts.iter().map(|class| (*class, String::new())).collect(),
        }
    }

    #[test]
    fn what_evaluate_prints_is_read() {
        let summary = Evaluation::default().summary(0.001);
        let mut printed = serde_json::to_value(&summary).unwrap();
        printed["found"] = 7.into();
        printed["confusion"] = serde_json::json!({ "normal": { "port_scan": 2 } });
        printed["captures"] = serde_json::to_value([judged(None, None, &[])]).unwrap();
        let scores: Scores = serde_json::from_value(printed).unwrap();
        assert_eq!((scores.counts().found, scores.captures.len()), (7, 1));
        assert_eq!(
            scores.summary.confusion[&Class::Normal][&Class::PortScan],
            2
        );
    }

    #[test]
    fn mistakes_are_missed_attacks_and_false_alerts() {
        const FLOOD: Option<Class> = Some(Class::SynFlood);
        const SCAN: Class = Class::PortScan;
        let said = |attack, found, alerts: &[Class]| mistake(&judged(attack, found, alerts));
        assert_eq!(
            said(FLOOD, Some(false), &[SCAN, SCAN]).unwrap(),
            "syn_flood in `a.pcap`: port_scan"
        );
        assert_eq!(
            said(FLOOD, Some(false), &[]).unwrap(),
            "syn_flood in `a.pcap`: no alert"
        );
        assert_eq!(
            said(None, None, &[SCAN]).unwrap(),
            "normal in `a.pcap`: port_scan"
        );
        assert_eq!(said(Some(SCAN), Some(true), &[SCAN]), None);
        assert_eq!(said(None, None, &[]), None);
    }

    #[test]
    fn rewritten_copies_do_not_count() {
        let mut copy = judged(None, None, &[Class::PortScan]);
        copy.name = "a.rewritten-00.pcap".to_owned();
        let scores = Scores {
            summary: Evaluation::default().summary(0.001),
            captures: vec![judged(Some(Class::SynFlood), Some(true), &[]), copy],
        };
        let counts = scores.of_originals().counts();
        assert_eq!((counts.attacks, counts.found, counts.benign), (1, 1, 0));
    }

    #[test]
    fn a_capture_all_of_whose_flows_are_ignored_is_neither_attack_nor_normal() {
        let ignored = CaptureResult {
            is_benign: false,
            ..judged(None, None, &[Class::PortScan])
        };
        let mut counts = Counts::default();
        counts.add(&ignored);
        assert_eq!((counts, mistake(&ignored)), (Counts::default(), None));
    }

    #[test]
    fn a_folder_without_labels_is_refused_with_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let error = Folder::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("labels.json"), "{error}");
    }
}
