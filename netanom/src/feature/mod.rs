//! Features: what a model sees of a flow. `FEATURES` names each of them once.
//!
//! The table gives the order of the vector, the header of the flow export, the documentation and the model's check.
//! No feature is an address, a port number, a TTL or a date: a model must not learn the lab that it was trained in.

pub mod access;
mod blind;
mod context;
mod conversation;
mod flow;
mod host;
mod news;
mod pair;
mod past;
mod sketch;
#[cfg(test)]
mod tests;

use ndarray::Array2;

pub use context::{Context, FlowContext, Records};
pub use conversation::{COLUMNS, Column, Conversations, DueConversation};
pub use news::Seen;
pub use past::{Lately, Past};

use crate::alert::{Facts, Verdict};
use crate::flow::{Flow, Timestamp};

/// What a feature is computed from.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The flow so far.
    pub flow: &'a Flow,
    /// What its hosts did lately.
    pub context: FlowContext<'a>,
    /// The end of the window.
    pub now: Timestamp,
}

/// One number that a model sees of a flow.
#[derive(Debug)]
pub struct Feature {
    /// Its name everywhere: export, model file, explanation.
    pub name: &'static str,
    /// Unit of the value; empty for shares and flags.
    pub unit: &'static str,
    /// What it means, for the documentation.
    pub meaning: &'static str,
    compute: fn(&Subject<'_>) -> f64,
}

impl Feature {
    /// The value for one flow, always finite.
    #[inline(always)]
    fn of(&self, subject: &Subject<'_>) -> f32 {
        let value = (self.compute)(subject) as f32;
        if value.is_finite() { value } else { 0.0 }
    }
}

/// Builds a [`Feature`] where it is listed.
macro_rules! measure {
    ($name:literal, $unit:literal, $meaning:literal, $compute:expr) => {
        $crate::feature::Feature {
            name: $name,
            unit: $unit,
            meaning: $meaning,
            compute: $compute,
        }
    };
}
use measure;

/// Number of features.
pub const COUNT: usize = flow::FEATURES.len() + host::FEATURES.len() + pair::FEATURES.len();

/// Every feature in the order of the vector: those of the flow itself, then those of its hosts' recent past.
pub fn features() -> impl Iterator<Item = &'static Feature> {
    flow::FEATURES
        .iter()
        .chain(&host::FEATURES)
        .chain(&pair::FEATURES)
}

/// The names in the order of the vector.
#[must_use]
pub fn names() -> Vec<&'static str> {
    features().map(|feature| feature.name).collect()
}

/// The features of one flow, always finite.
#[must_use]
pub fn vector(subject: &Subject<'_>) -> [f32; COUNT] {
    let mut values = [0.0; COUNT];
    let (of_flow, rest) = values.split_at_mut(flow::FEATURES.len());
    let (of_hosts, of_pair) = rest.split_at_mut(host::FEATURES.len());
    flow::fill(of_flow, subject);
    host::fill(of_hosts, subject);
    pair::fill(of_pair, subject);
    values
}

/// The features of the flows that are judged in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The end of the window.
    pub now: Timestamp,
    /// One row a flow, [`COUNT`] columns; or one a conversation, a column for each of [`COLUMNS`].
    pub rows: Array2<f32>,
    /// The flow of each row.
    pub facts: Vec<Facts>,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            now: Timestamp::default(),
            rows: Array2::zeros((0, COUNT)),
            facts: Vec::new(),
        }
    }
}

/// A flow with its last verdict and features.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedFlow {
    /// The flow.
    pub flow: Flow,
    /// Its last features, [`COUNT`] of them, or none when they are not kept.
    pub features: Vec<f32>,
    /// Its last verdict; `None` when no detector runs.
    pub verdict: Option<Verdict>,
}
