//! Simulated captures to train on: what the real ones lack, above all attacks in the midst of normal traffic.
//!
//! One table says all that is played. Its seeds are none that the lab or the tests use.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::merge;
use crate::attacks::{self, Attack, ICMP};

/// What is played.
struct Scenario {
    mode: &'static str,
    source: &'static str,
    target: &'static str,
    /// Packets a second.
    rate: f64,
    seconds: f64,
    /// Packets a second of normal traffic beside an attack.
    beside: Option<f64>,
}

const OFFICE: &str = "10.20.0.0/26";
const SERVER: &str = "10.20.1.5";
const OFFICE_6: &str = "2001:db8:20::/122";
const SERVER_6: &str = "2001:db8:21::5";
/// One attacker, many, and forged addresses of the whole Internet.
const ONE: &str = "10.99.3.7";
const MANY: &str = "10.99.0.0/24";
const FORGED: &str = "0.0.0.0/0";
const ONE_6: &str = "2001:db8:99::7";

const fn normal(source: &'static str, target: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        mode: "normal",
        source,
        target,
        rate,
        seconds,
        beside: None,
    }
}

const fn alone(mode: &'static str, source: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        mode,
        source,
        target: SERVER,
        rate,
        seconds,
        beside: None,
    }
}

const fn among(mode: &'static str, source: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        beside: Some(150.0),
        ..alone(mode, source, rate, seconds)
    }
}

const fn among_6(mode: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        target: SERVER_6,
        ..among(mode, ONE_6, rate, seconds)
    }
}

