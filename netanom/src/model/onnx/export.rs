//! A model as an ONNX file, which ONNX Runtime reads.

use prost::Message as _;

use super::proto::{
    Attribute, Dimension, Entry, Graph, Model as Proto, Node, OperatorSet, Shape, Tensor, Type,
    ValueInfo, attribute_type, element,
};
use super::{CALIBRATION, CLASSES, DOMAIN, FEATURES, OPERATOR, TYPICAL};
use crate::model::forest::{Arrays, Input, Inputs};
use crate::model::{Model, ModelError};

/// The oldest that has what is written here, so that old runtimes read it too.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 15;
const ML_OPSET: i64 = 1;

impl Model {
    /// The bytes of an ONNX file: input `X` (rows × features, f32), outputs `label` and `probabilities`.
    ///
    /// The probabilities are those of the forest: ONNX's operator has no calibration. That, the features' names, the
    /// classes' names and what is typical go into the metadata, so that [`Model::read_onnx`] gives the same model again
    /// but for its origin and card.
    ///
    /// # Errors
    /// [`ModelError::NotForest`] for other kinds of model.
    pub fn write_onnx(&self) -> Result<Vec<u8>, ModelError> {
        let forest = self.scorer.forest().ok_or_else(|| ModelError::NotForest {
            model: self.name.clone(),
            kind: self.scorer.kind(),
        })?;
        let classes: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let labels = classes.iter().map(|name| name.as_bytes().to_vec());
        let mut attributes = trees(&forest.arrays(), forest.classes(), forest.inputs());
        attributes.push(Attribute {
            name: "classlabels_strings".to_owned(),
            strings: labels.collect(),
            kind: attribute_type::STRINGS,
            ..Attribute::default()
        });
        attributes.push(Attribute {
            name: "post_transform".to_owned(),
            string: b"NONE".to_vec(),
            kind: attribute_type::STRING,
            ..Attribute::default()
        });
        let typical: Vec<String> = self.typical.iter().map(f64::to_string).collect();
        let entry = |key: &str, value: String| Entry {
            key: key.to_owned(),
            value,
        };
        let version = |domain: &str, version| OperatorSet {
            domain: domain.to_owned(),
            version,
        };
        let mut metadata = vec![
            entry(FEATURES, self.features.join(",")),
            entry(CLASSES, classes.join(",")),
            entry(TYPICAL, typical.join(",")),
        ];
        if let Some(calibration) = &self.calibration {
            let tables = calibration.tables().iter().map(f32::to_string);
            let parts = std::iter::once(calibration.method().to_owned()).chain(tables);
            metadata.push(entry(CALIBRATION, parts.collect::<Vec<_>>().join(",")));
        }
        let file = Proto {
            ir_version: IR_VERSION,
            producer_name: "netanom".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            opset_import: vec![version("", OPSET), version(DOMAIN, ML_OPSET)],
            metadata,
            graph: Some(Graph {
                name: self.name.clone(),
                initializers: Vec::new(),
                inputs: vec![tensor(
                    "X",
                    element::FLOAT,
                    &[None, Some(self.features.len())],
                )],
                outputs: vec![
                    tensor("label", element::STRING, &[None]),
                    tensor(
                        "probabilities",
                        element::FLOAT,
                        &[None, Some(classes.len())],
                    ),
                ],
                nodes: vec![Node {
                    inputs: vec!["X".to_owned()],
                    outputs: vec!["label".to_owned(), "probabilities".to_owned()],
                    name: "forest".to_owned(),
                    operator: OPERATOR.to_owned(),
                    domain: DOMAIN.to_owned(),
                    attributes,
                }],
            }),
        };
        Ok(file.encode_to_vec())
    }
}

fn tensor(name: &str, element: i32, dimensions: &[Option<usize>]) -> ValueInfo {
    let dimensions = dimensions.iter().map(|value| Dimension {
        value: value.map(|value| value as i64),
    });
    ValueInfo {
        name: name.to_owned(),
        kind: Some(Type {
            tensor: Some(Tensor {
                element,
                shape: Some(Shape {
                    dimensions: dimensions.collect(),
                }),
            }),
        }),
    }
}

/// The trees as the arrays that the operator takes. A node's number is its position, level by level.
fn trees(arrays: &Arrays, classes: usize, inputs: Option<&Inputs>) -> Vec<Attribute> {
    let input = |column: &u8| {
        let own = Input {
            feature: usize::from(*column),
            is_gap_right: false,
        };
        let inputs = inputs.and_then(|inputs| inputs.columns.get(own.feature));
        *inputs.unwrap_or(&own)
    };
    let inputs: Vec<Input> = arrays.features.iter().map(input).collect();
    let ints = |name: &str, ints: Vec<i64>| Attribute {
        name: name.to_owned(),
        ints,
        kind: attribute_type::INTS,
        ..Attribute::default()
    };
    let floats = |name: &str, floats: Vec<f32>| Attribute {
        name: name.to_owned(),
        floats,
        kind: attribute_type::FLOATS,
        ..Attribute::default()
    };
    let divisor = match arrays.is_divided {
        true => 1.0,
        false => arrays.sizes.len() as f32,
    };
    let (mut tree_ids, mut node_ids) = (Vec::new(), Vec::new());
    let (mut lefts, mut rights, mut modes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut class_trees, mut class_nodes) = (Vec::new(), Vec::new());
    let (mut class_ids, mut weights) = (Vec::new(), Vec::new());
    let mut leaves = arrays.shares.chunks_exact(classes);
    let mut all = arrays.thresholds.iter();
    for (tree, &size) in (0..).zip(&arrays.sizes) {
        let mut splits = 0;
        for (node, threshold) in (0..i64::from(size)).zip(all.by_ref()) {
            tree_ids.push(tree);
            node_ids.push(node);
            if threshold.is_nan() {
                modes.push(b"LEAF".to_vec());
                lefts.push(0);
                rights.push(0);
                let shares = leaves.next().unwrap_or_default();
                for (class, share) in (0..).zip(shares) {
                    class_trees.push(tree);
                    class_nodes.push(node);
                    class_ids.push(class);
                    weights.push(share / divisor);
                }
            } else {
                modes.push(b"BRANCH_LEQ".to_vec());
                lefts.push(1 + 2 * splits);
                rights.push(2 + 2 * splits);
                splits += 1;
            }
        }
    }
    let values = arrays.thresholds.iter();
    let values = values.map(|value| if value.is_nan() { 0.0 } else { *value });
    vec![
        ints("nodes_treeids", tree_ids),
        ints(
            "nodes_missing_value_tracks_true",
            inputs
                .iter()
                .map(|input| i64::from(!input.is_gap_right))
                .collect(),
        ),
        ints("nodes_nodeids", node_ids),
        ints(
            "nodes_featureids",
            inputs.iter().map(|input| input.feature as i64).collect(),
        ),
        floats("nodes_values", values.collect()),
        // How often a node is met: its cover.
        floats("nodes_hitrates", arrays.covers.clone()),
        Attribute {
            name: "nodes_modes".to_owned(),
            strings: modes,
            kind: attribute_type::STRINGS,
            ..Attribute::default()
        },
        ints("nodes_truenodeids", lefts),
        ints("nodes_falsenodeids", rights),
        ints("class_treeids", class_trees),
        ints("class_nodeids", class_nodes),
        ints("class_ids", class_ids),
        floats("class_weights", weights),
    ]
}
