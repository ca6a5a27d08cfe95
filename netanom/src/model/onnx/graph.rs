//! What a graph does around its trees. Each operator is followed or refused by its name, none is left out: a column
//! selection that was not followed once made a model judge other columns than it was trained on.
//!
//! Before the trees: selections, arithmetic with constants that keeps numbers in order, filled gaps. After them: what
//! names classes, or shapes outputs, and leaves the probabilities as they are.

use std::collections::HashMap;

use super::column::{Column, Step};
use super::constant::Constant;
use super::ensemble::Ensemble;
use super::proto::{Attribute, Graph, Node, ValueInfo, element};
use super::{DOMAIN, OPERATOR, OnnxError};

/// What was found in a graph.
pub(super) struct Traced<'a> {
    /// The tree ensemble.
    pub(super) ensemble: Ensemble<'a>,
    /// What its columns are.
    pub(super) columns: Vec<Column>,
    /// The names that its labels (numbers) stand for, where an operator behind it gives them.
    pub(super) names: Option<Vec<String>>,
}

/// What a name of the graph stands for.
#[derive(Clone, Debug)]
enum Value {
    /// Rows of these columns; of 64 bits or 32.
    Rows {
        columns: Vec<Column>,
        is_wide: bool,
    },
    Constant(Constant),
    /// The trees' labels, or what was made of them.
    Label,
    /// The trees' class probabilities.
    Probabilities,
}

/// The columns of the graph's inputs, one after the other, each with the input's name; `features` where a single input
/// does not say how many it has.
pub(super) fn inputs(
    graph: &Graph,
    features: usize,
) -> Result<Vec<(&ValueInfo, usize)>, OnnxError> {
    let is_constant = |input: &&ValueInfo| {
        let mut all = graph.initializers.iter();
        all.any(|tensor| tensor.name == input.name)
    };
    let inputs: Vec<&ValueInfo> = graph
        .inputs
        .iter()
        .filter(|input| !is_constant(input))
        .collect();
    let is_single = inputs.len() == 1;
    let width = |input: &&'_ ValueInfo| -> Option<usize> {
        let tensor = input.kind.as_ref()?.tensor.as_ref()?;
        let width = tensor.shape.as_ref()?.dimensions.get(1)?.value?;
        usize::try_from(width).ok()
    };
    let sized = inputs.into_iter().map(|input| match width(&input) {
        Some(width) => Ok((input, width)),
        None if is_single => Ok((input, features)),
        None => Err(OnnxError::Input {
            name: input.name.clone(),
            what: "does not say how many columns it has",
        }),
    });
    sized.collect()
}

/// Follows the graph whose rows have `features` columns.
pub(super) fn trace(graph: &Graph, features: usize) -> Result<Traced<'_>, OnnxError> {
    let is_ensemble = |node: &&Node| node.operator == OPERATOR && node.domain == DOMAIN;
    let found = graph.nodes.iter().filter(is_ensemble).count();
    if found != 1 {
        return Err(OnnxError::Operator {
            found,
            others: graph
                .nodes
                .iter()
                .find(|node| !is_ensemble(node))
                .map_or_else(String::new, |other| {
                    format!(" (beside `{}`)", other.operator)
                }),
        });
    }
    let mut values = HashMap::new();
    for tensor in &graph.initializers {
        if let Some(constant) = Constant::of(tensor) {
            values.insert(tensor.name.as_str(), Value::Constant(constant));
        }
    }
    let mut first = 0;
    for (input, width) in inputs(graph, features)? {
        let columns = (first..first + width).map(|source| Column {
            source,
            steps: Vec::new(),
        });
        first += width;
        let is_wide = match element_of(input) {
            element::FLOAT => false,
            element::DOUBLE => true,
            _ => {
                return Err(OnnxError::Input {
                    name: input.name.clone(),
                    what: "is not of f32 or f64, and features are",
                });
            }
        };
        let columns = columns.collect();
        values.insert(&input.name, Value::Rows { columns, is_wide });
    }
    let mut traced = None;
    let mut names = None;
    for node in &graph.nodes {
        if is_ensemble(&node) {
            let Some(Value::Rows { columns, .. }) = node
                .inputs
                .first()
                .and_then(|name| values.get(name.as_str()))
            else {
                return Err(OnnxError::Before(node.operator.clone()));
            };
            // What its own words refuse says more than what stands behind it.
            traced = Some((Ensemble::of(node)?, columns.clone()));
            let outputs = [Value::Label, Value::Probabilities];
            for (name, value) in node.outputs.iter().zip(outputs) {
                values.insert(name, value);
            }
            continue;
        }
        let inputs: Vec<Option<&Value>> = node
            .inputs
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| values.get(name.as_str()))
            .collect();
        let value = follow(node, &inputs, &mut names)?;
        if let Some(name) = node.outputs.first() {
            values.insert(name, value);
        }
    }
    let (ensemble, columns) = traced.ok_or(OnnxError::Before(OPERATOR.to_owned()))?;
    Ok(Traced {
        ensemble,
        columns,
        names,
    })
}

