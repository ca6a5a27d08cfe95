//! Autoencoder: a network that draws a row again through a narrow middle; its score is the squared error.
//!
//! x̂ = f(x) with layers h = tanh(W·h + b), the last without tanh; score Σ(x − x̂)². What normal rows have in common
//! passes the middle, what departs from it does not (Hinton and Salakhutdinov 2006; Sakurada and Yairi 2014).

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::{ArrayError, NamedArrays};

/// The network sees nothing beyond so many deviations, where its learning would follow a few rows alone.
const SIGHT: f32 = 10.0;

/// One layer: inputs × outputs, and a bias an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// By input and output.
    pub weights: Array2<f32>,
    /// By output.
    pub biases: Array1<f32>,
}

/// A network that was trained to give back what it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoencoder {
    layers: Vec<Layer>,
}

impl Autoencoder {
    /// A network of these layers; the first takes a row and the last gives one.
    ///
    /// # Errors
    /// When layers do not fit each other.
    pub fn new(layers: Vec<Layer>) -> Result<Self, ArrayError> {
        let fits = |pair: &[Layer]| pair[0].weights.ncols() == pair[1].weights.nrows();
        let is_whole = layers
            .iter()
            .all(|layer| layer.biases.len() == layer.weights.ncols());
        let ends = layers.first().zip(layers.last());
        let is_closed =
            ends.is_some_and(|(first, last)| first.weights.nrows() == last.weights.ncols());
        if layers.len() < 2 || !is_whole || !is_closed || !layers.windows(2).all(fits) {
            return Err(ArrayError::Wrong(
                "the layers of its network do not fit each other".to_owned(),
            ));
        }
        Ok(Self { layers })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.layers[0].weights.nrows()
    }

    /// Numbers in the narrow middle.
    #[must_use]
    pub fn width(&self) -> usize {
        self.layers[self.layers.len() / 2 - 1].biases.len()
    }

    /// What the network sees of a row.
    #[must_use]
    pub fn seen(rows: ArrayView2<'_, f32>) -> Array2<f32> {
        rows.mapv(|value| value.clamp(-SIGHT, SIGHT))
    }

    /// Squared errors.
    pub(super) fn scores(&self, rows: ArrayView2<'_, f32>) -> Array1<f32> {
        self.code_and_errors(rows).1.sum_axis(Axis(1))
    }

    /// The middle, and the squared error of each column.
    pub(super) fn code_and_errors(&self, rows: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f32>) {
        let seen = Self::seen(rows);
        let mut values = seen.clone();
        let mut code = Array2::zeros((rows.nrows(), 0));
        for (number, layer) in self.layers.iter().enumerate() {
            values = values.dot(&layer.weights) + &layer.biases;
            if number + 1 < self.layers.len() {
                values.mapv_inplace(tanh);
            }
            if number + 1 == self.layers.len() / 2 {
                code = values.clone();
            }
        }
        let errors = (seen - values).mapv(|error| error * error);
        (code, errors)
    }

    /// The squared error of each column of a row.
    pub(super) fn errors(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let (_, errors) = self.code_and_errors(row.insert_axis(Axis(0)));
        errors.iter().map(|error| f64::from(*error)).collect()
    }

    pub(super) fn store(&self, arrays: &mut NamedArrays) {
        for (number, layer) in self.layers.iter().enumerate() {
            arrays.put(&format!("weights{number}"), layer.weights.clone());
            arrays.put_row(&format!("biases{number}"), layer.biases.iter().copied());
        }
    }

    pub(super) fn load(arrays: &mut NamedArrays) -> Result<Self, ArrayError> {
        let mut layers = Vec::new();
        while arrays.has(&format!("weights{}", layers.len())) {
            layers.push(Layer {
                weights: arrays.take(&format!("weights{}", layers.len()))?,
                biases: arrays.take_row(&format!("biases{}", layers.len()))?,
            });
        }
        Self::new(layers)
    }
}

/// The hyperbolic tangent to 1e-4, by what the compiler puts into vector registers: the continued fraction of Lambert,
/// which meets 1 at 4.97.
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let x = x.clamp(-4.97, 4.97);
    let square = x * x;
    let above = x * (135_135.0 + square * (17_325.0 + square * (378.0 + square)));
    let below = 135_135.0 + square * (62_370.0 + square * (3_150.0 + square * 28.0));
    (above / below).clamp(-1.0, 1.0)
}
