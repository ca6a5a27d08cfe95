//! What the shares of a forest are worth as probabilities, learned from captures that it had not seen.
//!
//! - `power`: every share to one power (temperature scaling: Guo et al. 2017; Platt's sigmoid for several classes with
//!   one slope for all). One number, so it holds with few captures, and it never changes which class is likeliest.
//! - `platt`: a sigmoid of the share's log-odds for each class (Platt 1999).
//! - `isotonic`: for each class the rising steps that fit best (Zadrozny and Elkan 2002).
//!
//! The last two can say more, and need more sources of each class than public captures have: docs/training.md has what
//! was measured.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use serde::Serialize;

use super::curves::{self, Scored};
use super::held_out::HeldOut;
use crate::alert::Class;
use crate::model::{CALIBRATION_POINTS, Calibration};

/// A way to make probabilities of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The shares as they are.
    None,
    /// One power for all.
    Power,
    /// A sigmoid for each class.
    Platt,
    /// Steps for each class.
    Isotonic,
}

impl Method {
    /// Every way, in the order of reports.
    pub const ALL: [Self; 4] = [Self::None, Self::Power, Self::Platt, Self::Isotonic];

    /// The name in model files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Power => "power",
            Self::Platt => "platt",
            Self::Isotonic => "isotonic",
        }
    }
}

/// How good a way is on folds that it was not fitted on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The way.
    pub method: Method,
    /// Weighted mean of the squared distances between probabilities and truth, summed over classes: 0 to 2.
    pub brier: f64,
    /// Attack or not: mean distance between what is said and what is ([`curves::calibration_error`]).
    pub calibration_error: f64,
}

/// Fits a way to all rows; none for [`Method::None`], and where no rows were held out.
#[must_use]
pub fn fit(method: Method, held: &HeldOut) -> Option<Calibration> {
    match method {
        _ if held.labels.is_empty() => None,
        Method::Power => Some(Powers::of(held).best(&|_| true)),
        method => by_class(method, held, &|_| true),
    }
}

/// Measures every way on folds that it was not fitted on; nothing where the rows are of one fold alone.
#[must_use]
pub fn measure(held: &HeldOut) -> Vec<Measured> {
    let folds: BTreeSet<usize> = held.folds.iter().copied().collect();
    if folds.len() < 2 {
        return Vec::new();
    }
    let powers = Powers::of(held);
    let fitted = |method, fold| {
        let keeps = move |other| other != fold;
        match method {
            Method::Power => Some(powers.best(&keeps)),
            method => by_class(method, held, &keeps),
        }
    };
    let measured = Method::ALL.map(|method| {
        let of_fold: BTreeMap<usize, Option<Calibration>> = folds
            .iter()
            .map(|&fold| (fold, fitted(method, fold)))
            .collect();
        let mut judged = held.shares.clone();
        for (mut row, fold) in judged.rows_mut().into_iter().zip(&held.folds) {
            // Rows of a new array lie in one piece.
            if let (Some(calibration), Some(row)) = (&of_fold[fold], row.as_slice_mut()) {
                calibration.apply(row);
            }
        }
        Measured {
            method,
            brier: held.brier(&judged),
            calibration_error: error(&judged, held),
        }
    });
    measured.to_vec()
}

/// A sigmoid or steps for each class, for the rows of the folds that are kept; none for what is not by class.
fn by_class(method: Method, held: &HeldOut, keeps: &dyn Fn(usize) -> bool) -> Option<Calibration> {
    let table_of: fn(&Bins) -> Vec<f32> = match method {
        Method::Platt => Bins::platt,
        Method::Isotonic => Bins::isotonic,
        Method::None | Method::Power => return None,
    };
    let classes = held.classes.len();
    let table = |class| {
        let bins = Bins::of(held, class, keeps);
        if bins.is_one_sided() {
            points().collect()
        } else {
            table_of(&bins)
        }
    };
    let tables: Vec<f32> = (0..classes).flat_map(table).collect();
    Calibration::new(method.name(), tables, classes).ok()
}

/// The shares that tables have values for.
fn points() -> impl Iterator<Item = f32> {
    (0..CALIBRATION_POINTS).map(|at| at as f32 / (CALIBRATION_POINTS - 1) as f32)
}

/// Powers from a half to four, each with how far its probabilities are from the truth, by fold.
struct Powers(Vec<(Calibration, BTreeMap<usize, f64>)>);

impl Powers {
    /// Steps of a twentieth, as the score is flat around its least.
    fn of(held: &HeldOut) -> Self {
        let classes = held.classes.len();
        let powers = (10..=80_u8).map(|twentieths| f32::from(twentieths) / 20.0);
        let measured = powers.map(|power| {
            let table: Vec<f32> = points().map(|share| share.powf(power)).collect();
            let name = format!("{} {power:.2}", Method::Power.name());
            let calibration = Calibration::new(&name, table.repeat(classes), classes)
                .expect("a power of rising shares rises from 0 to 1");
            let mut judged = held.shares.clone();
            calibration.apply_rows(&mut judged);
            (calibration, held.distances(&judged))
        });
        Self(measured.collect())
    }

    /// The best for the folds that are kept.
    fn best(&self, keeps: &dyn Fn(usize) -> bool) -> Calibration {
        let distance = |by_fold: &BTreeMap<usize, f64>| -> f64 {
            let kept = by_fold.iter().filter(|(fold, _)| keeps(**fold));
            kept.map(|(_, distance)| distance).sum()
        };
        let best = self
            .0
            .iter()
            .min_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)));
        best.expect("there are powers").0.clone()
    }
}

