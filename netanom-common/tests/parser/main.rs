//! The parser on crafted frames, on every truncation of them, and on whatever else may come.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod encapsulations;
mod errors;
mod fragments;
mod frames;
mod mutated;
mod properties;
mod truncated;
mod tunnels;
