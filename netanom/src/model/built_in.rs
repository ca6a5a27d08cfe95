//! The model inside the program, read through the same format as any other.

use super::{Model, ModelError};

static DEFAULT: &[u8] = include_bytes!("../../assets/default.model");

impl Model {
    /// The model that ships in the program.
    ///
    /// # Errors
    /// When the program was built with a damaged file.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::read(DEFAULT)
    }
}
