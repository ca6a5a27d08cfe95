//! `netanom model explain`: what each feature of a flow added to a class's probability.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::cli::{FormatArg, ModelExplainArgs};
use crate::command::load_model;
use crate::feature::features;
use crate::model::Model;

/// What the command prints.
#[derive(Debug, Serialize)]
struct Explanation {
    class: String,
    /// What the trees expect of a row of which nothing is known.
    base: f64,
    /// Base and all contributions.
    probability: f64,
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
    let row = row(&args.flows, args.row)
        .with_context(|| format!("cannot take row {} of `{}`", args.row, args.flows.display()))?;
    let explanation = Explanation::of(&model, &row, args.class.as_deref())?;
    let text = match args.format {
        FormatArg::Text => explanation.text(args.row),
        FormatArg::Json => serde_json::to_string_pretty(&explanation)? + "\n",
    };
    #[expect(
        clippy::print_stdout,
        reason = "the explanation is the command's result"
    )]
    {
        print!("{text}");
    }
    Ok(())
}

/// The features of a row of the table, in our order; rows count from 1.
fn row(table: &Path, number: usize) -> anyhow::Result<Vec<f32>> {
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
        text.parse()
            .with_context(|| format!("`{name}` is `{text}`, which is no number"))
    };
    features().map(|feature| value(feature.name)).collect()
}

impl Explanation {
    /// Of the named class, or of the most probable one.
    fn of(model: &Model, row: &[f32], class: Option<&str>) -> anyhow::Result<Self> {
        ensure!(
            row.len() == model.features.len(),
            "the row is of another width"
        );
        let mut probabilities = vec![0.0; model.classes.len()];
        model.forest.predict_one(row, &mut probabilities);
        let place = match class {
            Some(name) => model.classes.iter().position(|class| class == name),
            None => (0..probabilities.len())
                .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])),
        };
        let Some(place) = place else {
            let known: Vec<&str> = model.classes.iter().map(String::as_str).collect();
            bail!("the model has no such class; it has {}", known.join(", "));
        };
        let why = model.forest.contributions(row, place);
        let mut contributions: Vec<Contribution> = features()
            .zip(row)
            .zip(&why.features)
            .zip(&model.typical)
            .map(
                |(((feature, &value), &contribution), &typical)| Contribution {
                    feature: feature.name,
                    value,
                    unit: feature.unit,
                    typical,
                    contribution,
                },
            )
            .collect();
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        Ok(Self {
            class: model.classes[place].clone(),
            base: why.base,
            probability: why.base + why.features.iter().sum::<f64>(),
            contributions,
        })
    }

    fn text(&self, row: usize) -> String {
        // Writing to a String cannot fail.
        let mut text = String::new();
        let _ = writeln!(
            text,
            "row {row}: {} with probability {:.3}; {:.3} when nothing is known\n",
            self.class, self.probability, self.base
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
        let second = row(&path, 2).unwrap();
        assert_eq!(second.first(), Some(&(999.0 + names.len() as f32)));
        assert_eq!(second.last(), Some(&1000.0));
        for (number, told) in [(0, "count from 1"), (3, "ends before")] {
            let error = row(&path, number).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        std::fs::write(&path, "packets\n1\n").unwrap();
        let error = row(&path, 1).unwrap_err().to_string();
        assert!(error.contains("has no column `"), "{error}");
    }

    #[test]
    fn contributions_add_up_to_the_probability_and_unknown_classes_are_named() {
        let model = Model::built_in().unwrap();
        let row = vec![1.0; model.features.len()];
        let mut judged = vec![0.0; model.classes.len()];
        model.forest.predict_one(&row, &mut judged);
        for (class, probability) in model.classes.iter().zip(judged) {
            let why = Explanation::of(&model, &row, Some(class)).unwrap();
            assert!((why.probability - f64::from(probability)).abs() < 1e-5);
        }
        let error = Explanation::of(&model, &row, Some("worm")).unwrap_err();
        assert!(error.to_string().contains("it has normal, "), "{error}");
    }
}
