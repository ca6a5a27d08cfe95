//! Builds the eBPF object that the daemon embeds.
fn main() {}
