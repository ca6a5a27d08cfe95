//! smartcore's trees as they are imported.

use expect_test::expect;
use ndarray::{Array2, array};
use serde_json::json;

use super::*;
use crate::learn::histogram::HistogramTrainer;
use crate::learn::test_support::{accuracy, data, synthetic};

fn few(trees: usize) -> ForestSettings {
    ForestSettings {
        trees,
        ..ForestSettings::default()
    }
}

fn train(data: &DataSet, settings: &ForestSettings) -> Vec<Tree> {
    SmartcoreTrainer.train(data, settings, &|_| ()).unwrap()
}

#[test]
fn both_trainers_agree_where_no_value_occurs_twice() {
    let (set, unseen) = (synthetic(600, 10, 7), synthetic(600, 0, 8));
    let reference = accuracy(&train(&set, &few(60)), &unseen);
    let ours = HistogramTrainer.train(&set, &few(60), &|_| ()).unwrap();
    let ours = accuracy(&ours, &unseen);
    assert!(reference > 0.95, "{reference}");
    assert!(ours >= reference - 0.01, "{ours} is far below {reference}");
}

#[test]
fn an_imported_tree_judges_as_smartcore_does() {
    let set = synthetic(300, 5, 2);
    let settings = few(1);
    let (x, y) = sample(&set, &settings, 0).unwrap();
    let forest = Forest::fit(&x, &y, parameters(&set, &settings, 0)).unwrap();
    let expected = forest.predict(&x).unwrap();
    let tree = &train(&set, &settings)[0];
    for (row, expected) in set.rows.rows().into_iter().zip(expected) {
        let distribution = tree.distribution(row.as_slice().unwrap()).unwrap();
        assert_eq!(distribution[expected as usize], 1.0);
    }
}

#[test]
fn depth_is_counted_in_splits() {
    let set = synthetic(300, 3, 2);
    let settings = ForestSettings {
        max_depth: 1,
        ..few(1)
    };
    assert_eq!(train(&set, &settings)[0].nodes.len(), 3);
}

#[test]
fn the_trees_are_the_same_whatever_the_number_of_threads() {
    let mut set = synthetic(100, 5, 2);
    set.weights
        .iter_mut()
        .step_by(3)
        .for_each(|weight| *weight = 2.5);
    let grown = |threads| {
        let settings = ForestSettings { threads, ..few(5) };
        train(&set, &settings)
    };
    assert_eq!(grown(1), grown(4));
}

#[test]
fn rows_are_repeated_in_proportion_to_their_weight() {
    for tenth in 0..10 {
        let offset = f64::from(tenth) / 10.0;
        let rows = repeat_by_weight(&[0.0, 2.0, 1.0, 0.5, 0.5, 0.0, 2.0], offset);
        assert_eq!(rows.len(), 7);
        let count = |row| rows.iter().filter(|&&found| found == row).count();
        assert_eq!((count(0), count(5)), (0, 0));
        // 2 of 6 of 7 rows are 2.3.
        assert!([2, 3].contains(&count(1)) && [2, 3].contains(&count(6)));
    }
    assert_eq!(repeat_by_weight(&[3.0; 5], 0.99), [0, 1, 2, 3, 4]);
}

#[test]
fn data_that_it_cannot_learn_from_are_refused() {
    let refused = |set: &DataSet| {
        let error = SmartcoreTrainer.train(set, &few(1), &|_| ()).unwrap_err();
        error.to_string()
    };
    let mut infinite = synthetic(20, 0, 1);
    infinite.rows[[3, 2]] = f32::INFINITY;
    assert_eq!(refused(&infinite), "feature `f2` of row 3 is not a number");
    let mut one = synthetic(20, 0, 1);
    one.labels.fill(1);
    assert_eq!(
        refused(&one),
        "smartcore failed: tree 0: Fit failed: Incorrect number of classes: 1. Should be >= 2.; \
         `--trainer histogram` does not depend on it"
    );
}

