//! Alerts outlive the sensor: what HTTP has shown is there again after a kill, once, under the same id.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::errors::end;
use crate::flood::spoofed_to;
use crate::namespace::{Namespace, Pair};
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// How often the sensor is killed, unless `NETANOM_TEST_KILLS` says so: each start takes a second or more.
const KILLS: usize = 5;
/// A kill comes at some moment of this time after an alert was seen: two ticks.
const MOMENTS: u64 = 500;

#[test]
fn kills_lose_no_alert_that_was_shown_and_double_none() {
    let Some(pair) = Pair::new("kills_lose_no_alert_that_was_shown_and_double_none") else {
        return;
    };
    let state = tempfile::tempdir().unwrap();
    let start = || {
        Sensor::spawn(
            &pair.sensor,
            command(&pair.sensor, state.path()),
            &["-i", "v0"],
        )
    };
    let mut sensor = start();
    let mut shown = BTreeMap::new();
    let kills = std::env::var("NETANOM_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    for round in 1..=kills {
        // A flood of another host's, so that its alert is another one.
        let host = (round % 250) as u8;
        let frames: Vec<_> = (0..3000).map(|number| spoofed_to(host, number)).collect();
        pair.sender
            .inside(|| PacketSocket::open("v1").send(frames.iter().map(Vec::as_slice)));
        wait_until("the alert is there", || {
            let before = shown.len();
            shown.extend(alerts(&sensor));
            shown.len() > before
        });
        sleep(Duration::from_millis(rand::random::<u64>() % MOMENTS));
        shown.extend(alerts(&sensor));
        sensor.stop(Signal::SIGKILL);
        sensor = start();
        let kept = alerts(&sensor);
        for id in shown.keys() {
            assert_eq!(
                kept.get(id).map(String::as_str),
                Some("ended"),
                "{id}: {kept:?}"
            );
        }
    }
    assert!(shown.len() >= kills, "{shown:?}");
    eprintln!("{kills} kills, {} alerts", shown.len());
    assert_eq!(sensor.metrics()["netanom_history_failures_total"], 0.0);
    assert_eq!(sensor.stop(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_state_folder_has_one_sensor() {
    let Some(pair) = Pair::new("a_state_folder_has_one_sensor") else {
        return;
    };
    let state = tempfile::tempdir().unwrap();
    let sensor = Sensor::spawn(
        &pair.sensor,
        command(&pair.sensor, state.path()),
        &["-i", "v0"],
    );
    let mut second = command(&pair.sender, state.path());
    let said = end(second.args(["-i", "v1", "--listen", "127.0.0.1:0"]), 1);
    let expected = format!("is in use by the netanom with process id {}", sensor.pid());
    assert!(said.contains(&expected), "{said}");
    let shown = pair.sender.run(&["ip", "link", "show", "dev", "v1"]);
    assert!(!shown.contains("xdp"), "{shown}");
}

#[test]
fn a_file_of_garbage_in_the_state_folder_is_moved_aside_and_told() {
    let test = "a_file_of_garbage_in_the_state_folder_is_moved_aside_and_told";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("netanom.sqlite"), "garbage ".repeat(1000)).unwrap();
    let sensor = Sensor::spawn(
        &pair.sensor,
        command(&pair.sensor, state.path()),
        &["-i", "v0"],
    );
    let log = sensor.log();
    assert!(
        log.contains("is damaged") && log.contains(".broken-1"),
        "{log}"
    );
    assert!(state.path().join("netanom.sqlite.broken-1").exists());
}

fn command(namespace: &Namespace, state: &Path) -> Command {
    let mut command = namespace.command(env!("CARGO_BIN_EXE_netanom"));
    command
        .args(["run", "--state-dir"])
        .arg(state)
        .env_remove("RUST_LOG");
    command
}

/// State by id. No id comes twice.
fn alerts(sensor: &Sensor<'_>) -> BTreeMap<String, String> {
    let (status, page) = sensor.get("/alerts?limit=1000").unwrap();
    assert_eq!(status, 200, "{page}");
    let page: Value = serde_json::from_str(&page).unwrap();
    let mut states = BTreeMap::new();
    for alert in page["alerts"].as_array().unwrap() {
        let text = |key: &str| alert[key].as_str().unwrap().to_owned();
        let twice = states.insert(text("id"), text("state"));
        assert_eq!(twice, None, "{page}");
    }
    states
}
