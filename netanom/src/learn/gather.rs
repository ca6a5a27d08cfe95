//! Labelled captures as one data set.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::corpus::{self, ClassRows, Labelled};
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
    /// Its rows by class.
    pub rows: BTreeMap<Class, ClassRows>,
}

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
        let rows = corpus::rows(&capture, settings, tick)?;
        gathered.push(Gathered { capture, rows });
        progress(gathered.len(), total);
    }
    Ok(gathered)
}

/// Says of a capture and a class whether its rows are trained on.
pub type Keeps<'a> = dyn Fn(&Labelled<'_>, Class) -> bool + 'a;

/// What there is of each class in each capture.
pub fn contents<'a>(captures: &'a [Gathered<'_>]) -> Vec<Content<'a>> {
    let mut contents = Vec::new();
    for Gathered { capture, rows } in captures {
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
    let (mut values, mut classes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    let (mut groups, mut group_names) = (Vec::new(), Vec::new());
    for Gathered { capture, rows } in captures {
        let kept = rows.iter().filter(|(class, _)| keeps(capture, **class));
        let before = classes.len();
        for (class, of_class) in kept {
            for row in &of_class.rows {
                values.extend_from_slice(row);
                classes.push(*class);
                weights.push(of_class.seen as f32 / of_class.rows.len() as f32);
                groups.push(group_names.len() as u32);
            }
        }
        if classes.len() > before {
            group_names.push(capture.name.clone());
        }
    }
    let present: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| classes.contains(class))
        .collect();
    if present.len() < 2 {
        return Err(GatherError::TooFewClasses(present.len()));
    }
    let index = |class: &Class| {
        let position = present.iter().position(|other| other == class);
        position.unwrap_or_default() as u8
    };
    let shape = (classes.len(), feature::COUNT);
    let mut data = DataSet {
        rows: Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape)),
        labels: classes.iter().map(index).collect(),
        classes: present.iter().map(Class::to_string).collect(),
        weights,
        groups,
        group_names,
        features: feature::names().into_iter().map(str::to_owned).collect(),
    };
    data.balance();
    Ok(data)
}
