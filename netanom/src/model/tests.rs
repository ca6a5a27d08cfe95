//! The model file: what is written reads back, and nothing else is read.

use std::error::Error;

use ndarray::array;
use proptest::prelude::*;
use serde_json::json;

use super::file::FORMAT;
use super::forest::tests::{random_trees, three_classes};
use super::*;

fn small() -> Model {
    Model {
        name: "small".to_owned(),
        version: "7".to_owned(),
        trained_at: "2026-11-03T12:00:00Z".to_owned(),
        classes: ["normal", "syn_flood", "port_scan"]
            .map(str::to_owned)
            .to_vec(),
        features: vec!["packets".to_owned(), "bytes".to_owned()],
        words: BTreeMap::new(),
        grouping: None,
        typical: vec![0.1, 1e300],
        scorer: Forest::new(&[three_classes(), three_classes()], 3, 2)
            .unwrap()
            .into(),
        calibration: Some(squares()),
        evidence: None,
        conversations: None,
        trainer: "histogram".to_owned(),
        settings: json!({"trees": 2}),
        data_digest: "sha256:00".to_owned(),
        scores: json!({"macro_f1": 0.5}),
        card: "# Small\nfür Tests".to_owned(),
    }
}

/// Shares of three classes, squared.
fn squares() -> Calibration {
    let table = (0..CALIBRATION_POINTS).map(|at| (at as f32 / 64.0).powi(2));
    let table: Vec<f32> = table.collect();
    Calibration::new("squares", table.repeat(3), 3).unwrap()
}

