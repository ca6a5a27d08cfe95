//! The reference trainer: smartcore's Random Forest, for small data and to compare with.
//!
//! What to know of smartcore 0.7 before trusting it:
//! - Its classification trees skip a split between two values when the rows on both sides of the border happen to
//!   have the same class, which is only right where no value occurs twice. Flags and small counters lose splits.
//! - Its `max_depth` counts the root's level: d means d − 1 splits. It is given one more here.
//! - A leaf keeps only its most frequent class, so each of its trees votes where ours gives shares.
//! - It knows no weights: each tree gets rows that are repeated in proportion to theirs. It always draws with
//!   replacement and knows no bins: time and memory grow with the rows' square (500,000 rows × 40 features × 100
//!   trees, depth 16: about 2 hours and 3.6 GB).
//!
//! The nodes are private; its serialised form is the only way to them. That form is read field by field, so that a
//! version that changes it is refused.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use serde::Deserialize;
use serde_json::Value;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::dataset::DataSet;
use super::trainer::{ForestSettings, TrainError, Trainer};
use crate::model::{Node, Step, Tree};

type Forest = RandomForestClassifier<f32, u32, DenseMatrix<f32>, Vec<u32>>;

/// smartcore's `RandomForestClassifier`, a tree at a time so that trees can be fitted in parallel.
#[derive(Clone, Copy, Debug, Default)]
pub struct SmartcoreTrainer;

