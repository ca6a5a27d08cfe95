//! `cargo xtask bench`: what netanom costs, measured on this machine and written to a page of docs/.

mod kernel;

use std::process::ExitCode;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The kernel programs: ns a packet, packets a second, drains, memory; needs root
    ///
    /// Writes docs/benchmarks-kernel.md.
    Kernel,
}

/// Measures and writes the page.
pub(crate) fn bench(what: &Bench) -> anyhow::Result<ExitCode> {
    match what {
        Bench::Kernel => kernel::kernel(),
    }
}
