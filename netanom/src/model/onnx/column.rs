//! What a graph does to a column of its input before the trees see it, and where a split of the trees is then in the
//! column itself.
//!
//! All that is followed keeps numbers in order, so the rows that a split sends left are those up to some number. That is
//! looked for among all f32, in their order: the split is then the same to the last bit, whatever was rounded on the way.

use super::OnnxError;

/// One step; gaps (NaN) stay gaps but for the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Add(f32),
    Subtract(f32),
    /// By a number above 0.
    Multiply(f32),
    /// By a number above 0.
    Divide(f32),
    /// A gap is this number.
    Fill(f32),
}

/// A column of what the trees get.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// The column of the graph's input.
    pub(super) source: usize,
    /// In their order.
    pub(super) steps: Vec<Step>,
}

/// A split of a column of the graph's input: rows up to `threshold` go left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) threshold: f32,
    pub(super) is_gap_right: bool,
}

impl Column {
    /// What the trees get for a value.
    fn value(&self, value: f32) -> f32 {
        self.steps.iter().fold(value, |value, step| match step {
            Step::Add(number) => value + number,
            Step::Subtract(number) => value - number,
            Step::Multiply(number) => value * number,
            Step::Divide(number) => value / number,
            Step::Fill(number) if value.is_nan() => *number,
            Step::Fill(_) => value,
        })
    }

    /// The split of rows for which `goes_left` holds, which must hold up to some number and for none beyond it. A gap
    /// that nothing fills goes right if `is_gap_right`.
    pub(super) fn split(&self, goes_left: impl Fn(f32) -> bool, is_gap_right: bool) -> Split {
        let filled = self.value(f32::NAN);
        Split {
            threshold: last(|value| goes_left(self.value(value))),
            is_gap_right: match filled.is_nan() {
                true => is_gap_right,
                false => !goes_left(filled),
            },
        }
    }
}

/// A node's split of the rows, and whether those for which its comparison holds go right. Its own words: where the
/// comparison holds, or where there is a gap and those are said to go along.
pub(super) fn split(
    column: &Column,
    mode: &[u8],
    value: f64,
    is_gap_true: bool,
) -> Result<(Split, bool), OnnxError> {
    let up_to = |row: f32| f64::from(row) <= value;
    let below = |row: f32| f64::from(row) < value;
    if value.is_nan() {
        return Err(OnnxError::Value {
            name: "nodes_values",
            value: value.to_string(),
        });
    }
    // A row of which x > v or x ≥ v holds goes right here, and so does a gap that goes along with it.
    Ok(match mode {
        b"BRANCH_LEQ" => (column.split(up_to, !is_gap_true), false),
        b"BRANCH_LT" => (column.split(below, !is_gap_true), false),
        b"BRANCH_GT" => (column.split(up_to, is_gap_true), true),
        b"BRANCH_GTE" => (column.split(below, is_gap_true), true),
        mode => {
            return Err(OnnxError::Value {
                name: "nodes_modes",
                value: String::from_utf8_lossy(mode).into_owned(),
            });
        }
    })
}

/// The greatest finite number for which it holds, or −∞ where it holds for none. Rows have no infinities: tables and
/// features are read as finite numbers.
fn last(holds: impl Fn(f32) -> bool) -> f32 {
    let (mut least, mut most) = (order(f32::NEG_INFINITY), order(f32::MAX));
    // What is kept: it holds for `least` (or for nothing finite), and for nothing beyond `most`.
    while least < most {
        let middle = (i64::from(least) + i64::from(most) + 1).div_euclid(2) as i32;
        if holds(number(middle)) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    number(least)
}

/// Numbers in their order, as integers (IEEE 754, 5.10): the bits of a negative one count down.
fn order(number: f32) -> i32 {
    let bits = number.to_bits().cast_signed();
    if bits < 0 { i32::MIN - bits } else { bits }
}

/// The number at this place of the order.
fn number(order: i32) -> f32 {
    let bits = if order < 0 { i32::MIN - order } else { order };
    f32::from_bits(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_split_of_a_column_that_nothing_was_done_to_is_that_of_the_trees() {
        let column = Column {
            source: 3,
            steps: Vec::new(),
        };
        for threshold in [0.0, -0.0, 1.5, -1e-45, f32::MAX, f32::MIN] {
            let split = column.split(|value| value <= threshold, true);
            assert_eq!(split.threshold, threshold);
            assert!(split.is_gap_right);
        }
        let below = column.split(|value| value < 1.5, false);
        assert_eq!(below.threshold, 1.5f32.next_down());
        assert!(!below.is_gap_right);
        assert_eq!(column.split(|_| true, true).threshold, f32::MAX);
        assert_eq!(column.split(|_| false, true).threshold, f32::NEG_INFINITY);
    }

    #[test]
    fn a_filled_gap_goes_where_the_number_goes() {
        let column = Column {
            source: 0,
            steps: vec![Step::Fill(2.0), Step::Subtract(1.0)],
        };
        assert!(!column.split(|value| value <= 1.0, true).is_gap_right);
        assert!(column.split(|value| value < 1.0, false).is_gap_right);
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order(a: f32, b: f32) {
            prop_assume!(!a.is_nan() && !b.is_nan() && a != b);
            prop_assert_eq!(a < b, order(a) < order(b));
            prop_assert_eq!(number(order(a)), a);
        }

        #[test]
        fn rows_go_where_the_trees_would_send_what_was_made_of_them(
            offset in -1e6f32..1e6,
            scale in 1e-6f32..1e6,
            threshold in -1e3f32..1e3,
            near in -3i32..=3,
            any: f32,
        ) {
            let column = Column {
                source: 0,
                steps: vec![Step::Subtract(offset), Step::Multiply(scale)],
            };
            let split = column.split(|value| value <= threshold, true);
            let close = number(order(split.threshold).saturating_add(near));
            for row in [close, any].into_iter().filter(|row| row.is_finite()) {
                let goes_left = column.value(row) <= threshold;
                prop_assert_eq!(row <= split.threshold, goes_left, "{}", row);
            }
        }
    }
}
