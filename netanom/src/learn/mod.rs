//! Learning: labelled captures, data sets, trainers and scores. Used by `train` and `evaluate` only.

mod bootstrap;
pub mod corpus;
pub mod dataset;
mod gain;
mod growth;
pub mod histogram;
pub mod labels;
pub mod scores;
pub mod smartcore;
#[cfg(test)]
mod test_support;
pub mod trainer;
