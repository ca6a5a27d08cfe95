//! The real program on real interfaces, in network namespaces of its own: what it counts, what it leaves behind, and
//! what it says when it cannot run.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod bpffs;
mod bridge;
mod capabilities;
mod coming;
#[path = "../common/mod.rs"]
mod common;
mod connection;
mod conservation;
mod detach;
mod driver;
mod errors;
mod flood;
mod foreign;
#[path = "../../../netanom-common/tests/parser/frames/mod.rs"]
mod frames;
mod history;
mod lifetime;
mod machine;
mod mirror;
mod namespace;
mod onnx;
mod packet_socket;
mod restart;
mod sensor;
mod signals;
mod statistics;
mod strangers;
mod stress;
mod tags;
mod tun;
mod unread;
mod watch;
