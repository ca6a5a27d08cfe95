//! The scrape proven against the real Prometheus: it scrapes the sensor's own server, every query of every dashboard
//! brings data after an attack, and the shipped rules fire.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/traffic.rs"]
mod traffic;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use netanom::alert::{Class, Severity};
use netanom::flow::{Timestamp, Window};
use netanom::http::{Health, HttpState, Live, Settings};
use netanom::metrics::{Build, Metrics, XdpMode};
use netanom::model::Model;
use netanom::sink::store::AlertStore;
use netanom::source::EncapsulatedPackets;
use netanom_common::counter::{Ignored, Tally};
use serde_json::Value;
use tokio::sync::oneshot;

/// Longest wait for anything; it takes a few seconds on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(100);

#[test]
fn every_query_of_every_dashboard_brings_data_after_an_attack() {
    if !installed("prometheus") {
        let reason = "`prometheus` is not installed; on Debian: apt-get install prometheus";
        return common::skip(
            "every_query_of_every_dashboard_brings_data_after_an_attack",
            reason,
        );
    }
    let sensor = Sensor::start();
    let prometheus = Prometheus::start(sensor.address);
    let mut waiting = queries();
    assert!(waiting.len() > 20, "{waiting:?}");
    let mut is_fired = false;

    let begin = now();
    while !(waiting.is_empty() && is_fired) {
        assert!(
            begin.elapsed() < PATIENCE,
            "no data for {waiting:#?}, rule fired: {is_fired}\n{}",
            prometheus.log()
        );
        sensor.attack();
        std::thread::sleep(TICK);
        waiting.retain(|query| !prometheus.brings_data(query));
        is_fired = is_fired || prometheus.fires("NetanomAttackDetected");
    }
}

#[test]
fn the_shipped_configuration_and_rules_pass_promtool() {
    if !installed("promtool") {
        let reason = "`promtool` is not installed; on Debian: apt-get install prometheus";
        return common::skip("the_shipped_configuration_and_rules_pass_promtool", reason);
    }
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
}

#[test]
fn the_metrics_page_follows_the_conventions() {
    if !installed("promtool") {
        let reason = "`promtool` is not installed; on Debian: apt-get install prometheus";
        return common::skip("the_metrics_page_follows_the_conventions", reason);
    }
    let sensor = Sensor::start();
    sensor.attack();
    let page = ureq::get(format!("http://{}/metrics", sensor.address))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page");
    std::fs::write(&file, page).unwrap();
    let mut lint = Command::new("promtool");
    lint.args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).unwrap());
    succeeds(lint);
}

fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn promtool(arguments: &[&str]) {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments).current_dir(root().join("deploy"));
    succeeds(promtool);
}

fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn now() -> Instant {
    Instant::now()
}

/// Every query that a dashboard makes, its variables filled in, each once.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(root().join("grafana/dashboards")).unwrap() {
        let dashboard: Value =
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        collect(&dashboard, &mut queries);
    }
    queries.sort();
    queries.dedup();
    queries
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
        Value::Object(fields) => {
            queries.extend(fields.get("expr").and_then(Value::as_str).map(filled_in));
            fields.values().for_each(|value| collect(value, queries));
        }
        _ => {}
    }
}

fn filled_in(query: &str) -> String {
    let variables = [
        ("$__rate_interval", "5s"),
        ("$__interval", "5s"),
        ("$__range", "1m"),
        ("$instance", ".*"),
    ];
    let filled = variables
        .iter()
        .fold(query.to_owned(), |query, (name, value)| {
            query.replace(name, value)
        });
    assert!(
        !filled.contains('$'),
        "a variable that this test does not know: {filled}"
    );
    filled
}

