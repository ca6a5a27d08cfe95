//! Alertmanager, the real one: alerts fire, are updated, resolved and silenced there, and survive its restart.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use netanom::alert::{Alert, Severity, State};
use netanom::flow::Timestamp;
use netanom::sink::Sink;
use netanom::sink::alertmanager::{Alertmanager, AlertmanagerSettings};
use serde_json::{Value, json};

const PROGRAM: &str = "prometheus-alertmanager";
/// Longest wait for anything; it takes a second on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);

/// Debian's build looks for its templates here and nowhere else.
const TEMPLATES: &str = "/usr/share/prometheus/alertmanager/default.tmpl";

/// The program; where its package was unpacked and not installed, with the package's files laid over those of the system in a
/// mount namespace of its own.
fn program() -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = std::env::split_paths(&path)
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
        .and_then(|program| Some(program.parent()?.parent()?.join("share")));
    match unpacked {
        Some(share) if !Path::new(TEMPLATES).exists() => {
            let lay = format!(
                "mount -t overlay overlay -o 'lowerdir={}:/usr/share' /usr/share && exec {PROGRAM} \"$@\"",
                share.display()
            );
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", &lay, "sh"]);
            command
        }
        _ => Command::new(PROGRAM),
    }
}

/// An Alertmanager that notifies nobody.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path, port: u16) -> Self {
        let config = folder.join("alertmanager.yml");
        std::fs::write(
            &config,
            "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n",
        )
        .unwrap();
        let child = program()
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            // Alone.
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        wait_until("Alertmanager is ready", || server.get("/-/ready").is_some());
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut answer = ureq::get(self.url(path)).call().ok()?;
        answer.body_mut().read_to_string().ok()
    }

    /// Labels, annotations and state of what it shows as active or silenced.
    fn alerts(&self) -> Vec<Value> {
        let text = self.get("/api/v2/alerts").unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn sink(&self) -> Alertmanager {
        Alertmanager::new(AlertmanagerSettings {
            url: self.url(""),
            runbooks: "http://127.0.0.1:9710/runbooks/".to_owned(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(
            begin.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(PAUSE);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "Alertmanager asks the clock, too"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A flood that goes on now, as Alertmanager asks the clock.
fn flood() -> Alert {
    let now = now();
    let at = |seconds_ago: i64| {
        let moment = now - jiff::SignedDuration::from_secs(seconds_ago);
        moment.to_string()
    };
    let party = |ip: &str| json!({"ip": ip, "port": null, "count": 1});
    serde_json::from_value(json!({
        "id": "1-1", "class": "syn_flood", "severity": "medium", "score": 0.9, "state": "active",
        "first_seen": at(30), "last_seen": at(0),
        "source": party("203.0.113.7"), "target": party("198.51.100.1"),
        "protocol": "tcp", "interface": "eth0", "flows": 900, "packets": 900, "bytes": 66_600,
        "detector": "forest", "summary": "a flood", "explanation": [],
    }))
    .unwrap()
}

/// Severities of the active ones.
fn active(server: &Server) -> Vec<String> {
    let alerts = server.alerts();
    let active = alerts
        .iter()
        .filter(|alert| alert["status"]["state"] == "active");
    active
        .map(|alert| alert["labels"]["severity"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_alert_fires_worsens_is_silenced_by_its_source_and_resolved_and_survives_a_restart() {
    if Command::new(PROGRAM).arg("--version").output().is_err() {
        let reason = "`prometheus-alertmanager` is not installed; on Debian: apt-get install it";
        return common::skip(
            "an_alert_fires_worsens_is_silenced_by_its_source_and_resolved_and_survives_a_restart",
            reason,
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Server::start(folder.path(), port);
    let mut sink = server.sink();
    sink.check().unwrap();

    let mut alert = flood();
    sink.emit(&alert).unwrap();
    wait_until("it fires", || active(&server) == ["medium"]);
    let shown = &server.alerts()[0];
    assert_eq!(shown["labels"]["source"], "203.0.113.7");
    assert_eq!(shown["annotations"]["summary"], "a flood");
    assert_eq!(
        shown["annotations"]["runbook_url"],
        "http://127.0.0.1:9710/runbooks/syn_flood"
    );

    alert.severity = Severity::High;
    sink.emit(&alert).unwrap();
    wait_until("the old one is resolved", || active(&server) == ["high"]);

    // Without it nothing is lost, and nobody waits for long: the outbox tries again.
    drop(server);
    alert.last_seen = alert.last_seen.plus(Duration::from_secs(60));
    assert!(sink.emit(&alert).is_err());
    let server = Server::start(folder.path(), port);
    assert_eq!(active(&server), [""; 0]);
    sink.emit(&alert).unwrap();
    wait_until("it is known again", || active(&server) == ["high"]);

    let now = now();
    let silence = json!({
        "matchers": [{"name": "source", "value": "203.0.113.7", "isRegex": false, "isEqual": true}],
        "startsAt": now.to_string(),
        "endsAt": (now + jiff::SignedDuration::from_hours(1)).to_string(),
        "createdBy": "test", "comment": "ours",
    });
    ureq::post(server.url("/api/v2/silences"))
        .send_json(silence)
        .unwrap();
    wait_until("the silence of its source holds", || {
        server.alerts()[0]["status"]["state"] == "suppressed"
    });

    alert.state = State::Ended;
    // Its end is not in the future.
    alert.last_seen = Timestamp::from_nanos(now.as_nanosecond() as u64);
    sink.emit(&alert).unwrap();
    wait_until("it is resolved", || server.alerts().is_empty());
}
