//! How fast does our forest learn and judge, on the rows that its peers get? `cargo xtask bench forest` runs it.
//!
//! `bench-forest DIR` reads what `peers.py data` wrote and prints JSON.

use std::path::Path;
use std::time::Instant;

use ndarray::{Array2, ArrayView2, s};
use netanom::alert::Class;
use netanom::learn::dataset::DataSet;
use netanom::learn::histogram::HistogramTrainer;
use netanom::learn::trainer::{ForestSettings, Trainer};
use netanom::model::{Forest, Instructions};
use serde_json::{Map, Value, json};

const FEATURES: usize = 40;
const CLASSES: usize = 6;

/// How long each speed is measured; the best call counts, as what else the machine does only adds.
const SECONDS: f64 = 2.0;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = Path::new(&folder);
    let train = read(folder, "train")?;
    let judged = read(folder, "judge")?;
    let mut result = Map::new();
    let (forest, seconds) = learn(&train, 2)?;
    result.insert("seconds".to_owned(), json!(seconds));
    result.insert("accuracy".to_owned(), json!(accuracy(&forest, &judged)));
    let mut speeds = Map::new();
    for instructions in Instructions::ALL.into_iter().filter(|way| way.are_here()) {
        speeds.insert(
            format!("{instructions:?}"),
            speeds_of(&forest, instructions, judged.rows.view()),
        );
    }
    result.insert("own".to_owned(), Value::Object(speeds));
    result.insert("nodes".to_owned(), json!(forest.nodes()));
    #[expect(clippy::print_stdout, reason = "the result")]
    {
        println!("{}", Value::Object(result));
    }
    Ok(())
}

fn read(folder: &Path, name: &str) -> anyhow::Result<DataSet> {
    let values = std::fs::read(folder.join(format!("{name}.f32")))?;
    let values: Vec<f32> = values
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let labels = std::fs::read(folder.join(format!("{name}.u8")))?;
    Ok(DataSet {
        rows: Array2::from_shape_vec((labels.len(), FEATURES), values)?,
        weights: vec![1.0; labels.len()],
        groups: vec![0; labels.len()],
        group_names: vec![name.to_owned()],
        classes: Class::ALL[..CLASSES].to_vec(),
        features: (0..FEATURES).map(|feature| format!("f{feature}")).collect(),
        labels,
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn learn(data: &DataSet, threads: usize) -> anyhow::Result<(Forest, f64)> {
    let settings = ForestSettings {
        threads,
        min_leaf: 1.0,
        ..ForestSettings::default()
    };
    let begin = Instant::now();
    let trees = HistogramTrainer.train(data, &settings, &|_| ())?;
    let forest = Forest::new(&trees, CLASSES, FEATURES)?;
    Ok((forest, begin.elapsed().as_secs_f64()))
}

fn accuracy(forest: &Forest, data: &DataSet) -> f64 {
    let probabilities = forest.predict(data.rows.view());
    let right = probabilities
        .outer_iter()
        .zip(&data.labels)
        .filter(|(row, label)| {
            let best = (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b]));
            best == Some(usize::from(**label))
        });
    right.count() as f64 / data.labels.len() as f64
}

/// Rows a second by batch.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn speeds_of(forest: &Forest, instructions: Instructions, rows: ArrayView2<'_, f32>) -> Value {
    let mut speeds = Map::new();
    for batch in [1, 1_000, rows.nrows()] {
        let (mut best, mut spent) = (f64::INFINITY, 0.0);
        let mut at = 0;
        while spent < SECONDS {
            let batch_rows = rows.slice(s![at..at + batch, ..]);
            let begin = Instant::now();
            std::hint::black_box(forest.predict_by(instructions, batch_rows));
            let seconds = begin.elapsed().as_secs_f64();
            best = best.min(seconds);
            spent += seconds;
            at = (at + batch) % (rows.nrows() - batch + 1);
        }
        speeds.insert(batch.to_string(), json!(batch as f64 / best));
    }
    Value::Object(speeds)
}
