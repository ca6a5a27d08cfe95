//! Requests of access logs, as rows: what one client asked of a server within one minute of the log's time.
//!
//! Lines may come late and in any order: a row is open until the table of rows needs its place, and is judged again
//! whenever a line was added. Counts of kinds of characters stand in for lists of signatures, so that an attack that
//! nobody has listed looks like one. No feature is an address, a port, a date or an hour of the day (invariant 10).
//!
//! Blind spot: what happens within a second has no order, as most logs write whole seconds.

mod columns;
mod minute;
mod past;
mod request;
mod rows;
mod sketch;
mod spelling;
#[cfg(test)]
mod tests;

pub use columns::{ACCESS_FEATURES, AccessFeature};
pub use request::Request;
pub use rows::{AccessRows, MAX_ROWS, RowKey};

/// The names in the order of a row.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ACCESS_FEATURES.iter().map(|feature| feature.name).collect()
}