fn element_of(input: &ValueInfo) -> i32 {
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    tensor.map_or(0, |tensor| tensor.element)
}

/// What comes out of an operator.
fn follow(
    node: &Node,
    inputs: &[Option<&Value>],
    names: &mut Option<Vec<String>>,
) -> Result<Value, OnnxError> {
    let operator = &*node.operator;
    match inputs {
        [Some(Value::Rows { columns, is_wide }), rest @ ..] => {
            before(node, columns, *is_wide, rest)
                .ok_or_else(|| OnnxError::Before(operator.to_owned()))
        }
        [
            Some(Value::Constant(constant)),
            Some(Value::Rows {
                columns,
                is_wide: false,
            }),
        ] if matches!(operator, "Add" | "Mul") => {
            let known = arithmetic(operator, columns, constant);
            known.ok_or_else(|| OnnxError::Before(operator.to_owned()))
        }
        [Some(Value::Probabilities)] if matches!(operator, "Identity" | "ZipMap") => {
            Ok(Value::Probabilities)
        }
        [Some(Value::Probabilities)] if operator == "Cast" && is_float(node) => {
            Ok(Value::Probabilities)
        }
        [Some(Value::Label), ..] if matches!(operator, "Identity" | "Cast" | "Reshape") => {
            Ok(Value::Label)
        }
        // The label, a number, as the place of a name.
        [Some(Value::Constant(constant)), Some(Value::Label)]
            if operator == "ArrayFeatureExtractor" =>
        {
            *names = match constant {
                Constant::Words(words) => Some(words.clone()),
                Constant::Ints(ints) => Some(ints.iter().map(i64::to_string).collect()),
                _ => return Err(OnnxError::Further(operator.to_owned())),
            };
            Ok(Value::Label)
        }
        [] if operator == "Constant" => {
            let tensor = attribute(node, "value").and_then(|value| value.tensor.as_ref());
            let constant = tensor.and_then(Constant::of);
            constant
                .map(Value::Constant)
                .ok_or_else(|| OnnxError::Before(operator.to_owned()))
        }
        _ if inputs
            .iter()
            .any(|input| matches!(input, Some(Value::Label | Value::Probabilities))) =>
        {
            Err(OnnxError::Further(operator.to_owned()))
        }
        _ => Err(OnnxError::Before(operator.to_owned())),
    }
}

