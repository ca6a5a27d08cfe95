//! Labelled captures as training data: the live pipeline runs over each, and the label rules say what its flows are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::alert::{Class, Facts, Interfaces};
use crate::pipeline::{Pipeline, PipelineSettings};
use crate::source::capture::CaptureSource;
use crate::source::{FlowSource, SourceError};

use super::labels::{CaptureRules, Label, Labels};

/// Rows that are kept of one class of one capture; more are near-copies. Evenly spread over the capture's time.
const MAX_ROWS: usize = 4000;

/// A capture and the rules that label it.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    /// Its name, as the labels give it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What its flows are.
    pub rules: &'a CaptureRules,
}

impl Labelled<'_> {
    /// Whether it is trained on and counted.
    #[must_use]
    pub fn is_core(&self) -> bool {
        self.rules.is_core()
    }
}

/// Every labelled capture that is present under `directory`, in the order of their names.
#[must_use]
pub fn captures<'a>(directory: &Path, labels: &'a Labels) -> Vec<Labelled<'a>> {
    let named = labels
        .iter()
        .map(|(name, rules)| (name, directory.join(name), rules));
    named
        .filter(|(_, path, _)| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
                && path.is_file()
        })
        .map(|(name, path, rules)| Labelled {
            name: name.to_owned(),
            path,
            rules,
        })
        .collect()
}

/// Judged rows of one class of one capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRows {
    /// Feature vectors.
    pub rows: Vec<Vec<f32>>,
    /// How many rows there were before they were thinned out.
    pub seen: usize,
}

/// Runs the pipeline over a capture without judging, and returns the rows that would have been judged, by class.
/// What the rules ignore is left out.
///
/// # Errors
/// When the capture cannot be read.
pub fn rows(
    capture: &Labelled<'_>,
    settings: PipelineSettings,
    tick: Duration,
) -> Result<BTreeMap<Class, ClassRows>, SourceError> {
    let mut source = CaptureSource::open(&capture.path, tick)?;
    let mut pipeline = Pipeline::new(settings, Vec::new(), Interfaces::default());
    let mut rows: BTreeMap<Class, ClassRows> = BTreeMap::new();
    while let Some(window) = source.next_window()? {
        pipeline.step(&window);
        let judged = pipeline.judged();
        for (row, facts) in judged.rows.outer_iter().zip(&judged.facts) {
            if let Some(class) = class_of(capture.rules, facts) {
                let of_class = rows.entry(class).or_default();
                of_class.seen += 1;
                of_class.rows.push(row.to_vec());
            }
        }
    }
    source.check()?;
    for of_class in rows.values_mut() {
        thin(&mut of_class.rows);
    }
    Ok(rows)
}

fn thin(rows: &mut Vec<Vec<f32>>) {
    let total = rows.len();
    if total > MAX_ROWS {
        let mut index = 0;
        rows.retain(|_| {
            let kept = index * MAX_ROWS / total != (index + 1) * MAX_ROWS / total;
            index += 1;
            kept
        });
    }
}

fn class_of(rules: &CaptureRules, facts: &Facts) -> Option<Class> {
    match rules.class_of(facts.initiator, facts.responder, facts.protocol) {
        Label::Class(class, _) => Some(class),
        Label::Ignore => None,
    }
}

/// Whose capture it is: its file's name up to the first `_` or `.`. Captures of one source are alike.
#[must_use]
pub fn source_of(capture: &str) -> &str {
    let file = capture.rsplit('/').next().unwrap_or(capture);
    file.split(['_', '.']).next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_a_capture_is_the_beginning_of_its_name() {
        assert_eq!(source_of("syn_flood/ponyweng_SYN.pcap"), "ponyweng");
        assert_eq!(source_of("lonely.pcap"), "lonely");
    }
}
