//! The models inside the program, read through the same format as any other.

use super::{Model, ModelError};

static DEFAULT: &[u8] = include_bytes!("../../assets/default.model");

static ACCESS: &[u8] = include_bytes!("../../assets/access.model");

impl Model {
    /// The model of access logs that ships in the program.
    ///
    /// # Errors
    /// When the program was built with a damaged file.
    pub fn built_in_for_access_logs() -> Result<Self, ModelError> {
        Self::read(ACCESS)
    }

    /// The model that ships in the program.
    ///
    /// # Errors
    /// When the program was built with a damaged file.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::read(DEFAULT)
    }
}