#[test]
fn a_flag_is_lost_that_the_histogram_trainer_finds() {
    // A binary feature with 20 % noise. The reference gives up where the rows at the border look alike.
    let split = |trees: Vec<Tree>| trees.iter().filter(|tree| tree.nodes.len() > 1).count();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let flags: Vec<f32> = (0..200).map(|_| (random.next_u32() % 2) as f32).collect();
    let noisy = |&flag: &f32| flag as u8 ^ u8::from(random.next_u32() % 5 == 0);
    let labels: Vec<u8> = flags.iter().map(noisy).collect();
    let mut lost = 0;
    for seed in 0..20 {
        let rows = Array2::from_shape_vec((200, 1), flags.clone()).unwrap();
        let mut set = data(rows, &labels);
        set.rows.as_slice_mut().unwrap().rotate_left(seed);
        set.labels.rotate_left(seed);
        let settings = ForestSettings {
            seed: seed as u64,
            ..few(10)
        };
        let ours = HistogramTrainer.train(&set, &settings, &|_| ()).unwrap();
        assert_eq!(split(ours), 10);
        lost += 10 - split(train(&set, &settings));
    }
    assert!(
        lost > 10,
        "smartcore found all but {lost} of 200 splits: is its bug mended?"
    );
}

/// What this version writes. When it changes, read the new form before touching `NodeForm`.
#[test]
fn the_serialised_form_is_that_of_version_0_7() {
    let x = DenseMatrix::from_2d_array(&[&[0.0f32], &[1.0], &[2.0], &[3.0]]).unwrap();
    let forest = Forest::fit(
        &x,
        &vec![0, 0, 2, 2],
        RandomForestClassifierParameters::default()
            .with_n_trees(1)
            .with_seed(1),
    );
    let form = serde_json::to_value(forest.unwrap()).unwrap();
    expect![[r#"{"classes":[0,2],"samples":null,"trees":[{"_phantom_tx":null,"_phantom_x":null,"_phantom_y":null,"classes":[0,2],"depth":2,"nodes":[{"false_child":2,"impurity":0.5,"n_node_samples":4,"output":0,"split_feature":0,"split_score":0.5,"split_value":1.5,"true_child":1},{"false_child":null,"impurity":0.0,"n_node_samples":2,"output":0,"split_feature":0,"split_score":null,"split_value":null,"true_child":null},{"false_child":null,"impurity":0.0,"n_node_samples":2,"output":1,"split_feature":0,"split_score":null,"split_value":null,"true_child":null}],"num_classes":2,"num_features":1,"parameters":{"criterion":"Gini","max_depth":null,"min_samples_leaf":1,"min_samples_split":2,"seed":1}}]}"#]].assert_eq(&form.to_string());
    let set = data(array![[0.0]], &[2]);
    expect![[r#"
        Tree {
            nodes: [
                Node {
                    cover: 4.0,
                    step: Split {
                        feature: 0,
                        threshold: 1.5,
                        left: 1,
                        right: 2,
                    },
                },
                Node {
                    cover: 2.0,
                    step: Leaf {
                        distribution: [
                            1.0,
                            0.0,
                            0.0,
                        ],
                    },
                },
                Node {
                    cover: 2.0,
                    step: Leaf {
                        distribution: [
                            0.0,
                            0.0,
                            1.0,
                        ],
                    },
                },
            ],
        }
    "#]]
    .assert_debug_eq(&import(form, &set).unwrap());
}

#[test]
fn another_layout_is_refused() {
    let set = data(array![[0.0]], &[1]);
    let node = json!({"output": 0, "n_node_samples": 3, "split_feature": 0, "split_value": null,
        "split_score": null, "true_child": null, "false_child": null, "impurity": null});
    let form =
        |node: &Value| json!({"trees": [{"nodes": [node], "num_features": 1, "classes": [0, 1]}]});
    assert!(import(form(&node), &set).is_ok());
    let check = |expected: &str, change: &dyn Fn(&mut Value)| {
        let mut other = node.clone();
        change(&mut other);
        let error = import(form(&other), &set).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check("unknown field `missing_left`", &|node| {
        node["missing_left"] = json!(true);
    });
    check("missing field `output`", &|node| {
        drop(node.as_object_mut().unwrap().remove("output"));
    });
    check("a leaf's class does not exist", &|node| {
        node["output"] = json!(2);
    });
    check("one child", &|node| node["true_child"] = json!(1));
    let wide = data(array![[0.0, 0.0]], &[1]);
    assert_eq!(import(form(&node), &wide).unwrap_err(), "it has 1 features");
    assert_eq!(
        import(json!({"trees": []}), &set).unwrap_err(),
        "it has 0 trees instead of 1"
    );
}

#[test]
fn thresholds_are_rounded_down() {
    for threshold in [
        0.1f64,
        -0.1,
        1.0,
        16_777_217.0,
        -16_777_217.0,
        1e-50,
        -1e-50,
    ] {
        let rounded = rounded_down(threshold);
        assert!(f64::from(rounded) <= threshold && f64::from(rounded.next_up()) > threshold);
    }
}
