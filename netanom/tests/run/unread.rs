//! What does not read or take anything from the sensor does not stop it: its log, its output, its file descriptors.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::errors::end;
use crate::namespace::{Namespace, Pair, succeed};
use crate::sensor::{Sensor, wait_until};

#[test]
fn a_log_that_nobody_reads_stops_neither_detection_nor_the_end() {
    let test = "a_log_that_nobody_reads_stops_neither_detection_nor_the_end";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let mut sensor = Sensor::unread(&pair.sensor, &["-i", "v0"]);
    // Each leaves a line of the level debug: more than a pipe and the queue hold.
    let dropped = || sensor.metrics()["netanom_log_lines_dropped_total"];
    pair.sensor.inside(|| {
        for _ in 0..6000 {
            let mut stream = TcpStream::connect("127.0.0.1:9710").unwrap();
            let _ = stream.write_all(b"\x16\x03\x01\x02\x00 hello\r\n\r\n");
        }
    });
    wait_until("lines are dropped", || dropped() > 0.0);
    let polls = sensor.metrics()["netanom_poll_duration_seconds_count"];
    wait_until("it polls on", || {
        sensor.metrics()["netanom_poll_duration_seconds_count"] > polls + 3.0
    });
    assert_eq!(sensor.get("/readyz").unwrap().0, 200);
    assert_eq!(sensor.stop(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn http_answers_again_after_no_file_could_be_opened() {
    let Some(pair) = Pair::new("http_answers_again_after_no_file_could_be_opened") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
    let pid = sensor.pid().to_string();
    let limit = |files: &str| {
        // The soft limit alone, which may be raised again.
        let limit = format!("--nofile={files}:");
        succeed(Command::new("prlimit").args(["--pid", &pid, &limit]));
    };
    wait_until("no connection is open", || !is_open(sensor.pid(), 9710));
    let open: Vec<i32> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .map(|file| file.parse().unwrap())
        .collect();
    let free = (0..).find(|number| !open.contains(number)).unwrap();
    limit(&free.to_string());
    pair.sensor.inside(|| {
        // The kernel takes the connection, and the sensor cannot.
        drop(TcpStream::connect("127.0.0.1:9710").unwrap());
    });
    wait_until("it is told", || {
        sensor.log().contains("no file can be opened any more")
    });
    limit("1024");
    assert_eq!(sensor.get("/livez").unwrap().0, 200);
}

/// Whether a process in its network namespace has a TCP connection established at this port.
fn is_open(pid: u32, port: u16) -> bool {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let local = format!(":{port:04X} ");
    // ESTABLISHED is 1 in the kernel's table.
    table
        .lines()
        .any(|line| line.contains(&local) && line.contains(" 01 "))
}

#[test]
fn too_few_file_descriptors_are_told_with_the_remedy() {
    let Some(namespace) = Namespace::new("too_few_file_descriptors_are_told_with_the_remedy")
    else {
        return;
    };
    let mut command = namespace.command("prlimit");
    command.args(["--nofile=12:12", env!("CARGO_BIN_EXE_netanom")]);
    command.args(["run", "-i", "lo", "--listen", "127.0.0.1:0"]);
    let said = end(&mut command, 1);
    assert!(said.contains("too many open files"), "{said}");
    assert!(said.contains("ulimit -n 65536"), "{said}");
}

#[test]
fn a_full_standard_output_is_an_error_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    let capture = capture.to_str().unwrap();
    let simulate = |to| {
        let ends = ["--source", "192.0.2.1", "--target", "192.0.2.2"];
        [&["simulate", "port-scan", "--write", to][..], &ends].concat()
    };
    succeed(netanom().args(simulate(capture)));
    let flows = folder.path().join("flows.csv");
    let flows = flows.to_str().unwrap();
    succeed(netanom().args(["replay", capture, "--flows", flows]));
    for arguments in [
        vec!["--help"],
        vec!["replay", "--help"],
        vec!["--version"],
        vec!["run", "--print-config"],
        vec!["replay", capture],
        simulate(capture),
        simulate("-"),
        vec!["model", "show"],
        vec!["model", "explain", "--flows", flows],
    ] {
        let output = netanom()
            .args(&arguments)
            .stdout(File::options().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("No space left"), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_of_standard_output_that_has_seen_enough_is_no_error() {
    let mut child = netanom()
        .args(["model", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}

fn netanom() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netanom"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

#[test]
fn a_configuration_that_never_ends_is_told() {
    let mut command = netanom();
    command.args(["run", "-i", "lo", "--config", "/dev/zero"]);
    let said = end(&mut command, 1);
    assert!(said.contains("longer than 1024 KiB"), "{said}");
}
