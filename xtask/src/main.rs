//! netanom's development commands.
mod toolchain;

fn main() {}
