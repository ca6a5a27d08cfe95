//! `netanom watch` over files that grow: each line counts once through rotation and `kill -9`, and an alert is there within
//! a second of its line.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for anything, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A watch over a folder's `access.log`.
struct Watch {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Watch {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, child) = spawn(&folder);
        let watch = Self {
            folder,
            port,
            child,
        };
        watch.wait_for("an answer", || watch.get("livez").is_some());
        watch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(self.path("access.log"))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn get(&self, path: &str) -> Option<String> {
        let answer = ureq::get(format!("http://127.0.0.1:{}/{path}", self.port)).call();
        answer.ok()?.body_mut().read_to_string().ok()
    }

    fn alerts(&self) -> Vec<Value> {
        let Some(text) = self.get("alerts") else {
            return Vec::new();
        };
        let page: Value = serde_json::from_str(&text).unwrap();
        page["alerts"].as_array().unwrap().clone()
    }

    /// Lines that were judged or refused since the first start, as the state says.
    fn lines(&self) -> u64 {
        let text = fs::read_to_string(self.path("state/watch.json")).unwrap_or_default();
        let state: Value = serde_json::from_str(&text).unwrap_or_default();
        state["lines"].as_u64().unwrap_or_default()
    }

    fn wait_for(&self, what: &str, is_there: impl Fn() -> bool) {
        let begun = now();
        while !is_there() {
            assert!(
                begun.elapsed() < PATIENCE,
                "waited for {what}; {} lines\n{}",
                self.lines(),
                fs::read_to_string(self.path("said")).unwrap_or_default()
            );
            std::thread::park_timeout(LOOK);
        }
    }

    fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.port, self.child) = spawn(&self.folder);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &TempDir) -> (u16, Child) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let said = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.path().join("said"))
        .unwrap();
    let child = Command::new(assert_cmd::cargo::cargo_bin("netanom"))
        .arg("watch")
        .arg(folder.path().join("access.log"))
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .arg("--state-dir")
        .arg(folder.path().join("state"))
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap();
    (port, child)
}

/// Lines of a client that visits a page, from a second of a day on.
fn visits(from: u64, count: u64) -> String {
    let line = |second: u64| {
        format!(
            "192.0.2.{} - - [17/May/2015:{} +0000] \"GET /page/{} HTTP/1.1\" 200 5120 \"https://example.org/\" \"Mozilla/5.0 (X11)\"\n",
            second % 200,
            clock(second),
            second % 7
        )
    };
    (from..from + count).map(line).collect()
}

/// Lines of a client that asks for what is not there, five a second.
fn scan(from: u64, count: u64) -> String {
    let line = |number: u64| {
        format!(
            "198.51.100.9 - - [17/May/2015:{} +0000] \"GET /{:x}/admin{}.bak?q=%27%3Cx%3E..%2f..%2f HTTP/1.1\" 404 196 \"-\" \"tool/1.0\"\n",
            clock(from + number / 5),
            number * 7919,
            number
        )
    };
    (0..count).map(line).collect()
}

fn clock(second: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[test]
fn every_line_counts_once_through_rotation_truncation_and_kills() {
    let mut watch = Watch::start();
    let mut written = 0;
    let mut second = 0;
    for round in 0..6 {
        for part in 0..10 {
            let lines = visits(second, 50);
            // The last line comes in two pieces.
            let (first, rest) = lines.split_at(lines.len() - 20);
            watch.append(first);
            if written == 0 {
                // A file that was renamed before anyone has seen it has another name.
                watch.wait_for("the first lines", || watch.lines() > 0);
            }
            if part == 5 {
                watch.kill_and_restart();
            }
            watch.append(rest);
            second += 50;
            written += 50;
        }
        if round % 3 == 1 {
            // Renamed away, with a line that its writer adds to it afterwards.
            fs::rename(watch.path("access.log"), watch.path("access.log.1")).unwrap();
            let mut old = OpenOptions::new()
                .append(true)
                .open(watch.path("access.log.1"))
                .unwrap();
            old.write_all(visits(second, 1).as_bytes()).unwrap();
            written += 1;
        } else if round % 3 == 2 {
            watch.wait_for("all lines before the truncation", || {
                watch.lines() == written
            });
            fs::write(watch.path("access.log"), "").unwrap();
        }
    }
    watch.wait_for("all lines", || watch.lines() >= written);
    // A restart judges nothing again.
    watch.kill_and_restart();
    watch.wait_for("an answer", || watch.get("livez").is_some());
    watch.append(&visits(second, 1));
    watch.wait_for("one line more", || watch.lines() > written);
    assert_eq!(watch.lines(), written + 1);
}

#[test]
fn an_alert_is_there_within_a_second_and_outlives_a_kill() {
    let mut watch = Watch::start();
    watch.append(&visits(0, 500));
    watch.wait_for("the visits", || watch.lines() == 500);
    assert!(watch.alerts().is_empty());
    watch.append(&scan(600, 150));
    let begun = now();
    watch.wait_for("an alert", || !watch.alerts().is_empty());
    let alert = watch.alerts().remove(0);
    // The machine of a test may be slow; the program's own share is a look of 200 ms.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(alert["class"], "web_scan");
    assert_eq!(alert["source"]["ip"], "198.51.100.9");
    assert_eq!(alert["interface"], "access.log");
    let metrics = watch.get("metrics").unwrap();
    assert!(metrics.contains("netanom_records_total 650"), "{metrics}");
    watch.kill_and_restart();
    watch.wait_for("the alert after a kill", || !watch.alerts().is_empty());
    assert_eq!(watch.alerts()[0]["id"], alert["id"]);
}

#[test]
fn a_signal_ends_it_and_wrong_files_are_told_at_the_start() {
    let mut watch = Watch::start();
    let id = nix::unistd::Pid::from_raw(watch.child.id() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    assert!(watch.child.wait().unwrap().success());
    let other = watch.path("other.txt");
    fs::write(&other, "this is a letter\n").unwrap();
    for (path, expected) in [
        (watch.folder.path().to_owned(), "it is a directory"),
        (other, "is no access log that netanom reads"),
        (watch.path("no/folder.log"), "its folder does not exist"),
    ] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("netanom"));
        let output = command
            .arg("watch")
            .arg(&path)
            .args(["--no-state", "--listen", "127.0.0.1:1"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(expected), "{error}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test waits for the program in real time"
)]
fn now() -> Instant {
    Instant::now()
}
