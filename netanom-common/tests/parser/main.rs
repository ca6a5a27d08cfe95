//! The parser on crafted frames, on every truncation of them, and on whatever else may come.

mod cases;
mod frames;
mod mutated;
mod properties;
mod truncated;
