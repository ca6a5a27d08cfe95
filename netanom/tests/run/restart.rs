//! A killed sensor's programs go on counting, and the next sensor brings what they counted.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::bpffs::BpfFileSystem;
use crate::flood::spoofed;
use crate::frames::crafted;
use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// A part of the sensor's tick, which is two seconds: long enough for it to update all metrics after a drain, and so short
/// that also on a busy machine no other drain comes before the kill.
const PART_OF_TICK: Duration = Duration::from_millis(500);
/// While nobody looks.
const ABSENCE: Duration = Duration::from_millis(500);

#[test]
fn kills_under_traffic_lose_no_packet_and_count_none_twice() {
    let Some(place) = Ground::new("kills_under_traffic_lose_no_packet_and_count_none_twice") else {
        return;
    };
    let mut sensor = place.start(&[]);
    let is_over = AtomicBool::new(false);
    let (sent, counted) = scope(|threads| {
        let sending = threads.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                sent += place.send();
                sleep(Duration::from_millis(5));
            }
            sent
        });
        let mut counted = 0;
        // The settings change from run to run.
        for arguments in [
            &[][..],
            &["--direction", "ingress"],
            &["--xdp-mode", "native"],
        ] {
            counted += kill_after_a_tick(&mut sensor);
            sleep(ABSENCE);
            fs::write(
                place.config.path(),
                "tick_ms = 2000\nkernel_flows = 65536\n",
            )
            .unwrap();
            sensor = place.start(arguments);
            assert!(sensor.log().contains("took over from"), "{}", sensor.log());
        }
        is_over.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        wait_until("the rest is counted", || counted + sensor.packets() >= sent);
        sleep(4 * PART_OF_TICK);
        (sent, counted + sensor.packets())
    });
    assert_eq!(counted, sent);
    assert!(sent > 1000, "{sent}");

    let status = sensor.stop(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0), "{}", sensor.log());
    assert_eq!(place.pins.pins(), Vec::<String>::new());
    assert_eq!(place.pins.layouts(), 0);
    assert!(!place.has_xdp());
}

#[test]
fn what_overflowed_before_a_kill_comes_with_the_next_start() {
    let test = "what_overflowed_before_a_kill_comes_with_the_next_start";
    let Some(place) = Ground::new(test) else {
        return;
    };
    // Too few places for the flood, and no tick before the kill.
    let slow = "tick_ms = 10000\nkernel_flows = 4096\n";
    fs::write(place.config.path(), slow).unwrap();
    let mut sensor = place.start(&[]);
    let frames: Vec<_> = (0..6000).map(spoofed).collect();
    let frames = frames.iter().map(Vec::as_slice);
    place
        .pair
        .sender
        .inside(|| PacketSocket::open("v1").send(frames));
    sensor.stop(Signal::SIGKILL);

    let tick = "tick_ms = 1000\n";
    fs::write(place.config.path(), tick).unwrap();
    let sensor = place.start(&[]);
    let ingress = "netanom_packets_total{direction=\"ingress\",interface=\"v0\"}";
    wait_until("what was counted before is there", || {
        sensor.metrics()[ingress] >= 6000.0
    });
    let metrics = sensor.metrics();
    assert_eq!(metrics[ingress], 6000.0);
    let overflowed = metrics["netanom_packets_overflowed_total"];
    assert!((1.0..6000.0).contains(&overflowed), "{overflowed}");
}

#[test]
fn a_layout_that_is_not_ours_is_replaced_and_its_counts_are_given_up_aloud() {
    let Some(place) =
        Ground::new("a_layout_that_is_not_ours_is_replaced_and_its_counts_are_given_up_aloud")
    else {
        return;
    };
    let mut sensor = place.start(&[]);
    sensor.stop(Signal::SIGKILL);
    assert!(place.has_xdp());
    let root = place.pins.path().join("netanom");
    let old = fs::read_dir(&root).unwrap().next().unwrap().unwrap();
    fs::rename(old.path(), root.join("v0")).unwrap();
    place.send();

    let mut sensor = place.start(&[]);
    assert!(sensor.log().contains("took over from"), "{}", sensor.log());
    wait_until("the first tick is over", || {
        sensor.log().contains("in layout 0")
    });
    let sent = place.send();
    wait_until("what came since is counted", || sensor.packets() == sent);
    sensor.stop(Signal::SIGINT);
    assert_eq!(place.pins.pins(), Vec::<String>::new());
    assert!(!place.has_xdp());
}

#[test]
fn sensors_on_two_interfaces_leave_each_others_pins_alone() {
    let Some(place) = Ground::new("sensors_on_two_interfaces_leave_each_others_pins_alone") else {
        return;
    };
    let add = "ip link add v2 type veth peer name v3";
    place.pair.sensor.run(&add.split(' ').collect::<Vec<_>>());
    let first = place.start(&[]);
    let pinned = place.pins.pins();
    assert!(!pinned.is_empty());

    // The same interface again, and another.
    let mut again = place.pins.command(&place.pair.sensor);
    let output = again
        .args(["-i", "v2", "-i", "v0", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = format!(
        "`v0` is watched by the netanom with process id {}",
        first.pid()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(place.pins.pins(), pinned);

    let mut second = place.pins.command(&place.pair.sensor);
    second.args(["-i", "v2", "--listen", "127.0.0.1:9711"]);
    let mut second = Sensor::of(&place.pair.sensor, &mut second, "127.0.0.1:9711");
    assert!(place.pins.pins().len() > pinned.len());
    second.stop(Signal::SIGTERM);
    assert_eq!(place.pins.pins(), pinned);

    let sent = place.send();
    wait_until("the first goes on", || first.packets() == sent);
}

/// Kills a sensor shortly after it has drained its maps, and returns what it has counted.
fn kill_after_a_tick(sensor: &mut Sensor<'_>) -> u64 {
    let before = sensor.packets();
    wait_until("a tick brings packets", || sensor.packets() != before);
    sleep(PART_OF_TICK);
    let counted = sensor.packets();
    sensor.stop(Signal::SIGKILL);
    counted
}

/// A pair of interfaces, and a file system for pins.
struct Ground {
    pair: Pair,
    pins: BpfFileSystem,
    config: tempfile::NamedTempFile,
    frames: Vec<Vec<u8>>,
}

impl Ground {
    fn new(test: &str) -> Option<Self> {
        let pair = Pair::new(test)?;
        let mut config = tempfile::NamedTempFile::new().unwrap();
        config.write_all(b"tick_ms = 2000\n").unwrap();
        Some(Self {
            pair,
            pins: BpfFileSystem::new(),
            config,
            frames: crafted::all().into_iter().map(|(_, frame)| frame).collect(),
        })
    }

    /// A sensor on `v0`.
    fn start(&self, arguments: &[&str]) -> Sensor<'_> {
        let mut command = self.pins.command(&self.pair.sensor);
        command.arg("--config").arg(self.config.path());
        command.args(["-i", "v0"]);
        Sensor::spawn(&self.pair.sensor, command, arguments)
    }

    /// Sends some frames to `v0`; returns how many.
    fn send(&self) -> u64 {
        let frames = self.frames.iter().map(Vec::as_slice);
        self.pair
            .sender
            .inside(|| PacketSocket::open("v1").send(frames));
        self.frames.len() as u64
    }

    fn has_xdp(&self) -> bool {
        let shown = self.pair.sensor.run(&["ip", "link", "show", "dev", "v0"]);
        shown.contains("xdp")
    }
}
