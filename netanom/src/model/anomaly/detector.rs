//! The kinds of detector behind one face: scaled rows in, scores out, of which higher means farther from normal.

use ndarray::{Array1, ArrayView1, ArrayView2};

use super::explain;
use super::{
    ArrayError, Autoencoder, IsolationForest, KMeans, LocalOutlierFactor, NamedArrays, OneClassSvm,
    PrincipalComponents,
};

/// What scores.
#[derive(Clone, Debug, PartialEq)]
pub enum Detector {
    /// What a small network cannot draw again.
    Autoencoder(Autoencoder),
    /// How soon random cuts set the row apart.
    IsolationForest(IsolationForest),
    /// How much thinner it is around the row than around its neighbours.
    LocalOutlierFactor(LocalOutlierFactor),
    /// How far outside of the hull of normal rows.
    OneClassSvm(OneClassSvm),
    /// How far from the plane that normal rows lie near.
    PrincipalComponents(PrincipalComponents),
    /// How far from the nearest centre of normal rows.
    KMeans(KMeans),
}

impl Detector {
    /// The kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Autoencoder(_) => "autoencoder",
            Self::IsolationForest(_) => "isolation-forest",
            Self::LocalOutlierFactor(_) => "lof",
            Self::OneClassSvm(_) => "one-class-svm",
            Self::PrincipalComponents(_) => "pca",
            Self::KMeans(_) => "k-means",
        }
    }

    /// Columns of a scaled row.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::Autoencoder(one) => one.features(),
            Self::IsolationForest(one) => one.features(),
            Self::LocalOutlierFactor(one) => one.features(),
            Self::OneClassSvm(one) => one.features(),
            Self::PrincipalComponents(one) => one.features(),
            Self::KMeans(one) => one.features(),
        }
    }

    /// A score for each scaled row.
    #[must_use]
    pub fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        match self {
            Self::Autoencoder(one) => one.scores(rows),
            Self::IsolationForest(one) => one.scores(rows),
            Self::LocalOutlierFactor(one) => one.scores(rows),
            Self::OneClassSvm(one) => one.scores(rows),
            Self::PrincipalComponents(one) => one.scores(rows),
            Self::KMeans(one) => one.scores(rows),
        }
    }

    /// How much of the score each column is to blame for: parts of 1, none below 0; all 0 when none is.
    #[must_use]
    pub fn blame(&self, row: ArrayView1<'_, f32>, typical: &Array1<f32>) -> Vec<f64> {
        let parts = match self {
            Self::Autoencoder(one) => one.errors(row),
            Self::PrincipalComponents(one) => one.errors(row),
            Self::IsolationForest(one) => one.shortened(row),
            Self::LocalOutlierFactor(_) | Self::OneClassSvm(_) | Self::KMeans(_) => {
                explain::by_ablation(self, row, typical)
            }
        };
        explain::shares(parts)
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        match self {
            Self::Autoencoder(one) => one.store(arrays),
            Self::IsolationForest(one) => one.store(arrays),
            Self::LocalOutlierFactor(one) => one.store(arrays),
            Self::OneClassSvm(one) => one.store(arrays),
            Self::PrincipalComponents(one) => one.store(arrays),
            Self::KMeans(one) => one.store(arrays),
        }
    }

    /// Whichever kind is there.
    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        type Load = fn(&mut NamedArrays) -> Result<Detector, ArrayError>;
        let kinds: [(&str, Load); 6] = [
            ("autoencoder", |from| {
                Autoencoder::load(from).map(Self::Autoencoder)
            }),
            ("isolation-forest", |from| {
                IsolationForest::load(from).map(Self::IsolationForest)
            }),
            ("lof", |from| {
                LocalOutlierFactor::load(from).map(Self::LocalOutlierFactor)
            }),
            ("one-class-svm", |from| {
                OneClassSvm::load(from).map(Self::OneClassSvm)
            }),
            ("pca", |from| {
                PrincipalComponents::load(from).map(Self::PrincipalComponents)
            }),
            ("k-means", |from| KMeans::load(from).map(Self::KMeans)),
        ];
        for (name, load) in kinds {
            if arrays.has_part(name) {
                return arrays.within(name, load);
            }
        }
        Err(ArrayError::Missing("a detector".to_owned()))
    }
}
