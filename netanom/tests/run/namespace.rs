//! Two network namespaces of our own with a veth pair between them, gone when dropped.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio, id};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sched::{CloneFlags, setns};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A network namespace.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// A namespace with nothing but its loopback, up. `None`, and a line in the skip log, without root or `ip`.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            crate::common::skip(test, "needs root to make a network namespace");
            return None;
        }
        if Command::new("ip")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            crate::common::skip(test, "needs `ip` (on Debian: apt-get install iproute2)");
            return None;
        }
        // Other tests of this process and other processes have namespaces of their own.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = Self {
            name: format!("netanom-{}-{number}", id()),
        };
        succeed(Command::new("ip").args(["netns", "add", &namespace.name]));
        // Router solicitations and the like would be counted with the test's own frames.
        for which in ["all", "default"] {
            let set = format!("echo 1 > /proc/sys/net/ipv6/conf/{which}/disable_ipv6");
            namespace.run(&["sh", "-c", &set]);
        }
        namespace.run(&["ip", "link", "set", "lo", "up"]);
        Some(namespace)
    }

    /// What `ip netns` calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run in the namespace.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs a command in the namespace and returns what it prints.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        succeed(self.command(command[0]).args(&command[1..]))
    }

    /// Does `work` on a thread inside the namespace.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.name);
        let enter = || {
            setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What is in it goes with it, also the other end of a pair.
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// Runs a command, which has to succeed, and returns what it prints.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// `v0` in the sensor's namespace and `v1` in that of whoever sends, without addresses.
pub(crate) struct Pair {
    pub(crate) sensor: Namespace,
    pub(crate) sender: Namespace,
}

impl Pair {
    /// Both ends up; `None`, and a line in the skip log, where that cannot be made.
    pub(crate) fn new(test: &str) -> Option<Self> {
        Self::with_queues(test, 1)
    }

    /// The same with so many queues at both ends.
    pub(crate) fn with_queues(test: &str, queues: usize) -> Option<Self> {
        let (sensor, sender) = (Namespace::new(test)?, Namespace::new(test)?);
        let queues = queues.to_string();
        let queues = ["numtxqueues", &queues, "numrxqueues", &queues];
        let mut add = vec!["ip", "link", "add", "v0"];
        add.extend(queues);
        add.extend(["type", "veth", "peer", "name", "v1", "netns", &sender.name]);
        add.extend(queues);
        sensor.run(&add);
        // Else TCX would count what comes in.
        sensor.inside(|| crate::driver::keep_tags_in_frames("v0", true));
        sensor.run(&["ip", "link", "set", "v0", "up"]);
        sender.run(&["ip", "link", "set", "v1", "up"]);
        Some(Self { sensor, sender })
    }

    /// The same with addresses: 10.9.0.1 on `v0`, 10.9.0.2 on `v1`.
    pub(crate) fn with_addresses(test: &str) -> Option<Self> {
        let pair = Self::new(test)?;
        for namespace in [&pair.sensor, &pair.sender] {
            // On a busy machine TCP would take late acknowledgments for losses, and send more than the test expects.
            for setting in ["tcp_early_retrans", "tcp_sack"] {
                let set = format!("echo 0 > /proc/sys/net/ipv4/{setting}");
                namespace.run(&["sh", "-c", &set]);
            }
        }
        pair.sensor
            .run(&["ip", "address", "add", "10.9.0.1/24", "dev", "v0"]);
        pair.sender
            .run(&["ip", "address", "add", "10.9.0.2/24", "dev", "v1"]);
        Some(pair)
    }
}
