//! Learning: labelled captures, data sets, trainers and scores. Used by `train` and `evaluate` only.

pub mod access;
pub mod anomaly;
pub mod bars;
mod bootstrap;
pub mod calibration;
pub mod corpus;
pub mod curves;
pub mod dataset;
pub mod evaluation;
mod gain;
pub mod gather;
mod growth;
pub mod held_out;
pub mod histogram;
pub mod importance;
pub mod labels;
pub mod leave_out;
pub mod outcome;
pub mod scores;
pub mod smartcore;
pub mod table;
pub mod talks;
#[cfg(test)]
mod test_support;
pub mod trainer;
pub mod tune;
