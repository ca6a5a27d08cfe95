//! Simulated captures to train on: what the real ones lack, above all attacks in the midst of normal traffic.
//!
//! One table says all that is played. Its seeds are none that the lab or the tests use.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use netanom::alert::Class;
use netanom::flow::Timestamp;
use netanom::simulate::{self, CaptureWriter, DEFAULT_START, Mode, TimedFrame};
use serde_json::{Value, json};

use crate::attacks::{self, Attack, ICMP};

/// What is played.
struct Scenario {
    mode: Mode,
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
        mode: Mode::Normal,
        source,
        target,
        rate,
        seconds,
        beside: None,
    }
}

const fn alone(mode: Mode, source: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        mode,
        source,
        target: SERVER,
        rate,
        seconds,
        beside: None,
    }
}

const fn among(mode: Mode, source: &'static str, rate: f64, seconds: f64) -> Scenario {
    Scenario {
        beside: Some(150.0),
        ..alone(mode, source, rate, seconds)
    }
}

const fn among_6(mode: Mode, rate: f64, seconds: f64) -> Scenario {
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

    among(Mode::SynFlood, ONE, 200.0, 10.0),
    among(Mode::SynFlood, ONE, 1000.0, 6.0),
    among(Mode::SynFlood, MANY, 1000.0, 6.0),
    alone(Mode::SynFlood, FORGED, 2000.0, 5.0),
    alone(Mode::SynFlood, ONE, 8000.0, 2.0),
    among_6(Mode::SynFlood, 1000.0, 5.0),

    among(Mode::SynFlood, ONE, 15.0, 60.0),
    among(Mode::SynFloodClosed, ONE, 15.0, 60.0),
    among(Mode::SynFloodClosed, ONE, 100.0, 15.0),
    among(Mode::SynFloodClosed, ONE, 1000.0, 5.0),
    alone(Mode::SynFloodClosed, MANY, 40.0, 30.0),
    alone(Mode::SynFloodClosed, ONE, 20_000.0, 1.0),
    alone(Mode::SynFloodPorts, ONE, 10_000.0, 2.0),
    alone(Mode::SynFloodPorts, ONE, 20_000.0, 1.5),
    alone(Mode::SynFloodPorts, ONE, 30_000.0, 1.0),
    alone(Mode::SynFloodPorts, MANY, 20_000.0, 1.0),
    among(Mode::SynFloodReset, ONE, 25.0, 60.0),
    among(Mode::SynFloodReset, ONE, 300.0, 10.0),
    alone(Mode::SynFloodReset, MANY, 60.0, 30.0),
    alone(Mode::SynFloodReset, ONE, 5000.0, 2.0),

    among(Mode::UdpFloodEcho, ONE, 10.0, 60.0),
    among(Mode::UdpFloodEcho, ONE, 60.0, 20.0),
    among(Mode::UdpFloodEcho, ONE, 500.0, 6.0),
    alone(Mode::UdpFloodEcho, MANY, 20.0, 40.0),
    alone(Mode::UdpFloodEcho, ONE, 20_000.0, 1.0),
    among(Mode::UdpFlood, ONE, 20.0, 40.0),
    among(Mode::UdpFlood, ONE, 300.0, 10.0),
    among(Mode::UdpFlood, ONE, 2000.0, 4.0),
    among(Mode::UdpFlood, MANY, 1000.0, 6.0),
    alone(Mode::UdpFlood, FORGED, 3000.0, 3.0),
    among_6(Mode::UdpFlood, 1000.0, 5.0),

    among(Mode::IcmpFlood, ONE, 10.0, 90.0),
    among(Mode::IcmpFlood, ONE, 15.0, 60.0),
    alone(Mode::IcmpFlood, ONE, 20.0, 40.0),
    alone(Mode::IcmpFlood, ONE, 2500.0, 4.0),
    alone(Mode::IcmpFlood, ONE, 1000.0, 5.0),
    alone(Mode::IcmpFlood, ONE, 500.0, 5.0),
    among(Mode::IcmpFlood, ONE, 30.0, 60.0),
    alone(Mode::IcmpFlood, ONE, 12.0, 60.0),
    among(Mode::IcmpFlood, ONE, 200.0, 10.0),
    among(Mode::IcmpFlood, ONE, 2000.0, 4.0),
    among(Mode::IcmpFlood, MANY, 1000.0, 6.0),
    alone(Mode::IcmpFlood, FORGED, 3000.0, 3.0),
    among_6(Mode::IcmpFlood, 1000.0, 5.0),

    among(Mode::PortScan, ONE, 30.0, 30.0),
    among(Mode::PortScan, ONE, 200.0, 10.0),
    among(Mode::PortScan, ONE, 2000.0, 4.0),
    among(Mode::PortScan, MANY, 300.0, 10.0),
    alone(Mode::PortScan, ONE, 600.0, 6.0),
    among_6(Mode::PortScan, 200.0, 10.0),
    among(Mode::ConnectScan, ONE, 50.0, 20.0),
    among(Mode::ConnectScan, ONE, 200.0, 10.0),
    alone(Mode::ConnectScan, ONE, 1500.0, 4.0),
    among(Mode::FinScan, ONE, 50.0, 20.0),
    among(Mode::FinScan, ONE, 300.0, 8.0),
    among(Mode::NullScan, ONE, 50.0, 20.0),
    among(Mode::NullScan, ONE, 300.0, 8.0),
    among(Mode::XmasScan, ONE, 50.0, 20.0),
    among(Mode::XmasScan, ONE, 300.0, 8.0),
    among(Mode::UdpScan, ONE, 30.0, 30.0),
    among(Mode::UdpScan, ONE, 150.0, 10.0),
    among_6(Mode::UdpScan, 100.0, 10.0),

    alone(Mode::FinScan, ONE, 6000.0, 2.0),
    alone(Mode::NullScan, ONE, 10_000.0, 1.5),
    alone(Mode::NullScan, ONE, 3000.0, 3.0),
    alone(Mode::XmasScan, ONE, 10_000.0, 1.5),
    alone(Mode::XmasScan, ONE, 2000.0, 4.0),
    alone(Mode::PortScan, ONE, 5000.0, 2.0),
    alone(Mode::ConnectScan, ONE, 6000.0, 2.0),
    among(Mode::HostSweep, ONE, 3.0, 120.0),
    among(Mode::HostSweep, ONE, 8.0, 90.0),
    among(Mode::HostSweep, ONE, 20.0, 40.0),
    alone(Mode::HostSweep, ONE, 5.0, 90.0),
    alone(Mode::HostSweep, ONE, 100.0, 15.0),
    alone(Mode::HostSweep, ONE, 1000.0, 4.0),

    among(Mode::BruteForce, ONE, 40.0, 60.0),
    among(Mode::BruteForce, ONE, 100.0, 30.0),
    among(Mode::BruteForce, ONE, 400.0, 15.0),
    alone(Mode::BruteForce, MANY, 200.0, 20.0),
    among_6(Mode::BruteForce, 100.0, 20.0),

    among(Mode::SlowHttp, ONE, 30.0, 60.0),
    among(Mode::SlowHttp, ONE, 60.0, 40.0),
    among(Mode::SlowHttp, ONE, 200.0, 30.0),
    alone(Mode::SlowHttp, MANY, 100.0, 30.0),
    among_6(Mode::SlowHttp, 60.0, 30.0),

    among(Mode::HttpFlood, ONE, 60.0, 40.0),
    alone(Mode::HttpFlood, ONE, 120.0, 20.0),
    among(Mode::HttpFlood, ONE, 200.0, 20.0),
    among(Mode::HttpFlood, ONE, 500.0, 10.0),
    among(Mode::HttpFlood, ONE, 2000.0, 5.0),
    alone(Mode::HttpFlood, MANY, 1000.0, 8.0),
    among_6(Mode::HttpFlood, 500.0, 10.0),

    among(Mode::HttpFloodSingle, ONE, 30.0, 40.0),
    among(Mode::HttpFloodSingle, ONE, 150.0, 20.0),
    alone(Mode::HttpFloodSingle, ONE, 600.0, 10.0),
    alone(Mode::HttpFloodSingle, MANY, 300.0, 15.0),
    alone(Mode::HttpFloodSingle, ONE, 4000.0, 3.0),
    among(Mode::HttpFloodOverwhelmed, ONE, 60.0, 40.0),
    among(Mode::HttpFloodOverwhelmed, ONE, 300.0, 20.0),
    alone(Mode::HttpFloodOverwhelmed, ONE, 150.0, 30.0),
    alone(Mode::HttpFloodOverwhelmed, ONE, 1000.0, 10.0),
    alone(Mode::HttpFloodOverwhelmed, MANY, 400.0, 20.0),

    among(Mode::Amplification, MANY, 300.0, 10.0),
    among(Mode::Amplification, MANY, 1000.0, 6.0),
    among(Mode::Amplification, "10.99.0.0/26", 1000.0, 6.0),
    alone(Mode::Amplification, MANY, 5000.0, 2.0),

    among(Mode::BruteForceFtp, ONE, 15.0, 90.0),
    among(Mode::BruteForceFtp, ONE, 40.0, 60.0),
    among(Mode::BruteForceFtp, ONE, 120.0, 30.0),
    alone(Mode::BruteForceFtp, ONE, 60.0, 40.0),
    alone(Mode::BruteForceFtp, ONE, 300.0, 15.0),
    alone(Mode::BruteForceFtp, ONE, 1500.0, 5.0),
    alone(Mode::BruteForceFtp, MANY, 200.0, 20.0),
    among_6(Mode::BruteForceFtp, 100.0, 20.0),
    alone(Mode::BruteForce, ONE, 1000.0, 8.0),
    alone(Mode::BruteForce, ONE, 20.0, 90.0),
];

