//! Models that know what is normal and say how far a row departs from it: one detector, or several that vote.
//!
//! A row's numbers are [scaled](Scaling), each detector gives it a score of its own, and that becomes a p-value: the
//! share of normal rows that training had held out whose score is at least as high ([`Ranks`]; conformal, so it keeps its
//! word whatever the scores are like). Several are joined by the weighted mean of −ln p (Fisher 1925), which is ranked
//! in the same way. With an allowed share of false alarms a, the share of the class `anomaly` is a / (a + p): above
//! one half where p is below a.

mod autoencoder;
mod detector;
mod explain;
mod extended;
mod isolation;
mod kmeans;
mod lof;
mod named;
mod pca;
mod pruning;
mod ranks;
mod scaling;
mod svm;

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

pub use autoencoder::{Autoencoder, Layer, tanh};
pub use detector::Detector;
pub use extended::AutoencoderForest;
pub use isolation::{IsolationForest, IsolationNode, expected_depth};
pub use kmeans::KMeans;
pub use lof::LocalOutlierFactor;
pub use named::ArrayError;
pub(super) use named::{NamedArrays, Outline};
pub use pca::PrincipalComponents;
pub use pruning::{Balls, Neighbour};
pub use ranks::Ranks;
pub use scaling::{Scaling, is_gap};
pub use svm::{OneClassSvm, kernel};

use super::Contributions;

/// Rows that are judged at once, so that what a detector needs meanwhile stays small: 1,024 rows × 256 columns are 1 MiB.
const BLOCK: usize = 1024;

/// The classes of such a model.
pub const CLASSES: [&str; 2] = ["normal", "anomaly"];

/// A detector of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What scores.
    pub detector: Detector,
    /// What its scores are worth.
    pub ranks: Ranks,
    /// How much it counts, above 0.
    pub weight: f32,
}

/// A model of what is normal.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    scaling: Scaling,
    /// At least one.
    members: Vec<Member>,
    /// What the joined score is worth; for one detector that is said by its own ranks.
    joined: Ranks,
    false_alarms: f32,
}

impl Anomaly {
    /// A model of these detectors, whose joined score `joined` ranks, and which calls this share of normal rows an anomaly.
    ///
    /// # Errors
    /// Says what does not fit: no detector, other widths, a weight or share that is none.
    pub fn new(
        scaling: Scaling,
        members: Vec<Member>,
        joined: Ranks,
        false_alarms: f32,
    ) -> Result<Self, ArrayError> {
        let wrong = |what: &str| Err(ArrayError::Wrong(what.to_owned()));
        if members.is_empty() {
            return wrong("it has no detector");
        }
        let width = scaling.features();
        if members.iter().any(|one| one.detector.features() != width) {
            return wrong("a detector takes another number of columns");
        }
        if members
            .iter()
            .any(|one| one.weight <= 0.0 || !one.weight.is_finite())
        {
            return wrong("a detector's weight is no number above 0");
        }
        if !(f32::MIN_POSITIVE..1.0).contains(&false_alarms) {
            return wrong("its share of false alarms is none");
        }
        Ok(Self {
            scaling,
            members,
            joined,
            false_alarms,
        })
    }

