//! What tries netanom out, with netanom as a library: `cargo xtask` runs it by the same names.
//!
//! To add a command: a file, a line in [`Task`] with the help that it gets, a line in [`Task::run`], and one in xtask.

mod attacks;
mod draw;
mod hosts;
mod judging;
mod lab;
mod matrix;
mod quality;
mod random;
mod range;
mod spread;
mod train_default;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What tries netanom out
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Try the sensor on a network of its own, with normal traffic and an attack; needs root
    ///
    /// Shows each alert with its delay after the first packet of the attack, and whether the sensor did what it had to.
    ///
    /// Example: cargo xtask lab --attack syn-flood
    Lab(lab::Arguments),
    /// Make labelled captures with real tools and real servers, in network namespaces; needs root
    ///
    /// Example: cargo xtask range --quick --output captures
    Range(range::Arguments),
    /// Draw labelled captures at random, by the thousand: attacks and their benign twins, to train on
    ///
    /// Example: cargo xtask draw --count 1000 --seed 1 --output drawn
    Draw(draw::Arguments),
    /// Measure the built-in model on captures made on the spot, and fail when it is worse than recorded; needs root
    ///
    /// `cargo xtask test` does it, too. With --matrix it judges how one attack changes what is said of the next, and
    /// needs no root.
    Quality(quality::Arguments),
    /// Train the model that is inside the program, and measure it
    ///
    /// Example: cargo xtask train-default --data ../captures
    TrainDefault(train_default::Arguments),
    /// Measure what netanom's judging costs on this machine
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// Attacks made to be many cases at once: time of a step, alerts, memory, beside a plain flood of as many packets
    Spread(spread::Arguments),
}

impl Task {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Lab(arguments) => lab::lab(&arguments),
            Self::Range(arguments) => range::range(&arguments),
            Self::Draw(arguments) => draw::draw(&arguments),
            Self::Quality(arguments) => quality::quality(&arguments),
            Self::TrainDefault(arguments) => train_default::train_default(&arguments),
            Self::Bench(Bench::Spread(arguments)) => spread::spread(&arguments),
        }
    }
}

fn main() -> ExitCode {
    Cli::parse().task.run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