/// The first seed; each scenario has its own.
const FIRST_SEED: u64 = 20_000;
/// Normal traffic begins at [`DEFAULT_START`], and an attack so much later.
const BEFORE: Duration = Duration::from_secs(2);
/// What is left of normal traffic around an attack, in seconds.
const AROUND: f64 = 4.0;

/// Makes all captures in `folder`, and `labels.json` beside them.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let mut labels = BTreeMap::new();
    for ((number, scenario), seed) in SCENARIOS.iter().enumerate().zip((FIRST_SEED..).step_by(2)) {
        // The first part is the source, as in the names of real captures.
        let name = format!("simulated_{}_{number:02}.pcap", scenario.mode);
        let mut capture = CaptureWriter::create(&folder.join(&name))?;
        for frame in play(scenario, seed)? {
            capture.write(&frame)?;
        }
        capture.finish()?;
        labels.insert(name, label(scenario)?);
    }
    let file = folder.join("labels.json");
    fs::write(&file, serde_json::to_vec_pretty(&labels)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// The frames of a scenario, with those of normal traffic around them.
fn play(scenario: &Scenario, seed: u64) -> anyhow::Result<Vec<TimedFrame>> {
    let mut frames = simulate(scenario, DEFAULT_START.plus(BEFORE), seed)?;
    if let Some(rate) = scenario.beside {
        let (source, target) = if scenario.target == SERVER_6 {
            (OFFICE_6, SERVER_6)
        } else {
            (OFFICE, SERVER)
        };
        let around = normal(source, target, rate, scenario.seconds + AROUND);
        frames.extend(simulate(&around, DEFAULT_START, seed + 1)?);
        // Stable, by the microseconds of a capture: those of the same time keep their order.
        frames.sort_by_key(|frame| frame.at.as_nanos() / 1000);
    }
    Ok(frames)
}

fn simulate(scenario: &Scenario, start: Timestamp, seed: u64) -> anyhow::Result<Vec<TimedFrame>> {
    let simulated = simulate::Scenario {
        rate: Some(scenario.rate),
        duration: Duration::from_secs_f64(scenario.seconds),
        seed,
        start,
        ..simulate::Scenario::new(
            scenario.mode,
            scenario.source.parse()?,
            scenario.target.parse()?,
        )
    };
    let frames = simulate::frames(&simulated)
        .with_context(|| format!("cannot simulate {}", scenario.mode))?;
    Ok(frames.collect())
}

/// The rules for a capture. What else is in it is normal, but for the errors that an attack provokes.
fn label(scenario: &Scenario) -> anyhow::Result<Value> {
    if scenario.mode == Mode::Normal {
        return Ok(json!({ "tier": "core", "default": Class::Normal, "rules": [] }));
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
    Ok(json!({ "tier": "core", "default": Class::Normal, "rules": [rule, errors] }))
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
    fn a_capture_has_normal_traffic_before_and_after_its_attack_in_the_order_of_time() {
        let scenario = among(Mode::PortScan, ONE, 50.0, 2.0);
        let frames = play(&scenario, 1).unwrap();
        assert!(frames.is_sorted_by_key(|frame| frame.at.as_nanos() / 1000));
        let attack = simulate(&scenario, DEFAULT_START.plus(BEFORE), 1).unwrap();
        let (first, last) = (attack.first().unwrap().at, attack.last().unwrap().at);
        assert!(frames[0].at < first && frames.last().unwrap().at > last);
        let of_attack = frames.iter().filter(|frame| attack.contains(frame));
        assert_eq!(of_attack.count(), attack.len());
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
        let label = label(&among(Mode::UdpScan, "10.99.0.0/31", 1.0, 1.0)).unwrap();
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
            label(&alone(Mode::SynFlood, FORGED, 1.0, 1.0)).unwrap()["rules"][0]["host"],
            json!([SERVER])
        );
    }
}
