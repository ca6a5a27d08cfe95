//! What a file holds of each kind of model: the arrays of its forest, and those that have names.

use crate::model::anomaly::{Anomaly, AutoencoderForest, CLASSES, NamedArrays};
use crate::model::forest::Arrays;
use crate::model::{Forest, ForestError, ModelError, Scorer};

/// What is written of a scorer.
pub(super) struct Parts {
    /// Nothing for a forest alone, as in older files.
    pub(super) kind: Option<String>,
    pub(super) trees: Arrays,
    pub(super) named: NamedArrays,
}

impl Parts {
    pub(super) fn of(scorer: &Scorer) -> Self {
        let mut named = NamedArrays::default();
        let (kind, trees) = match scorer {
            Scorer::Forest(forest) => (None, forest.arrays()),
            Scorer::AutoencoderForest(both) => {
                both.store(&mut named);
                (Some("autoencoder-forest"), both.forest().arrays())
            }
            Scorer::Anomaly(anomaly) => {
                anomaly.store(&mut named);
                (Some("anomaly"), Arrays::default())
            }
        };
        Self {
            kind: kind.map(str::to_owned),
            trees,
            named,
        }
    }

    /// The scorer again; `forest` lays out the trees for so many columns.
    pub(super) fn scorer(
        self,
        features: usize,
        classes: &[String],
        forest: impl FnOnce(Arrays, usize) -> Result<Forest, ModelError>,
    ) -> Result<Scorer, ModelError> {
        let Self {
            kind,
            trees,
            mut named,
        } = self;
        let scorer: Scorer = match kind.as_deref() {
            None => return Ok(forest(trees, features)?.into()),
            Some("anomaly") if classes == CLASSES => Anomaly::load(&mut named)?.into(),
            Some("autoencoder-forest") => {
                let lay_out =
                    |columns| Forest::from_arrays(trees, classes.len(), columns).map_err(told);
                AutoencoderForest::load(&mut named, lay_out)?.into()
            }
            Some(kind) => {
                return Err(ModelError::Inconsistent(format!(
                    "no model of the kind `{kind}` has its classes"
                )));
            }
        };
        if scorer.features() != features {
            return Err(ModelError::Inconsistent(
                "it names more or fewer features than it judges by".to_owned(),
            ));
        }
        Ok(scorer)
    }
}

fn told(error: ForestError) -> ModelError {
    error.into()
}