/// An error with all its causes, as a command prints it.
fn told(error: &dyn Error) -> String {
    let cause = error.source().map(told);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// The bytes with another header, and a checksum that is right.
fn with_header(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[24..24 + length]).unwrap();
    change(&mut header);
    let header = header.to_string();
    let mut changed = bytes[..12].to_vec();
    changed.extend((header.len() as u32).to_le_bytes());
    changed.extend(&bytes[16..24]);
    changed.extend(header.as_bytes());
    changed.extend(&bytes[24 + length..bytes.len() - 4]);
    sealed(changed)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

#[test]
fn what_is_written_reads_back() {
    assert_eq!(Model::read(&small().write()).unwrap(), small());
}

#[test]
fn every_truncation_is_refused_as_one() {
    let bytes = small().write();
    for length in 1..bytes.len() {
        let error = Model::read(&bytes[..length]).unwrap_err();
        assert!(
            matches!(error, ModelError::Truncated { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = small().write();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            assert!(Model::read(&flipped).is_err(), "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn other_files_are_told_from_damaged_models() {
    for other in [
        &b""[..],
        b"\x7fELF",
        b"NETANOMX, and more than a prefix",
        b"{}",
    ] {
        assert!(matches!(Model::read(other), Err(ModelError::Foreign)));
    }
    let mut longer = small().write();
    longer.push(0);
    assert!(matches!(
        Model::read(&longer),
        Err(ModelError::Damaged("bytes follow its end"))
    ));
}

#[test]
fn a_newer_format_is_named_with_the_one_that_is_read() {
    let mut bytes = small().write();
    bytes[8] = 9;
    let error = Model::read(&bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("the model has format 9 and this program reads up to format 4;"),
        "{error}"
    );
    assert_eq!(FORMAT, 4);
}

#[test]
fn a_file_of_format_1_is_read_and_not_calibrated() {
    let bytes = include_bytes!("tests/format1.model");
    assert_eq!(bytes[8], 1);
    let model = Model::read(bytes).unwrap();
    let forest = model.scorer.forest().unwrap();
    assert_eq!((model.name.as_str(), forest.trees()), ("old", 1));
    assert_eq!(model.evidence, None);
    assert_eq!(model.calibration, None);
    let rows = Array2::from_elem((1, model.features.len()), 1.0);
    assert_eq!(model.predict(rows.view()), model.scorer.shares(rows.view()));
    assert_eq!(Model::read(&model.write()).unwrap(), model);
}

#[test]
fn a_calibrated_model_gives_what_its_tables_say() {
    let model = Model {
        scorer: Forest::new(&random_trees(3, 20, 3, 2), 3, 2)
            .unwrap()
            .into(),
        ..small()
    };
    let rows = array![[0.3, 0.7], [0.9, 0.1]];
    let mut expected = model.scorer.shares(rows.view());
    squares().apply_rows(&mut expected);
    assert_eq!(model.predict(rows.view()), expected);
    assert_ne!(model.predict(rows.view()), model.scorer.shares(rows.view()));
}

#[test]
fn a_header_that_contradicts_the_arrays_is_refused() {
    let bytes = small().write();
    let check = |expected: &str, change: &dyn Fn(&mut Value)| {
        let error = told(&Model::read(&with_header(&bytes, change)).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    check("not as long as its header says", &|h| {
        h["nodes"] = json!(11);
    });
    check("not as long as its header says", &|h| {
        h["calibration"] = Value::Null;
    });
    check("not as long as its header says", &|h| {
        h["trees"] = json!(u64::MAX);
    });
    check("not as long as its header says", &|h| {
        h["leaves"] = json!(u64::MAX / 2);
    });
    check("one name", &|h| {
        h["features"] = json!(["packets", "packets"]);
    });
    check("names a class twice", &|h| {
        h["classes"] = json!(["normal", "normal", "port_scan"]);
    });
    check("cannot be understood", &|h| *h = json!(7));
    check("missing field `card`", &|h| {
        drop(h.as_object_mut().unwrap().remove("card"));
    });
    // The same length in all, but other columns.
    check("feature column has 6 entries and its trees need 10", &|h| {
        h["nodes"] = json!(10 - 4);
        h["leaves"] = json!(6 + 3);
    });
}

#[test]
fn typical_values_are_numbers() {
    let model = Model {
        typical: vec![f64::NAN, 0.0],
        ..small()
    };
    let error = Model::read(&model.write()).unwrap_err().to_string();
    assert!(error.contains("typical value is not a number"), "{error}");
}

#[test]
fn what_the_evidence_was_set_to_reads_back_and_older_programs_need_not_know_it() {
    let evidence =
        json!({"bar": 9.5, "half_life": 30.0, "false_alarms_per_hour": 0.0, "newer": [1]});
    let model = Model {
        evidence: Some(serde_json::from_value(evidence).unwrap()),
        ..small()
    };
    let bytes = model.write();
    assert_eq!(bytes[8], 2, "a newer format would be refused by them");
    assert_eq!(Model::read(&bytes).unwrap(), model);
    let further = &model.evidence.as_ref().unwrap().further;
    assert_eq!(further["newer"], json!([1]));
    for wrong in [
        json!({"bar": 0.0}),
        json!({"half_life": -1.0}),
        json!({"false_alarms_per_hour": -0.1}),
    ] {
        let changed = with_header(&bytes, |header| header["evidence"] = wrong.clone());
        let error = Model::read(&changed).unwrap_err().to_string();
        assert!(error.contains("is no number above 0"), "{wrong}: {error}");
    }
}

#[test]
fn a_model_is_saved_and_loaded_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    small().save(&path).unwrap();
    assert_eq!(Model::load(&path).unwrap(), small());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let missing = Model::load(&folder.path().join("b.model")).unwrap_err();
    assert!(
        told(&missing).contains("b.model`: the file cannot be read: No such file"),
        "{}",
        told(&missing)
    );
    let nowhere = small().save(&folder.path().join("no/c.model")).unwrap_err();
    assert!(
        told(&nowhere).starts_with("cannot write the model `"),
        "{}",
        told(&nowhere)
    );
    let broken = Model {
        typical: vec![],
        ..small()
    };
    assert!(matches!(broken.save(&path), Err(ModelError::File { .. })));
    assert_eq!(Model::load(&path).unwrap(), small());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_forest_reads_back(seed: u64) {
        let forest = Forest::new(&random_trees(seed, 5, 3, 2), 3, 2).unwrap();
        let model = Model { scorer: forest.into(), ..small() };
        prop_assert_eq!(Model::read(&model.write()).unwrap(), model);
    }

    /// The checksum is made right, so what stands behind it must hold on its own.
    #[test]
    fn a_hostile_file_is_refused_or_judges(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        row in prop::collection::vec(any::<f32>(), 2),
    ) {
        let mut bytes = small().write();
        bytes.truncate(bytes.len() - 4);
        let prefix = 24;
        for (at, value) in changes {
            let at = prefix + at.index(bytes.len() - prefix);
            bytes[at] = value;
        }
        if let Ok(model) = Model::read(&sealed(bytes)) {
            let rows = ArrayView2::from_shape((1, 2), &row).unwrap();
            let out = model.scorer.shares(rows).row(0).to_vec();
            prop_assert!((model.predict(rows).sum() - 1.0).abs() < 1e-2);
            prop_assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-2);
            let why = model.scorer.contributions(&row, 1);
            prop_assert!((why.base + why.features.iter().sum::<f64>() - f64::from(out[1])).abs() < 1e-5);
        }
    }
}

#[test]
fn classes_that_no_flow_has_are_for_tables() {
    let classes = [Class::Normal, Class::SynFlood, Class::PortScan];
    assert_eq!(small().flow_classes().unwrap(), classes);
    let mut other = small();
    other.classes[1] = "neptune".to_owned();
    other.words.insert(
        "bytes".to_owned(),
        vec!["few".to_owned(), "many".to_owned()],
    );
    assert_eq!(Model::read(&other.write()).unwrap(), other);
    let said = told(&other.flow_classes().unwrap_err());
    assert!(
        said.contains("evaluate --table") && said.contains("`neptune`"),
        "{said}"
    );
}

/// A model with one for conversations.
fn of_both() -> Model {
    Model {
        conversations: Some(Box::new(Model {
            classes: ["normal", "brute_force", "brute_force/form"]
                .map(str::to_owned)
                .to_vec(),
            features: vec!["copies_fwd".to_owned(), "pause".to_owned()],
            ..small()
        })),
        ..small()
    }
}

#[test]
fn a_model_of_conversations_is_kept_within_the_other() {
    let model = of_both();
    assert_eq!(Model::read(&model.write()).unwrap(), model);
}

#[test]
fn only_a_file_with_a_model_of_conversations_needs_the_newest_format() {
    let format = |model: &Model| u32::from_le_bytes(model.write()[8..12].try_into().unwrap());
    assert_eq!(format(&of_both()), FORMAT);
    assert!(format(&small()) < FORMAT);
}

#[test]
fn a_model_of_conversations_within_another_is_refused() {
    let inner = of_both().write();
    let mut outer = of_both();
    let bytes = outer.write();
    let size = outer.conversations.take().unwrap().write().len();
    let mut deeper = bytes[..bytes.len() - 4 - size].to_vec();
    deeper.extend(&inner);
    deeper.extend([0; 4]);
    let arrays = u64::from_le_bytes(deeper[16..24].try_into().unwrap());
    deeper[16..24].copy_from_slice(&(arrays - size as u64 + inner.len() as u64).to_le_bytes());
    let deeper = with_header(&deeper, |header| {
        header["conversations"] = inner.len().into();
    });
    let error = told(&Model::read(&deeper).unwrap_err());
    assert!(error.contains("has another one"), "{error}");
}

#[test]
fn kinds_of_one_class_are_that_class_to_flows() {
    let model = of_both().conversations.unwrap();
    assert_eq!(
        model.flow_classes().unwrap(),
        [Class::Normal, Class::BruteForce, Class::BruteForce]
    );
}
