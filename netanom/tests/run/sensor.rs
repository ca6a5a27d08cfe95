//! The real program, running in a namespace until a signal stops it.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::namespace::Namespace;

/// Longest wait for anything; on a machine with nothing else to do it takes a fraction of a second, on a very busy one a start alone takes a minute.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);
/// The namespace is ours, so the port is free.
const ADDRESS: &str = "127.0.0.1:9710";

/// A running sensor; killed when dropped.
pub(crate) struct Sensor<'a> {
    namespace: &'a Namespace,
    child: Child,
    log: tempfile::NamedTempFile,
    address: &'static str,
}

impl<'a> Sensor<'a> {
    /// Starts `netanom run` on interfaces and waits until it is ready.
    pub(crate) fn start(namespace: &'a Namespace, arguments: &[&str]) -> Self {
        Self::spawn(namespace, command(namespace), arguments)
    }

    /// The same with a command of the test's own.
    pub(crate) fn spawn(
        namespace: &'a Namespace,
        mut command: Command,
        arguments: &[&str],
    ) -> Self {
        command.args(arguments).args(["--listen", ADDRESS]);
        Self::of(namespace, &mut command, ADDRESS)
    }

    /// Runs a command that listens on `address`.
    pub(crate) fn of(
        namespace: &'a Namespace,
        command: &mut Command,
        address: &'static str,
    ) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        command.stderr(File::create(log.path()).unwrap());
        Self::ready(namespace, command, address, log)
    }

    /// The same on interfaces, with a pipe as log that nobody reads.
    pub(crate) fn unread(namespace: &'a Namespace, arguments: &[&str]) -> Self {
        let mut command = command(namespace);
        command.args(arguments).args(["--listen", ADDRESS]);
        // What the loader says at this level would fill the pipe before the sensor is ready.
        command
            .env("RUST_LOG", "netanom=debug")
            .stderr(Stdio::piped());
        let log = tempfile::NamedTempFile::new().unwrap();
        Self::ready(namespace, &mut command, ADDRESS, log)
    }

    fn ready(
        namespace: &'a Namespace,
        command: &mut Command,
        address: &'static str,
        log: tempfile::NamedTempFile,
    ) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut sensor = Self {
            namespace,
            child,
            log,
            address,
        };
        wait_until("the sensor is ready", || {
            let ended = sensor.child.try_wait().unwrap();
            assert!(ended.is_none(), "the sensor ended: {}", sensor.log());
            sensor
                .get("/readyz")
                .is_some_and(|(status, _)| status == 200)
        });
        sensor
    }

    /// The answer to a GET request: status and body. `None` when nobody answers.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        self.namespace.inside(|| {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .http_status_as_error(false)
                .build()
                .into();
            let mut answer = agent
                .get(format!("http://{}{path}", self.address))
                .call()
                .ok()?;
            Some((
                answer.status().as_u16(),
                answer.body_mut().read_to_string().unwrap(),
            ))
        })
    }

    /// The samples of /metrics: name with labels, and value.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, page) = self.get("/metrics").unwrap();
        assert_eq!(status, 200, "{page}");
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap();
                (name.to_owned(), value.parse().unwrap())
            })
            .collect()
    }

    /// All packets that were counted, in flows or under a reason.
    pub(crate) fn packets(&self) -> u64 {
        let metrics = self.metrics();
        let packets = metrics
            .iter()
            .filter(|(sample, _)| sample.starts_with("netanom_packets_"))
            // These are counted elsewhere, too.
            .filter(|(sample, _)| !sample.starts_with("netanom_packets_encapsulated_"));
        packets.map(|(_, value)| *value as u64).sum()
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> u32 {
        // `ip netns exec` becomes the program that it runs.
        self.child.id()
    }

    /// What the sensor has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
        let mut status = None;
        wait_until("the sensor ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Sensor<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the sensor's log:\n{}", self.log());
        }
    }
}

/// `netanom run` in a namespace.
pub(crate) fn command(namespace: &Namespace) -> Command {
    let mut command = namespace.command(env!("CARGO_BIN_EXE_netanom"));
    // Messages of the kernel programs about malformed packets are of level debug.
    command.args(["run", "--no-state"]).env("RUST_LOG", "debug");
    command
}

/// Asks again and again, until patience ends.
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(PAUSE);
    }
}
