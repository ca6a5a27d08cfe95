//! The whole sensor on a network of its own, as `cargo xtask lab` shows it: the right alert in time, no packet lost,
//! nothing left behind.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One lab at a time: a delay that is measured on a busy machine says nothing.
static ALONE: Mutex<()> = Mutex::new(());

/// Why no lab can be run here; None where it can.
fn obstacle() -> Option<&'static str> {
    let has_ip = Command::new("ip")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !nix::unistd::geteuid().is_root() {
        Some("needs root to make a network namespace and to attach programs")
    } else if !has_ip {
        Some("needs `ip` (iproute2) to make a network namespace")
    } else {
        None
    }
}

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lab with the program that these tests are built with, so that nothing is built anew.
fn lab(options: &[&str]) -> Command {
    let mut lab = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    lab.args([
        "run",
        "--quiet",
        "--package",
        "netanom-testbed",
        "--",
        "lab",
        "--listen",
        "127.0.0.1:0",
    ]);
    lab.args(["--program", env!("CARGO_BIN_EXE_netanom")])
        .args(options);
    lab.stdin(Stdio::null());
    lab
}

/// The name of the lab's namespace, from what it says.
fn namespace(text: &str) -> &str {
    let start = text
        .find("netanom-lab-")
        .unwrap_or_else(|| panic!("no namespace in:\n{text}"));
    text[start..].split_whitespace().next().unwrap()
}

fn assert_nothing_is_left(said: &str) {
    let namespace = namespace(said);
    assert!(
        !Path::new("/run/netns").join(namespace).exists(),
        "{namespace} is still there"
    );
    let interface = namespace.replace("netanom-lab-", "lab");
    assert!(
        !Path::new("/sys/class/net").join(&interface).exists(),
        "{interface} is still there"
    );
}

/// Runs the lab with an attack, and checks what it says of it.
fn check(attack: &str, class: &str, named: &str) {
    let _alone = alone();
    let Output {
        status,
        stdout,
        stderr,
    } = lab(&["--attack", attack, "--normal", "4", "--duration", "3"])
        .output()
        .unwrap();
    let (printed, said) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    let lines = |start: &str| {
        printed
            .lines()
            .filter(|line| line.starts_with(start))
            .count()
    };
    assert_eq!(status.code(), Some(0), "{printed}\n{said}");
    assert_eq!(
        (lines("PASS  "), lines("FAIL  "), lines("alert  ")),
        (7, 0, 1),
        "{printed}"
    );
    assert!(printed.contains(&format!("  {class}  ")), "{printed}");
    assert!(printed.contains(named), "{printed}");
    assert_nothing_is_left(&said);
}

#[test]
fn a_syn_flood_is_one_alert_with_its_target_within_a_second() {
    match obstacle() {
        Some(reason) => common::skip(
            "a_syn_flood_is_one_alert_with_its_target_within_a_second",
            reason,
        ),
        None => check(
            "syn-flood",
            "syn_flood",
            "PASS  its target is 198.18.1.10: 198.18.1.10",
        ),
    }
}

#[test]
fn a_port_scan_is_one_alert_with_its_source_within_a_second() {
    match obstacle() {
        Some(reason) => common::skip(
            "a_port_scan_is_one_alert_with_its_source_within_a_second",
            reason,
        ),
        None => check(
            "port-scan",
            "port_scan",
            "PASS  its source is 198.19.66.6: 198.19.66.6",
        ),
    }
}

#[test]
fn a_lab_that_is_told_to_stop_leaves_nothing_behind() {
    if let Some(reason) = obstacle() {
        return common::skip("a_lab_that_is_told_to_stop_leaves_nothing_behind", reason);
    }
    let _alone = alone();
    let mut child = lab(&["--normal", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "lab: normal traffic for 60 s" {
            // cargo has become the lab, so the process id is the lab's.
            let kill = format!("kill -TERM {}", child.id());
            assert!(
                Command::new("sh")
                    .args(["-c", &kill])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        said += &line;
        said.push('\n');
    }
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(
        said.contains("detached"),
        "the sensor was not stopped in order:\n{said}"
    );
    assert_nothing_is_left(&said);
}
