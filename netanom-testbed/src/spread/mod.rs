//! `cargo xtask bench spread`: what does it cost when an attacker makes every packet another case?
//!
//! Sources, targets and ports are spread so that nothing adds up to one incident. Windows are made straight away and
//! stepped through a pipeline that has rehearsed its flood, beside a plain SYN flood of as many packets. Times are of
//! this thread's processor time, so that other programs do not count.

mod attack;
mod measure;

use std::env;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, ensure};
use clap::builder::PossibleValuesParser;

use self::attack::{SPREADS, Spread};
use self::measure::Measured;
use crate::judging::Judge;

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this attack; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(SPREADS.iter().map(|spread| spread.name)))]
    attack: Vec<String>,
    /// How long each attack lasts [default: its own time]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: Option<u32>,
    /// Alerts and memory alone, which are the same on every machine: no times, no plain flood
    #[arg(long)]
    counts_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measures, and fails when a goal is missed.
pub(crate) fn spread(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let asked: Vec<Spread> = SPREADS
        .into_iter()
        .filter(|spread| {
            arguments.attack.is_empty() || arguments.attack.iter().any(|name| name == spread.name)
        })
        .map(|spread| spread.lasting(arguments.seconds))
        .collect();
    let measured = match asked.as_slice() {
        [one] => vec![measure::measure(
            &Judge::built_in()?,
            one,
            arguments.counts_only,
        )?],
        // Each has a process of its own: what one leaves in the heap is not what the next one takes.
        several => several
            .iter()
            .map(|one| in_a_process(one, arguments))
            .collect::<anyhow::Result<_>>()?,
    };
    if arguments.json {
        show(&serde_json::to_string_pretty(&measured)?);
    } else {
        show(&table(&measured));
    }
    let missed: Vec<String> = measured.iter().flat_map(Measured::missed).collect();
    for text in &missed {
        eprintln!("spread: {text}");
    }
    Ok(if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Measures one in a process that ends afterwards. Its exit code says whether a goal was missed, as ours will.
fn in_a_process(spread: &Spread, arguments: &Arguments) -> anyhow::Result<Measured> {
    eprintln!("spread: {}", spread.about);
    let mut own = Command::new(env::current_exe().context("cannot tell where this program is")?);
    own.args(["bench", "spread", "--json", "--attack", spread.name]);
    if let Some(seconds) = arguments.seconds {
        own.args(["--seconds", &seconds.to_string()]);
    }
    if arguments.counts_only {
        own.arg("--counts-only");
    }
    let output = own
        .stderr(Stdio::null())
        .output()
        .context("cannot run this program again")?;
    let measured: Vec<Measured> = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`--attack {}` alone failed: {}", spread.name, output.status))?;
    ensure!(
        measured.len() == 1,
        "`--attack {}` says nothing",
        spread.name
    );
    measured.into_iter().next().context("nothing was measured")
}

fn table(measured: &[Measured]) -> String {
    let mut text = format!(
        "{:<18} {:>8} {:>9} {:>9} {:>9} {:>8} {:>7} {:>9}\n",
        "attack", "packets", "p99", "max", "of plain", "alerts", "memory", "high"
    );
    for one in measured {
        let times = one.times.as_ref();
        let milliseconds = |of: fn(&measure::Times) -> f64| {
            times.map_or_else(|| "-".to_owned(), |times| format!("{:.1} ms", of(times)))
        };
        let ratio = times.map_or_else(
            || "-".to_owned(),
            |times| format!("{:.2} ×", times.of_plain),
        );
        text += &format!(
            "{:<18} {:>8} {:>9} {:>9} {:>9} {:>8} {:>4} MB {:>9}\n",
            one.attack,
            one.packets,
            milliseconds(|times| times.p99_ms),
            milliseconds(|times| times.max_ms),
            ratio,
            one.alerts,
            one.memory_mb,
            if one.high_stays { "stays" } else { "lost" },
        );
    }
    text
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(text: &str) {
    println!("{text}");
}