    /// `ensemble`, or the name of its one detector.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.members.as_slice() {
            [one] => one.detector.kind(),
            _ => "ensemble",
        }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.scaling.features()
    }

    /// Its detectors.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The share of normal rows that it may call an anomaly.
    #[must_use]
    pub fn false_alarms(&self) -> f32 {
        self.false_alarms
    }

    /// The same with another share of false alarms; `None` for what is no share.
    #[must_use]
    pub fn with_false_alarms(self, share: f32) -> Option<Self> {
        (f32::MIN_POSITIVE..1.0).contains(&share).then_some(Self {
            false_alarms: share,
            ..self
        })
    }

    /// The p-value of each row: the share of normal rows that depart at least as far.
    #[must_use]
    pub fn p_values(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        let mut of_rows = Array1::ones(rows.nrows());
        for (rows, mut of_rows) in rows
            .axis_chunks_iter(Axis(0), BLOCK)
            .zip(of_rows.axis_chunks_iter_mut(Axis(0), BLOCK))
        {
            of_rows.assign(&self.of_scaled(self.scaling.apply(rows).view()));
        }
        of_rows
    }

    /// The shares of both classes, one row for each of `rows`.
    #[must_use]
    pub fn shares(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let p_values = self.p_values(rows);
        let mut shares = Array2::zeros((rows.nrows(), CLASSES.len()));
        shares
            .slice_mut(s![.., 0])
            .assign(&p_values.mapv(|p| p / (self.false_alarms + p)));
        shares
            .slice_mut(s![.., 1])
            .assign(&p_values.mapv(|p| self.share(p)));
        shares
    }

    fn share(&self, p: f32) -> f32 {
        self.false_alarms / (self.false_alarms + p)
    }

    /// The joined score of scaled rows: the weighted mean of −ln p.
    #[must_use]
    pub fn joined_scores(members: &[Member], scaled: ArrayView2<'_, f32>) -> Array1<f32> {
        let mut sum = Array1::<f32>::zeros(scaled.nrows());
        for member in members {
            let scores = member.detector.scores(scaled);
            sum.zip_mut_with(&scores, |sum, score| {
                *sum -= member.weight * member.ranks.p_value(*score).ln();
            });
        }
        let weights: f32 = members.iter().map(|member| member.weight).sum();
        sum / weights
    }

    fn of_scaled(&self, scaled: ArrayView2<'_, f32>) -> Array1<f32> {
        match self.members.as_slice() {
            [one] => {
                let scores = one.detector.scores(scaled);
                scores.mapv(|score| one.ranks.p_value(score))
            }
            members => {
                let scores = Self::joined_scores(members, scaled);
                scores.mapv(|score| self.joined.p_value(score))
            }
        }
    }

    /// What each feature added to the share of a class, beside a row as ordinary as the median of normal ones. Detectors
    /// say by themselves which columns they blame (`explain.rs`); an ensemble's say counts by weight and by how sure each
    /// is.
    #[must_use]
    pub fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        let base = f64::from(self.share(0.5));
        let mut features = vec![0.0; self.features()];
        if class >= CLASSES.len() {
            return Contributions {
                base: 0.0,
                features,
            };
        }
        let scaled = self.scaling.apply_one(row);
        let scaled = scaled.view().insert_axis(Axis(0));
        let share = f64::from(self.share(self.of_scaled(scaled)[0]));
        for member in &self.members {
            let p = member.ranks.p_value(member.detector.scores(scaled)[0]);
            let sureness = f64::from(member.weight) * -f64::from(p).ln();
            let blamed = member.detector.blame(scaled.row(0), self.scaling.typical());
            for (feature, part) in features.iter_mut().zip(blamed) {
                *feature += sureness * part;
            }
        }
        let all: f64 = features.iter().sum();
        let sign = if class == 0 { -1.0 } else { 1.0 };
        for feature in &mut features {
            *feature *= if all > 0.0 {
                sign * (share - base) / all
            } else {
                0.0
            };
        }
        let base = if class == 0 { 1.0 - base } else { base };
        Contributions { base, features }
    }

    /// Its numbers, as a file holds them.
    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        arrays.put_one("false_alarms", self.false_alarms);
        self.scaling.store(arrays);
        self.joined.store("joined", arrays);
        for (number, member) in self.members.iter().enumerate() {
            arrays.within(&number.to_string(), |arrays| {
                arrays.put_one("weight", member.weight);
                member.ranks.store("ranks", arrays);
                arrays.within(member.detector.kind(), |arrays| {
                    member.detector.store(arrays);
                });
            });
        }
    }

    /// What [`Self::store`] wrote.
    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        let false_alarms = arrays.take_one("false_alarms")?;
        let scaling = Scaling::load(arrays)?;
        let joined = Ranks::load("joined", arrays)?;
        let mut members = Vec::new();
        for number in 0.. {
            let member = arrays.within(&number.to_string(), |arrays| {
                if !arrays.has("weight") {
                    return Ok(None);
                }
                Ok(Some(Member {
                    weight: arrays.take_one("weight")?,
                    ranks: Ranks::load("ranks", arrays)?,
                    detector: Detector::load(arrays)?,
                }))
            })?;
            match member {
                Some(member) => members.push(member),
                None => break,
            }
        }
        Self::new(scaling, members, joined, false_alarms)
    }
}

#[cfg(test)]
mod tests;
