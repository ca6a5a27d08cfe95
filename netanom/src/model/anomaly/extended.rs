//! A Random Forest whose rows have more columns than the table: what an autoencoder of normal rows makes of them. Its
//! narrow middle says what kind of row it is, its error how far that is from normal (an attack that no row of the
//! training showed still has a large one).

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use super::{ArrayError, Autoencoder, NamedArrays, Scaling, is_gap};
use crate::model::{Contributions, Forest, ModelError};

/// An autoencoder, and a forest of the table's columns, the code and the error.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoencoderForest {
    scaling: Scaling,
    autoencoder: Autoencoder,
    forest: Forest,
}

impl AutoencoderForest {
    /// The two together.
    ///
    /// # Errors
    /// When the forest does not take the columns that there are.
    pub fn new(
        scaling: Scaling,
        autoencoder: Autoencoder,
        forest: Forest,
    ) -> Result<Self, ArrayError> {
        let columns = scaling.features() + autoencoder.width() + 1;
        if scaling.features() != autoencoder.features() || forest.features() != columns {
            return Err(ArrayError::Wrong(
                "its forest takes other columns than its autoencoder gives".to_owned(),
            ));
        }
        Ok(Self {
            scaling,
            autoencoder,
            forest,
        })
    }

    /// Columns of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.scaling.features()
    }

    /// The forest.
    #[must_use]
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The rows with the code and the logarithm of the error behind them, as the forest takes them.
    #[must_use]
    pub fn extended(
        scaling: &Scaling,
        autoencoder: &Autoencoder,
        rows: ArrayView2<'_, f32>,
    ) -> Array2<f32> {
        let (code, errors) = autoencoder.code_and_errors(scaling.apply(rows).view());
        let error = errors.sum_axis(Axis(1)).mapv(f32::ln_1p);
        let width = scaling.features();
        let mut own = Array2::from_elem((rows.nrows(), width), f32::NAN);
        let given = rows.ncols().min(width);
        own.slice_mut(s![.., ..given])
            .assign(&rows.slice(s![.., ..given]));
        // Rows are as many everywhere.
        concatenate(
            Axis(1),
            &[own.view(), code.view(), error.insert_axis(Axis(1)).view()],
        )
        .unwrap_or(own)
    }

    fn of_rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        Self::extended(&self.scaling, &self.autoencoder, rows)
    }

    pub(in crate::model) fn shares(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.forest.predict(self.of_rows(rows).view())
    }

    /// The forest's, in which what code and error added is shared out to the columns by their part of the error.
    pub(in crate::model) fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        let width = self.features();
        let rows = Array2::from_shape_fn((1, width), |(_, column)| {
            row.get(column).copied().unwrap_or(f32::NAN)
        });
        let mut found = self
            .forest
            .contributions(&self.of_rows(rows.view()).row(0).to_vec(), class);
        let more: f64 = found.features.drain(width..).sum();
        let errors = self.autoencoder.errors(self.scaling.apply_one(row).view());
        let errors: Vec<f64> = errors
            .iter()
            .zip(row.iter().chain(std::iter::repeat(&f32::NAN)))
            .map(|(error, value)| if is_gap(*value) { 0.0 } else { *error })
            .collect();
        let all: f64 = errors.iter().sum();
        for (feature, error) in found.features.iter_mut().zip(errors) {
            *feature += more
                * if all > 0.0 {
                    error / all
                } else {
                    1.0 / width as f64
                };
        }
        found
    }

    pub(in crate::model) fn store(&self, arrays: &mut NamedArrays) {
        self.scaling.store(arrays);
        arrays.within("autoencoder", |arrays| self.autoencoder.store(arrays));
    }

    /// What [`Self::store`] wrote, with the forest that `lay_out` makes for so many columns of what is beside it.
    pub(in crate::model) fn load(
        arrays: &mut NamedArrays,
        lay_out: impl FnOnce(usize) -> Result<Forest, ModelError>,
    ) -> Result<Self, ModelError> {
        let scaling = Scaling::load(arrays)?;
        let autoencoder = arrays.within("autoencoder", Autoencoder::load)?;
        let forest = lay_out(scaling.features() + autoencoder.width() + 1)?;
        Ok(Self::new(scaling, autoencoder, forest)?)
    }
}
