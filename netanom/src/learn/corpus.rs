//! Labelled captures as training data: the live pipeline runs over each, and the label rules say what its flows are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::alert::{Class, Facts, Interfaces, is_login_port};
use crate::detect::Judges;
use crate::pipeline::{Pipeline, PipelineSettings};
use crate::source::capture::CaptureSource;
use crate::source::{FlowSource, SourceError};

use super::labels::{CaptureRules, Label, Labels};

/// Rows that are kept of one class of one capture; more are near-copies. Evenly spread over the capture's time.
const MAX_ROWS: usize = 4000;

/// Rows of one class of a capture that are held while it is read, some 100 MB; of a longer one every second, fourth and
/// so on is held.
const MAX_HELD: usize = 1 << 18;

/// The same of conversations.
const MAX_HELD_TALKS: usize = 1 << 12;

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
        .filter(|(_, path, _)| path.is_file())
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

/// What a capture has to learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Judged rows of flows, by what they are.
    pub flows: BTreeMap<Class, ClassRows>,
    /// The same of conversations. Log-ins by a protocol of their own and by web forms are kinds apart.
    pub talks: BTreeMap<Kind, ClassRows>,
}

/// What a conversation is: a class, and whether it is with a web server, whose log-ins look different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The class.
    pub class: Class,
    /// Whether it is a log-in by a web form.
    pub is_form: bool,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.is_form { "/form" } else { "" };
        write!(f, "{}{kind}", self.class)
    }
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
) -> Result<Rows, SourceError> {
    let mut source = CaptureSource::open(&capture.path, tick)?;
    let mut pipeline = Pipeline::new(settings, Judges::default(), Interfaces::default());
    let mut rows: BTreeMap<Class, Held> = BTreeMap::new();
    let mut talks: BTreeMap<Kind, Held> = BTreeMap::new();
    while let Some(window) = source.next_window()? {
        pipeline.step(&window);
        let judged = pipeline.judged_conversations();
        for (row, facts) in judged.rows.outer_iter().zip(&judged.facts) {
            if let Some(class) = class_of(capture.rules, facts) {
                let is_form = class == Class::BruteForce && !is_login_port(facts.responder.port);
                let kind = Kind { class, is_form };
                talks
                    .entry(kind)
                    .or_default()
                    .take(row.iter().copied(), MAX_HELD_TALKS);
            }
        }
        let judged = pipeline.judged();
        for (row, facts) in judged.rows.outer_iter().zip(&judged.facts) {
            if let Some(class) = class_of(capture.rules, facts) {
                rows.entry(class)
                    .or_default()
                    .take(row.iter().copied(), MAX_HELD);
            }
        }
    }
    source.check()?;
    Ok(Rows {
        flows: thinned(rows),
        talks: thinned(talks),
    })
}

fn thinned<K: Ord>(held: BTreeMap<K, Held>) -> BTreeMap<K, ClassRows> {
    let held = held.into_iter();
    held.map(|(class, held)| (class, held.thinned())).collect()
}

/// The rows of a class while its capture is read.
#[derive(Default)]
struct Held {
    of_class: ClassRows,
    /// How often half of the rows were let go.
    halvings: u32,
}

impl Held {
    /// Takes in one row of every 2^halvings, so that fewer than `most` are held.
    fn take(&mut self, row: impl Iterator<Item = f32>, most: usize) {
        let ClassRows { rows, seen } = &mut self.of_class;
        if seen.is_multiple_of(1 << self.halvings) {
            rows.push(row.collect());
        }
        *seen += 1;
        if rows.len() >= most {
            let mut index = 0;
            rows.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.halvings += 1;
        }
    }

    fn thinned(mut self) -> ClassRows {
        self.of_class.thin(MAX_ROWS);
        self.of_class
    }
}

impl ClassRows {
    /// Keeps so many rows at most, evenly spread.
    pub(super) fn thin(&mut self, most: usize) {
        let total = self.rows.len();
        if total > most {
            let mut index = 0;
            self.rows.retain(|_| {
                let kept = index * most / total != (index + 1) * most / total;
                index += 1;
                kept
            });
        }
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
    fn few_rows_of_an_endless_capture_are_held_and_they_are_spread_over_all_of_it() {
        let mut held = Held::default();
        for number in 0..1000_u16 {
            held.take(std::iter::once(f32::from(number)), 8);
            assert!(held.of_class.rows.len() < 8);
        }
        assert_eq!(held.of_class.seen, 1000);
        let numbers: Vec<f32> = held.of_class.rows.concat();
        assert_eq!(numbers, [0.0, 256.0, 512.0, 768.0]);
    }

    #[test]
    fn as_many_rows_as_are_trained_on_are_kept_from_first_to_last() {
        let mut of_class = ClassRows {
            rows: (0..10_000_u16).map(|row| vec![f32::from(row)]).collect(),
            seen: 10_000,
        };
        of_class.thin(MAX_ROWS);
        let rows = of_class.rows;
        assert_eq!(rows.len(), MAX_ROWS);
        let steps = rows.windows(2).map(|pair| pair[1][0] - pair[0][0]);
        assert!(steps.into_iter().all(|step| step == 2.0 || step == 3.0));
        assert!(rows[0][0] <= 2.0 && rows[MAX_ROWS - 1][0] >= 9997.0);
    }

    #[test]
    fn the_source_of_a_capture_is_the_beginning_of_its_name() {
        assert_eq!(source_of("syn_flood/ponyweng_SYN.pcap"), "ponyweng");
        assert_eq!(source_of("lonely.pcap"), "lonely");
    }
}
