//! A training set: feature rows, what they are, which capture they come from and how much each counts.

use std::collections::BTreeMap;

use ndarray::Array2;
use sha2::{Digest, Sha256};

use crate::alert::Class;

/// Rows with labels; all vectors are as long as there are rows.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// A row a judged flow, a column a feature.
    pub rows: Array2<f32>,
    /// Index into [`Self::classes`].
    pub labels: Vec<u8>,
    /// The classes that occur.
    pub classes: Vec<String>,
    /// How much each row counts.
    pub weights: Vec<f32>,
    /// Index into [`Self::group_names`]: the capture that the row comes from.
    pub groups: Vec<u32>,
    /// The captures.
    pub group_names: Vec<String>,
    /// Of captures that were made: their source, all of whose captures together count as the square root of their number.
    /// A thousand drawn captures would else be all that is learned.
    pub made: BTreeMap<u32, String>,
    /// The features' names, by column.
    pub features: Vec<String>,
}

impl DataSet {
    /// Scales the weights so that a flood's 40,000 rows do not drown a scan's 15.
    ///
    /// Within a class a capture counts as the square root of its weight: a large one knows more than a small one, but
    /// not in proportion, as rows of one capture are near-copies. So it is with all captures of a source that were made.
    /// All classes together count the same, but for `normal`, which counts as much as all attacks together: it is what the
    /// sensor sees nearly always, and an alarm on it costs the operator's trust. The weights add up to the number of rows.
    pub fn balance(&mut self) {
        let mut totals: BTreeMap<(u8, u32), f64> = BTreeMap::new();
        for ((label, group), weight) in self.labels.iter().zip(&self.groups).zip(&self.weights) {
            *totals.entry((*label, *group)).or_default() += f64::from(*weight);
        }
        let counts = self.counts(&totals);
        let mut of_class: BTreeMap<u8, f64> = BTreeMap::new();
        for ((label, _), count) in &counts {
            *of_class.entry(*label).or_default() += count;
        }
        let attacks = of_class.len().saturating_sub(1).max(1) as f64;
        let share = |label: u8| {
            let is_normal = self
                .classes
                .get(usize::from(label))
                .is_some_and(|class| class == Class::Normal.name());
            if is_normal { attacks } else { 1.0 }
        };
        let all: f64 = of_class.keys().map(|label| share(*label)).sum();
        let rows = self.labels.len() as f64;
        for ((label, group), weight) in self.labels.iter().zip(&self.groups).zip(&mut self.weights)
        {
            let place = (*label, *group);
            let count = counts[&place] / of_class[label] * share(*label) / all;
            *weight = (f64::from(*weight) / totals[&place] * count * rows) as f32;
        }
    }

    /// How much each capture counts in a class, from the weights of its rows.
    fn counts(&self, totals: &BTreeMap<(u8, u32), f64>) -> BTreeMap<(u8, u32), f64> {
        let mut of_made: BTreeMap<(u8, &str), f64> = BTreeMap::new();
        for ((label, group), total) in totals {
            if let Some(source) = self.made.get(group) {
                *of_made.entry((*label, source)).or_default() += total.sqrt();
            }
        }
        let count = |(label, group): (u8, u32), total: f64| {
            let source = self.made.get(&group);
            let all = source.map_or(1.0, |source| of_made[&(label, source.as_str())]);
            total.sqrt() / all.sqrt()
        };
        totals
            .iter()
            .map(|(place, total)| (*place, count(*place, *total)))
            .collect()
    }

    /// The place of normal traffic among the classes.
    #[must_use]
    pub fn normal(&self) -> Option<usize> {
        let mut classes = self.classes.iter();
        classes.position(|class| class == Class::Normal.name())
    }

    /// The median of each feature among normal rows; 0 when there are none.
    #[must_use]
    pub fn typical(&self) -> Vec<f64> {
        let normal = self.normal();
        let is_normal = |label: u8| Some(usize::from(label)) == normal;
        let medians = self.rows.columns().into_iter().map(|column| {
            let with_label = column.iter().zip(&self.labels);
            let mut values: Vec<f32> = with_label
                .filter(|(_, label)| is_normal(**label))
                .map(|(value, _)| *value)
                .collect();
            values.sort_by(f32::total_cmp);
            values.get(values.len() / 2).copied().map_or(0.0, f64::from)
        });
        medians.collect()
    }

    /// SHA-256 over features, classes, rows, labels and weights, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for name in &self.features {
            hash.update(name);
            hash.update([0]);
        }
        for class in &self.classes {
            hash.update(class);
            hash.update([0]);
        }
        for value in self.rows.iter().chain(&self.weights) {
            hash.update(value.to_le_bytes());
        }
        hash.update(&self.labels);
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn set() -> DataSet {
        DataSet {
            rows: array![[1.0], [2.0], [9.0], [5.0], [5.0], [5.0]],
            labels: vec![0, 0, 0, 1, 1, 1],
            classes: vec!["normal".into(), "port_scan".into()],
            weights: vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            groups: vec![0, 0, 0, 1, 1, 2],
            group_names: vec!["a".into(), "b".into(), "c".into()],
            made: BTreeMap::new(),
            features: vec!["duration".into()],
        }
    }

    #[test]
    fn a_larger_capture_counts_more_but_not_in_proportion() {
        let mut set = set();
        set.balance();
        let large = set.weights[3] + set.weights[4];
        let small = set.weights[5];
        assert!(
            (large / small - 2.0_f32.sqrt()).abs() < 1e-5,
            "{:?}",
            set.weights
        );
    }

    #[test]
    fn a_hundred_made_captures_count_as_ten() {
        let captures = 1 + 1 + 100;
        let mut set = DataSet {
            rows: Array2::zeros((captures, 1)),
            labels: (0..captures).map(|capture| u8::from(capture > 0)).collect(),
            weights: vec![1.0; captures],
            groups: (0..captures as u32).collect(),
            group_names: (0..captures).map(|capture| capture.to_string()).collect(),
            made: (2..102).map(|group| (group, "drawn".to_owned())).collect(),
            ..set()
        };
        set.balance();
        let made: f32 = set.weights[2..].iter().sum();
        assert!((made / set.weights[1] - 10.0).abs() < 1e-4, "{made}");
    }

    #[test]
    fn normal_counts_as_much_as_all_attacks() {
        let mut set = set();
        set.balance();
        let normal: f32 = set.weights[..3].iter().sum();
        assert!((normal - 3.0).abs() < 1e-5, "{:?}", set.weights);
    }

    #[test]
    fn typical_is_the_median_of_normal_rows() {
        assert_eq!(set().typical(), [2.0]);
    }

    #[test]
    fn other_data_has_another_digest() {
        let mut other = set();
        other.labels[0] = 1;
        assert_ne!(set().digest(), other.digest());
    }
}
