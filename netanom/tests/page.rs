//! The live page in a real browser: it loads under its own policy, asks for what it shows, and follows the stream.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use netanom::alert::Alert;
use netanom::http::{Health, HttpState, Live, Settings, Tls};
use netanom::metrics::{Build, Metrics};
use netanom::model::Model;
use netanom::sink::Sink;
use netanom::sink::store::AlertStore;
use serde_json::json;
use tokio::sync::oneshot;
use ureq::tls::TlsConfig;

#[test]
fn the_page_shows_alerts_and_builds_its_form_in_a_browser() {
    let test = "the_page_shows_alerts_and_builds_its_form_in_a_browser";
    let Some(page) = Page::of(test, &[alert()]) else {
        return;
    };
    for shown in [
        // The alert's entry in the list, with its class in words.
        "data-severity=\"high\"",
        "Port scan",
        "198.19.66.6 → 198.18.1.10",
        "pair ports 10s 592 ports, typically 1",
        // The stream is open.
        "<span id=\"state-text\">",
        // The form has the model's features.
        "name=\"payload_fwd\"",
        "Judge it",
    ] {
        assert!(page.dom.contains(shown), "{shown} is not in {}", page.dom);
    }
    assert!(!page.dom.contains("no connection"), "{}", page.dom);
}

#[test]
fn a_page_without_an_alert_teaches_in_a_browser() {
    let test = "a_page_without_an_alert_teaches_in_a_browser";
    let Some(page) = Page::of(test, &[]) else {
        return;
    };
    assert!(
        page.dom.contains("Nothing has raised an alert."),
        "{}",
        page.dom
    );
    assert!(page.dom.contains("cargo xtask lab --attack port-scan"));
}

#[test]
fn what_is_asked_by_https_is_answered_so_and_plain_http_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '))
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        let reason = "`openssl` is not installed; on Debian: apt-get install openssl";
        return common::skip(
            "what_is_asked_by_https_is_answered_so_and_plain_http_is_not",
            reason,
        );
    }
    let tls = Tls::read(&certificate, &key).unwrap();
    let sensor = Sensor::start(&[alert()], Some(tls));
    let port = sensor.address.port();
    let config = ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().disable_verification(true).build())
        .timeout_global(Some(Duration::from_secs(20)))
        .build();
    let agent: ureq::Agent = config.into();
    let text = agent
        .get(format!("https://localhost:{port}/alerts/a1"))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(text.starts_with("{\"id\":\"a1\""), "{text}");
    assert!(
        agent
            .get(format!("http://localhost:{port}/livez"))
            .call()
            .is_err()
    );
    let swapped = Tls::read(&key, &certificate).err().unwrap().to_string();
    assert!(
        swapped.contains("certificate") || swapped.contains("key"),
        "{swapped}"
    );
}

/// What a browser made of the page.
struct Page {
    dom: String,
}

impl Page {
    /// `None`, and a word on that, where there is no browser.
    fn of(test: &str, alerts: &[Alert]) -> Option<Self> {
        if Command::new("chromium").arg("--version").output().is_err() {
            let reason = "`chromium` is not installed; on Debian: apt-get install chromium";
            common::skip(test, reason);
            return None;
        }
        let sensor = Sensor::start(alerts, None);
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
            ])
            .args([
                "--enable-logging=stderr",
                "--virtual-time-budget=8000",
                "--dump-dom",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{}/", sensor.address))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // What a page does wrong, or its policy forbids, is told on the console.
        for line in said.lines().filter(|line| line.contains("CONSOLE")) {
            assert!(
                !line.contains("Refused") && !line.contains("Uncaught"),
                "{line}"
            );
        }
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!dom.is_empty(), "{said}");
        Some(Self { dom })
    }
}

/// The sensor's own server, without a sensor.
struct Sensor {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sensor {
    fn start(alerts: &[Alert], tls: Option<Tls>) -> Self {
        let mut store = AlertStore::new(10);
        for alert in alerts {
            store.emit(alert).unwrap();
        }
        let state = HttpState {
            metrics: Arc::new(Metrics::new(Build {
                version: "1.2.3",
                revision: "abcdef0",
            })),
            alerts: store,
            health: Health::new(&["sensor"], Duration::from_secs(5)),
            live: Live::default(),
            model: Arc::new(Model::built_in().unwrap()),
            settings: Settings::default(),
            tls,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                netanom::http::serve(listener, state, async { drop(stopped.await) }).await;
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn alert() -> Alert {
    let party = |ip| json!({ "ip": ip, "prefix": null, "port": null, "count": 1 });
    let alert = json!({
        "id": "a1", "class": "port_scan", "severity": "high", "score": 0.94, "state": "active",
        "first_seen": "2026-01-31T12:00:00Z", "last_seen": "2026-01-31T12:00:12Z",
        "source": party("198.19.66.6"), "target": party("198.18.1.10"),
        "protocol": "tcp", "interface": "eth0", "flows": 592, "packets": 1184, "bytes": 71040,
        "detector": "forest", "summary": "198.19.66.6 tried 592 ports of 198.18.1.10",
        "explanation": [
            { "feature": "pair_ports_10s", "value": 592.0, "unit": "ports", "typical": 1.0, "contribution": 0.31 }
        ],
    });
    serde_json::from_value(alert).unwrap()
}
