//! Small data sets for the trainers' tests.

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::dataset::DataSet;
use super::scores::Confusion;
use crate::alert::Class;
use crate::model::{Forest, Tree};

/// Rows of one capture with weight 1; label 0 is normal traffic.
pub(super) fn data(rows: Array2<f32>, labels: &[u8]) -> DataSet {
    let features = (0..rows.ncols()).map(|column| format!("f{column}"));
    DataSet {
        features: features.collect(),
        weights: vec![1.0; labels.len()],
        groups: vec![0; labels.len()],
        made: Default::default(),
        group_names: vec!["a.pcap".to_owned()],
        classes: Class::ALL[..1 + usize::from(*labels.iter().max().unwrap())]
            .iter()
            .map(Class::to_string)
            .collect(),
        labels: labels.to_vec(),
        rows,
    }
}

/// Three classes by two features, and two that say nothing; one row in `noise` has any class.
pub(super) fn synthetic(rows: usize, noise: u32, seed: u64) -> DataSet {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |limit: u32| random.next_u32() % limit;
    let values = Array2::from_shape_simple_fn((rows, 4), || below(1 << 20) as f32 / 1_048_576.0);
    let labels = values.rows().into_iter().map(|row| {
        if noise > 0 && below(noise) == 0 {
            below(3) as u8
        } else {
            u8::from(row[0] > 0.6) + u8::from(row[0] > 0.6 && row[1] * row[0] > 0.4)
        }
    });
    let labels: Vec<u8> = labels.collect();
    data(values, &labels)
}

pub(super) fn accuracy(trees: &[Tree], data: &DataSet) -> f64 {
    let classes = data.classes.len();
    let forest = Forest::new(trees, classes, data.features.len()).unwrap();
    let probabilities = forest.predict(data.rows.view());
    Confusion::of_probabilities(&data.classes, &probabilities, &data.labels, &data.weights)
        .accuracy()
        .unwrap()
}
