//! Without root: the program with capabilities of its file, as the message on a missing privilege advises.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::bpffs::BpfFileSystem;
use crate::common::skip;
use crate::errors::end;
use crate::frames::crafted;
use crate::namespace::{Namespace, Pair, succeed};
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// Debian's `nobody`, which every Linux has.
const NOBODY: &str = "65534";

#[test]
fn with_file_capabilities_anybody_may_run_it_unpinned_and_is_told() {
    let test = "with_file_capabilities_anybody_may_run_it_unpinned_and_is_told";
    let Some((pair, program)) = prepare(test) else {
        return;
    };
    let pins = BpfFileSystem::new();
    let sensor = Sensor::spawn(
        &pair.sensor,
        as_nobody(&pair.sensor, &pins, program.path(), "run"),
        &["-i", "v0"],
    );
    let status = fs::read_to_string(format!("/proc/{}/status", sensor.pid())).unwrap();
    assert!(status.contains(&format!("\nUid:\t{NOBODY}\t")), "{status}");
    let log = sensor.log();
    let warning = "cannot use the BPF file system at /sys/fs/bpf (Permission denied";
    assert!(
        log.contains(warning) && log.contains("or run as root"),
        "{log}"
    );
    assert!(
        log.contains("watching `v0`: native XDP, TCX on egress"),
        "{log}"
    );
    assert_eq!(pins.pins(), [""; 0]);

    let frame = crafted::ipv4_tcp();
    let frames = [frame.as_slice()].repeat(100);
    pair.sender
        .inside(|| PacketSocket::open("v1").send(frames.iter().copied()));
    wait_until("all frames are counted", || sensor.packets() >= 100);
    assert_eq!(sensor.packets(), 100);
}

#[test]
fn statistics_without_root_are_refused_with_the_remedy() {
    let test = "statistics_without_root_are_refused_with_the_remedy";
    let Some((pair, program)) = prepare(test) else {
        return;
    };
    let pins = BpfFileSystem::new();
    let mut command = as_nobody(&pair.sensor, &pins, program.path(), "run");
    command.args(["-i", "v0", "--listen", "127.0.0.1:0", "--bpf-stats"]);
    let said = end(&mut command, 1);
    for part in [
        "cannot switch on the kernel's BPF statistics",
        "not permitted",
        "leave out --bpf-stats",
        "kernel.bpf_stats_enabled=1",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn detach_by_a_stranger_removes_nothing_and_names_who_may() {
    let Some((pair, program)) = prepare("detach_by_a_stranger_removes_nothing_and_names_who_may")
    else {
        return;
    };
    let pins = BpfFileSystem::new();
    let mut sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    sensor.stop(Signal::SIGKILL);
    let left = pins.pins();
    assert!(!left.is_empty());
    let said = end(
        &mut as_nobody(&pair.sensor, &pins, program.path(), "detach"),
        1,
    );
    let expected = "cannot remove what a netanom has left on the BPF file system at /sys/fs/bpf: Permission denied";
    assert!(said.contains(expected), "{said}");
    assert!(
        said.contains("run as root, or as the user whose sensor it was"),
        "{said}"
    );
    assert_eq!(pins.pins(), left);
}

/// A pair, and a copy of the program with the capabilities that the message names, where anybody can start it.
fn prepare(test: &str) -> Option<(Pair, tempfile::TempDir)> {
    let pair = Pair::new(test)?;
    if Command::new("setcap").arg("-h").output().is_err() {
        skip(
            test,
            "needs `setcap` (on Debian: apt-get install libcap2-bin)",
        );
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = folder.path().join("netanom");
    fs::copy(env!("CARGO_BIN_EXE_netanom"), &program).unwrap();
    succeed(
        Command::new("setcap")
            .arg("cap_bpf,cap_perfmon,cap_net_admin+ep")
            .arg(&program),
    );
    Some((pair, folder))
}

/// A subcommand of the program in a folder, run by a user without any right, with a BPF file system that is root's.
fn as_nobody(
    namespace: &Namespace,
    pins: &BpfFileSystem,
    folder: &Path,
    subcommand: &str,
) -> Command {
    let mut command = namespace.command("sh");
    command
        .args([
            "-c",
            "mount --bind \"$0\" /sys/fs/bpf && exec setpriv --reuid \"$@\"",
        ])
        .arg(pins.path())
        .args([NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(folder.join("netanom"))
        .arg(subcommand)
        .env_remove("RUST_LOG");
    command
}