/// 0 where there is no normal traffic, as nothing is said of it.
fn error(judged: &Array2<f32>, held: &HeldOut) -> f64 {
    let Some(normal) = held.place(Class::Normal.name()) else {
        return 0.0;
    };
    let rows = judged.rows().into_iter().enumerate();
    let rows = rows.map(|(place, row)| Scored {
        score: 1.0 - row[normal],
        is_positive: usize::from(held.labels[place]) != normal,
        weight: f64::from(held.weights[place]),
    });
    let bins = curves::calibration(&rows.collect::<Vec<_>>());
    curves::calibration_error(&bins).unwrap_or(0.0)
}

/// The rows by the entry of the table that their share of one class is nearest to.
struct Bins([Bin; CALIBRATION_POINTS]);

#[derive(Clone, Copy, Default)]
struct Bin {
    weight: f64,
    /// Weight × share.
    shares: f64,
    /// Weight of the rows that are of the class.
    positive: f64,
}

impl Bin {
    fn is(self) -> f64 {
        self.positive / self.weight
    }

    fn and(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            shares: self.shares + other.shares,
            positive: self.positive + other.positive,
        }
    }
}

impl Bins {
    fn of(held: &HeldOut, class: usize, keeps: &dyn Fn(usize) -> bool) -> Self {
        let mut bins = [Bin::default(); CALIBRATION_POINTS];
        for (place, &share) in held.shares.column(class).iter().enumerate() {
            if keeps(held.folds[place]) {
                let last = CALIBRATION_POINTS - 1;
                let nearest = (share * last as f32).round() as usize;
                let weight = f64::from(held.weights[place]);
                let is_positive = usize::from(held.labels[place]) == class;
                let bin = &mut bins[nearest.min(last)];
                *bin = bin.and(Bin {
                    weight,
                    shares: weight * f64::from(share),
                    positive: if is_positive { weight } else { 0.0 },
                });
            }
        }
        Self(bins)
    }

    fn filled(&self) -> impl Iterator<Item = Bin> {
        self.0.into_iter().filter(|bin| bin.weight > 0.0)
    }

    /// Whether there are rows of the class alone, or none.
    fn is_one_sided(&self) -> bool {
        let all = self.filled().fold(Bin::default(), Bin::and);
        all.positive <= 0.0 || all.positive >= all.weight
    }

    /// Neighbours that fall are made one until none do (pool adjacent violators); lines between what is left.
    fn isotonic(&self) -> Vec<f32> {
        let mut blocks: Vec<Bin> = Vec::new();
        for bin in self.filled() {
            let mut block = bin;
            while let Some(before) = blocks.pop_if(|before| before.is() >= block.is()) {
                block = block.and(before);
            }
            blocks.push(block);
        }
        let place = |block: &Bin| block.shares / block.weight;
        let value = |share: f64| {
            let after = blocks.partition_point(|block| place(block) <= share);
            let (Some(low), Some(high)) = (blocks.get(after.wrapping_sub(1)), blocks.get(after))
            else {
                let end = if after == 0 {
                    blocks.first()
                } else {
                    blocks.last()
                };
                return end.map_or(share, |end| end.is());
            };
            let part = (share - place(low)) / (place(high) - place(low));
            low.is() + (high.is() - low.is()) * part
        };
        rising(points().map(|share| value(f64::from(share))))
    }

    /// A sigmoid `1 / (1 + exp(-(slope × log-odds + shift)))`, by Newton's method.
    fn platt(&self) -> Vec<f32> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut slope, mut shift) = (1.0, 0.0);
        // Ten steps where it converges, which is quadratic.
        for _ in 0..50 {
            // Gradient and Hessian; the first keep the slope finite where rows can be told apart fully.
            let ridge = 1e-3 * self.filled().map(|bin| bin.weight).sum::<f64>();
            let (mut of_slope, mut of_shift) = (ridge * (slope - 1.0), ridge * shift);
            let (mut aa, mut ab, mut bb) = (ridge, 0.0, ridge);
            for bin in self.filled() {
                let x = log_odds(bin.shares / bin.weight);
                let said = sigmoid(slope * x + shift);
                let off = bin.weight * (said - bin.is());
                let curve = bin.weight * said * (1.0 - said);
                of_slope += off * x;
                of_shift += off;
                aa += curve * x * x;
                ab += curve * x;
                bb += curve;
            }
            let determinant = aa * bb - ab * ab;
            let step = |a: f64, b: f64| {
                (
                    (a / determinant).clamp(-2.0, 2.0),
                    (b / determinant).clamp(-2.0, 2.0),
                )
            };
            let (down, aside) = step(bb * of_slope - ab * of_shift, aa * of_shift - ab * of_slope);
            slope -= down;
            shift -= aside;
        }
        let slope = slope.max(0.0);
        rising(points().map(|share| sigmoid(slope * log_odds(f64::from(share)) + shift)))
    }
}

/// Shares of 0 and 1 count as half of a hundredth, as no forest is surer than that.
fn log_odds(share: f64) -> f64 {
    let share = share.clamp(0.005, 0.995);
    (share / (1.0 - share)).ln()
}

/// As a table: within 0 and 1, and never falling by rounding.
fn rising(values: impl Iterator<Item = f64>) -> Vec<f32> {
    let mut least = 0.0_f32;
    let mut next = |value: f64| {
        least = least.max((value as f32).clamp(0.0, 1.0));
        least
    };
    values.map(&mut next).collect()
}

#[cfg(test)]
mod tests;
