//! `netanom train`: a model from labelled captures, through the very pipeline that runs live.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};
use ndarray::Array2;
use serde::Serialize;

use crate::alert::Class;
use crate::cli::{TrainArgs, TrainerArg};
use crate::config::Config;
use crate::feature;
use crate::flow::Timestamp;
use crate::learn::corpus;
use crate::learn::dataset::DataSet;
use crate::learn::histogram::HistogramTrainer;
use crate::learn::labels::Labels;
use crate::learn::smartcore::SmartcoreTrainer;
use crate::learn::trainer::{ForestSettings, Trainer};
use crate::model::{Forest, Model};

use super::progress;

/// Trains a model and writes it.
///
/// # Errors
/// When the captures or labels cannot be read, when they hold fewer than two classes, or the model cannot be written.
pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    if args.captures.len() != args.labels.len() {
        bail!(
            "give one --labels for each --captures: there are {} and {}",
            args.labels.len(),
            args.captures.len()
        );
    }
    let mut data = Gathered::default();
    for (directory, labels) in args.captures.iter().zip(&args.labels) {
        data.gather(directory, &Labels::read(labels)?)?;
    }
    if let Some(path) = &args.contents {
        write_contents(path, &data.contents)?;
    }
    let mut data = data.data_set()?;
    data.balance();
    let settings = ForestSettings {
        trees: args.trees.into(),
        max_depth: args.depth.into(),
        min_leaf: args.min_leaf,
        seed: args.seed,
        ..ForestSettings::default()
    };
    let trainer: Box<dyn Trainer> = match args.trainer {
        TrainerArg::Histogram => Box::new(HistogramTrainer),
        TrainerArg::Smartcore => Box::new(SmartcoreTrainer),
    };
    let bar = progress::bar(args.trees.into(), "growing trees");
    let trees = trainer.train(&data, &settings, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let model = Model {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_at: trained_at(args.trained_at.as_deref())?,
        classes: data.classes.clone(),
        features: data.features.clone(),
        typical: data.typical(),
        forest: Forest::new(&trees, data.classes.len(), data.features.len())?,
        trainer: trainer.name().to_owned(),
        settings: serde_json::to_value(&settings)?,
        data_digest: data.digest(),
        scores: serde_json::Value::Null,
        card: args
            .card
            .as_deref()
            .map(read_card)
            .transpose()?
            .unwrap_or_default(),
    };
    let bytes = model.write();
    let output = args.output.display();
    std::fs::write(&args.output, &bytes)
        .with_context(|| format!("cannot write the model to `{output}`"))?;
    log::info!(
        "`{output}`: {} trees over {} rows of {} captures, {} KiB",
        settings.trees,
        data.labels.len(),
        data.group_names.len(),
        bytes.len() / 1024
    );
    Ok(())
}

fn write_contents(path: &Path, contents: &[Content]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(contents)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

fn read_card(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the model card `{}`", path.display()))
}

/// The given time, so that a model can be rebuilt to the byte, or now.
fn trained_at(given: Option<&str>) -> anyhow::Result<String> {
    if let Some(given) = given {
        let time: Timestamp = given
            .parse()
            .with_context(|| format!("`{given}` is no RFC 3339 time"))?;
        return Ok(time.to_string());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the model says when it was trained"
    )]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Timestamp::default().plus(now).to_string())
}

/// Rows of all captures, before they become a data set.
#[derive(Default)]
struct Gathered {
    values: Vec<f32>,
    classes: Vec<Class>,
    weights: Vec<f32>,
    groups: Vec<u32>,
    group_names: Vec<String>,
    contents: Vec<Content>,
}

/// Rows of one class of one capture.
#[derive(Serialize)]
struct Content {
    capture: String,
    class: Class,
    /// Judged rows that the capture has, and how many of them are trained on.
    seen: usize,
    rows: usize,
}

impl Gathered {
    fn gather(&mut self, directory: &Path, labels: &Labels) -> anyhow::Result<()> {
        let captures: Vec<_> = corpus::captures(directory, labels)
            .into_iter()
            .filter(|capture| capture.rules.tier == "core")
            .collect();
        if captures.is_empty() {
            bail!(
                "no labelled capture is under `{}`: the labels name captures by their path there",
                directory.display()
            );
        }
        let config = Config::default();
        let bar = progress::bar(captures.len(), "reading captures");
        for capture in &captures {
            let group = self.group_names.len() as u32;
            for (class, of_class) in corpus::rows(capture, config.pipeline()?, config.tick()?)? {
                self.contents.push(Content {
                    capture: capture.name.clone(),
                    class,
                    seen: of_class.seen,
                    rows: of_class.rows.len(),
                });
                // What was thinned out still counts.
                let weight = of_class.seen as f32 / of_class.rows.len() as f32;
                for row in of_class.rows {
                    self.values.extend(row);
                    self.classes.push(class);
                    self.weights.push(weight);
                    self.groups.push(group);
                }
            }
            self.group_names.push(capture.name.clone());
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn data_set(self) -> anyhow::Result<DataSet> {
        let present: Vec<Class> = Class::ALL
            .into_iter()
            .filter(|class| self.classes.contains(class))
            .collect();
        if present.len() < 2 {
            bail!(
                "the captures hold {} class of traffic; a forest needs two or more",
                present.len()
            );
        }
        let index = |class: &Class| {
            present
                .iter()
                .position(|other| other == class)
                .unwrap_or_default() as u8
        };
        let rows = Array2::from_shape_vec((self.classes.len(), feature::COUNT), self.values)
            .context("rows of unequal length")?;
        Ok(DataSet {
            rows,
            labels: self.classes.iter().map(index).collect(),
            classes: present.clone(),
            weights: self.weights,
            groups: self.groups,
            group_names: self.group_names,
            features: feature::names().into_iter().map(str::to_owned).collect(),
        })
    }
}
