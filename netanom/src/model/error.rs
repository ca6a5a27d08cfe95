//! Why a model cannot be used, and what to do.

use std::io;
use std::path::PathBuf;

use super::anomaly::ArrayError;
use super::file::{FORMAT, MAX_BYTES};
use super::{CalibrationError, ForestError, OnnxError};
use crate::alert::UnknownName;

/// Why a model cannot be used. [`Model::load`](super::Model::load) puts the path before it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file's name around any other error.
    #[error("cannot use the model `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// The model could not be written.
    #[error("cannot write the model `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// Something else.
    #[error("this is not a netanom model; give a file that `netanom train` wrote")]
    Foreign,
    /// Written by a newer program.
    #[error(
        "the model has format {found} and this program reads up to format {FORMAT}; \
         update netanom, or train the model with this version"
    )]
    Newer {
        /// The file's format.
        found: u32,
    },
    /// The end is missing.
    #[error("the model ends after {found} of {expected} bytes; copy it again, or train it again")]
    Truncated {
        /// Bytes that are there.
        found: u64,
        /// Bytes that its beginning announces.
        expected: u64,
    },
    /// Bytes have changed.
    #[error("the model is damaged: {0}; copy it again, or train it again")]
    Damaged(&'static str),
    /// More than this program takes.
    #[error(
        "the model has {found} bytes and this program reads at most {MAX_BYTES}; \
         train it with fewer trees, a smaller depth or larger leaves"
    )]
    TooBig {
        /// Bytes.
        found: u64,
    },
    /// The header does not say what it should.
    #[error("the model's header cannot be understood; train it again with this version of netanom")]
    Header(#[source] serde_json::Error),
    /// Parts that do not fit each other.
    #[error("the model contradicts itself: {0}; train it again")]
    Inconsistent(String),
    /// An ONNX file that is none of ours.
    #[error("the ONNX file cannot be used")]
    Onnx(#[from] OnnxError),
    /// A forest that is none.
    #[error("the model's forest contradicts itself; train it again")]
    Forest(#[from] ForestError),
    /// Numbers that are no model of its kind.
    #[error("the model contradicts itself; train it again")]
    Arrays(#[from] ArrayError),
    /// A calibration that is none.
    #[error("the model contradicts itself; train it again")]
    Calibration(#[from] CalibrationError),
    /// ONNX files are written of forests.
    #[error(
        "the model `{model}` is of the kind `{kind}`, and only a forest can be written as ONNX"
    )]
    NotForest {
        /// The model's name.
        model: String,
        /// What it is.
        kind: &'static str,
    },
    /// Features that the rows do not have.
    #[error(
        "the model `{model}` needs {} that this program does not have: `{}`; use a version of netanom that has {}, \
         or train the model again with this one",
        match missing.len() { 1 => "a feature".to_owned(), count => format!("{count} features") },
        missing.join("`, `"),
        if missing.len() == 1 { "it" } else { "them" }
    )]
    Features {
        /// The model's name.
        model: String,
        /// Their names, at least one.
        missing: Vec<String>,
    },
    /// No feature is this program's.
    #[error(
        "the model `{model}` is for tables with columns of their own, such as `{feature}`, not for traffic: \
         use it with `netanom evaluate --table`"
    )]
    Table {
        /// The model's name.
        model: String,
        /// Its first feature.
        feature: String,
    },
    /// A class that no flow has.
    #[error(
        "the model `{model}` is for tables with classes of their own, not for traffic: \
         use it with `netanom evaluate --table`; the classes of an ONNX file can be named in its metadata as \
         `netanom.classes`"
    )]
    Class {
        /// The model's name.
        model: String,
        /// Which class, and which there are.
        source: UnknownName,
    },
}
