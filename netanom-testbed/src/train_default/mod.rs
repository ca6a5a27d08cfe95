//! `cargo xtask train-default`: the model inside the program, from captures, with what is known of its worth.
//!
//! The same captures and the same time of training give the same file, to the byte.

mod card;
mod folder;
mod scenarios;

use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::{Context, bail};
use xtask::{build, command};

use self::folder::{Folder, Netanom};
use crate::draw;

/// Seed of the drawn captures; tests and the lab use others.
const DRAWN_SEED: u64 = 1;

/// What to train on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of real captures with a labels.json; may be given several times
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Folder of captures of `cargo xtask range`, always trained on; may be given several times
    #[arg(long, value_name = "DIR")]
    range: Vec<PathBuf>,
    /// Captures that are drawn (`cargo xtask draw`) to be trained on
    #[arg(long, value_name = "N", default_value_t = 1000)]
    drawn: u64,
    /// Judge sources of captures by models that were trained without them, too: a training for each of five groups, and for
    /// each class of attack
    #[arg(long, requires = "data")]
    hold_out: bool,
    /// Time of training to write down, RFC 3339 [default: that of the newest commit]
    #[arg(long, value_name = "TIME")]
    trained_at: Option<String>,
    /// Where the model goes [default: into the program's sources]
    #[arg(long, value_name = "MODEL")]
    output: Option<PathBuf>,
    /// A netanom that is built already, in place of building one
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Trains, measures, writes the card, and puts the model with its card where the program includes it from.
pub(crate) fn train_default(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let data: Vec<Folder> = arguments
        .data
        .iter()
        .map(|folder| Folder::of(folder))
        .collect::<Result<_, _>>()?;
    let range: Vec<Folder> = arguments
        .range
        .iter()
        .map(|folder| Folder::of(folder))
        .collect::<Result<_, _>>()?;
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => build::release()?,
    };
    let trained_at = arguments
        .trained_at
        .clone()
        .map_or_else(newest_commit, Ok)?;
    let netanom = Netanom {
        program: &program,
        trained_at: &trained_at,
    };
    let work = tempfile::tempdir().context("cannot make a working folder")?;
    let work = work.path();

    eprintln!("train-default: simulating {} captures", scenarios::count());
    let simulated = scenarios::folder(work)?;
    scenarios::make(&simulated)?;
    let simulated = Folder::of(&simulated)?;
    if data.is_empty() && range.is_empty() {
        eprintln!(
            "train-default: no --data and no --range, so the model learns simulated captures alone"
        );
    }
    eprintln!("train-default: drawing {} captures", arguments.drawn);
    let drawn = work.join("drawn");
    draw::make(&drawn, arguments.drawn, DRAWN_SEED, &[])?;
    let drawn = Folder::of(&drawn)?;
    // Made, not found: trained on whatever is left out.
    let made: Vec<Folder> = range.iter().chain([&simulated, &drawn]).cloned().collect();
    let folders: Vec<Folder> = data.iter().chain(&made).cloned().collect();

    // What was made says little of how sure to be on a network that was not: it calibrates where there is nothing else.
    let calibrating = match (data.len(), range.len()) {
        (0, 0) => 1,
        (0, range) => range,
        (data, _) => data,
    };
    let (dealt, also) = folders.split_at(calibrating);
    let model = work.join("default.model");
    let contents = netanom.train(dealt, also, &model, None, work)?;
    let mut scores = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        let name = if number < data.len() {
            "Real captures"
        } else if number < data.len() + range.len() {
            "Captures of the range"
        } else if number + 1 < folders.len() {
            "Simulated captures"
        } else {
            "Drawn captures"
        };
        scores.push((name.to_owned(), netanom.evaluate(folder, &model)?));
    }
    let card = command::workspace()?.join("docs/model-card.md");
    let held_out = if arguments.hold_out {
        [
            card::held_out(&netanom.leave_out_groups(&data, &made)?),
            card::made_alone(!range.is_empty(), &netanom.made_alone(&data, &made, work)?),
            card::unknown(&netanom.leave_out_classes(&data, &made)?),
        ]
        .join("\n")
    } else {
        card::held_out_before(&card)?
    };
    let measured = [
        card::contents(&contents),
        card::on_training_data(&scores),
        held_out,
    ]
    .join("\n");
    card::write(&card, &measured)?;
    show(&measured);

    // The same forest once more, now with the card that was measured on it.
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => command::workspace()?.join("netanom/assets/default.model"),
    };
    netanom.train(dealt, also, &output, Some(&card), work)?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(measured: &str) {
    println!("{measured}");
}

/// The time of the newest commit, so that the model can be rebuilt from it to the byte.
fn newest_commit() -> anyhow::Result<String> {
    let mut git = Command::new("git");
    git.current_dir(command::workspace()?)
        .args(["log", "-1", "--format=%cI"]);
    let output = git
        .output()
        .context("cannot run git; give the time of training by --trained-at")?;
    let time = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || time.is_empty() {
        bail!("there is no commit to take the time of training from; give it by --trained-at");
    }
    Ok(time)
}
