//! The honest score: each source judged by a model that has seen nothing of it.
//!
//! A model that is judged on what it was trained on, or on flows of the same captures, shows its memory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::folder::{Folder, Labels, Netanom, Scores, source_of};

/// How a source fared.
#[derive(Clone, Debug)]
pub(super) struct HeldOut {
    pub(super) source: String,
    pub(super) scores: Scores,
}

/// Leaves out each source of `data` in turn; what is `made` is always trained on.
pub(super) fn all(
    netanom: &Netanom<'_>,
    data: &[Folder],
    made: &[Folder],
    work: &Path,
) -> anyhow::Result<Vec<HeldOut>> {
    let labels: Vec<Labels> = data
        .iter()
        .map(Folder::read_labels)
        .collect::<Result<_, _>>()?;
    let sources: BTreeSet<&str> = labels
        .iter()
        .flatten()
        .filter(|(_, rules)| is_core(rules))
        .map(|(capture, _)| source_of(capture))
        .collect();
    let model = work.join("held_out.model");
    let mut all = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        eprintln!(
            "train-default: without {source} ({} of {})",
            number + 1,
            sources.len()
        );
        let mut rest = made.to_vec();
        let mut held = Vec::new();
        for (folder, labels) in data.iter().zip(&labels) {
            let (of_source, others): (Labels, Labels) = labels
                .clone()
                .into_iter()
                .partition(|(capture, _)| source_of(capture) == *source);
            rest.extend(part(
                folder,
                &others,
                &work.join(format!("rest{}.json", rest.len())),
            )?);
            held.extend(part(
                folder,
                &of_source,
                &work.join(format!("held{}.json", held.len())),
            )?);
        }
        netanom.train(&rest, &model, None, work)?;
        let mut scores = Scores::default();
        for folder in &held {
            scores.add(&netanom.evaluate(folder, &model)?);
        }
        all.push(HeldOut {
            source: (*source).to_owned(),
            scores,
        });
    }
    Ok(all)
}

/// The other way round: trained on what is `made` alone, and judged on all of `data`, by source.
pub(super) fn made_alone(
    netanom: &Netanom<'_>,
    data: &[Folder],
    made: &[Folder],
    work: &Path,
) -> anyhow::Result<Vec<HeldOut>> {
    eprintln!("train-default: without all of --data");
    let model = work.join("made_alone.model");
    netanom.train(made, &model, None, work)?;
    let mut all = Vec::new();
    for folder in data {
        let labels = folder.read_labels()?;
        let sources: BTreeSet<&str> = labels
            .iter()
            .filter(|(_, rules)| is_core(rules))
            .map(|(capture, _)| source_of(capture))
            .collect();
        for source in sources {
            let of_source = labels
                .iter()
                .filter(|(capture, _)| source_of(capture) == source)
                .map(|(capture, rules)| (capture.clone(), rules.clone()))
                .collect();
            let file = work.join("made_alone.json");
            if let Some(part) = part(folder, &of_source, &file)? {
                all.push(HeldOut {
                    source: source.to_owned(),
                    scores: netanom.evaluate(&part, &model)?,
                });
            }
        }
    }
    Ok(all)
}

/// The folder with these captures alone; nothing when none of them is trained on or counted.
fn part(folder: &Folder, labels: &Labels, file: &Path) -> anyhow::Result<Option<Folder>> {
    if !labels.values().any(is_core) {
        return Ok(None);
    }
    fs::write(file, serde_json::to_vec(labels)?)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(Some(Folder {
        captures: folder.captures.clone(),
        labels: file.to_owned(),
    }))
}

fn is_core(rules: &serde_json::Value) -> bool {
    rules.get("tier").is_none_or(|tier| tier == "core")
}

impl Scores {
    /// Adds captures and what is counted of them; shares of flows are no sums.
    pub(super) fn add(&mut self, other: &Self) {
        self.attack_captures += other.attack_captures;
        self.found += other.found;
        self.benign_captures += other.benign_captures;
        self.benign_with_alert += other.benign_with_alert;
        self.captures.extend_from_slice(&other.captures);
    }
}
