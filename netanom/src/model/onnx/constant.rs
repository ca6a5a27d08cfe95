//! Constants of a graph: the numbers or words that its operators are given.

use super::proto::{TensorData, element};

/// What an operator knows before it sees a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Ints(Vec<i64>),
    Words(Vec<String>),
}

impl Constant {
    /// The tensor's entries; `None` for a type that no operator that is followed takes.
    pub(super) fn of(tensor: &TensorData) -> Option<Self> {
        let raw = &tensor.raw;
        Some(match tensor.element {
            element::FLOAT if raw.is_empty() => Self::Floats(tensor.floats.clone()),
            element::FLOAT => Self::Floats(numbers(raw, f32::from_le_bytes)),
            element::DOUBLE if raw.is_empty() => Self::Doubles(tensor.doubles.clone()),
            element::DOUBLE => Self::Doubles(numbers(raw, f64::from_le_bytes)),
            element::INT64 if raw.is_empty() => Self::Ints(tensor.int64s.clone()),
            element::INT64 => Self::Ints(numbers(raw, i64::from_le_bytes)),
            element::INT32 if raw.is_empty() => Self::Ints(
                tensor
                    .int32s
                    .iter()
                    .map(|number| i64::from(*number))
                    .collect(),
            ),
            element::INT32 => Self::Ints(numbers(raw, |bytes| i32::from_le_bytes(bytes).into())),
            element::STRING => {
                let words = tensor.strings.iter();
                Self::Words(
                    words
                        .map(|word| String::from_utf8_lossy(word).into_owned())
                        .collect(),
                )
            }
            _ => return None,
        })
    }
}

/// Little-endian numbers in a row; bytes after the last whole one are no number.
fn numbers<const BYTES: usize, T>(raw: &[u8], number: fn([u8; BYTES]) -> T) -> Vec<T> {
    let chunks = raw.as_chunks::<BYTES>().0;
    chunks.iter().map(|bytes| number(*bytes)).collect()
}
