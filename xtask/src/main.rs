//! netanom's development commands. `cargo xtask help` lists them; each is one file.
//!
//! To add one: a file, a line in [`Task`] with the help that it gets, and a line in [`Task::run`]. One that needs
//! netanom as a library is a file of netanom-testbed, and a line here.

mod bench;
mod check;
mod run;
mod test;
mod testbed;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::setup;

/// netanom's development commands
///
/// Start with `cargo xtask test`, and with `sudo cargo xtask run -- -i eth0` for live traffic: both install what they
/// miss.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or install what the kernel programs need to be built
    ///
    /// That is a rustc that has its library's source (rustup's, else Debian's) and bpf-linker. Does nothing when both
    /// are there. Installing Debian packages needs root.
    Setup,
    /// Build the sensor and run it on live traffic; needs root
    ///
    /// Example: cargo xtask run -- --interface eth0
    Run(run::Arguments),
    /// Run every test, and say what was skipped and why
    ///
    /// Tests of the kernel programs and of whole runs need root; without it they are skipped. With CI=true in the
    /// environment a skipped test is a failure.
    Test(test::Arguments),
    /// Try the sensor on a network of its own, with normal traffic and an attack; needs root
    ///
    /// Shows each alert with its delay after the first packet of the attack, and whether the sensor did what it had to.
    ///
    /// Example: cargo xtask lab --attack syn-flood
    #[command(disable_help_flag = true)]
    Lab(testbed::Arguments),
    /// Make labelled captures with real tools and real servers, in network namespaces; needs root
    ///
    /// Example: cargo xtask range --quick --output captures
    #[command(disable_help_flag = true)]
    Range(testbed::Arguments),
    /// Draw labelled captures at random, by the thousand: attacks and their benign twins, to train on
    ///
    /// Example: cargo xtask draw --count 1000 --seed 1 --output drawn
    #[command(disable_help_flag = true)]
    Draw(testbed::Arguments),
    /// Measure the built-in model on captures made on the spot, and fail when it is worse than recorded; needs root
    ///
    /// `cargo xtask test` does it, too.
    #[command(disable_help_flag = true)]
    Quality(testbed::Arguments),
    /// Measure what netanom costs on this machine, and write it to docs/
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Train the model that is inside the program, and measure it
    ///
    /// Example: cargo xtask train-default --data ../captures
    #[command(disable_help_flag = true)]
    TrainDefault(testbed::Arguments),
    /// Check the format, the lints and the house rules, as CI does
    Check,
    /// Check the house rules alone, which takes no time: imports, dependencies, metrics, module docs
    Tidy,
}

impl Task {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Setup => setup::setup(),
            Self::Run(arguments) => run::run(&arguments),
            Self::Test(arguments) => test::test(&arguments),
            Self::Lab(arguments) => testbed::run(&["lab"], &arguments),
            Self::Range(arguments) => testbed::run(&["range"], &arguments),
            Self::Draw(arguments) => testbed::run(&["draw"], &arguments),
            Self::Quality(arguments) => testbed::run(&["quality"], &arguments),
            Self::Bench(what) => bench::bench(&what),
            Self::TrainDefault(arguments) => testbed::run(&["train-default"], &arguments),
            Self::Check => check::check(),
            Self::Tidy => tidy::tidy(),
        }
    }
}

fn main() -> ExitCode {
    Cli::parse().task.run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
