//! What development commands of other crates need, too: other programs, Debian's packages, the sensor as it is built.
//!
//! netanom-testbed is one. Nothing here depends on netanom, so that xtask itself is built in seconds.

pub mod build;
pub mod command;
pub mod debian;
pub mod privileges;
pub mod setup;
mod toolchain;
