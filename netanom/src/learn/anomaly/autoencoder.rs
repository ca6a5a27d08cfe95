//! Trains an autoencoder by Adam on the squared error (Kingma and Ba 2015): β₁ = 0.9, β₂ = 0.999, ε = 1e-8, steps of
//! 256 rows, weights drawn as Glorot and Bengio (2010) say. One thread: sums in one order give the same network.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::library;
use crate::learn::trainer::TrainError;
use crate::model::anomaly::{Autoencoder, Layer, tanh};

const BATCH: usize = 256;
const RATE: f32 = 2e-3;

/// Steps that are taken, however many rows there are, in whole passes over them.
const STEPS: usize = 3000;

/// Numbers in the layers beside and in the middle, of a row's width.
fn widths(columns: usize) -> [usize; 5] {
    let outer = (columns * 2 / 5).clamp(4, 64);
    let middle = (columns / 5).clamp(2, 16);
    [columns, outer, middle, outer, columns]
}

pub(super) fn fit(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Autoencoder, TrainError> {
    let rows = Autoencoder::seen(rows);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut layers: Vec<Layer> = widths(rows.ncols())
        .windows(2)
        .map(|pair| {
            let limit = (6.0 / (pair[0] + pair[1]) as f32).sqrt();
            let draw = || (random.random::<f32>() * 2.0 - 1.0) * limit;
            Layer {
                weights: Array2::from_shape_simple_fn((pair[0], pair[1]), draw),
                biases: Array1::zeros(pair[1]),
            }
        })
        .collect();
    let mut adam = Adam::of(&layers);
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    let passes = STEPS.div_ceil(rows.nrows().div_ceil(BATCH));
    for pass in 0..passes {
        order.shuffle(&mut random);
        // Falling to a tenth, so that the end does not shake.
        let rate = RATE * (1.0 - 0.9 * pass as f32 / passes as f32);
        for batch in order.chunks(BATCH) {
            let gradients = gradients(&layers, rows.select(Axis(0), batch));
            adam.step(&mut layers, &gradients, rate);
        }
    }
    Autoencoder::new(layers).map_err(|error| library("the autoencoder", &error))
}

/// The gradient of the mean squared error of a batch, layer by layer, by backpropagation.
fn gradients(layers: &[Layer], batch: Array2<f32>) -> Vec<Layer> {
    let rows = batch.nrows() as f32;
    let mut values = vec![batch];
    for (number, layer) in layers.iter().enumerate() {
        let mut next = values[number].dot(&layer.weights) + &layer.biases;
        if number + 1 < layers.len() {
            next.mapv_inplace(tanh);
        }
        values.push(next);
    }
    let mut delta = (&values[layers.len()] - &values[0]) * (2.0 / rows);
    let mut gradients = Vec::with_capacity(layers.len());
    for (number, layer) in layers.iter().enumerate().rev() {
        gradients.push(Layer {
            weights: values[number].t().dot(&delta),
            biases: delta.sum_axis(Axis(0)),
        });
        if number > 0 {
            delta = delta.dot(&layer.weights.t());
            // The slope of tanh is 1 − tanh².
            delta.zip_mut_with(&values[number], |delta, value| {
                *delta *= 1.0 - value * value;
            });
        }
    }
    gradients.reverse();
    gradients
}

/// The running means of gradients and of their squares.
struct Adam {
    means: Vec<Layer>,
    squares: Vec<Layer>,
    steps: i32,
}

impl Adam {
    fn of(layers: &[Layer]) -> Self {
        let zero = |layer: &Layer| Layer {
            weights: Array2::zeros(layer.weights.dim()),
            biases: Array1::zeros(layer.biases.dim()),
        };
        Self {
            means: layers.iter().map(zero).collect(),
            squares: layers.iter().map(zero).collect(),
            steps: 0,
        }
    }

    fn step(&mut self, layers: &mut [Layer], gradients: &[Layer], rate: f32) {
        self.steps += 1;
        let of_mean = 1.0 - 0.9_f32.powi(self.steps);
        let of_square = 1.0 - 0.999_f32.powi(self.steps);
        let update = |value: &mut f32, mean: &mut f32, square: &mut f32, gradient: &f32| {
            *mean = 0.9 * *mean + 0.1 * gradient;
            *square = 0.999 * *square + 0.001 * gradient * gradient;
            *value -= rate * (*mean / of_mean) / ((*square / of_square).sqrt() + 1e-8);
        };
        let moments = self.means.iter_mut().zip(&mut self.squares);
        for ((layer, gradient), (mean, square)) in layers.iter_mut().zip(gradients).zip(moments) {
            ndarray::Zip::from(&mut layer.weights)
                .and(&mut mean.weights)
                .and(&mut square.weights)
                .and(&gradient.weights)
                .for_each(update);
            ndarray::Zip::from(&mut layer.biases)
                .and(&mut mean.biases)
                .and(&mut square.biases)
                .and(&gradient.biases)
                .for_each(update);
        }
    }
}
