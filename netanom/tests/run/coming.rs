//! Interfaces come, go, and are renamed while the sensor runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::frames::crafted;
use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// Longer than the sensor's tick, at which it looks.
const LATER: Duration = Duration::from_millis(600);

#[test]
fn a_pattern_takes_interfaces_that_come_and_lets_go_of_those_that_go() {
    let Some(pair) = Pair::new("a_pattern_takes_interfaces_that_come_and_lets_go_of_those_that_go")
    else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0", "-i", "w*"]);
    let before = descriptors(&sensor);
    let mut sent = send(&pair, "v1");
    for round in 0..3 {
        add(&pair, "w0", "w1");
        wait_until("the new interface is watched", || {
            is_attached(&sensor, "w0")
        });
        sent += send(&pair, "w1");
        if round == 0 {
            // Its last counts stay on the page although nobody has looked at them before it goes.
            sent += send(&pair, "w1");
        }
        run(&pair, "ip link delete w0");
        wait_until("the interface is let go", || !is_attached(&sensor, "w0"));
        sent += send(&pair, "v1");
    }
    wait_until("all is counted", || sensor.packets() >= sent);
    assert_eq!(sensor.packets(), sent, "{}", sensor.log());
    assert!(is_attached(&sensor, "v0"));
    assert_eq!(sensor.get("/readyz").unwrap().0, 200);
    assert_eq!(sensor.log().matches("watching `w0`").count(), 3);
    assert_eq!(sensor.log().matches("`w0` is gone").count(), 3);
    assert_eq!(descriptors(&sensor), before);
}

#[test]
fn an_interface_that_is_named_is_missed_until_it_comes_back() {
    let Some(pair) = Pair::new("an_interface_that_is_named_is_missed_until_it_comes_back") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
    let mut sent = send(&pair, "v1");
    run(&pair, "ip link delete v0");
    // The rule `NetanomNotAttached` asks for this.
    wait_until("it is missed", || mode(&sensor, "v0") == Some(0.0));
    add(&pair, "v0", "v1");
    wait_until("it is watched again", || is_attached(&sensor, "v0"));
    sent += send(&pair, "v1");
    wait_until("all is counted", || sensor.packets() >= sent);
    assert_eq!(sensor.packets(), sent);
}

#[test]
fn an_interface_that_moves_to_another_namespace_takes_no_program_along() {
    let test = "an_interface_that_moves_to_another_namespace_takes_no_program_along";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    add(&pair, "w0", "w1");
    let sensor = Sensor::start(&pair.sensor, &["-i", "w0"]);
    run(
        &pair,
        &format!("ip link set w0 netns {}", pair.sender.name()),
    );
    wait_until("it is missed", || mode(&sensor, "w0") == Some(0.0));
    let shown = pair.sender.run(&["ip", "link", "show", "dev", "w0"]);
    assert!(!shown.contains("xdp"), "{shown}");
}

#[test]
fn an_interface_keeps_its_programs_while_it_is_down() {
    let Some(pair) = Pair::new("an_interface_keeps_its_programs_while_it_is_down") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
    let mut sent = send(&pair, "v1");
    run(&pair, "ip link set v0 down");
    sleep(LATER);
    assert!(is_attached(&sensor, "v0"));
    run(&pair, "ip link set v0 up");
    sent += send(&pair, "v1");
    wait_until("all is counted", || sensor.packets() >= sent);
    assert_eq!(sensor.packets(), sent);
    assert!(!sensor.log().contains("is gone"), "{}", sensor.log());
}

#[test]
fn a_name_decides_whether_an_interface_is_watched() {
    let Some(pair) = Pair::new("a_name_decides_whether_an_interface_is_watched") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "w?"]);
    run(&pair, "ip link set v0 name w3");
    wait_until("the new name is watched", || is_attached(&sensor, "w3"));
    let mut sent = send(&pair, "v1");
    // Under both names it is watched, so no packet may be missed between them.
    sent += scope(|threads| {
        let renaming = threads.spawn(|| run(&pair, "ip link set w3 name w4"));
        let mut sent = 0;
        while !is_attached(&sensor, "w4") {
            sent += send(&pair, "v1");
        }
        renaming.join().unwrap();
        sent
    });
    sent += send(&pair, "v1");
    wait_until("all is counted", || sensor.packets() >= sent);
    run(&pair, "ip link set w4 name unwatched");
    wait_until("it is let go", || !is_attached(&sensor, "w4"));
    let shown = pair.sensor.run(&["ip", "link", "show", "dev", "unwatched"]);
    assert!(!shown.contains("xdp"), "{shown}");
    send(&pair, "v1");
    sleep(LATER);
    assert_eq!(sensor.packets(), sent);
}

#[test]
fn an_interface_that_is_made_anew_with_the_same_index_is_watched() {
    let test = "an_interface_that_is_made_anew_with_the_same_index_is_watched";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let add = format!(
        "ip link add w0 index 77 type veth peer name w1 netns {}",
        pair.sender.name()
    );
    run(&pair, &add);
    let sensor = Sensor::start(&pair.sensor, &["-i", "w*"]);
    // Within one tick, so that only its program tells them apart.
    let anew = format!("ip link delete w0 && {add} && ip link set w0 up");
    pair.sensor.run(&["sh", "-c", &anew]);
    pair.sender.run(&["ip", "link", "set", "w1", "up"]);
    wait_until("it is watched again", || {
        sensor.log().matches("watching `w0`").count() == 2
    });
    let sent = send(&pair, "w1");
    wait_until("all is counted", || sensor.packets() >= sent);
    assert_eq!(sensor.packets(), sent);
}

