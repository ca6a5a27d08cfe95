//! netanom: a network anomaly sensor.
//!
//! Packets are counted per flow in the kernel (or from a capture), flows become features, features are judged by
//! detectors, findings are grouped into alerts. ARCHITECTURE.md draws the data's way and the modules' order.
#![deny(unsafe_code)]

pub mod alert;
pub mod cli;
pub mod command;
pub mod config;
#[cfg(feature = "live")]
pub mod daemon;
pub mod detect;
pub mod feature;
pub mod flow;
pub mod http;
pub mod learn;
pub mod metrics;
pub mod model;
pub mod pipeline;
pub mod rewrite;
pub mod simulate;
pub mod sink;
pub mod source;
