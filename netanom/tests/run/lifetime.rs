//! What is there while the sensor runs, and what is left when a signal stopped it.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use netanom_common::counter::Ignored;
use netanom_common::packet::Frame;
use netanom_common::parse::parse;

use crate::bpffs::BpfFileSystem;
use crate::common::skip;
use crate::frames::crafted;
use crate::namespace::{Namespace, Pair, succeed};
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

#[test]
fn an_interrupt_detaches_both_programs_and_ends_well() {
    check(
        "an_interrupt_detaches_both_programs_and_ends_well",
        Signal::SIGINT,
    );
}

#[test]
fn a_termination_detaches_both_programs_and_ends_well() {
    check(
        "a_termination_detaches_both_programs_and_ends_well",
        Signal::SIGTERM,
    );
}

fn check(test: &str, signal: Signal) {
    let Some(pair) = Pair::new(test) else {
        return;
    };
    if Command::new("bpftool").arg("version").output().is_err() {
        return skip(test, "needs `bpftool` (on Debian: apt-get install bpftool)");
    }
    let mut sensor = Sensor::start(&pair.sensor, &["--interface", "v0"]);
    let programs = loaded_with(xdp_program(&pair.sensor).unwrap());
    let names: Vec<_> = programs.iter().map(|(_, name)| name.as_str()).collect();
    let expected = [
        "netanom_egress",
        "netanom_egress_ip",
        "netanom_ingress",
        "netanom_ingress_ip",
        "netanom_xdp",
    ];
    assert_eq!(names, expected, "{}", sensor.log());

    let status = sensor.stop(signal);

    assert_eq!(status.code(), Some(0), "{}", sensor.log());
    assert_eq!(xdp_program(&pair.sensor), None);
    // The kernel frees a program a moment after its last user is gone.
    wait_until("the programs are unloaded", || {
        let left = all_programs();
        !left
            .iter()
            .any(|left| programs.iter().any(|(id, _)| left["id"] == *id))
    });
}

#[test]
fn an_interrupt_during_the_start_leaves_nothing_attached() {
    let test = "an_interrupt_during_the_start_leaves_nothing_attached";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let pins = BpfFileSystem::new();
    let mut command = pins.command(&pair.sensor);
    command.args(["-i", "v0", "--listen", "127.0.0.1:9710"]);
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the first map is pinned", || !pins.pins().is_empty());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut status = None;
    wait_until("the sensor ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(pins.pins(), Vec::<String>::new());
    let shown = pair.sensor.run(&["ip", "link", "show", "dev", "v0"]);
    assert!(!shown.contains("xdp"), "{shown}");
}

#[test]
fn messages_of_the_kernel_programs_reach_the_log_and_thin_out() {
    let test = "messages_of_the_kernel_programs_reach_the_log_and_thin_out";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["--interface", "v0"]);
    let crafted = crafted::all();
    let is_malformed = |frame: &[u8]| parse(&Frame::whole(frame)) == Err(Ignored::BadHeader);
    let (_, malformed) = crafted
        .iter()
        .find(|(_, frame)| is_malformed(frame))
        .unwrap();
    let frames = [malformed.as_slice()].repeat(100);
    pair.sender
        .inside(|| PacketSocket::open("v1").send(frames.iter().copied()));
    wait_until("the message is in the log", || {
        sensor.log().contains("malformed headers")
    });
    wait_until("all frames are counted", || {
        sensor.metrics()["netanom_packets_ignored_total{reason=\"bad_header\"}"] == 100.0
    });
    // Told at the 1st, 2nd, 4th, …, 64th packet of a CPU.
    let told = sensor.log().matches("malformed headers").count();
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert!(
        (1..=7 * cpus).contains(&told),
        "{told} times: {}",
        sensor.log()
    );
}

/// The program that `v0` has. Debian's bpftool is too old to show TCX here.
fn xdp_program(namespace: &Namespace) -> Option<u64> {
    let shown = namespace.run(&["bpftool", "--json", "net", "show", "dev", "v0"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown[0]["xdp"][0]["id"].as_u64()
}

/// Number and name of a program and of those that were loaded with it: they share maps. Sorted by name.
fn loaded_with(program: u64) -> Vec<(u64, String)> {
    let all = all_programs();
    let maps_of = |program: &Value| program["map_ids"].as_array().cloned().unwrap_or_default();
    let maps = maps_of(all.iter().find(|one| one["id"] == program).unwrap());
    let with = all
        .iter()
        .filter(|one| maps_of(one).iter().any(|map| maps.contains(map)));
    let mut with: Vec<_> = with
        .map(|one| {
            (
                one["id"].as_u64().unwrap(),
                one["name"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    with.sort_by(|(_, a), (_, b)| a.cmp(b));
    with
}

fn all_programs() -> Vec<Value> {
    let shown = succeed(Command::new("bpftool").args(["--json", "prog", "show"]));
    serde_json::from_str(&shown).unwrap()
}

#[test]
fn no_thread_keeps_a_capability() {
    let Some(pair) = Pair::new("no_thread_keeps_a_capability") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["--interface", "v0"]);
    let mut threads = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", sensor.pid())).unwrap() {
        let status = thread.unwrap().path().join("status");
        let status = std::fs::read_to_string(status).unwrap();
        let sets: Vec<_> = status
            .lines()
            .filter(|line| line.starts_with("Cap"))
            .collect();
        assert_eq!(sets.len(), 5, "{status}");
        for set in sets {
            assert!(set.ends_with("\t0000000000000000"), "{status}");
        }
        let name = status.lines().next().unwrap().trim_start_matches("Name:");
        threads.push(name.trim().to_owned());
    }
    for name in ["sensor", "tokio-rt-worker", "log", "sink-log", "sink-store"] {
        assert!(threads.iter().any(|one| one == name), "{name}: {threads:?}");
    }
}

#[test]
fn several_interfaces_are_watched_at_once() {
    let Some(pair) = Pair::new("several_interfaces_are_watched_at_once") else {
        return;
    };
    pair.sensor.run(&[
        "ip", "link", "add", "v2", "type", "veth", "peer", "name", "v3",
    ]);
    let sensor = Sensor::start(
        &pair.sensor,
        &["-i", "v0", "-i", "v*", "--direction", "ingress"],
    );
    let metrics = sensor.metrics();
    // The pattern also takes the other end, and takes `v0` no second time.
    // The driver of the others may keep VLAN tags beside the frame.
    for (interface, mode) in [("v0", "native"), ("v2", "tcx"), ("v3", "tcx")] {
        let sample = format!("netanom_xdp_attached{{interface=\"{interface}\",mode=\"{mode}\"}}");
        assert_eq!(metrics[&sample], 1.0);
    }
    let log = sensor.log();
    assert!(
        log.contains("watching `v2`: TCX on ingress\n")
            && log.contains("watching `v0`: native XDP\n")
            && log.contains("`v2` may keep VLAN tags beside the frames"),
        "{log}"
    );
}
