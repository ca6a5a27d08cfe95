//! The accounting: a packet at a time by values computed by hand, and generations that add up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod direction;
mod generations;
mod key;
mod overflow;
mod packets;
