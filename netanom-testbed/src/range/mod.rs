//! `cargo xtask range`: labelled captures of real tools against real servers, in namespaces of their own.
//!
//! One file a part: the network, the servers, the people, the attacks, the table of captures, their labels. All
//! numbers are drawn from a seed; what the programs make of them is the machine's timing, so that two runs are alike
//! and not equal. What is made here is removed on every way out.

mod attack;
mod crowd;
mod labels;
mod network;
mod people;
mod play;
mod scenarios;
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use serde_json::Value;
use xtask::debian;

use self::play::Game;
use self::scenarios::{QUICK_SECONDS, SCENARIOS};
use crate::lab::stop::{Interrupted, Stop};

/// Where Debian has the programs: a Python from elsewhere may lack what they need.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What the training range runs: servers, clients, attackers, and the capture.
const PACKAGES: &[&str] = &[
    "apache2",
    "apache2-utils",
    "bind9-dnsutils",
    "curl",
    "dnsmasq-base",
    "ethtool",
    "hping3",
    "hydra",
    "iperf3",
    "iproute2",
    "iputils-ping",
    "masscan",
    "medusa",
    "mosquitto",
    "mosquitto-clients",
    "ncrack",
    "nftables",
    "nginx-light",
    "nmap",
    "openssh-client",
    "openssh-server",
    "python3",
    "rsync",
    "siege",
    "slowhttptest",
    "tcpdump",
    "tinyproxy-bin",
    "vsftpd",
    "wrk",
];

/// Starting servers takes about so long, beside the capture itself.
const AROUND_SECONDS: f64 = 3.0;

/// The seed of the captures that the built-in model is trained on.
pub(crate) const DEFAULT_SEED: u64 = 1;

const DEFAULT_JOBS: u8 = 3;

/// What is asked of the range.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder for the captures and their labels.json
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Seed of all that is drawn
    #[arg(long, default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// A small set, in about a minute and a half
    #[arg(long, conflicts_with = "scenario")]
    quick: bool,
    /// Only the captures of this row of the table; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|scenario| scenario.name)))]
    scenario: Vec<String>,
    /// How many captures are made at a time
    #[arg(long, default_value_t = DEFAULT_JOBS, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
}

/// Makes the captures.
pub(crate) fn range(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals()?;
    match make(arguments, &stop) {
        // Everything is removed by now, but for the captures that are whole.
        Err(error) if error.is::<Interrupted>() || stop.check().is_err() => {
            eprintln!("range: {error:#}; the networks and their programs are removed");
            Ok(ExitCode::from(Stop::EXIT_CODE))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Whether the range can be played here; installs what it lacks.
///
/// # Errors
/// Not root, a kernel without what the networks are made of, or a package that cannot be installed: says which.
pub(crate) fn prepare() -> anyhow::Result<()> {
    if !debian::is_root()? {
        bail!("the range makes network namespaces, which takes root: run it with sudo");
    }
    network::check_kernel()?;
    debian::install_quietly(PACKAGES)
}

/// Makes the small set, with its labels.json.
///
/// # Errors
/// When a capture could not be made.
pub(crate) fn quick(output: &Path, seed: u64, stop: &Stop) -> anyhow::Result<()> {
    let arguments = Arguments {
        output: output.to_owned(),
        seed,
        quick: true,
        scenario: Vec::new(),
        jobs: DEFAULT_JOBS,
    };
    make(&arguments, stop)
}

fn make(arguments: &Arguments, stop: &Stop) -> anyhow::Result<()> {
    prepare()?;
    fs::create_dir_all(&arguments.output)
        .with_context(|| format!("cannot create `{}`", arguments.output.display()))?;
    let output = fs::canonicalize(&arguments.output)?;
    let games = games(arguments);
    let total: f64 = games.iter().map(|game| game.seconds + AROUND_SECONDS).sum();
    eprintln!(
        "range: {} captures, about {:.0} min with {} at a time",
        games.len(),
        (total / f64::from(arguments.jobs) / 60.0).ceil(),
        arguments.jobs
    );
    let labels = Mutex::new(BTreeMap::new());
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let begin = now();
    thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                while let Some(game) = games.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.check().is_err() {
                        return;
                    }
                    match one(game, &output, stop) {
                        Ok((name, rules)) => {
                            let mut labels = lock(&labels);
                            labels.insert(name.clone(), rules);
                            progress(&name, &games, labels.len(), begin);
                        }
                        Err(error) if error.is::<Interrupted>() => return,
                        Err(error) => {
                            eprintln!("range: {error:#}");
                            lock(&failures).push(game.scenario.name);
                        }
                    }
                }
            });
        }
    });
    stop.check()?;
    let file = output.join("labels.json");
    fs::write(&file, serde_json::to_vec_pretty(&*lock(&labels))?)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    let failures = lock(&failures);
    if !failures.is_empty() {
        bail!(
            "{} of {} captures failed, as said above; the others and their labels.json are in `{}`. `--scenario {}` \
             makes one alone",
            failures.len(),
            games.len(),
            output.display(),
            failures[0]
        );
    }
    Ok(())
}

