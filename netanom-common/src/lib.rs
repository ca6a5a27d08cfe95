//! What netanom's kernel and user space must agree on.
//!
//! The same parser and the same accounting run in the XDP program, in the TCX program and in `netanom replay`,
//! so a capture and the wire cannot give different flows. No allocation, no `std`, no panic: the kernel's verifier
//! rejects a program that could have one.
#![no_std]
#![forbid(unsafe_code)]

pub mod counter;
pub mod encapsulation;
pub mod flow;
pub mod fragment;
mod hash;
pub mod overflow;
pub mod packet;
pub mod parse;
pub mod replay;
mod tunnels;
