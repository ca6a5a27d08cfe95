//! The second model of a file: the one that judges conversations.

use super::gather::{self, GatherError, Gathered, Keeps};
use super::held_out::HeldOutError;
use super::histogram::HistogramTrainer;
use super::trainer::{ForestSettings, Trainer};
use crate::model::{Forest, Model};

/// How its forest is grown: many trees, as there are few rows, and leaves of several rows, as those of one source are alike.
fn settings(seed: u64, threads: usize) -> ForestSettings {
    ForestSettings {
        trees: 60,
        min_leaf: 14.0,
        features_per_split: Some(crate::feature::COLUMNS.len() / 3),
        seed,
        threads,
        ..ForestSettings::default()
    }
}

/// A model of the conversations of these captures; none where they have fewer than two kinds.
///
/// # Errors
/// When it cannot be grown.
pub fn model(
    captures: &[&Gathered<'_>],
    keeps: &Keeps<'_>,
    forest: &ForestSettings,
) -> Result<Option<Model>, HeldOutError> {
    let data = match gather::talks(captures, keeps) {
        Ok(data) => data,
        Err(GatherError::TooFewClasses(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let settings = settings(forest.seed, forest.threads);
    let trees = HistogramTrainer.train(&data, &settings, &|_| ())?;
    let mut model = Model::new(
        Forest::new(&trees, data.classes.len(), data.features.len())?,
        data.classes.clone(),
        data.features.clone(),
        data.typical(),
    );
    model.name = "conversations".to_owned();
    model.trainer = HistogramTrainer.name().to_owned();
    model.settings = serde_json::to_value(&settings).unwrap_or_default();
    model.data_digest = data.digest();
    Ok(Some(model))
}