/// The captures that are asked for. Each keeps its number, and so its numbers, in whatever set it is.
fn games(arguments: &Arguments) -> Vec<Game<'static>> {
    let mut games = Vec::new();
    let mut number = 0;
    for scenario in SCENARIOS {
        for time in 0..scenario.times {
            let wanted = if arguments.quick {
                scenario.quick && time == 0
            } else {
                arguments.scenario.is_empty()
                    || arguments.scenario.iter().any(|name| name == scenario.name)
            };
            let seconds = if arguments.quick {
                scenario.seconds.min(QUICK_SECONDS)
            } else {
                scenario.seconds
            };
            if wanted {
                games.push(Game {
                    number,
                    scenario,
                    seconds,
                    seed: arguments.seed,
                });
            }
            number += 1;
        }
    }
    games
}

/// Makes a capture; a part of one is removed.
fn one(game: &Game<'_>, output: &Path, stop: &Stop) -> anyhow::Result<(String, Value)> {
    // The first part is the source, as in the names of other captures.
    let name = format!("range_{}_{:03}.pcap", game.scenario.name, game.number);
    let file = output.join(&name);
    match play::play(game, &file, stop) {
        Ok(rules) => Ok((name, rules)),
        Err(error) => {
            let _ = fs::remove_file(&file);
            if error.is::<Interrupted>() {
                return Err(error);
            }
            Err(error.context(format!("the capture {name} failed")))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred captures")]
fn progress(name: &str, games: &[Game<'_>], done: usize, begin: Timestamp) {
    let passed = now().duration_since(begin).as_secs_f64();
    let left = passed / done as f64 * (games.len() - done) as f64;
    eprintln!(
        "range: {done} of {} ({name}), about {:.0} s left",
        games.len(),
        left
    );
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the range is outside of the sensor, and tells how long it takes"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(quick: bool, scenario: &[&str]) -> Arguments {
        Arguments {
            output: PathBuf::new(),
            seed: 1,
            quick,
            scenario: scenario.iter().map(|name| (*name).to_owned()).collect(),
            jobs: 1,
        }
    }

    #[test]
    fn a_capture_has_the_same_number_in_every_set() {
        let number = |arguments: &Arguments| {
            let games = games(arguments);
            games
                .iter()
                .find(|game| game.scenario.name == "guess-ssh")
                .map(|game| game.number)
        };
        let all = number(&arguments(false, &[]));
        assert!(all.is_some());
        assert_eq!(number(&arguments(true, &[])), all);
        assert_eq!(number(&arguments(false, &["guess-ssh"])), all);
    }

    #[test]
    fn the_quick_set_has_normal_traffic_and_every_class_of_attack() {
        let attack = |name: &str| {
            games(&arguments(true, &[]))
                .iter()
                .any(|game| game.scenario.name == name)
        };
        for name in [
            "office",
            "syn-flood",
            "udp-flood",
            "icmp-flood",
            "scan-syn",
            "guess-ssh",
            "slow-headers",
            "flood-ab",
        ] {
            assert!(attack(name), "{name}");
        }
    }
}
