//! `cargo xtask train-default`: the model inside the program, from captures, with what is known of its worth.
//!
//! The same captures and the same time of training give the same file, to the byte.

mod card;
mod folder;
mod made;
mod scenarios;

use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::{Context, bail};
use xtask::{build, command};

use self::folder::{Folder, Netanom};
use self::made::Cache;

/// What to train on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of real captures with a labels.json; may be given several times
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Folder of captures of `cargo xtask range`, always trained on; may be given several times
    #[arg(long, value_name = "DIR")]
    range: Vec<PathBuf>,
    /// So many captures of `cargo xtask draw`, always trained on
    #[arg(long, value_name = "N", default_value_t = 1000)]
    drawn: u64,
    /// So many copies of each capture of --data and --range, by `netanom rewrite`; a copy is left out with its original
    #[arg(long, value_name = "N", default_value_t = 0)]
    rewritten: u64,
    /// Folder that keeps drawn and rewritten captures for the next time [default: target/training]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
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
    let cache = match &arguments.cache {
        Some(folder) => folder.clone(),
        None => command::workspace()?.join("target/training"),
    };
    let cache = Cache::of(&cache)?;
    let rewritten = |folders: &[Folder]| -> anyhow::Result<Vec<Folder>> {
        let of = |folder: &Folder| cache.rewritten(&program, folder, arguments.rewritten);
        let folders = folders.iter().filter(|_| arguments.rewritten > 0);
        folders.map(of).collect()
    };
    let drawn = match arguments.drawn {
        0 => None,
        count => Some(cache.drawn(count)?),
    };
    let named = |folders: Vec<Folder>, name: &'static str| -> Vec<(Folder, &'static str)> {
        folders.into_iter().map(|folder| (folder, name)).collect()
    };
    // Left out with their sources.
    let found = [
        named(data.clone(), "Real captures"),
        named(rewritten(&data)?, "Real captures, rewritten"),
    ]
    .concat();
    // Made, not found: trained on whatever is left out.
    let made = [
        named(range.clone(), "Captures of the range"),
        named(rewritten(&range)?, "Captures of the range, rewritten"),
        named(drawn.into_iter().collect(), "Drawn captures"),
        named(vec![simulated], "Simulated captures"),
    ]
    .concat();
    let folders_of = |named: &[(Folder, &str)]| -> Vec<Folder> {
        named.iter().map(|(folder, _)| folder.clone()).collect()
    };
    let (found_folders, made_folders) = (folders_of(&found), folders_of(&made));
    let folders = [found_folders.clone(), made_folders.clone()].concat();

    // What was made says little of how sure to be on a network that was not: it calibrates where there is nothing else.
    let calibrating = match (found.len(), range.len()) {
        (0, 0) => 1,
        (0, range) => range,
        (found, _) => found,
    };
    let (dealt, also) = folders.split_at(calibrating);
    let model = work.join("default.model");
    let contents = netanom.train(dealt, also, &model, None, work)?;
    let mut scores = Vec::new();
    for (folder, name) in found.iter().chain(&made) {
        scores.push(((*name).to_owned(), netanom.evaluate(folder, &model)?));
    }
    let card = command::workspace()?.join("docs/model-card.md");
    let held_out = if arguments.hold_out {
        [
            card::held_out(
                &netanom
                    .leave_out_groups(&found_folders, &made_folders)?
                    .of_originals(),
            ),
            card::made_alone(
                !range.is_empty(),
                &netanom.made_alone(&data, &made_folders, range.len(), work)?,
            ),
            card::unknown(&netanom.leave_out_classes(&data, &made_folders)?),
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
