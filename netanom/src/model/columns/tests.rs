//! Columns by name: what a model knows is found wherever it stands, and what it lacks is told.

use ndarray::{Array2, array};

use crate::model::forest::tests::random_trees;
use crate::model::{Columns, Forest, Model};

/// A model of features `f0`, `f1`, … and as many random trees as it needs to use them all.
fn model(features: usize) -> Model {
    let forest = Forest::new(&random_trees(5, 60, 3, features as u16), 3, features).unwrap();
    let names = |stem: &str, count| (0..count).map(|at| format!("{stem}{at}")).collect();
    Model::new(
        forest,
        names("c", 3),
        names("f", features),
        vec![0.0; features],
    )
}

/// Rows of numbers around the trees' thresholds, which are below 1.
fn rows(count: usize, width: usize) -> Array2<f32> {
    Array2::from_shape_fn((count, width), |(row, column)| {
        ((row * 37 + column * 101) % 97) as f32 / 97.0
    })
}

#[test]
fn a_model_of_90_features_judges_as_before_when_the_table_has_one_more_and_another_order() {
    let model = model(90);
    let before = rows(40, 90);
    // The order of another program, and what it has added in the midst of it.
    let mut names: Vec<&str> = model.features.iter().map(String::as_str).rev().collect();
    names.insert(33, "added_since");
    let of_name = |row: usize, name: &str| {
        let place = model.features.iter().position(|feature| feature == name);
        place.map_or(1e9, |place| before[[row, place]])
    };
    let after = Array2::from_shape_fn((40, 91), |(row, column)| of_name(row, names[column]));
    let columns = model.columns(&names).unwrap();
    let selected = columns.select(after.view());
    assert_eq!(selected, before);
    let judged = model.predict(selected.view());
    assert_eq!(judged, model.predict(before.view()));
    // They do differ from those of rows that are taken as they are.
    assert_ne!(judged, model.predict(after.view()));
    let row = after.row(7).to_vec();
    let row = columns.select_one(&row);
    assert_eq!(
        model.scorer.contributions(&row, 1),
        model.scorer.contributions(&before.row(7).to_vec(), 1)
    );
}

#[test]
fn rows_in_the_models_order_are_not_copied_even_when_more_columns_follow() {
    let model = model(4);
    for width in [4, 6] {
        let names: Vec<String> = (0..width).map(|at| format!("f{at}")).collect();
        let columns = model.columns(&names).unwrap();
        let rows = rows(5, width);
        let selected = columns.select(rows.view());
        assert!(selected.is_view());
        assert_eq!(selected.dim(), (5, 4));
        assert_eq!(selected.as_ptr(), rows.as_ptr());
        assert_eq!(selected[[4, 3]], rows[[4, 3]]);
    }
}

#[test]
fn all_features_that_are_missing_are_told_with_what_to_do() {
    let told = |names: &[&str]| model(4).columns(names).unwrap_err().to_string();
    assert_eq!(
        told(&["f3", "f1"]),
        "the model `trial` needs 2 features that this program does not have: `f0`, `f2`; use a version of netanom \
         that has them, or train the model again with this one"
    );
    assert_eq!(
        told(&["f3", "f2", "f1", "f1"]),
        "the model `trial` needs a feature that this program does not have: `f0`; use a version of netanom that has \
         it, or train the model again with this one"
    );
    let other = told(&["packets", "bytes"]);
    assert!(
        other.contains("columns of their own, such as `f0`"),
        "{other}"
    );
}

#[test]
fn what_rows_do_not_have_is_no_number() {
    let columns = Columns::of(&["a", "b"], &["b"]);
    assert_eq!(columns.places(), [None, Some(0)]);
    let selected = columns.select_one(&[5.0]);
    assert!(selected[0].is_nan() && selected[1] == 5.0);
    let given = array![[5.0]];
    let selected = columns.select(given.view());
    assert!(selected[[0, 0]].is_nan() && selected[[0, 1]] == 5.0);
    // Rows that are shorter than their names say.
    let short = Columns::of(&["a", "b"], &["a", "b"]);
    assert!(short.select_one(&[5.0])[1].is_nan());
    assert!(short.select(given.view())[[0, 1]].is_nan());
}
