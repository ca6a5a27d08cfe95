//! What one attack leaves in memory does not misname the next one on the same hosts: a drawn sample of the matrix that
//! `cargo xtask quality --matrix` plays as a whole.

use std::process::Command;

#[test]
fn a_second_attack_on_the_same_hosts_is_alerted_by_its_own_class_in_time() {
    let output = Command::new(env!("CARGO_BIN_EXE_netanom-testbed"))
        .args(["quality", "--matrix", "--sample", "12", "--seed", "1"])
        .output()
        .unwrap();
    let (printed, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{printed}\n{said}");
}
