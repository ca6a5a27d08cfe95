//! What the rows of a table are: labels as they stand there, grouped into classes.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Table, TableError};
use crate::alert::Class;
use crate::model::{Grouping, MAX_CLASSES, anomaly};

/// What attacks are called when they are not told apart.
const ATTACK: &str = "attack";

/// The class whose rows are left out.
const IGNORE: &str = "ignore";

/// What normal traffic is called in tables; in lower case.
const NORMAL: [&str; 2] = ["normal", "benign"];

/// How labels become classes.
#[derive(Clone, Debug, Default)]
pub struct ClassRules {
    /// A map's file and text; without one, each label is a class.
    pub map: Option<(PathBuf, String)>,
    /// The class of normal traffic; by default one called normal or benign.
    pub normal: Option<String>,
    /// All classes but that of normal traffic are one: `attack`.
    pub is_binary: bool,
}

impl ClassRules {
    /// What a model file keeps of them; nothing where each label is a class.
    #[must_use]
    pub fn grouping(&self) -> Option<Grouping> {
        let map = self.map.as_ref();
        let grouping = Grouping {
            map: map.and_then(|(_, text)| serde_json::from_str(text).ok()),
            normal: self.normal.clone(),
            binary: self.is_binary,
        };
        Some(grouping).filter(|grouping| *grouping != Grouping::default())
    }

    /// Those that a model was trained by; `from` is where errors say that the map stands.
    #[must_use]
    pub fn of(grouping: &Grouping, from: PathBuf) -> Self {
        Self {
            map: grouping.map.as_ref().map(|map| (from, map.to_string())),
            normal: grouping.normal.clone(),
            is_binary: grouping.binary,
        }
    }
}

/// The classes of a table's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// Their names; that of normal traffic is the first, the others by name.
    pub names: Vec<String>,
    /// Whether the first is normal traffic.
    pub has_normal: bool,
    /// The rows that have one, by their place in the table.
    pub rows: Vec<usize>,
    /// The class of each of these rows.
    pub labels: Vec<u8>,
    /// Rows that the map ignores.
    pub ignored: usize,
}

impl Classes {
    /// The classes of all rows.
    ///
    /// # Errors
    /// When a label has no class, there is no normal one where one is needed, or there are too many.
    pub fn of(table: &Table, rules: &ClassRules) -> Result<Self, TableError> {
        let mut of_label = labels_to_classes(table, rules)?;
        let is_normal = |name: &str| match &rules.normal {
            Some(normal) => name == normal,
            None => NORMAL.contains(&bare(name).to_lowercase().as_str()),
        };
        let named = |wanted: &dyn Fn(&str) -> bool| of_label.iter().find(|name| wanted(name));
        let normal = named(&is_normal).cloned();
        if normal.is_none() && (rules.is_binary || rules.normal.is_some()) {
            let default = || NORMAL.join("` or `");
            let mut classes = of_label.clone();
            classes.sort_unstable();
            classes.dedup();
            return Err(TableError::NoNormal {
                wanted: rules.normal.clone().unwrap_or_else(default),
                classes: classes.join(", "),
            });
        }
        for name in &mut of_label {
            if Some(&*name) == normal.as_ref() {
                // One word for it, so that models and scores say the same of all tables.
                Class::Normal.name().clone_into(name);
            } else if rules.is_binary && name != IGNORE {
                ATTACK.clone_into(name);
            }
        }
        Self::number(table, &of_label, normal.is_some())
    }

    /// The two classes of a model that knows what is normal: all that is not is an `anomaly`.
    ///
    /// # Errors
    /// When no class is normal traffic.
    pub fn as_anomalies(mut self) -> Result<Self, TableError> {
        if !self.has_normal {
            return Err(self.no_normal());
        }
        self.names = anomaly::CLASSES.map(str::to_owned).to_vec();
        self.labels
            .iter_mut()
            .for_each(|label| *label = (*label).min(1));
        Ok(self)
    }

    pub(super) fn no_normal(&self) -> TableError {
        TableError::NoNormal {
            wanted: NORMAL.join("` or `"),
            classes: self.names.join(", "),
        }
    }

    /// Adds the classes of a model that the table does not have. That of normal traffic is the first when either has it.
    pub(super) fn extend(&mut self, of_model: &[String]) {
        let new = of_model.iter().filter(|name| !self.names.contains(name));
        let new: Vec<String> = new.cloned().collect();
        for name in new {
            if name == Class::Normal.name() {
                self.has_normal = true;
                self.names.insert(0, name);
                self.labels.iter_mut().for_each(|label| *label += 1);
            } else {
                self.names.push(name);
            }
        }
    }

    fn number(table: &Table, of_label: &[String], has_normal: bool) -> Result<Self, TableError> {
        let mut names: Vec<String> = of_label.to_vec();
        names.retain(|name| name != IGNORE);
        names.sort_unstable_by_key(|name| (name != Class::Normal.name(), name.clone()));
        names.dedup();
        if names.len() > MAX_CLASSES {
            return Err(TableError::TooManyClasses {
                file: table.path.clone(),
                column: table.label.name.clone(),
                found: names.len(),
            });
        }
        let number = |name: &String| names.iter().position(|other| other == name);
        let numbers: Vec<Option<usize>> = of_label.iter().map(number).collect();
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for (row, label) in &table.label.words {
            if let Some(class) = numbers[*label as usize] {
                rows.push(*row as usize);
                labels.push(class as u8);
            }
        }
        Ok(Self {
            ignored: table.rows() - rows.len(),
            names,
            has_normal,
            rows,
            labels,
        })
    }
}

/// The class of each label of the table.
fn labels_to_classes(table: &Table, rules: &ClassRules) -> Result<Vec<String>, TableError> {
    let labels = &table.label.vocabulary;
    let Some((file, text)) = &rules.map else {
        return Ok(labels.clone());
    };
    let (map, others) = read_map(text).map_err(|detail| TableError::Map {
        file: file.clone(),
        detail,
    })?;
    let class = |(number, label): (usize, &String)| {
        let class = map.get(label).or_else(|| map.get(bare(label)));
        let class = class.or(others.as_ref()).cloned();
        class.ok_or_else(|| TableError::Unmapped {
            file: table.path.clone(),
            line: table.first_line(&table.label, number),
            column: table.label.name.clone(),
            label: label.clone(),
            map: file.clone(),
        })
    };
    labels.iter().enumerate().map(class).collect()
}

/// A label without the full stop that KDD Cup 99 writes behind each.
fn bare(label: &str) -> &str {
    label.strip_suffix('.').unwrap_or(label)
}

/// The class of each label, and that of all others.
fn read_map(text: &str) -> Result<(HashMap<String, String>, Option<String>), String> {
    let classes: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (mut map, mut others) = (HashMap::new(), None);
    for (class, labels) in classes {
        let labels = match labels {
            Value::Array(labels) => labels,
            one => vec![one],
        };
        for label in labels {
            let Value::String(label) = label else {
                return Err(format!("class `{class}` has {label}, which is no text"));
            };
            let before = if label == "*" {
                others.replace(class.clone())
            } else {
                map.insert(label.clone(), class.clone())
            };
            if let Some(before) = before {
                return Err(format!("`{label}` is both in `{before}` and in `{class}`"));
            }
        }
    }
    Ok((map, others))
}