/// The sensor's server with metrics that this test moves.
struct Sensor {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sensor {
    fn start() -> Self {
        let metrics = Arc::new(Metrics::new(Build {
            version: "1.2.3",
            revision: "abcdef0",
        }));
        metrics.add_interface(2, "eth0");
        metrics.set_xdp_mode(2, Some(XdpMode::Native));
        metrics.add_sink("store");
        metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
        metrics.set_flow_map(900, 65_536);
        let health = Health::new(&["sensor"], Duration::from_secs(5));
        let state = HttpState {
            metrics: Arc::clone(&metrics),
            alerts: AlertStore::new(10),
            health,
            live: Live::default(),
            model: Arc::new(Model::built_in().unwrap()),
            settings: Settings::default(),
            tls: None,
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
            metrics,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// One tick under attack, as the daemon would count it.
    fn attack(&self) {
        #[expect(
            clippy::disallowed_methods,
            reason = "Prometheus compares the window's end with its own clock"
        )]
        let end = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let flows = (1..=50).map(|from| traffic::flow(2, from, 40, 2)).collect();
        let end = Timestamp::from_nanos(end.as_nanos().try_into().unwrap());
        let mut window = Window {
            end,
            flows,
            ..Window::default()
        };
        window.ignored.0[Ignored::NotIp as usize] = Tally {
            packets: 3,
            bytes: 180,
        };
        self.metrics.count_window(&window);
        self.metrics.set_flows_active(50);
        // As with the kernel's statistics on: a thousand runs a second, 100 ns each.
        let runs = end.as_nanos() / 1_000_000;
        let time = Duration::from_nanos(100 * runs);
        self.metrics.set_program_runs([(runs, time); 3]);
        // A tunnel that is not looked into, a packet a millisecond.
        let mut encapsulated = EncapsulatedPackets::default().0;
        encapsulated[0] = runs;
        self.metrics.set_encapsulated(encapsulated);
        self.metrics.flow_judged(Class::Normal, None, 0.03);
        for _ in 1..50 {
            self.metrics.flow_judged(Class::UdpFlood, None, 0.97);
        }
        self.metrics
            .alert_raised(Class::UdpFlood, Severity::High, Duration::from_millis(420));
        self.metrics
            .set_alerts_active([(Class::UdpFlood, Severity::High)]);
        self.metrics.poll_took(Duration::from_micros(900));
        self.metrics.step_took(Duration::from_micros(300));
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// A Prometheus of our own, with the shipped rules, that ends with the test.
struct Prometheus {
    child: Child,
    base: String,
    directory: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let inside = |name: &str| directory.path().join(name);
        let rules = std::fs::canonicalize(root().join("deploy/alerts.yml")).unwrap();
        let configuration = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: ['{}']\n\
             scrape_configs: [{{ job_name: netanom, static_configs: [{{ targets: ['{target}'] }}] }}]\n",
            rules.display()
        );
        std::fs::write(inside("prometheus.yml"), configuration).unwrap();
        // Prometheus cannot take a listener over, so a port that was free a moment ago has to do.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = std::fs::File::create(inside("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                inside("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", inside("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--log.level=warn", "--web.max-connections=32"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Self {
            child,
            base: format!("http://{address}"),
            directory,
        };
        prometheus.wait_until_ready();
        prometheus
    }

    fn wait_until_ready(&mut self) {
        let begin = now();
        while ureq::get(format!("{}/-/ready", self.base)).call().is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE,
                "prometheus did not start: {}",
                self.log()
            );
            std::thread::sleep(TICK);
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Whether the query brings a number; a query that is not accepted fails the test.
    fn brings_data(&self, query: &str) -> bool {
        let mut answer = ureq::get(format!("{}/api/v1/query", self.base))
            .query("query", query)
            .config()
            .http_status_as_error(false)
            .build()
            .call()
            .unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let samples = answer["data"]["result"].as_array().unwrap();
        samples.iter().any(|sample| {
            sample["value"][1]
                .as_str()
                .unwrap()
                .parse::<f64>()
                .unwrap()
                .is_finite()
        })
    }

    fn fires(&self, rule: &str) -> bool {
        let mut answer = ureq::get(format!("{}/api/v1/alerts", self.base))
            .call()
            .unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        let alerts = answer["data"]["alerts"].as_array().unwrap();
        alerts
            .iter()
            .any(|alert| alert["labels"]["alertname"] == rule && alert["state"] == "firing")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It has nothing to keep: the data are in a directory that goes with the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
