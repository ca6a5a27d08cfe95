//! `netanom model explain`: what each feature of a flow added to the share of the trees that are for a class.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use ndarray::ArrayView2;
use serde::Serialize;

use crate::cli::{FormatArg, ModelExplainArgs};
use crate::command::{answer, load_model};
use crate::feature::{Feature, features};
use crate::model::Model;

/// What the command prints.
#[derive(Debug, Serialize)]
struct Explanation {
    class: String,
    /// The share, calibrated.
    probability: f64,
    /// The share of the trees that are for the class: base and all contributions.
    share: f64,
    /// What the trees expect of a row of which nothing is known.
    base: f64,
    /// The strongest first.
    contributions: Vec<Contribution>,
}

#[derive(Debug, Serialize)]
struct Contribution {
    feature: &'static str,
    value: f32,
    unit: &'static str,
    typical: f64,
    contribution: f64,
}

/// Explains a flow of a table that `netanom replay --flows` wrote.
///
/// # Errors
/// When the table or the model cannot be read, or has no such row or class.
pub(super) fn run(args: &ModelExplainArgs) -> anyhow::Result<()> {
    let model = load_model(args.file.as_deref())?;
    let row = row(&args.flows, args.row, &model.features)
        .with_context(|| format!("cannot take row {} of `{}`", args.row, args.flows.display()))?;
    let explanation = Explanation::of(&model, &row, args.class.as_deref())?;
    let text = match args.format {
        FormatArg::Text => explanation.text(args.row),
        FormatArg::Json => serde_json::to_string_pretty(&explanation)? + "\n",
    };
    answer(&text)
}

/// The model's features in a row of the table; rows count from 1.
fn row(table: &Path, number: usize, wanted: &[String]) -> anyhow::Result<Vec<f32>> {
    let mut reader = csv::Reader::from_path(table)?;
    let header = reader.headers()?.clone();
    let index = number.checked_sub(1).context("rows count from 1")?;
    let record = reader.records().nth(index);
    let record = record.context("the table ends before")??;
    let value = |name: &str| {
        let column = header.iter().position(|column| column == name);
        let column = column.with_context(|| {
            format!("the table has no column `{name}`; write it by `netanom replay CAPTURE --flows FLOWS.csv`")
        })?;
        let text = record.get(column).unwrap_or_default();
        let number: Option<f32> = text.parse().ok();
        number
            .filter(|number| number.is_finite())
            .with_context(|| format!("`{name}` is `{text}`, which is no finite number"))
    };
    wanted.iter().map(|feature| value(feature)).collect()
}

impl Explanation {
    /// Of the named class, or of the most probable one.
    fn of(model: &Model, row: &[f32], class: Option<&str>) -> anyhow::Result<Self> {
        ensure!(
            row.len() == model.features.len(),
            "the row is of another width"
        );
        let probabilities = model.predict(ArrayView2::from_shape((1, row.len()), row)?);
        let probabilities = probabilities.row(0);
        let place = match class {
            Some(name) => model.classes.iter().position(|class| class == name),
            None => (0..probabilities.len())
                .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])),
        };
        let Some(place) = place else {
            let known: Vec<&str> = model.classes.iter().map(String::as_str).collect();
            bail!("the model has no such class; it has {}", known.join(", "));
        };
        let why = model.scorer.contributions(row, place);
        let ours =
            |name: &String| -> Option<&Feature> { features().find(|feature| feature.name == name) };
        let values = row.iter().zip(&why.features).zip(&model.typical);
        let mut contributions: Vec<Contribution> = model
            .features
            .iter()
            .zip(values)
            .filter_map(|(name, ((&value, &contribution), &typical))| {
                let feature = ours(name)?;
                Some(Contribution {
                    feature: feature.name,
                    value,
                    unit: feature.unit,
                    typical,
                    contribution,
                })
            })
            .collect();
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        Ok(Self {
            class: model.classes[place].clone(),
            probability: f64::from(probabilities[place]),
            share: why.base + why.features.iter().sum::<f64>(),
            base: why.base,
            contributions,
        })
    }

    fn text(&self, row: usize) -> String {
        // Writing to a String cannot fail.
        let mut text = String::new();
        let _ = writeln!(
            text,
            "row {row}: {} with probability {:.3}; {:.3} of the trees are for it, {:.3} when nothing is known\n",
            self.class, self.probability, self.share, self.base
        );
        let _ = writeln!(
            text,
            "{:>12}  {:28} {:>14} {:>14}  unit",
            "contribution", "feature", "value", "typical"
        );
        for one in &self.contributions {
            let _ = writeln!(
                text,
                "{:>+12.4}  {:28} {:>14.4} {:>14.4}  {}",
                one.contribution, one.feature, one.value, one.typical, one.unit
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature;
    use crate::model::{CALIBRATION_POINTS, Calibration};

    #[test]
    fn a_row_is_taken_by_the_names_of_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        let mut names = feature::names();
        names.reverse();
        let numbers = |first: usize| {
            let numbers = (0..names.len()).map(|number| (first + number).to_string());
            numbers.collect::<Vec<_>>().join(",")
        };
        let table = format!("{}\n{}\n{}\n", names.join(","), numbers(0), numbers(1000));
        std::fs::write(&path, table).unwrap();
        let features: Vec<String> = feature::names().into_iter().map(str::to_owned).collect();
        let second = row(&path, 2, &features).unwrap();
        assert_eq!(second.first(), Some(&(999.0 + names.len() as f32)));
        assert_eq!(second.last(), Some(&1000.0));
        // A model's own order, and no more than it knows.
        let few = [features[1].clone(), features[0].clone()];
        assert_eq!(row(&path, 2, &few).unwrap(), [second[1], second[0]]);
        for (number, told) in [(0, "count from 1"), (3, "ends before")] {
            let error = row(&path, number, &features).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        std::fs::write(&path, "packets\n1\n").unwrap();
        let error = row(&path, 1, &features).unwrap_err().to_string();
        assert!(error.contains("has no column `"), "{error}");
    }

    #[test]
    fn contributions_add_up_to_the_share_and_unknown_classes_are_named() {
        let classes = Model::built_in().unwrap().classes.len();
        let squares = (0..CALIBRATION_POINTS).map(|at| (at as f32 / 64.0).powi(2));
        let squares: Vec<f32> = squares.collect();
        let model = Model {
            calibration: Some(Calibration::new("test", squares.repeat(classes), classes).unwrap()),
            ..Model::built_in().unwrap()
        };
        let row = vec![1.0; model.features.len()];
        let rows = ArrayView2::from_shape((1, row.len()), &row).unwrap();
        let shares = model.scorer.shares(rows).row(0).to_vec();
        let mut worth = shares.clone();
        model.calibration.as_ref().unwrap().apply(&mut worth);
        assert_ne!(shares, worth);
        for ((class, share), worth) in model.classes.iter().zip(shares).zip(worth) {
            let why = Explanation::of(&model, &row, Some(class)).unwrap();
            assert!((why.share - f64::from(share)).abs() < 1e-5);
            assert!((why.probability - f64::from(worth)).abs() < 1e-6);
        }
        let error = Explanation::of(&model, &row, Some("worm")).unwrap_err();
        assert!(error.to_string().contains("it has normal, "), "{error}");
    }
}
