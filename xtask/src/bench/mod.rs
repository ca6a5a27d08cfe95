//! `cargo xtask bench`: what netanom costs, measured on this machine and written to a page of docs/.

mod forest;
mod kernel;
mod python;
mod replay;
mod table;

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use crate::testbed;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The kernel programs: ns a packet, packets a second, drains, memory; needs root
    ///
    /// Writes docs/benchmarks-kernel.md.
    Kernel,
    /// Reading captures: packets a second and memory beside nfstream, nfpcapd, softflowd and tshark
    ///
    /// Installs them (Debian's packages, a Python environment in target/). Writes docs/benchmarks-replay.md.
    ///
    /// Example: cargo xtask bench replay --data ../captures
    Replay(replay::Arguments),
    /// The forest beside scikit-learn, oneDAL and ONNX Runtime: learning and judging; about ten minutes
    ///
    /// Writes docs/benchmarks-forest.md.
    Forest,
    /// Tables beside scikit-learn on the same folds: accuracy and time; about ten minutes
    ///
    /// Writes docs/benchmarks-tables.md.
    ///
    /// Example: cargo xtask bench table --data ../shared/data
    Table(table::Arguments),
    /// Attacks made to be many cases at once: time of a step, alerts, memory, beside a plain flood of as many packets
    #[command(disable_help_flag = true)]
    Spread(testbed::Arguments),
}

/// Measures and writes the page.
pub(crate) fn bench(what: &Bench) -> anyhow::Result<ExitCode> {
    match what {
        Bench::Kernel => kernel::kernel(),
        Bench::Replay(arguments) => replay::replay(arguments),
        Bench::Forest => forest::forest(),
        Bench::Table(arguments) => table::table(arguments),
        Bench::Spread(arguments) => testbed::run(&["bench", "spread"], arguments),
    }
}

/// Processor, number of CPUs and kernel.
fn machine() -> anyhow::Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim())
    };
    // Other architectures than x86 name no model.
    let model = field("model name").unwrap_or(std::env::consts::ARCH);
    let mhz = field("cpu MHz").map_or(String::new(), |mhz| format!(", {mhz} MHz"));
    let count = std::thread::available_parallelism().context("cannot count CPUs")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("no kernel release")?;
    Ok(format!(
        "{model}{mhz}, {count} CPUs, Linux {}",
        kernel.trim()
    ))
}
