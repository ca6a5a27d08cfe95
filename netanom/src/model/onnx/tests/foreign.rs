//! Forests of other tools judge as in ONNX Runtime, on random, extreme and missing values; what cannot is refused by the
//! operator's name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::Deserialize;

use crate::model::Model;
use crate::model::onnx::OnnxError;

/// What `foreign.py` wrote.
#[derive(Deserialize)]
struct Expected {
    /// Null where there is a gap.
    rows: Vec<Vec<Option<f32>>>,
    models: BTreeMap<String, Said>,
}

/// What ONNX Runtime says.
#[derive(Deserialize)]
struct Said {
    labels: Vec<String>,
    probabilities: Vec<Vec<f32>>,
}

/// Those that are refused, with a word of the reason.
const REFUSED: [(&str, &str); 7] = [
    ("gradient_boosting", "`SOFTMAX`"),
    ("normalized", "`Normalizer`"),
    ("calibrated", "`ArrayFeatureExtractor`"),
    ("bagged", "2 operators"),
    ("xgboost", "`SOFTMAX`"),
    ("lightgbm", "`SOFTMAX`"),
    ("lightgbm_forest", "`LOGISTIC`"),
];

/// Sets of fixtures: the stored one, or those in a folder that somebody made more of.
fn sets() -> Vec<PathBuf> {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/onnx/tests");
    let Some(more) = std::env::var_os("NETANOM_TEST_ONNX") else {
        return vec![stored];
    };
    let folders = fs::read_dir(more).unwrap();
    folders.map(|folder| folder.unwrap().path()).collect()
}

fn names() -> Vec<String> {
    (0..6).map(|number| format!("f{number}")).collect()
}

fn read(set: &Path, model: &str) -> Result<Model, OnnxError> {
    let bytes = fs::read(set.join("foreign").join(format!("{model}.onnx"))).unwrap();
    let names = (model != "named").then(names);
    Model::read_onnx(&bytes, names.as_deref())
}

#[test]
fn what_is_accepted_judges_as_onnx_runtime_does_and_the_rest_is_refused_by_name() {
    for set in sets() {
        let text = fs::read_to_string(set.join("foreign.json")).unwrap();
        let expected: Expected = serde_json::from_str(&text).unwrap();
        let cells = expected.rows.iter().flatten();
        let cells = cells.map(|cell| cell.unwrap_or(f32::NAN)).collect();
        let rows = Array2::from_shape_vec((expected.rows.len(), 6), cells).unwrap();
        assert!(rows.iter().any(|cell| cell.is_nan()));
        let mut refused = 0;
        for (name, said) in &expected.models {
            let told = REFUSED.iter().find(|(model, _)| model == name);
            match (read(&set, name), told) {
                (Ok(model), None) => check(&model, &rows, said, &format!("{name} of {set:?}")),
                (Err(error), Some((_, told))) => {
                    assert!(error.to_string().contains(told), "{name}: {error}");
                    refused += 1;
                }
                (Ok(_), Some(_)) => panic!("{name} is accepted"),
                (Err(error), None) => panic!("{name} is refused: {error}"),
            }
        }
        assert_eq!(refused, REFUSED.len());
        assert_eq!(expected.models.len() - refused, 20);
    }
}

fn check(model: &Model, rows: &Array2<f32>, said: &Said, name: &str) {
    let judged = model.predict(rows.view());
    let given = judged.outer_iter().zip(&said.probabilities);
    for (row, (of_row, expected)) in given.enumerate() {
        for (class, (share, expected)) in of_row.iter().zip(expected).enumerate() {
            assert!(
                (share - expected).abs() < 1e-6,
                "{name}, row {row} {}, class {class}: {share} and {expected}",
                rows.row(row)
            );
        }
        let best = of_row.iter().fold(0.0, |best: f32, share| best.max(*share));
        let label = model
            .classes
            .iter()
            .position(|class| *class == said.labels[row]);
        let of_label = of_row[label.expect("the label is a class")];
        // Two classes may be as likely but for rounding.
        assert!(
            best - of_label < 1e-6,
            "{name}, row {row}: {}",
            said.labels[row]
        );
        let why = model.scorer.contributions(&rows.row(row).to_vec(), 0);
        assert_eq!(why.features.len(), model.features.len());
        let sum = why.base + why.features.iter().sum::<f64>();
        assert!(
            (sum - f64::from(of_row[0])).abs() < 1e-5,
            "{name}, row {row}: {sum}"
        );
    }
    // Neither file of ours loses anything of it.
    let mut own = model.clone();
    own.typical.fill(0.0);
    assert_eq!(Model::read(&own.write()).unwrap(), own, "{name}");
    let again = Model::read_onnx(&model.write_onnx().unwrap(), None).unwrap();
    assert_eq!(again.classes, model.classes, "{name}");
    let difference = again.predict(rows.view()) - &judged;
    assert!(difference.iter().all(|one| one.abs() < 1e-6), "{name}");
}

#[test]
fn columns_that_come_one_by_one_have_their_names() {
    let set = &sets()[0];
    let model = read(set, "named").unwrap();
    assert_eq!(model.features[5], "column_5");
    let bytes = fs::read(set.join("foreign/named.onnx")).unwrap();
    let named = Model::read_onnx(&bytes, Some(&names())).unwrap();
    assert_eq!(named.features, names());
}

#[test]
fn labels_are_what_the_operator_behind_the_trees_makes_of_them() {
    let set = &sets()[0];
    assert_eq!(
        read(set, "relabelled").unwrap().classes,
        ["syn_flood", "normal", "port_scan"]
    );
    let numbers = read(set, "forest_numbers").unwrap();
    assert_eq!(numbers.classes, ["0", "1", "2"]);
    let told = numbers.flow_classes().unwrap_err().to_string();
    assert!(told.contains("`netanom.classes`"), "{told}");
}
