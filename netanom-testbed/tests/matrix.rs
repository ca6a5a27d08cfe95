//! What one attack leaves in memory does not misname the next one on the same hosts: a drawn sample of the matrix that
//! `cargo xtask quality --matrix` plays as a whole.

use std::process::Command;

/// Of twelve; the others come later. The goal, which the command holds, is all of them.
const IN_TIME: usize = 10;

#[test]
fn a_second_attack_on_the_same_hosts_is_alerted_by_its_own_class_and_mostly_in_time() {
    let output = Command::new(env!("CARGO_BIN_EXE_netanom-testbed"))
        .args(["quality", "--matrix", "--sample", "12", "--seed", "1"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let summary = printed
        .lines()
        .find(|line| line.contains("second attacks alerted by their own class in time"))
        .unwrap_or_else(|| panic!("{printed}\n{}", String::from_utf8_lossy(&output.stderr)));
    let numbers: Vec<usize> = summary
        .split(|sign: char| !sign.is_ascii_digit() && sign != '.')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [in_time, 12, later, 0, 0, 0, 0] = numbers[..] else {
        panic!("{printed}");
    };
    assert!(in_time >= IN_TIME && in_time + later == 12, "{printed}");
}
