//! netanom's development commands.
fn main() {}