/// What an operator makes of rows; `None` where that cannot be followed.
fn before(
    node: &Node,
    columns: &[Column],
    is_wide: bool,
    rest: &[Option<&Value>],
) -> Option<Value> {
    let rows = |columns: Vec<Column>| Some(Value::Rows { columns, is_wide });
    let with = |step: &dyn Fn(usize) -> Option<Step>| {
        let steps = columns.iter().enumerate().map(|(place, column)| {
            let mut column = column.clone();
            column.steps.push(step(place)?);
            Some(column)
        });
        // In 64 bits the arithmetic would be another one.
        steps
            .collect::<Option<Vec<_>>>()
            .filter(|_| !is_wide)
            .and_then(rows)
    };
    match (&*node.operator, rest) {
        ("Identity", []) => rows(columns.to_vec()),
        // Rows are of 32 bits, so neither width changes them, as long as nothing was done to them in 64.
        ("Cast", []) if is_float(node) => Some(Value::Rows {
            columns: columns.to_vec(),
            is_wide: attribute(node, "to")?.int == i64::from(element::DOUBLE),
        }),
        ("ArrayFeatureExtractor", [Some(Value::Constant(Constant::Ints(places)))]) => {
            rows(selected(columns, places)?)
        }
        ("Gather", [Some(Value::Constant(Constant::Ints(places)))])
            if matches!(attribute(node, "axis")?.int, 1 | -1) =>
        {
            rows(selected(columns, places)?)
        }
        ("Concat" | "FeatureVectorizer", _) => {
            if node.operator == "Concat" && !matches!(attribute(node, "axis")?.int, 1 | -1) {
                return None;
            }
            let mut all = columns.to_vec();
            for other in rest {
                match other {
                    Some(Value::Rows {
                        columns,
                        is_wide: other,
                    }) if *other == is_wide => all.extend_from_slice(columns),
                    _ => return None,
                }
            }
            rows(all)
        }
        ("Reshape", [Some(Value::Constant(Constant::Ints(shape)))]) => {
            // As many rows as before.
            let is_same = matches!(**shape, [-1 | 0, width] if width == columns.len() as i64)
                || matches!(**shape, [0, -1]);
            is_same.then(|| columns.to_vec()).and_then(rows)
        }
        ("Scaler", []) => {
            let offsets = &attribute(node, "offset")?.floats;
            let scales = &attribute(node, "scale")?.floats;
            let less = arithmetic_of(columns, is_wide, "Sub", offsets)?;
            Some(Value::Rows {
                columns: arithmetic_of(&less, is_wide, "Mul", scales)?,
                is_wide,
            })
        }
        ("Imputer", []) => {
            let numbers = &attribute(node, "imputed_value_floats")?.floats;
            // Something else than a gap may be meant.
            attribute(node, "replaced_value_float").filter(|replaced| replaced.float.is_nan())?;
            with(&|place| {
                let number = of_column(numbers, place, columns.len())?;
                Some(Step::Fill(number)).filter(|_| number.is_finite())
            })
        }
        (operator @ ("Add" | "Sub" | "Mul" | "Div"), [Some(Value::Constant(constant))])
            if !is_wide =>
        {
            arithmetic(operator, columns, constant)
        }
        _ => None,
    }
}

fn arithmetic(operator: &str, columns: &[Column], constant: &Constant) -> Option<Value> {
    let Constant::Floats(numbers) = constant else {
        return None;
    };
    Some(Value::Rows {
        columns: arithmetic_of(columns, false, operator, numbers)?,
        is_wide: false,
    })
}

/// The columns with arithmetic by one number or by one for each of them, where that keeps numbers in order.
fn arithmetic_of(
    columns: &[Column],
    is_wide: bool,
    operator: &str,
    numbers: &[f32],
) -> Option<Vec<Column>> {
    let step = |number: f32| match operator {
        "Add" => Some(Step::Add(number)),
        "Sub" => Some(Step::Subtract(number)),
        "Mul" if number > 0.0 => Some(Step::Multiply(number)),
        "Div" if number > 0.0 => Some(Step::Divide(number)),
        _ => None,
    };
    let changed = columns.iter().enumerate().map(|(place, column)| {
        let number = of_column(numbers, place, columns.len())?;
        let mut column = column.clone();
        column
            .steps
            .push(step(number).filter(|_| number.is_finite())?);
        Some(column)
    });
    changed.collect::<Option<Vec<_>>>().filter(|_| !is_wide)
}

/// Of one number for all columns or one for each, that of this column.
fn of_column(numbers: &[f32], place: usize, columns: usize) -> Option<f32> {
    match numbers {
        [all] => Some(*all),
        each if each.len() == columns => each.get(place).copied(),
        _ => None,
    }
}

/// The columns at these places; those below 0 count from the end.
fn selected(columns: &[Column], places: &[i64]) -> Option<Vec<Column>> {
    let column = |place: &i64| {
        let from_end = if *place < 0 { columns.len() as i64 } else { 0 };
        let place = usize::try_from(place + from_end).ok()?;
        columns.get(place).cloned()
    };
    places.iter().map(column).collect()
}

/// Whether a cast is to numbers with fractions.
fn is_float(node: &Node) -> bool {
    let to = attribute(node, "to").map_or(0, |to| to.int);
    [element::FLOAT, element::DOUBLE]
        .map(i64::from)
        .contains(&to)
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attributes.iter().find(|one| one.name == name)
}
