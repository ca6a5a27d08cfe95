//! How fast does our forest learn and judge, on the rows that its peers get? `cargo xtask bench forest` runs it.
//!
//! `bench-forest DIR` reads what `peers.py` wrote there (rows, a forest of scikit-learn) and prints JSON.

use std::path::Path;

use ndarray::{Array2, ArrayView2, s};
use netanom::alert::Class;
use netanom::learn::dataset::DataSet;
use netanom::learn::histogram::HistogramTrainer;
use netanom::learn::trainer::{ForestSettings, Trainer};
use netanom::model::{Forest, Instructions, Model, Scorer};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

const FEATURES: usize = 40;
const CLASSES: usize = 6;

/// How long each speed is measured; the best call counts, as what else the machine does only adds.
const SECONDS: f64 = 3.0;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = Path::new(&folder);
    let train = read(folder, "train")?;
    let judged = read(folder, "judge")?;
    let mut result = Map::new();
    let (forest, seconds, cpu) = learn(&train, 2)?;
    result.insert("seconds".to_owned(), json!(seconds));
    result.insert("cpu".to_owned(), json!(cpu));
    result.insert("accuracy".to_owned(), json!(accuracy(&forest, &judged)));
    let Scorer::Forest(theirs) = Model::load(&folder.join("forest.onnx"))?.scorer else {
        anyhow::bail!("the peer's model is no forest");
    };
    let rows = judged.rows.view();
    let mut ways = Map::new();
    for instructions in Instructions::ALL.into_iter().filter(|way| way.are_here()) {
        ways.insert(
            format!("{instructions:?}").to_lowercase(),
            speeds_of(&theirs, instructions, rows),
        );
    }
    result.insert("ways".to_owned(), Value::Object(ways));
    result.insert("nodes".to_owned(), json!(theirs.nodes()));
    let expected = floats(&folder.join("probabilities.f32"))?;
    let found = theirs.predict(rows);
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    result.insert(
        "difference".to_owned(),
        json!(differences.fold(0.0, f32::max)),
    );
    #[expect(clippy::print_stdout, reason = "the result")]
    {
        println!("{}", Value::Object(result));
    }
    Ok(())
}

fn read(folder: &Path, name: &str) -> anyhow::Result<DataSet> {
    let values = floats(&folder.join(format!("{name}.f32")))?;
    let labels = std::fs::read(folder.join(format!("{name}.u8")))?;
    Ok(DataSet {
        rows: Array2::from_shape_vec((labels.len(), FEATURES), values)?,
        weights: vec![1.0; labels.len()],
        groups: vec![0; labels.len()],
        made: Default::default(),
        group_names: vec![name.to_owned()],
        classes: Class::ALL[..CLASSES].iter().map(Class::to_string).collect(),
        features: (0..FEATURES).map(|feature| format!("f{feature}")).collect(),
        labels,
    })
}

fn floats(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = std::fs::read(path)?;
    let words = bytes.as_chunks().0.iter();
    Ok(words.map(|word| f32::from_le_bytes(*word)).collect())
}

/// Seconds since some moment, or seconds that this process has had a processor.
fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The forest, the seconds that it took, and those of all threads together.
fn learn(data: &DataSet, threads: usize) -> anyhow::Result<(Forest, f64, f64)> {
    let settings = ForestSettings {
        threads,
        min_leaf: 1.0,
        ..ForestSettings::default()
    };
    let begin = (
        seconds(ClockId::Monotonic),
        seconds(ClockId::ProcessCPUTime),
    );
    let trees = HistogramTrainer.train(data, &settings, &|_| ())?;
    let forest = Forest::new(&trees, CLASSES, FEATURES)?;
    Ok((
        forest,
        seconds(ClockId::Monotonic) - begin.0,
        seconds(ClockId::ProcessCPUTime) - begin.1,
    ))
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

/// Rows a second by batch; by seconds of this process alone, but for single rows, which take less than asking for those.
fn speeds_of(forest: &Forest, instructions: Instructions, rows: ArrayView2<'_, f32>) -> Value {
    let mut speeds = Map::new();
    for batch in [1, 1_000, rows.nrows()] {
        let clock = if batch == 1 {
            ClockId::Monotonic
        } else {
            ClockId::ProcessCPUTime
        };
        let (mut best, mut spent) = (f64::INFINITY, 0.0);
        let mut at = 0;
        while spent < SECONDS {
            let batch_rows = rows.slice(s![at..at + batch, ..]);
            let begin = seconds(clock);
            std::hint::black_box(forest.predict_by(instructions, batch_rows));
            let seconds = seconds(clock) - begin;
            best = best.min(seconds);
            spent += seconds;
            at = (at + batch) % (rows.nrows() - batch + 1);
        }
        speeds.insert(batch.to_string(), json!(batch as f64 / best));
    }
    Value::Object(speeds)
}