impl Trainer for SmartcoreTrainer {
    fn name(&self) -> &'static str {
        "smartcore"
    }

    fn train(
        &self,
        data: &DataSet,
        settings: &ForestSettings,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Tree>, TrainError> {
        data.check()?;
        if let Some((row, column)) = not_finite(data) {
            return Err(TrainError::NotANumber {
                feature: data.features[column].clone(),
                row,
            });
        }
        let threads = match settings.threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        };
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let fitted = Mutex::new(Vec::with_capacity(settings.trees));
        let work = || {
            loop {
                let tree = next.fetch_add(1, Ordering::Relaxed);
                if tree >= settings.trees {
                    break;
                }
                let result = fit(data, settings, tree);
                if result.is_err() {
                    // The others need not begin another one.
                    next.store(settings.trees, Ordering::Relaxed);
                }
                // Poisoned means that another thread panicked, which the scope passes on.
                if let Ok(mut fitted) = fitted.lock() {
                    fitted.push((tree, result));
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        thread::scope(|scope| {
            for _ in 0..threads.min(settings.trees) {
                scope.spawn(work);
            }
        });
        let mut fitted = fitted.into_inner().unwrap_or_default();
        fitted.sort_unstable_by_key(|&(tree, _)| tree);
        fitted.into_iter().map(|(_, tree)| tree).collect()
    }
}

/// smartcore takes infinities and splits between them at NaN.
fn not_finite(data: &DataSet) -> Option<(usize, usize)> {
    let mut values = data.rows.indexed_iter();
    values
        .find(|(_, value)| !value.is_finite())
        .map(|(place, _)| place)
}

fn fit(data: &DataSet, settings: &ForestSettings, tree: usize) -> Result<Tree, TrainError> {
    let failed = |what: String| TrainError::Library {
        library: "smartcore",
        detail: format!("tree {tree}: {what}; `--trainer histogram` does not depend on it"),
    };
    let (x, y) = sample(data, settings, tree).map_err(|error| failed(error.to_string()))?;
    let forest = Forest::fit(&x, &y, parameters(data, settings, tree));
    let forest = forest.map_err(|error| failed(error.to_string()))?;
    // Through values, not text: text would round the thresholds.
    let form = serde_json::to_value(&forest).map_err(|error| failed(error.to_string()))?;
    import(form, data).map_err(|what| failed(format!("its form is not that of 0.7: {what}")))
}

fn parameters(
    data: &DataSet,
    settings: &ForestSettings,
    tree: usize,
) -> RandomForestClassifierParameters {
    let features = data.features.len();
    let tried = settings.features_per_split.unwrap_or(features.isqrt());
    RandomForestClassifierParameters::default()
        .with_n_trees(1)
        .with_m(tried.clamp(1, features.max(1)))
        .with_max_depth(u16::try_from(settings.max_depth.saturating_add(1)).unwrap_or(u16::MAX))
        // Rows are repeated by weight, so a number of rows is a weight.
        .with_min_samples_leaf(settings.min_leaf.ceil().max(1.0) as usize)
        .with_seed(settings.seed.wrapping_add(tree as u64))
}

/// The rows, each as often as its weight says, and their labels.
fn sample(
    data: &DataSet,
    settings: &ForestSettings,
    tree: usize,
) -> Result<(DenseMatrix<f32>, Vec<u32>), smartcore::error::Failed> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    random.set_stream(tree as u64);
    let offset = f64::from(random.next_u32()) / (f64::from(u32::MAX) + 1.0);
    let rows = repeat_by_weight(&data.weights, offset);
    let labels = rows.iter().map(|&row| u32::from(data.labels[row]));
    let values = rows.iter().flat_map(|&row| data.rows.row(row));
    let matrix = DenseMatrix::new(
        rows.len(),
        data.features.len(),
        values.copied().collect(),
        false,
    )?;
    Ok((matrix, labels.collect()))
}

/// As many rows as there are weights, each once for every time that a comb with random offset and equal distances
/// hits its stretch of the weights' line: its share of the weight times the number of rows, rounded up or down.
fn repeat_by_weight(weights: &[f32], offset: f64) -> Vec<usize> {
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    let step = total / weights.len() as f64;
    let mut rows = Vec::with_capacity(weights.len());
    let (mut reached, mut tooth) = (0.0, offset * step);
    for (row, &weight) in weights.iter().enumerate() {
        reached += f64::from(weight);
        while tooth < reached && rows.len() < weights.len() {
            rows.push(row);
            tooth = (rows.len() as f64 + offset) * step;
        }
    }
    rows
}

/// The parts of smartcore's form that are read. A field that is missing is an error, in nodes also one more.
#[derive(Deserialize)]
struct ForestForm {
    trees: Vec<TreeForm>,
}

#[derive(Deserialize)]
struct TreeForm {
    nodes: Vec<NodeForm>,
    num_features: usize,
    classes: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeForm {
    output: usize,
    n_node_samples: usize,
    split_feature: u16,
    split_value: Option<f64>,
    #[serde(rename = "split_score")]
    _split_score: Option<f64>,
    true_child: Option<u32>,
    false_child: Option<u32>,
    #[serde(rename = "impurity")]
    _impurity: Option<f64>,
}

/// The one tree of a serialised forest.
fn import(form: Value, data: &DataSet) -> Result<Tree, String> {
    let form: ForestForm = serde_json::from_value(form).map_err(|error| error.to_string())?;
    let [tree] = form.trees.as_slice() else {
        return Err(format!("it has {} trees instead of 1", form.trees.len()));
    };
    if tree.num_features != data.features.len() {
        return Err(format!("it has {} features", tree.num_features));
    }
    let nodes = tree
        .nodes
        .iter()
        .map(|node| import_node(node, tree, data.classes.len()));
    Ok(Tree {
        nodes: nodes.collect::<Result<_, String>>()?,
    })
}

fn import_node(node: &NodeForm, tree: &TreeForm, classes: usize) -> Result<Node, String> {
    let step = match (node.true_child, node.false_child, node.split_value) {
        // A leaf may keep the split that was found for it and refused.
        (None, None, _) => {
            let mut distribution = vec![0.0; classes];
            let class = tree.classes.get(node.output).copied();
            let share = class.and_then(|class| distribution.get_mut(usize::from(class)));
            *share.ok_or("a leaf's class does not exist")? = 1.0;
            Step::Leaf { distribution }
        }
        (Some(left), Some(right), Some(threshold)) => Step::Split {
            feature: node.split_feature,
            threshold: rounded_down(threshold),
            left,
            right,
        },
        _ => return Err("a node has one child, or children and no threshold".to_owned()),
    };
    Ok(Node {
        cover: node.n_node_samples as f32,
        step,
    })
}

/// The greatest f32 at or below: for every f32, `x <= threshold` stays as it was.
fn rounded_down(threshold: f64) -> f32 {
    let nearest = threshold as f32;
    if f64::from(nearest) > threshold {
        nearest.next_down()
    } else {
        nearest
    }
}

#[cfg(test)]
mod tests;