#[rustfmt::skip]
const SCENARIOS: &[Scenario] = &[
    normal(OFFICE, SERVER, 20.0, 300.0),
    normal(OFFICE, SERVER, 80.0, 120.0),
    normal(OFFICE, SERVER, 150.0, 60.0),
    normal(OFFICE, SERVER, 150.0, 60.0),
    normal(OFFICE, SERVER, 400.0, 60.0),
    normal(OFFICE, SERVER, 1500.0, 30.0),
    normal("10.20.0.9", SERVER, 60.0, 120.0),
    normal(OFFICE_6, SERVER_6, 100.0, 90.0),
    normal(OFFICE_6, SERVER_6, 600.0, 30.0),

    among("syn-flood", ONE, 200.0, 10.0),
    among("syn-flood", ONE, 1000.0, 6.0),
    among("syn-flood", MANY, 1000.0, 6.0),
    alone("syn-flood", FORGED, 2000.0, 5.0),
    alone("syn-flood", ONE, 8000.0, 2.0),
    among_6("syn-flood", 1000.0, 5.0),

    among("syn-flood", ONE, 15.0, 60.0),
    among("syn-flood-closed", ONE, 15.0, 60.0),
    among("syn-flood-closed", ONE, 100.0, 15.0),
    among("syn-flood-closed", ONE, 1000.0, 5.0),
    alone("syn-flood-closed", MANY, 40.0, 30.0),
    alone("syn-flood-closed", ONE, 20_000.0, 1.0),
    alone("syn-flood-ports", ONE, 10_000.0, 2.0),
    alone("syn-flood-ports", ONE, 20_000.0, 1.5),
    alone("syn-flood-ports", ONE, 30_000.0, 1.0),
    alone("syn-flood-ports", MANY, 20_000.0, 1.0),
    among("syn-flood-reset", ONE, 25.0, 60.0),
    among("syn-flood-reset", ONE, 300.0, 10.0),
    alone("syn-flood-reset", MANY, 60.0, 30.0),
    alone("syn-flood-reset", ONE, 5000.0, 2.0),

    among("udp-flood-echo", ONE, 10.0, 60.0),
    among("udp-flood-echo", ONE, 60.0, 20.0),
    among("udp-flood-echo", ONE, 500.0, 6.0),
    alone("udp-flood-echo", MANY, 20.0, 40.0),
    alone("udp-flood-echo", ONE, 20_000.0, 1.0),
    among("udp-flood", ONE, 20.0, 40.0),
    among("udp-flood", ONE, 300.0, 10.0),
    among("udp-flood", ONE, 2000.0, 4.0),
    among("udp-flood", MANY, 1000.0, 6.0),
    alone("udp-flood", FORGED, 3000.0, 3.0),
    among_6("udp-flood", 1000.0, 5.0),

    among("icmp-flood", ONE, 10.0, 90.0),
    among("icmp-flood", ONE, 15.0, 60.0),
    alone("icmp-flood", ONE, 20.0, 40.0),
    alone("icmp-flood", ONE, 2500.0, 4.0),
    alone("icmp-flood", ONE, 1000.0, 5.0),
    alone("icmp-flood", ONE, 500.0, 5.0),
    among("icmp-flood", ONE, 30.0, 60.0),
    alone("icmp-flood", ONE, 12.0, 60.0),
    among("icmp-flood", ONE, 200.0, 10.0),
    among("icmp-flood", ONE, 2000.0, 4.0),
    among("icmp-flood", MANY, 1000.0, 6.0),
    alone("icmp-flood", FORGED, 3000.0, 3.0),
    among_6("icmp-flood", 1000.0, 5.0),

    among("port-scan", ONE, 30.0, 30.0),
    among("port-scan", ONE, 200.0, 10.0),
    among("port-scan", ONE, 2000.0, 4.0),
    among("port-scan", MANY, 300.0, 10.0),
    alone("port-scan", ONE, 600.0, 6.0),
    among_6("port-scan", 200.0, 10.0),
    among("connect-scan", ONE, 50.0, 20.0),
    among("connect-scan", ONE, 200.0, 10.0),
    alone("connect-scan", ONE, 1500.0, 4.0),
    among("fin-scan", ONE, 50.0, 20.0),
    among("fin-scan", ONE, 300.0, 8.0),
    among("null-scan", ONE, 50.0, 20.0),
    among("null-scan", ONE, 300.0, 8.0),
    among("xmas-scan", ONE, 50.0, 20.0),
    among("xmas-scan", ONE, 300.0, 8.0),
    among("udp-scan", ONE, 30.0, 30.0),
    among("udp-scan", ONE, 150.0, 10.0),
    among_6("udp-scan", 100.0, 10.0),

    alone("fin-scan", ONE, 6000.0, 2.0),
    alone("null-scan", ONE, 10_000.0, 1.5),
    alone("null-scan", ONE, 3000.0, 3.0),
    alone("xmas-scan", ONE, 10_000.0, 1.5),
    alone("xmas-scan", ONE, 2000.0, 4.0),
    alone("port-scan", ONE, 5000.0, 2.0),
    alone("connect-scan", ONE, 6000.0, 2.0),
    among("host-sweep", ONE, 3.0, 120.0),
    among("host-sweep", ONE, 8.0, 90.0),
    among("host-sweep", ONE, 20.0, 40.0),
    alone("host-sweep", ONE, 5.0, 90.0),
    alone("host-sweep", ONE, 100.0, 15.0),
    alone("host-sweep", ONE, 1000.0, 4.0),

    among("brute-force", ONE, 40.0, 60.0),
    among("brute-force", ONE, 100.0, 30.0),
    among("brute-force", ONE, 400.0, 15.0),
    alone("brute-force", MANY, 200.0, 20.0),
    among_6("brute-force", 100.0, 20.0),

    among("slow-http", ONE, 30.0, 60.0),
    among("slow-http", ONE, 60.0, 40.0),
    among("slow-http", ONE, 200.0, 30.0),
    alone("slow-http", MANY, 100.0, 30.0),
    among_6("slow-http", 60.0, 30.0),

    among("http-flood", ONE, 60.0, 40.0),
    alone("http-flood", ONE, 120.0, 20.0),
    among("http-flood", ONE, 200.0, 20.0),
    among("http-flood", ONE, 500.0, 10.0),
    among("http-flood", ONE, 2000.0, 5.0),
    alone("http-flood", MANY, 1000.0, 8.0),
    among_6("http-flood", 500.0, 10.0),

    among("http-flood-single", ONE, 30.0, 40.0),
    among("http-flood-single", ONE, 150.0, 20.0),
    alone("http-flood-single", ONE, 600.0, 10.0),
    alone("http-flood-single", MANY, 300.0, 15.0),
    alone("http-flood-single", ONE, 4000.0, 3.0),
    among("http-flood-overwhelmed", ONE, 60.0, 40.0),
    among("http-flood-overwhelmed", ONE, 300.0, 20.0),
    alone("http-flood-overwhelmed", ONE, 150.0, 30.0),
    alone("http-flood-overwhelmed", ONE, 1000.0, 10.0),
    alone("http-flood-overwhelmed", MANY, 400.0, 20.0),

    among("amplification", MANY, 300.0, 10.0),
    among("amplification", MANY, 1000.0, 6.0),
    among("amplification", "10.99.0.0/26", 1000.0, 6.0),
    alone("amplification", MANY, 5000.0, 2.0),

    among("brute-force-ftp", ONE, 15.0, 90.0),
    among("brute-force-ftp", ONE, 40.0, 60.0),
    among("brute-force-ftp", ONE, 120.0, 30.0),
    alone("brute-force-ftp", ONE, 60.0, 40.0),
    alone("brute-force-ftp", ONE, 300.0, 15.0),
    alone("brute-force-ftp", ONE, 1500.0, 5.0),
    alone("brute-force-ftp", MANY, 200.0, 20.0),
    among_6("brute-force-ftp", 100.0, 20.0),
    alone("brute-force", ONE, 1000.0, 8.0),
    alone("brute-force", ONE, 20.0, 90.0),
];

