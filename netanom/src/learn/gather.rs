//! Labelled captures as one data set.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::corpus::{self, ClassRows, Kind, Labelled, Rows, source_of};
use super::dataset::DataSet;
use super::labels::Labels;
use crate::alert::Class;
use crate::feature;
use crate::pipeline::PipelineSettings;
use crate::source::SourceError;

/// A core capture with the rows that would have been judged.
#[derive(Clone, Debug)]
pub struct Gathered<'a> {
    /// The capture.
    pub capture: Labelled<'a>,
    /// Whether it was made, as by a simulation: all of one source together count as the square root of their number.
    pub is_made: bool,
    /// Its rows by class.
    pub rows: BTreeMap<Class, ClassRows>,
    /// Its conversations by kind.
    pub talks: BTreeMap<Kind, ClassRows>,
}

impl Gathered<'_> {
    /// The same of a capture that was made: there may be thousands, so fewer rows of each are kept.
    #[must_use]
    pub fn made(mut self) -> Self {
        self.is_made = true;
        for of_class in self.rows.values_mut().chain(self.talks.values_mut()) {
            of_class.thin(MADE_ROWS);
        }
        self
    }
}

/// Rows that are kept of one class of a capture that was made.
const MADE_ROWS: usize = 1000;

/// Rows of one class of one capture, as a model's card lists them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content<'a> {
    /// Name of the capture.
    pub capture: Cow<'a, str>,
    /// What they are.
    pub class: Class,
    /// Judged rows that the capture has, and how many of them are trained on.
    pub seen: usize,
    /// See [`Self::seen`].
    pub rows: usize,
}

/// There is nothing to learn from.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// No file fits the labels.
    #[error(
        "no labelled capture is under `{0}`: the labels name captures by their path there, and only those of tier \
         `core` count"
    )]
    NoCapture(String),
    /// A capture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing to tell apart.
    #[error("a forest needs captures of two or more classes of traffic; these have {0}")]
    TooFewClasses(usize),
}

/// Reads the rows of the core captures under `directory`; `progress` is told how many of how many are done.
///
/// # Errors
/// When there is none, or one cannot be read.
pub fn gather<'a>(
    directory: &Path,
    labels: &'a Labels,
    settings: PipelineSettings,
    tick: std::time::Duration,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Gathered<'a>>, GatherError> {
    let captures: Vec<_> = corpus::captures(directory, labels)
        .into_iter()
        .filter(Labelled::is_core)
        .collect();
    if captures.is_empty() {
        return Err(GatherError::NoCapture(directory.display().to_string()));
    }
    let total = captures.len();
    let mut gathered = Vec::with_capacity(total);
    for capture in captures {
        let Rows { flows, talks } = corpus::rows(&capture, settings, tick)?;
        gathered.push(Gathered {
            capture,
            is_made: false,
            rows: flows,
            talks,
        });
        progress(gathered.len(), total);
    }
    Ok(gathered)
}

/// Says of a capture and a class whether its rows are trained on.
pub type Keeps<'a> = dyn Fn(&Labelled<'_>, Class) -> bool + 'a;

/// What there is of each class in each capture.
pub fn contents<'a>(captures: &'a [Gathered<'_>]) -> Vec<Content<'a>> {
    let mut contents = Vec::new();
    for Gathered { capture, rows, .. } in captures {
        contents.extend(rows.iter().map(|(class, of_class)| Content {
            capture: Cow::Borrowed(&capture.name),
            class: *class,
            seen: of_class.seen,
            rows: of_class.rows.len(),
        }));
    }
    contents
}

/// The data set of all rows whose capture and class `keeps` says to keep, balanced ([`DataSet::balance`]). What was
/// thinned out still counts: the rows that are left weigh more.
///
/// # Errors
/// When fewer than two classes are left.
pub fn data_set(captures: &[&Gathered<'_>], keeps: &Keeps<'_>) -> Result<DataSet, GatherError> {
    let mut set = Assembly::default();
    for one in captures {
        let Gathered { capture, rows, .. } = one;
        let kept = rows.iter().filter(|(class, _)| keeps(capture, **class));
        for (class, of_class) in kept {
            set.add(&capture.name, class.to_string(), of_class);
            if one.is_made {
                set.is_made(&capture.name);
            }
        }
    }
    set.finish(feature::names())
}

/// The same of conversations. Those of one source are a group: what is alike counts little more when there is more of it.
///
/// # Errors
/// As [`data_set`].
pub fn talks(captures: &[&Gathered<'_>], keeps: &Keeps<'_>) -> Result<DataSet, GatherError> {
    let mut set = Assembly::default();
    for Gathered { capture, talks, .. } in captures {
        let kept = talks.iter().filter(|(kind, _)| keeps(capture, kind.class));
        for (kind, of_kind) in kept {
            set.add(source_of(&capture.name), kind.to_string(), of_kind);
        }
    }
    let columns = feature::COLUMNS.iter();
    set.finish(columns.map(|column| column.name).collect())
}

/// Rows of many captures on their way into a data set.
#[derive(Default)]
struct Assembly {
    values: Vec<f32>,
    classes: Vec<String>,
    weights: Vec<f32>,
    groups: Vec<u32>,
    group_names: Vec<String>,
    places: BTreeMap<String, u32>,
    made: BTreeMap<u32, String>,
}

impl Assembly {
    fn add(&mut self, group: &str, class: String, of_class: &ClassRows) {
        let next = self.group_names.len() as u32;
        let group = *self
            .places
            .entry(group.to_owned())
            .or_insert_with_key(|name| {
                self.group_names.push(name.clone());
                next
            });
        let weight = of_class.seen as f32 / of_class.rows.len() as f32;
        for row in &of_class.rows {
            self.values.extend_from_slice(row);
            self.classes.push(class.clone());
            self.weights.push(weight);
            self.groups.push(group);
        }
    }

    /// That the group, which is there, is of a capture that was made.
    fn is_made(&mut self, group: &str) {
        if let Some(place) = self.places.get(group) {
            self.made.insert(*place, source_of(group).to_owned());
        }
    }

    fn finish(self, features: Vec<&str>) -> Result<DataSet, GatherError> {
        let mut present: Vec<String> = Vec::new();
        for class in Class::ALL {
            let is_of = |name: &&String| crate::model::flow_class(name).ok() == Some(class);
            let mut kinds: Vec<_> = self.classes.iter().filter(is_of).cloned().collect();
            kinds.sort();
            kinds.dedup();
            present.extend(kinds);
        }
        if present.len() < 2 {
            return Err(GatherError::TooFewClasses(present.len()));
        }
        let index = |class: &String| {
            let position = present.iter().position(|other| other == class);
            position.unwrap_or_default() as u8
        };
        let shape = (self.classes.len(), features.len());
        let rows = Array2::from_shape_vec(shape, self.values);
        let mut data = DataSet {
            rows: rows.unwrap_or_else(|_| Array2::zeros(shape)),
            labels: self.classes.iter().map(index).collect(),
            classes: present,
            weights: self.weights,
            groups: self.groups,
            group_names: self.group_names,
            made: self.made,
            features: features.into_iter().map(str::to_owned).collect(),
        };
        data.balance();
        Ok(data)
    }
}
