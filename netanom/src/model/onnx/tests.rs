//! What others wrote judges as they do, and what is written reads back.

mod foreign;
mod random;

use ndarray::Array2;
use serde_json::Value;

use super::*;
use crate::model::Model;
use crate::model::forest::tests::random_trees;
use crate::model::{Calibration, Forest, ModelError};

/// Written by `tests/fixture.py`: scikit-learn's forest, converted by skl2onnx.
const SKLEARN: &[u8] = include_bytes!("tests/sklearn.onnx");

/// What ONNX Runtime says of it.
const EXPECTED: &str = include_str!("tests/sklearn.json");

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number}")).collect()
}

/// A matrix of the fixture.
pub(in crate::model) fn expected(key: &str) -> Array2<f32> {
    let all: Value = serde_json::from_str(EXPECTED).unwrap();
    let rows: Vec<Vec<f32>> = serde_json::from_value(all[key].clone()).unwrap();
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.into_iter().flatten().collect()).unwrap()
}

fn random() -> Model {
    let rough: Vec<f32> = (0..65_u8).map(|at| f32::from(at / 8) / 9.0).collect();
    Model {
        scorer: Forest::new(&random_trees(6, 40, 3, 5), 3, 5)
            .unwrap()
            .into(),
        typical: vec![0.1, 0.0, 7.0, -1.5, 1e300],
        calibration: Some(Calibration::new("rough", rough.repeat(3), 3).unwrap()),
        ..Model::read_onnx(SKLEARN, Some(&names(5))).unwrap()
    }
}

#[test]
fn a_forest_of_scikit_learn_judges_as_in_onnx_runtime() {
    let model = Model::read_onnx(SKLEARN, Some(&names(5))).unwrap();
    assert_eq!(model.classes, ["normal", "port_scan", "syn_flood"]);
    let forest = model.scorer.forest().unwrap();
    assert_eq!(forest.trees(), 7);
    let judged = model.scorer.shares(expected("rows").view());
    let worst = (judged - expected("probabilities")).mapv(f32::abs);
    assert!(worst.iter().all(|error| *error < 1e-6), "{worst}");
}

#[test]
fn of_two_classes_the_file_may_hold_one() {
    let model = Model::read_onnx(include_bytes!("tests/binary.onnx"), Some(&names(5))).unwrap();
    // The labels are false and true; the metadata names them.
    assert_eq!(model.classes, ["syn_flood", "normal"]);
    let judged = model.scorer.shares(expected("rows").view());
    let worst = (judged - expected("binary")).mapv(f32::abs);
    assert!(worst.iter().all(|error| *error < 1e-6), "{worst}");
}

#[test]
fn what_is_written_reads_back() {
    let model = random();
    let again = Model::read_onnx(&model.write_onnx().unwrap(), None).unwrap();
    assert_eq!(again.features, model.features);
    assert_eq!(again.classes, model.classes);
    assert_eq!(again.typical, model.typical);
    assert_eq!(again.calibration, model.calibration);
    let rows = expected("rows");
    let difference = model.scorer.shares(rows.view()) - again.scorer.shares(rows.view());
    assert!(difference.iter().all(|error| error.abs() < 1e-6));
    // Covers come along, so explanations stay.
    let row = [0.5, 0.1, 0.9, 0.3, 0.4];
    let (before, after) = (
        model.scorer.contributions(&row, 1),
        again.scorer.contributions(&row, 1),
    );
    let both = before.features.iter().zip(&after.features);
    assert!(both.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn a_file_is_told_by_its_name_and_its_features_are_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forest.onnx");
    std::fs::write(&path, SKLEARN).unwrap();
    let ModelError::File { source, .. } = Model::load(&path).unwrap_err() else {
        panic!("the path is not told");
    };
    assert!(matches!(*source, ModelError::Onnx(OnnxError::Unnamed)));
    std::fs::write(
        folder.path().join("forest.onnx.features"),
        "a\nb\nc\nd\ne\n",
    )
    .unwrap();
    let model = Model::load(&path).unwrap();
    assert_eq!(model.features, ["a", "b", "c", "d", "e"]);
    assert!(model.columns(&["a", "b"]).is_err());
}

#[test]
fn what_is_no_forest_of_ours_is_refused_with_the_reason() {
    let refused = |bytes: &[u8], names: &[String], told: &str| {
        let error = Model::read_onnx(bytes, Some(names))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    };
    refused(b"\xff\xff\xff", &names(5), "not an ONNX file");
    refused(b"", &[], "it has 0 operators");
    refused(SKLEARN, &names(6), "names 6 features and has 5");
    let model = random();
    // As long as before, so that no length in the file changes.
    let changed = |from: &[u8], to: &[u8]| {
        let mut bytes = model.write_onnx().unwrap();
        let places: Vec<usize> = (0..bytes.len() - from.len())
            .filter(|&at| bytes[at..].starts_with(from))
            .collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        bytes
    };
    refused(
        &changed(b"BRANCH_LEQ", b"BRANCH_NEQ"),
        &names(5),
        "the value `BRANCH_NEQ`",
    );
    refused(&changed(b"NONE", b"SOFT"), &names(5), "go through `SOFT`");
    refused(
        &changed(b"class_ids", b"class_odd"),
        &names(5),
        "`class_ids` has 0 entries",
    );
}

#[test]
fn leaves_that_are_no_shares_are_refused() {
    let file = <proto::Model as prost::Message>::decode(SKLEARN).unwrap();
    let refused = |change: fn(&mut proto::Node), told: &str| {
        let mut file = file.clone();
        let nodes = &mut file.graph.as_mut().unwrap().nodes;
        change(
            nodes
                .iter_mut()
                .find(|node| node.operator == OPERATOR)
                .unwrap(),
        );
        let bytes = prost::Message::encode_to_vec(&file);
        let error = Model::read_onnx(&bytes, Some(&names(5)))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    };
    fn attribute<'a>(node: &'a mut proto::Node, name: &str) -> &'a mut proto::Attribute {
        let mut all = node.attributes.iter_mut();
        all.find(|one| one.name == name).unwrap()
    }
    refused(
        |node| attribute(node, "class_weights").floats[0] += 1.0,
        "a Random Forest of 7 trees has 1/7",
    );
    refused(
        |node| attribute(node, "class_weights").floats[0] = f32::NAN,
        "add up to NaN",
    );
    refused(
        |node| attribute(node, "class_ids").ints[0] = 3,
        "names 3 classes and has 4",
    );
    refused(
        |node| attribute(node, "nodes_truenodeids").ints[0] = 1000,
        "`nodes_truenodeids` has the value `1000`",
    );
    refused(
        |node| attribute(node, "nodes_truenodeids").ints[0] = 0,
        "contradict themselves",
    );
}
