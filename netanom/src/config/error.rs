//! Why a configuration cannot be used, and what would do.

/// A configuration file or value is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration `{file}`; `netanom run --print-config` prints one to start from"
    )]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration `{file}` is wrong in line {line}: {detail}")]
    Parse {
        /// Which file.
        file: String,
        /// Where, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        detail: String,
    },
    /// A value is out of its range.
    #[error("`{key}` is {value}, but must be {expected}")]
    Value {
        /// Its name.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A rule for what is not sent is wrong.
    #[error(transparent)]
    Suppression(#[from] crate::alert::SuppressionError),
}
