//! What `train --table` and `evaluate --table` share: the table, its classes, and a word on what was left out.

use std::path::Path;

use anyhow::Context;

use crate::cli::TableArgs;
use crate::feature;
use crate::learn::anomaly::Kind;
use crate::learn::dataset::DataSet;
use crate::learn::table::{self, ClassRules, Classes, Encoding, Learner, Table};
use crate::model::{Grouping, Model};

/// A forest tells so many values of a feature apart; a column with more words is seldom one of kinds.
const MANY_WORDS: usize = 256;

/// Reads the table, of its columns those of a model where one is given, and says by which rules labels became classes.
pub(super) fn read(
    path: &Path,
    args: &TableArgs,
    kind: Kind,
    model: Option<&Model>,
) -> anyhow::Result<(Table, Classes, ClassRules)> {
    let mut selection = args.selection();
    if let Some(model) = model {
        selection.only = Some(model.features.clone());
        selection.words = model.words.keys().cloned().collect();
    }
    let table = Table::read(path, &selection)?;
    let map = args.map.as_ref().map(|path| {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the map `{}`", path.display()))?;
        anyhow::Ok((path.clone(), text))
    });
    let rules = ClassRules {
        map: map.transpose()?,
        normal: args.normal.clone(),
        is_binary: args.binary,
    };
    let rules = match model {
        Some(model) => with_grouping(rules, model, &table),
        None => rules,
    };
    let mut classes = Classes::of(&table, &rules)?;
    if model.is_some_and(|model| model.scorer.anomaly().is_some()) || kind.is_of_normal() {
        classes = classes.as_anomalies()?;
    }
    tell(&table, &classes, model.is_some());
    Ok((table, classes, rules))
}

/// The rules that the model was trained by, unless others are given or the labels are its classes already.
fn with_grouping(given: ClassRules, model: &Model, table: &Table) -> ClassRules {
    let Some(grouping) = &model.grouping else {
        return given;
    };
    let mut labels = table.label.vocabulary.iter();
    if given.grouping().is_some() || labels.all(|label| model.classes.contains(label)) {
        return given;
    }
    let what = match (&grouping.map, grouping.binary) {
        (Some(_), true) => "--map and --binary",
        (Some(_), false) => "--map",
        (None, true) => "--binary",
        (None, false) => "--normal",
    };
    log::info!(
        "labels become classes as when `{}` was trained ({what})",
        model.name
    );
    ClassRules::of(
        grouping,
        format!("the map in the model {}", model.name).into(),
    )
}

/// Every row of the table to train on, with how its cells became numbers and its labels classes.
pub(super) fn data_set(
    path: &Path,
    args: &TableArgs,
    learner: &Learner<'_>,
) -> anyhow::Result<(DataSet, Encoding, Option<Grouping>)> {
    let (table, classes, rules) = read(path, args, learner.kind, None)?;
    table.check_columns()?;
    learner.check(&table, &classes)?;
    let all: Vec<usize> = (0..classes.rows.len()).collect();
    let (data, encoding) = table::data_set(&table, &classes, &all)?;
    Ok((data, encoding, rules.grouping()))
}

fn tell(table: &Table, classes: &Classes, is_judged: bool) {
    let name = table.path.display();
    log::info!(
        "`{name}`: {} rows, {} columns, classes {}",
        classes.rows.len(),
        table.columns.len(),
        classes.names.join(", ")
    );
    for (rows, why) in [
        (table.unlabelled, "have no label"),
        (table.repeated_headers, "repeat the header"),
        (classes.ignored, "have a label that the map ignores"),
    ] {
        if rows > 0 {
            log::warn!("`{name}`: {rows} rows {why} and are left out");
        }
    }
    for column in &table.columns {
        let words = column.vocabulary.len();
        if words > MANY_WORDS && !is_judged {
            log::warn!(
                "`{name}`: column `{0}` has {words} different words; when it names rows or times, leave it out with \
                 --drop '{0}', as a forest would learn it by heart",
                column.name
            );
        }
    }
    if table.is_own && !is_judged {
        log::info!(
            "`{name}` has this program's features: columns beside them (addresses, ports, times) are left out"
        );
    }
}

/// Says whether a model can judge traffic.
pub(super) fn tell_use(model: &Model) {
    let traffic = model
        .columns(&feature::names())
        .and_then(|_| model.flow_classes());
    match traffic {
        Ok(_) => log::info!(
            "the model's features and classes are this program's: `run --model` takes it"
        ),
        Err(reason) => log::info!(
            "`run --model` will refuse it: {reason}{}",
            std::error::Error::source(&reason)
                .map_or_else(String::new, |source| format!(": {source}"))
        ),
    }
}
