//! Cross-validation: every row is judged once by what has not seen it, and the scores are those of the rows.

use super::*;

/// 300 rows: `x` is above 5, and `y` too in one of 30.
fn overlapping() -> (Table, Classes) {
    let mut text = "noise,value,label\n".to_owned();
    for row in 0..300 {
        let is_odd = row % 30 == 0;
        let (value, label) = match row % 3 {
            _ if is_odd => (7, "normal"),
            0 => (7, "x"),
            _ => (2, "normal"),
        };
        text += &format!("{},{value},{label}\n", row * 7 % 11);
    }
    let table = read(&text, &labelled("label")).unwrap();
    let classes = Classes::of(&table, &ClassRules::default()).unwrap();
    (table, classes)
}

fn trial<'a>(folds: usize, learner: &'a Learner<'a>) -> Trial<'a> {
    Trial {
        folds,
        learner,
        has_importance: true,
    }
}

#[test]
fn every_row_is_judged_once_by_a_forest_without_it() {
    /// Learns the rows' number by heart and nothing else: a row that it was trained on gets all of its class.
    struct ByHeart;
    impl Trainer for ByHeart {
        fn name(&self) -> &'static str {
            "by heart"
        }
        fn train(
            &self,
            data: &crate::learn::dataset::DataSet,
            _: &ForestSettings,
            _: &(dyn Fn(usize) + Sync),
        ) -> Result<Vec<Tree>, TrainError> {
            assert_eq!(data.labels.len(), 240);
            let of_x = data.labels.iter().filter(|label| **label == 1).count();
            // Dealt in turn: each fold has 18 of the 90.
            assert_eq!(of_x, 72);
            let distribution = vec![0.25, 0.75];
            let step = Step::Leaf { distribution };
            Ok(vec![Tree {
                nodes: vec![Node { cover: 1.0, step }],
            }])
        }
    }
    let (table, classes) = overlapping();
    let settings = ForestSettings::default();
    let normal = of_normal();
    let learner = forests(&ByHeart, &settings, &normal);
    let judged = cross_validate(&table, &classes, trial(5, &learner), &|_| ()).unwrap();
    assert!(judged.probabilities.outer_iter().all(|row| row[1] == 0.75));
    assert!(judged.accuracies.iter().all(|accuracy| *accuracy == 0.3));
    let told = cross_validate(&table, &classes, trial(301, &learner), &|_| ()).unwrap_err();
    assert!(told.to_string().contains("301 folds of 300 rows"), "{told}");
}

#[test]
fn the_scores_are_those_of_the_rows() {
    let (table, classes) = overlapping();
    let settings = ForestSettings {
        trees: 20,
        features_per_split: Some(2),
        min_leaf: 30.0,
        ..ForestSettings::default()
    };
    let normal = of_normal();
    let learner = forests(&HistogramTrainer, &settings, &normal);
    let judged = cross_validate(&table, &classes, trial(5, &learner), &|_| ()).unwrap();
    let scores = TableScores::of(&classes, &judged.probabilities, 0.001);
    // Ten normal rows look like `x`; all others are told apart.
    assert_eq!(
        scores.confusion["normal"]["x"] + scores.confusion["normal"]["normal"],
        210
    );
    assert_eq!(scores.confusion["x"]["x"], 90);
    assert_eq!(scores.confusion["normal"]["x"], 10);
    assert_eq!(scores.accuracy, Some(290.0 / 300.0));
    assert_eq!(scores.false_calls_per_1000, Some(1000.0 * 10.0 / 210.0));
    assert!(scores.roc_auc.unwrap() > 0.95 && scores.class_roc_auc["x"] == scores.roc_auc);
    assert_eq!(judged.importance[0].0, "value");
}
