//! What learns from a table: a trainer of forests, or what fits another kind of model.

use super::{Classes, Encoding, Table, TableError};
use crate::learn::anomaly::{self, Kind, Settings};
use crate::learn::dataset::DataSet;
use crate::learn::trainer::{ForestSettings, Trainer};
use crate::model::{Forest, Scorer};

/// A kind of model with the settings of its training.
pub struct Learner<'a> {
    /// What is learned.
    pub kind: Kind,
    /// What grows forests.
    pub trainer: &'a dyn Trainer,
    /// How.
    pub forest: &'a ForestSettings,
    /// How what is normal is learned.
    pub normal: &'a Settings,
}

impl Learner<'_> {
    /// Steps of a training: trees, or one.
    #[must_use]
    pub fn steps(&self) -> usize {
        match self.kind.is_of_normal() {
            true => 1,
            false => self.forest.trees,
        }
    }

    /// That there is something to learn.
    ///
    /// # Errors
    /// [`TableError::OneClass`] for forests of one class, [`TableError::NoNormal`] for what learns from normal rows.
    pub fn check(&self, table: &Table, classes: &Classes) -> Result<(), TableError> {
        if !self.kind.is_of_normal() && classes.names.len() < 2 {
            return Err(TableError::OneClass {
                file: table.path.clone(),
                column: table.label.name.clone(),
                classes: classes.names.join(", "),
            });
        }
        if self.kind != Kind::Forest && !classes.has_normal {
            return Err(classes.no_normal());
        }
        Ok(())
    }

    /// Learns; `progress` is told how many steps are done.
    ///
    /// # Errors
    /// When the data cannot be learned from.
    pub fn learn(
        &self,
        data: &DataSet,
        encoding: &Encoding,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Scorer, TableError> {
        let words: Vec<usize> = encoding
            .features
            .iter()
            .map(|name| encoding.words.get(name).map_or(0, Vec::len))
            .collect();
        match self.kind {
            Kind::Forest => {
                let trees = self.trainer.train(data, self.forest, progress)?;
                Ok(Forest::new(&trees, data.classes.len(), data.features.len())?.into())
            }
            Kind::AutoencoderForest => Ok(anomaly::fit_with_forest(
                data,
                &words,
                self.trainer,
                self.forest,
                progress,
            )?),
            kind => Ok(anomaly::fit(kind, data, &words, self.normal)?),
        }
    }

    /// What a model file says of the trainer and its settings.
    ///
    /// # Errors
    /// When they have no JSON form.
    pub fn origin(&self) -> serde_json::Result<(String, serde_json::Value)> {
        let name = self.trainer.name();
        Ok(match self.kind {
            Kind::Forest => (name.to_owned(), serde_json::to_value(self.forest)?),
            Kind::AutoencoderForest => (
                format!("autoencoder and {name}"),
                serde_json::to_value(self.forest)?,
            ),
            kind => (kind.name().to_owned(), serde_json::to_value(self.normal)?),
        })
    }
}
