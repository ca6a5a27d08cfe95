//! One capture: its network, its servers, the capture, and then everybody at once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::attack::Plan;
use super::crowd::Crowd;
use super::labels;
use super::network::{Addresses, CAPTURED, Network, TRANSLATED};
use super::people::Person;
use super::scenarios::Scenario;
use super::servers::Servers;
use crate::lab::stop::Stop;
use crate::random::Random;

/// Packets of a capture, at most.
const MOST_PACKETS: &str = "300000";
/// Bytes that are kept of a packet: headers, and what a protocol says first.
const KEPT: &str = "200";
const STEP: Duration = Duration::from_millis(100);
/// Packets of an attacker without which it did not attack.
const FEWEST: usize = 2;

/// What to play.
pub(super) struct Game<'a> {
    /// Its number in the set: no two share it.
    pub(super) number: usize,
    pub(super) scenario: &'a Scenario,
    pub(super) seconds: f64,
    pub(super) seed: u64,
}

/// A program beside the capture, with where its words go.
struct Actor {
    name: String,
    child: Child,
}

/// Plays it into `file`; returns its labels.
pub(super) fn play(game: &Game<'_>, file: &Path, stop: &Stop) -> anyhow::Result<Value> {
    let mut random = Random::new(game.seed, game.number);
    let addresses = Addresses::draw(&mut random);
    let seconds = game.seconds;
    let folder = tempfile::tempdir().context("cannot make a working folder")?;

    let network = Network::make(game.number, &addresses, game.scenario.attacks.len())?;
    let servers = Servers::start(&network, &addresses, folder.path(), stop)?;
    let people = game.scenario.people.draw(&addresses, &mut random);
    let is_nat = game.scenario.people == Crowd::Nat;
    if is_nat {
        network.translate(&addresses)?;
    }
    let mut attackers: Vec<(String, Plan)> = Vec::new();
    let mut scripts = Vec::new();
    for (number, attack) in game.scenario.attacks.iter().enumerate() {
        let begin = if people.is_empty() {
            random.real(0.1, 0.5)
        } else {
            random.real(0.08, 0.3) * seconds
        };
        let own_folder = servers.folder.join(format!("attacker{number}"));
        fs::create_dir_all(&own_folder)?;
        let plan = attack.draw(&addresses, &own_folder, seconds - begin, &mut random);
        let role = Network::role_of_attacker(number);
        scripts.push((role.clone(), role, begin, plan.script.clone()));
        attackers.push((addresses.attacker(number), plan));
    }
    for (number, (own, habit)) in people.iter().enumerate() {
        let person = Person {
            addresses: &addresses,
            own,
            seconds,
            folder: &servers.folder,
        };
        let begin = random.real(0.0, 0.15) * seconds;
        let script = habit.script(&person, &mut random);
        scripts.push(("users".to_owned(), format!("person{number}"), begin, script));
    }

    let mut capture = start_capture(&network, file, &servers.folder, stop)?;
    let mut actors = Vec::new();
    for (role, name, begin, script) in &scripts {
        actors.push(start(
            &network,
            &servers.folder,
            role,
            name,
            *begin,
            script,
        )?);
    }
    let mut left = Duration::from_secs_f64(seconds);
    while !left.is_zero() && capture.try_wait()?.is_none() {
        stop.sleep(STEP)?;
        left = left.saturating_sub(STEP);
    }
    // Before the programs end: an end is not what an attack looks like.
    end_capture(&mut capture)?;
    check(file, &attackers, &servers.folder)?;
    for actor in &mut actors {
        let missing =
            matches!(actor.child.try_wait(), Ok(Some(status)) if status.code() == Some(127));
        if missing {
            bail!(
                "{}: a program is missing: {}",
                actor.name,
                log(&servers.folder, &actor.name)
            );
        }
    }
    drop(network);
    for actor in &mut actors {
        let _ = actor.child.wait();
    }
    let known: BTreeSet<String> = if is_nat {
        BTreeSet::from([TRANSLATED.to_owned()])
    } else {
        people.into_iter().map(|(own, _)| own).collect()
    };
    Ok(labels::rules(&attackers, &known))
}

fn start(
    network: &Network,
    folder: &Path,
    role: &str,
    name: &str,
    begin: f64,
    script: &str,
) -> anyhow::Result<Actor> {
    let log = File::create(folder.join(format!("{name}.log")))?;
    let file = folder.join(format!("{name}.sh"));
    fs::write(&file, format!("sleep {begin:.2}\n{script}\n"))?;
    let child = network
        .inside(role)
        .arg("sh")
        .arg(&file)
        .current_dir(folder)
        .env("PATH", super::PATH)
        .env("HOME", folder)
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    Ok(Actor {
        name: name.to_owned(),
        child,
    })
}

fn start_capture(
    network: &Network,
    file: &Path,
    folder: &Path,
    stop: &Stop,
) -> anyhow::Result<Child> {
    let log = folder.join("tcpdump.log");
    let mut child = network
        .inside("router")
        .args(["tcpdump", "-Z", "root", "-n", "-B", "32768", "-s", KEPT])
        .args(["-c", MOST_PACKETS, "-i", CAPTURED, "-w"])
        .arg(file)
        .arg("ip")
        .env("PATH", super::PATH)
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .process_group(0)
        .spawn()
        .context("cannot start tcpdump")?;
    loop {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("listening on") {
            return Ok(child);
        }
        if child.try_wait()?.is_some() {
            bail!("tcpdump ended: {}", said.trim());
        }
        stop.sleep(STEP)?;
    }
}

fn end_capture(capture: &mut Child) -> anyhow::Result<()> {
    if capture.try_wait()?.is_none() {
        kill(Pid::from_raw(i32::try_from(capture.id())?), Signal::SIGTERM)
            .context("cannot end tcpdump")?;
    }
    capture.wait().context("cannot wait for tcpdump")?;
    Ok(())
}

/// Every attacker is in the capture, or the labels would be of nothing.
fn check(file: &Path, attackers: &[(String, Plan)], folder: &Path) -> anyhow::Result<()> {
    for (number, (own, plan)) in attackers.iter().enumerate() {
        let host = plan.forged_at.as_ref().unwrap_or(own);
        let output = Command::new("tcpdump")
            .args(["-n", "-c", &FEWEST.to_string(), "-r"])
            .arg(file)
            .args([
                "host",
                host,
                "and",
                "ip",
                "proto",
                &plan.protocol.to_string(),
            ])
            .env("PATH", super::PATH)
            .output()
            .context("cannot run tcpdump")?;
        let packets = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count();
        if packets < FEWEST {
            bail!(
                "`{}` is not in the capture: {}",
                plan.script,
                log(folder, &Network::role_of_attacker(number))
            );
        }
    }
    Ok(())
}

fn log(folder: &Path, name: &str) -> String {
    let text = fs::read(folder.join(format!("{name}.log"))).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