/// The first seed; each scenario has its own.
const FIRST_SEED: usize = 20_000;
/// Normal traffic begins here, and an attack two seconds later.
const NORMAL_START: &str = "2026-01-01T00:00:00Z";
const ATTACK_START: &str = "2026-01-01T00:00:02Z";
/// What is left of normal traffic around an attack, in seconds.
const AROUND: f64 = 4.0;

/// Makes all captures in `folder`, and `labels.json` beside them.
pub(super) fn make(program: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut labels = BTreeMap::new();
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        // The first part is the source, as in the names of real captures.
        let name = format!("simulated_{}_{number:02}.pcap", scenario.mode);
        play(
            program,
            scenario,
            FIRST_SEED + 2 * number,
            &folder.join(&name),
        )?;
        labels.insert(name, label(scenario)?);
    }
    let file = folder.join("labels.json");
    fs::write(&file, serde_json::to_vec_pretty(&labels)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}

fn play(program: &Path, scenario: &Scenario, seed: usize, file: &Path) -> anyhow::Result<()> {
    simulate(program, scenario, ATTACK_START, seed, file)?;
    let Some(rate) = scenario.beside else {
        return Ok(());
    };
    let (source, target) = if scenario.target == SERVER_6 {
        (OFFICE_6, SERVER_6)
    } else {
        (OFFICE, SERVER)
    };
    let around = normal(source, target, rate, scenario.seconds + AROUND);
    let other = file.with_extension("beside");
    simulate(program, &around, NORMAL_START, seed + 1, &other)?;
    merge::add(file, &other)?;
    fs::remove_file(&other).with_context(|| format!("cannot remove `{}`", other.display()))
}