#[test]
fn two_interfaces_that_swap_their_names_are_both_watched() {
    let Some(pair) = Pair::new("two_interfaces_that_swap_their_names_are_both_watched") else {
        return;
    };
    add(&pair, "w0", "w1");
    let sensor = Sensor::start(&pair.sensor, &["-i", "v*", "-i", "w*"]);
    let swap = [("v0", "between"), ("w0", "v0"), ("between", "w0")];
    let swap = swap.map(|(old, new)| format!("ip link set {old} name {new}"));
    pair.sensor.run(&["sh", "-c", &swap.join(" && ")]);
    let came = |name| sensor.log().matches(&format!("watching `{name}`")).count();
    wait_until("both are watched under their new names", || {
        came("v0") == 2 && came("w0") == 2
    });
    assert!(is_attached(&sensor, "v0") && is_attached(&sensor, "w0"));
    // What was v0 is w0 now.
    let sent = send(&pair, "v1");
    wait_until("all is counted", || sensor.packets() >= sent);
    let counted = "netanom_packets_total{direction=\"ingress\",interface=\"w0\"}";
    assert!(sensor.metrics()[counted] > 0.0);
    assert_eq!(sensor.packets(), sent);
}

#[test]
fn of_interfaces_that_go_as_fast_as_they_come_nothing_stays() {
    let Some(pair) = Pair::new("of_interfaces_that_go_as_fast_as_they_come_nothing_stays") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0", "-i", "w*"]);
    let before = (descriptors(&sensor), sensor.metrics().len());
    let come_and_go =
        |n: u32| format!("ip link add w{n} type veth peer name x{n}; ip link delete w{n}");
    let all: Vec<_> = (0..100).map(come_and_go).collect();
    pair.sensor.run(&["sh", "-c", &all.join("\n")]);
    add(&pair, "w", "y");
    wait_until("the last one is watched", || is_attached(&sensor, "w"));
    run(&pair, "ip link delete w");
    wait_until("it is let go", || !is_attached(&sensor, "w"));
    assert_eq!(descriptors(&sensor), before.0);
    let series = 4 * remembered(&sensor);
    assert_eq!(sensor.metrics().len(), before.1 + series);
    // One that is gone before it can be attached to is nobody's mistake.
    assert!(!sensor.log().contains("is not watched"), "{}", sensor.log());
    assert!(
        sensor.log().matches(" WARN ").count() <= 1,
        "{}",
        sensor.log()
    );
}

#[test]
fn nothing_is_lost_elsewhere_while_interfaces_come_and_go() {
    let Some(pair) = Pair::new("nothing_is_lost_elsewhere_while_interfaces_come_and_go") else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v*", "-i", "w*"]);
    let is_over = AtomicBool::new(false);
    let sent = scope(|threads| {
        let sending = threads.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                sent += send(&pair, "v1");
                sleep(Duration::from_millis(5));
            }
            sent
        });
        for _ in 0..5 {
            add(&pair, "w0", "w1");
            wait_until("the new interface is watched", || {
                is_attached(&sensor, "w0")
            });
            run(&pair, "ip link delete w0");
            wait_until("the interface is let go", || !is_attached(&sensor, "w0"));
        }
        is_over.store(true, Ordering::Relaxed);
        sending.join().unwrap()
    });
    wait_until("all is counted", || sensor.packets() >= sent);
    assert_eq!(sensor.packets(), sent);
}

/// A pair of interfaces between the sensor's namespace and the sender's.
fn add(pair: &Pair, name: &str, peer: &str) {
    let add = format!(
        "ip link add {name} type veth peer name {peer} netns {}",
        pair.sender.name()
    );
    run(pair, &add);
    run(pair, &format!("ip link set {name} up"));
    pair.sender.run(&["ip", "link", "set", peer, "up"]);
}

/// Runs a command in the sensor's namespace.
fn run(pair: &Pair, command: &str) {
    pair.sensor.run(&command.split(' ').collect::<Vec<_>>());
}

/// Sends some frames out of an interface of the sender's namespace; returns how many.
fn send(pair: &Pair, interface: &str) -> u64 {
    let frames = crafted::all();
    let bytes = frames.iter().map(|(_, frame)| frame.as_slice());
    pair.sender
        .inside(|| PacketSocket::open(interface).send(bytes));
    frames.len() as u64
}

/// BPF objects that the sensor holds: what is gone must not be held.
fn descriptors(sensor: &Sensor<'_>) -> usize {
    let folder = format!("/proc/{}/fd", sensor.pid());
    let links = std::fs::read_dir(folder).unwrap();
    let targets = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
    targets
        .filter(|target| target.to_string_lossy().contains("bpf"))
        .count()
}

/// Interfaces with series that are not attached: packets and bytes, in both directions.
fn remembered(sensor: &Sensor<'_>) -> usize {
    let metrics = sensor.metrics();
    let named = |start: &str| {
        metrics
            .keys()
            .filter(|series| series.starts_with(start))
            .count()
    };
    named("netanom_packets_total{") / 2 - named("netanom_xdp_attached{") / 3
}

/// 1 when what comes in through the interface is counted, by either hook; 0 when it is missed.
fn mode(sensor: &Sensor<'_>, interface: &str) -> Option<f64> {
    let metrics = sensor.metrics();
    let series = ["native", "generic", "tcx"]
        .map(|mode| format!("netanom_xdp_attached{{interface=\"{interface}\",mode=\"{mode}\"}}"));
    let values = series.iter().filter_map(|series| metrics.get(series));
    values.copied().reduce(f64::max)
}

fn is_attached(sensor: &Sensor<'_>, interface: &str) -> bool {
    mode(sensor, interface) == Some(1.0)
}
