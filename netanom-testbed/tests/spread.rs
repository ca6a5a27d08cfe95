//! Attacks made to be many cases at once: few alerts, bounded memory, and no alert from before that is lost. Times are
//! for `cargo xtask bench spread`, on an idle machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

/// Some seconds of an attack, which are more cases than there is room for; it says itself what is not as it has to be.
fn check(attack: &str, seconds: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_netanom-testbed"))
        .args(["bench", "spread", "--counts-only"])
        .args(["--attack", attack, "--seconds", seconds])
        .output()
        .unwrap();
    let (printed, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{printed}");
}

#[test]
fn pairs_of_a_new_source_and_a_host_of_its_own_are_few_alerts_in_bounded_memory() {
    check("pairs", "11");
}

#[test]
fn new_pairs_of_a_packet_each_are_few_alerts_in_bounded_memory() {
    check("new-pairs", "5");
}

#[test]
fn carpet_bombing_of_1500_hosts_by_syns_is_few_alerts_in_bounded_memory() {
    check("carpet-1500-syn", "3");
}

#[test]
fn carpet_bombing_of_1500_hosts_by_datagrams_is_few_alerts_in_bounded_memory() {
    check("carpet-1500-udp", "3");
}

#[test]
fn carpet_bombing_of_a_16_by_syns_is_few_alerts_in_bounded_memory() {
    check("carpet-65536-syn", "3");
}

#[test]
fn carpet_bombing_of_a_16_by_datagrams_is_few_alerts_in_bounded_memory() {
    check("carpet-65536-udp", "3");
}