fn simulate(
    program: &Path,
    scenario: &Scenario,
    start: &str,
    seed: usize,
    file: &Path,
) -> anyhow::Result<()> {
    let Scenario {
        mode,
        source,
        target,
        rate,
        seconds,
        ..
    } = scenario;
    let mut command = Command::new(program);
    command.args([
        "simulate", mode, "--source", source, "--target", target, "--start", start,
    ]);
    command.args([
        "--rate",
        &rate.to_string(),
        "--duration",
        &seconds.to_string(),
        "--seed",
        &seed.to_string(),
    ]);
    command.arg("--write").arg(file).stdout(Stdio::null());
    let output = command
        .output()
        .with_context(|| format!("cannot run `{}`", program.display()))?;
    if !output.status.success() {
        bail!(
            "`netanom simulate {mode}` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// The rules for a capture. What else is in it is normal, but for the errors that an attack provokes.
fn label(scenario: &Scenario) -> anyhow::Result<Value> {
    if scenario.mode == "normal" {
        return Ok(json!({ "tier": "core", "default": "normal", "rules": [] }));
    }
    let attack = attacks::find(scenario.mode)
        .with_context(|| format!("`{}` is no attack", scenario.mode))?;
    let Attack {
        class,
        kind,
        protocol,
        ..
    } = attack;
    // Forged addresses are too many to list; no other traffic is in their captures.
    let who = hosts(scenario.source).unwrap_or_else(|| vec![scenario.target.to_owned()]);
    let protocol = if *protocol == ICMP && scenario.target == SERVER_6 {
        ICMP_6
    } else {
        *protocol
    };
    let mut rule = json!({ "host": who, "proto": protocol, "class": class });
    if let Some(kind) = kind {
        rule["sub"] = json!(kind);
    }
    let errors = json!({ "host": who, "proto": [ICMP, ICMP_6], "class": "ignore" });
    Ok(json!({ "tier": "core", "default": "normal", "rules": [rule, errors] }))
}

const ICMP_6: u8 = 58;

/// Every host of an IPv4 prefix of at most 256 addresses, or the address itself.
fn hosts(source: &str) -> Option<Vec<String>> {
    let Some((network, length)) = source.split_once('/') else {
        return Some(vec![source.to_owned()]);
    };
    let (Ok(IpAddr::V4(network)), Ok(length)) = (network.parse(), length.parse::<u32>()) else {
        return None;
    };
    let first = network.to_bits();
    let addresses = 1_u32.checked_shl(32_u32.checked_sub(length)?)?;
    (addresses <= 256).then(|| {
        (first..first + addresses)
            .map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string())
            .collect()
    })
}

/// The folder's captures, counted.
pub(super) fn count() -> usize {
    SCENARIOS.len()
}

/// Where the captures are made inside a working folder.
pub(super) fn folder(work: &Path) -> anyhow::Result<PathBuf> {
    let folder = work.join("simulated");
    fs::create_dir(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_is_played_several_times() {
        for attack in attacks::all() {
            let played = SCENARIOS
                .iter()
                .filter(|scenario| scenario.mode == attack.mode)
                .count();
            assert!(played >= 2, "{}: {played}", attack.mode);
        }
    }

    #[test]
    fn attacks_among_normal_traffic_are_labelled_by_their_hosts() {
        for scenario in SCENARIOS
            .iter()
            .filter(|scenario| scenario.beside.is_some())
        {
            assert!(
                scenario.source.contains(':') || hosts(scenario.source).is_some(),
                "{}",
                scenario.source
            );
        }
        let label = label(&among("udp-scan", "10.99.0.0/31", 1.0, 1.0)).unwrap();
        assert_eq!(
            label["rules"][0],
            json!({ "host": ["10.99.0.0", "10.99.0.1"], "proto": 17, "class": "port_scan", "sub": "udp" })
        );
        assert_eq!(label["rules"][1]["class"], "ignore");
    }

    #[test]
    fn forged_addresses_are_labelled_by_their_target() {
        assert_eq!(hosts(FORGED), None);
        assert_eq!(
            label(&alone("syn-flood", FORGED, 1.0, 1.0)).unwrap()["rules"][0]["host"],
            json!([SERVER])
        );
    }
}
