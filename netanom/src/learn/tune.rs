//! Hyper-parameters by cross-validation over folds of sources ([`held_out`]): what holds on captures left out.
//!
//! One number after the other is tried with a few other values, and the best so far is kept for the next. That is one
//! way through a grid, not all of it: nine forests a fold in place of eighty-one, and which of several near-equal
//! settings is best is chance anyhow. The same seed and captures give the same result.

use super::held_out::{self, HeldOut, HeldOutError, Plan};
use super::scores::Confusion;
use super::trainer::{ForestSettings, Trainer};

/// Smaller differences are chance: on our captures as much lies between two seeds.
const LEAST_GAIN: f64 = 0.005;

/// Settings that were tried, and how they did.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The settings.
    pub settings: ForestSettings,
    /// Mean F1 over classes of rows left out, weighed as in training; none where nothing could be left out.
    pub macro_f1: Option<f64>,
    /// Their Brier score, not calibrated.
    pub brier: f64,
    /// Whether they were the best when they were tried.
    pub is_taken: bool,
}

/// Other values of one number; those that it has already are not tried again.
type Change = fn(&ForestSettings, features: usize) -> Vec<ForestSettings>;

const CHANGES: [Change; 4] = [
    |settings, _| {
        let depths = [8, 16, 24].into_iter();
        depths
            .map(|max_depth| ForestSettings {
                max_depth,
                ..settings.clone()
            })
            .collect()
    },
    |settings, _| {
        let leaves = [2.0, 5.0, 20.0].into_iter();
        leaves
            .map(|min_leaf| ForestSettings {
                min_leaf,
                ..settings.clone()
            })
            .collect()
    },
    |settings, features| {
        // None is the square root.
        let root = features.isqrt();
        let numbers = [None, Some(2 * root), Some(4 * root)].into_iter();
        let numbers =
            numbers.map(|number| number.map(|number: usize| number.clamp(1, features.max(1))));
        let with = |features_per_split| ForestSettings {
            features_per_split,
            ..settings.clone()
        };
        numbers.map(with).collect()
    },
    |settings, _| {
        let numbers = [50, 100, 200].into_iter();
        numbers
            .map(|trees| ForestSettings {
                trees,
                ..settings.clone()
            })
            .collect()
    },
];

/// How many settings are tried at most.
pub const MOST: usize = 1 + 3 * CHANGES.len();

/// Tries `start`, then others; returns the best and all that was tried, in its order. `progress` is told how many
/// settings of how many at most are done.
///
/// # Errors
/// When a forest cannot be grown.
pub fn tune(
    plan: Plan<'_>,
    classes: &[String],
    features: usize,
    trainer: &dyn Trainer,
    start: &ForestSettings,
    progress: &dyn Fn(usize, usize),
) -> Result<(ForestSettings, Vec<Tried>), HeldOutError> {
    let measure = |settings: &ForestSettings| -> Result<Tried, HeldOutError> {
        let held = held_out::judge(plan, classes, trainer, settings, &|_, _| ())?;
        Ok(Tried {
            settings: settings.clone(),
            macro_f1: confusion(&held).macro_f1(),
            brier: held.brier(&held.shares),
            is_taken: false,
        })
    };
    walk(start, features, &measure, progress)
}

/// The way through the grid, whatever is measured.
fn walk<E>(
    start: &ForestSettings,
    features: usize,
    measure: &dyn Fn(&ForestSettings) -> Result<Tried, E>,
    progress: &dyn Fn(usize, usize),
) -> Result<(ForestSettings, Vec<Tried>), E> {
    progress(0, MOST);
    let mut best = measure(start)?;
    best.is_taken = true;
    let mut tried = vec![best.clone()];
    for (place, change) in CHANGES.iter().enumerate() {
        let before = best.clone();
        for settings in change(&before.settings, features) {
            if tried.iter().any(|known| known.settings == settings) {
                continue;
            }
            let mut one = measure(&settings)?;
            let gain = one.macro_f1.unwrap_or(0.0) - best.macro_f1.unwrap_or(0.0);
            if gain >= LEAST_GAIN {
                one.is_taken = true;
                best = one.clone();
            }
            tried.push(one);
            progress(tried.len(), MOST);
        }
        progress(1 + 3 * (place + 1), MOST);
    }
    Ok((best.settings, tried))
}

fn confusion(held: &HeldOut) -> Confusion<String> {
    Confusion::of_probabilities(&held.classes, &held.shares, &held.labels, &held.weights)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;

    use super::*;

    fn tried(settings: &ForestSettings, macro_f1: f64) -> Result<Tried, Infallible> {
        Ok(Tried {
            settings: settings.clone(),
            macro_f1: Some(macro_f1),
            brier: 0.5,
            is_taken: false,
        })
    }

    #[test]
    fn each_number_is_chosen_with_those_that_were_chosen_before() {
        // Deep trees of small leaves that look at many features are best here.
        let score = |settings: &ForestSettings| {
            let depth = settings.max_depth as f64 / 100.0;
            let features = settings.features_per_split.unwrap_or(10) as f64 / 1000.0;
            tried(settings, 0.5 + depth + features - settings.min_leaf / 100.0)
        };
        let start = ForestSettings::default();
        let (best, tried) = walk(&start, 100, &score, &|_, _| ()).unwrap();
        assert_eq!(
            (best.max_depth, best.min_leaf, best.features_per_split),
            (24, 2.0, Some(40))
        );
        // More trees make no difference, so they stay.
        assert_eq!(best.trees, start.trees);
        assert_eq!(tried.len(), 9);
        assert_eq!(tried.iter().filter(|one| one.is_taken).count(), 4);
        assert_eq!(tried[2].settings.max_depth, 24);
        assert!(tried[3..].iter().all(|one| one.settings.max_depth == 24));
    }

    #[test]
    fn what_is_better_by_chance_is_not_taken() {
        let calls = RefCell::new(0);
        let score = |settings: &ForestSettings| {
            *calls.borrow_mut() += 1;
            tried(
                settings,
                if *calls.borrow() == 1 {
                    0.7
                } else {
                    0.7 + 0.9 * LEAST_GAIN
                },
            )
        };
        let start = ForestSettings::default();
        let (best, tried) = walk(&start, 100, &score, &|_, _| ()).unwrap();
        assert_eq!(best, start);
        assert_eq!(tried.len(), *calls.borrow());
    }

    #[test]
    fn progress_ends_at_its_end_and_never_beyond() {
        let told = RefCell::new(Vec::new());
        let unusual = ForestSettings {
            max_depth: 11,
            min_leaf: 3.0,
            trees: 7,
            ..ForestSettings::default()
        };
        walk(
            &unusual,
            9,
            &|settings| tried(settings, 0.5),
            &|done, most| {
                assert_eq!(most, MOST);
                told.borrow_mut().push(done);
            },
        )
        .unwrap();
        let told = told.into_inner();
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(told.last(), Some(&MOST));
    }
}
