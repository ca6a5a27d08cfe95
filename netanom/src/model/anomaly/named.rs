//! Arrays with names, which is all that a detector's learning is: what a model file holds of it.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Why arrays are no detector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// One is not there.
    #[error("its numbers lack `{0}`")]
    Missing(String),
    /// One does not fit.
    #[error("{0}")]
    Wrong(String),
}

/// What a file's header says of an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::model) struct Outline(pub(in crate::model) String, usize, usize);

impl Outline {
    /// Bytes of the array, or `None` where no memory could hold them.
    pub(in crate::model) fn bytes(&self) -> Option<usize> {
        self.1.checked_mul(self.2)?.checked_mul(size_of::<f32>())
    }
}

/// Arrays by name; names have parts, with a full stop between them.
#[derive(Debug, Default)]
pub(in crate::model) struct NamedArrays {
    prefix: String,
    arrays: BTreeMap<String, Array2<f32>>,
}

impl NamedArrays {
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What is put or taken meanwhile has this part in its name.
    pub(in crate::model) fn within<T>(
        &mut self,
        part: &str,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.prefix.len();
        self.prefix.push_str(part);
        self.prefix.push('.');
        let result = work(self);
        self.prefix.truncate(before);
        result
    }

    pub(in crate::model) fn put(&mut self, name: &str, array: Array2<f32>) {
        self.arrays.insert(self.name(name), array);
    }

    pub(in crate::model) fn put_row(&mut self, name: &str, row: impl IntoIterator<Item = f32>) {
        let row: Array1<f32> = row.into_iter().collect();
        self.put(name, row.insert_axis(ndarray::Axis(0)));
    }

    pub(in crate::model) fn put_one(&mut self, name: &str, number: f32) {
        self.put_row(name, [number]);
    }

    pub(in crate::model) fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(&self.name(name))
    }

    /// Whether any name goes on after this part.
    pub(in crate::model) fn has_part(&self, part: &str) -> bool {
        let part = self.name(part) + ".";
        self.arrays.keys().any(|name| name.starts_with(&part))
    }

    /// Takes an array whose numbers are all finite.
    pub(in crate::model) fn take(&mut self, name: &str) -> Result<Array2<f32>, ArrayError> {
        let name = self.name(name);
        let Some(array) = self.arrays.remove(&name) else {
            return Err(ArrayError::Missing(name));
        };
        if array.iter().any(|number| !number.is_finite()) {
            return Err(ArrayError::Wrong(format!("`{name}` has what is no number")));
        }
        Ok(array)
    }

    pub(in crate::model) fn take_row(&mut self, name: &str) -> Result<Array1<f32>, ArrayError> {
        let array = self.take(name)?;
        if array.nrows() != 1 {
            let name = self.name(name);
            return Err(ArrayError::Wrong(format!("`{name}` is no list")));
        }
        Ok(array.row(0).to_owned())
    }

    pub(in crate::model) fn take_one(&mut self, name: &str) -> Result<f32, ArrayError> {
        let row = self.take_row(name)?;
        match row.as_slice() {
            Some([one]) => Ok(*one),
            _ => Err(ArrayError::Wrong(format!(
                "`{}` is no one number",
                self.name(name)
            ))),
        }
    }

    /// What a header says of all, in the order of [`Self::bytes`].
    pub(in crate::model) fn outline(&self) -> Vec<Outline> {
        let of = |(name, array): (&String, &Array2<f32>)| {
            Outline(name.clone(), array.nrows(), array.ncols())
        };
        self.arrays.iter().map(of).collect()
    }

    /// All numbers, array after array, row after row.
    pub(in crate::model) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let numbers = self.arrays.values().flatten();
        numbers.for_each(|number| bytes.put_f32_le(*number));
        bytes
    }

    /// What [`Self::outline`] and [`Self::bytes`] said; the caller has compared the lengths.
    pub(in crate::model) fn read(outline: &[Outline], mut bytes: &[u8]) -> Self {
        let arrays = outline.iter().map(|Outline(name, rows, columns)| {
            let array = Array2::from_shape_simple_fn((*rows, *columns), || bytes.get_f32_le());
            (name.clone(), array)
        });
        Self {
            prefix: String::new(),
            arrays: arrays.collect(),
        }
    }
}
