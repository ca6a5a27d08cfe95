//! The kinds of model by name, and how much each counts in an ensemble.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A Random Forest: learns classes.
    #[default]
    Forest,
    /// What a small network cannot draw again.
    Autoencoder,
    /// A Random Forest that also sees what an autoencoder of normal rows makes of a row.
    AutoencoderForest,
    /// How soon random cuts set a row apart.
    IsolationForest,
    /// How much thinner it is around a row than around its neighbours.
    Lof,
    /// How far outside of the hull of normal rows.
    OneClassSvm,
    /// How far from the plane that normal rows lie near.
    Pca,
    /// How far from the nearest centre of normal rows.
    KMeans,
    /// All detectors of what is normal together.
    Ensemble,
}

/// The detectors of an ensemble.
const DETECTORS: [Kind; 6] = [
    Kind::Autoencoder,
    Kind::IsolationForest,
    Kind::Lof,
    Kind::OneClassSvm,
    Kind::Pca,
    Kind::KMeans,
];

impl Kind {
    /// As the command line and a model call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forest => "forest",
            Self::Autoencoder => "autoencoder",
            Self::AutoencoderForest => "autoencoder-forest",
            Self::IsolationForest => "isolation-forest",
            Self::Lof => "lof",
            Self::OneClassSvm => "one-class-svm",
            Self::Pca => "pca",
            Self::KMeans => "k-means",
            Self::Ensemble => "ensemble",
        }
    }

    /// Whether it learns from normal rows alone, and tells them from all others.
    #[must_use]
    pub const fn is_of_normal(self) -> bool {
        !matches!(self, Self::Forest | Self::AutoencoderForest)
    }

    /// What it is made of.
    pub(super) fn parts(self) -> &'static [Self] {
        match DETECTORS.iter().position(|kind| *kind == self) {
            Some(place) => &DETECTORS[place..=place],
            None => &DETECTORS,
        }
    }
}

/// A weight that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// No detector has this name.
    #[error("`{0}` is no detector; give names and weights such as lof=0,autoencoder=2, of {names}", names = names())]
    Unknown(String),
    /// No weight.
    #[error("`{0}` is no weight; give a number from 0, such as lof=0.5")]
    Weight(String),
    /// None would be left.
    #[error("every weight is 0, so no detector is left")]
    None,
}

fn names() -> String {
    DETECTORS.map(Kind::name).join(", ")
}

/// How much each detector counts; 1 for one that is not named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weights(BTreeMap<String, f32>);

impl Weights {
    pub(super) fn of(&self, kind: &str) -> f32 {
        self.0.get(kind).copied().unwrap_or(1.0)
    }
}

impl FromStr for Weights {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let mut weights = BTreeMap::new();
        for part in text.split(',') {
            let (name, weight) = part
                .split_once('=')
                .ok_or_else(|| KindError::Unknown(part.to_owned()))?;
            if !DETECTORS.iter().any(|kind| kind.name() == name) {
                return Err(KindError::Unknown(name.to_owned()));
            }
            let number = weight.parse().ok();
            let is_weight = |weight: &f32| weight.is_finite() && *weight >= 0.0;
            let number = number.filter(is_weight);
            let number = number.ok_or_else(|| KindError::Weight(weight.to_owned()))?;
            weights.insert(name.to_owned(), number);
        }
        let weights = Self(weights);
        if DETECTORS.iter().all(|kind| weights.of(kind.name()) == 0.0) {
            return Err(KindError::None);
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_names_with_numbers_and_others_count_once() {
        let weights: Weights = "lof=0,pca=2.5".parse().unwrap();
        assert_eq!(
            ["lof", "pca", "k-means"].map(|kind| weights.of(kind)),
            [0.0, 2.5, 1.0]
        );
        for (text, expected) in [
            ("lof", "`lof` is no detector"),
            ("forest=1", "`forest` is no detector"),
            ("lof=-1", "`-1` is no weight"),
            ("lof=nan", "`nan` is no weight"),
            (
                "lof=0,pca=0,k-means=0,autoencoder=0,isolation-forest=0,one-class-svm=0",
                "no detector is left",
            ),
        ] {
            let told = text.parse::<Weights>().unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}
