//! Sending on a veth pair in a network namespace of its own.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio, id};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use netanom::flow::Timestamp;
use netanom::simulate::{
    Clock, InterfaceError, Mode, Scenario, SendError, Sender, Sent, TestInterface, frames,
};
use nix::sched::{CloneFlags, setns};

use crate::common::skip;
use crate::scenario;

/// A namespace with the pair `v0` and `v1`, both up; gone when dropped.
struct Namespace(String);

impl Namespace {
    /// None, and a line in the skip log, where there is no privilege for it.
    fn new(test: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            skip(test, "needs root to make a network namespace");
            return None;
        }
        if Command::new("ip")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            skip(test, "needs `ip` (iproute2) to make a network namespace");
            return None;
        }
        let namespace = Self(format!("netanom-{}-{test}", id()));
        ip(&["netns", "add", &namespace.0]);
        // IPv6 off: the kernel's own router solicitations would be counted with our frames.
        namespace.run(&[
            "sh",
            "-c",
            "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6",
        ]);
        namespace.run(&[
            "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1",
        ]);
        for end in ["v0", "v1"] {
            namespace.run(&["ip", "link", "set", end, "up"]);
        }
        Some(namespace)
    }

    fn run(&self, command: &[&str]) -> String {
        ip(&[&["netns", "exec", &self.0], command].concat())
    }

    /// What `v1` has received: packets and bytes.
    fn received(&self) -> (u64, u64) {
        let count = |what| {
            self.run(&["cat", &format!("/sys/class/net/v1/statistics/{what}")])
                .trim()
                .parse()
                .unwrap()
        };
        (count("rx_packets"), count("rx_bytes"))
    }

    /// Runs `work` on a thread inside the namespace.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.0);
        let enter = || {
            setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip")
            .args(["netns", "del", &self.0])
            .status()
            .ok();
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "ip {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

struct RealTime(Instant);

impl Clock for RealTime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test compares with the time of day"
    )]
    fn wall(&self) -> Timestamp {
        Timestamp::from_nanos(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_nanos() as u64,
        )
    }
}

impl RealTime {
    #[expect(clippy::disallowed_methods, reason = "the test sends in real time")]
    fn new() -> Self {
        Self(Instant::now())
    }
}

fn send(scenario: &Scenario, stop: &AtomicBool) -> Result<Sent, SendError> {
    let interface = TestInterface::find("v0", false).unwrap();
    Sender::open(&interface)?.send(frames(scenario).unwrap(), &RealTime::new(), stop, |_| {})
}

fn one_second(mode: Mode, rate: f64) -> Scenario {
    Scenario {
        rate: Some(rate),
        duration: Duration::from_secs(1),
        ..scenario(mode)
    }
}

#[test]
fn every_frame_arrives_at_the_other_end_in_its_time() {
    let Some(namespace) = Namespace::new("arrives") else {
        return;
    };
    let scenario = one_second(Mode::UdpFlood, 3000.0);
    let (frames, bytes) = frames(&scenario).unwrap().fold((0, 0), |(n, sum), frame| {
        (n + 1, sum + frame.bytes.len() as u64)
    });
    let before = RealTime::new().wall();
    let sent = namespace
        .inside(|| send(&scenario, &AtomicBool::new(false)))
        .unwrap();
    assert_eq!((sent.frames, sent.bytes), (frames, bytes));
    assert_eq!(namespace.received(), (frames, bytes));
    let (first, last) = (sent.first.unwrap(), sent.last.unwrap());
    assert!(first >= before && first.since(before) < Duration::from_secs(2));
    let took = last.since(first).as_secs_f64();
    // Never faster than the traffic; slower only as far as a busy machine is late with a single frame.
    assert!((0.95..2.0).contains(&took), "{took}");
}

#[test]
fn a_sender_that_is_told_to_stop_reports_what_it_sent() {
    let Some(namespace) = Namespace::new("stops") else {
        return;
    };
    let scenario = Scenario {
        duration: Duration::from_secs(3600),
        ..one_second(Mode::SynFlood, 500.0)
    };
    let stop = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        scope.spawn(|| {
            // Bounded, so that a sender that fails ends the test.
            for _ in 0..1000 {
                if namespace.received().0 > 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            stop.store(true, Ordering::Relaxed);
        });
        namespace.inside(|| send(&scenario, &stop)).unwrap()
    });
    assert!(sent.frames > 0);
    assert_eq!(namespace.received(), (sent.frames, sent.bytes));
}

#[test]
fn frames_longer_than_the_interface_takes_are_an_error_that_names_the_remedy() {
    let Some(namespace) = Namespace::new("mtu") else {
        return;
    };
    namespace.run(&["ip", "link", "set", "v0", "mtu", "1000"]);
    let error = namespace
        .inside(|| send(&one_second(Mode::UdpFlood, 100.0), &AtomicBool::new(false)))
        .unwrap_err();
    assert!(
        error.to_string().contains("`ip link set v0 mtu 1500`"),
        "{error}"
    );
}

#[test]
fn an_interface_that_is_down_is_refused() {
    let Some(namespace) = Namespace::new("down") else {
        return;
    };
    namespace.run(&["ip", "link", "set", "v0", "down"]);
    let error = namespace
        .inside(|| TestInterface::find("v0", false))
        .unwrap_err();
    assert_eq!(error, InterfaceError::Down("v0".to_owned()));
}

#[test]
fn an_interface_that_is_not_for_tests_is_refused_unless_it_is_owned() {
    let Some(namespace) = Namespace::new("refuses") else {
        return;
    };
    // Not every kernel has every kind; each of these could lead to other machines.
    let kinds = ["bridge", "ifb", "ipvlan", "macvlan", "vxlan"];
    let make = |kind: &&&str| {
        Command::new("ip")
            .args([
                "netns",
                "exec",
                &namespace.0,
                "ip",
                "link",
                "add",
                "x",
                "type",
                kind,
            ])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    let Some(kind) = kinds.iter().find(make) else {
        return skip(
            "refuses",
            "this kernel makes no bridge, ifb, ipvlan, macvlan or vxlan",
        );
    };
    namespace.run(&["ip", "link", "set", "x", "up"]);
    let error = namespace
        .inside(|| TestInterface::find("x", false))
        .unwrap_err();
    assert_eq!(
        error,
        InterfaceError::NotForTests {
            interface: "x".to_owned(),
            kind: format!("kind {kind}")
        }
    );
    assert!(error.to_string().contains("--i-own-this-network"));
    assert_eq!(
        namespace
            .inside(|| TestInterface::find("x", true))
            .unwrap()
            .name(),
        "x"
    );
}

#[test]
#[cfg(feature = "live")]
fn without_the_privilege_the_error_names_it() {
    use caps::{CapSet, Capability};
    let open = || {
        // Only this thread loses it; whoever has not got it loses nothing.
        caps::drop(None, CapSet::Effective, Capability::CAP_NET_RAW).unwrap();
        Sender::open(&TestInterface::find("lo", false).unwrap())
            .err()
            .unwrap()
    };
    let error = thread::spawn(open).join().unwrap();
    assert!(matches!(error, SendError::NoPrivilege { .. }), "{error:?}");
    assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
}
