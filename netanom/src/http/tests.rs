//! The server as its clients meet it, over real connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use expect_test::{Expect, expect};
use nix::sys::socket::{setsockopt, sockopt};
use serde_json::Value;
use tokio::sync::oneshot;

mod answers;
mod news;
mod schema;

use super::server::{self, Limits};
use super::stream::Patience;
use super::{Access, Health, HttpState, InForce, Live, Settings};
use crate::alert::{Alert, State};
use crate::metrics::{Build, Metrics};
use crate::model::Model;
use crate::sink::Sink;
use crate::sink::store::AlertStore;
use crate::sink::store::tests::alert;

struct Server {
    address: SocketAddr,
    state: HttpState,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::with_access(limits, Access::default())
    }

    fn with_access(limits: Limits, access: Access) -> Self {
        let state = HttpState {
            metrics: Arc::new(Metrics::new(Build {
                version: "1.2.3",
                revision: "abcdef0",
            })),
            alerts: AlertStore::new(2000),
            health: Health::new(&["model"], Duration::from_secs(60)),
            live: Live::default(),
            model: Arc::new(Model::built_in().unwrap()),
            settings: Settings::new(InForce {
                access,
                hosts: vec!["sensor.example".to_owned()],
                ..InForce::default()
            }),
            tls: None,
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                server::serve(listener, shared, limits, async { drop(stopped.await) }).await;
            });
        });
        Self {
            address,
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn put(&self, alert: &Alert) {
        self.state.alerts.clone().emit(alert).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// The whole answer to a request on a connection of its own.
    fn ask(&self, request: &str) -> Answer {
        self.ask_with(request, "", "")
    }

    /// With further headers, each with its line's end before it, and a body.
    fn ask_with(&self, request: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close{headers}\r\n\r\n{body}"
        )
        .unwrap();
        Answer::read(stream)
    }

    /// Posts JSON.
    fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        let headers = format!("\r\nContent-Type: application/json\r\nContent-Length: {length}");
        self.ask_with(&format!("POST {path}"), &headers, body)
    }

    fn signal_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
    bytes: Vec<u8>,
}

impl Answer {
    /// Everything until the server closes the connection.
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer but {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
            bytes: bytes[head.len() + 4..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let mut values = self
            .head
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.next().unwrap_or_default()
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }

    fn ids(&self) -> String {
        let list = self.json();
        let alerts = list["alerts"].as_array().unwrap();
        alerts
            .iter()
            .map(|alert| alert["id"].as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn check(request: &str, status: u16, body: &Expect) {
    let answer = Server::start().ask(request);
    assert_eq!(answer.status, status, "{}", answer.body);
    body.assert_eq(&answer.body);
    answer.json();
}

#[test]
fn the_metrics_page_is_in_the_text_format() {
    let answer = Server::start().ask("GET /metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(answer.body.contains("\nnetanom_flows_active 0\n"));
}

#[test]
fn a_process_that_answers_is_alive() {
    check("GET /livez", 200, &expect![[r#"{"alive":true}"#]]);
}

#[test]
fn readiness_follows_the_checks() {
    let server = Server::start();
    let answer = server.ask("GET /readyz");
    assert_eq!(
        (answer.status, &answer.json()["checks"]["model"]["reason"]),
        (503, &"not started yet".into())
    );
    server.state.health.pass("model");
    #[expect(clippy::disallowed_methods, reason = "the daemon polls by the clock")]
    server.state.health.polled(std::time::Instant::now());
    let answer = server.ask("GET /readyz");
    assert_eq!(
        (answer.status, &answer.json()["ready"]),
        (200, &true.into())
    );
}

#[test]
fn an_alert_is_shown_as_it_is_defined() {
    let server = Server::start();
    server.put(&alert(1));
    let answer = server.ask("GET /alerts/a1");
    assert_eq!(answer.status, 200);
    expect![[r#"{"id":"a1","class":"port_scan","severity":"medium","score":0.93,"state":"active","first_seen":"2023-11-14T22:13:21.000000Z","last_seen":"2023-11-14T22:13:31.000000Z","source":{"ip":"192.0.2.1","prefix":null,"port":null,"count":1},"target":{"ip":"198.51.100.1","prefix":null,"port":null,"count":1},"protocol":"tcp","interface":"eth0","flows":120,"packets":240,"bytes":14400,"detector":"forest","summary":"192.0.2.1 tried 120 ports of 198.51.100.1","explanation":[{"feature":"pair_ports","value":120.0,"unit":"ports","typical":1.0,"contribution":0.41}],"alternatives":[],"began":null,"rate":{"now":0.0,"peak":0.0},"attack":["T1595.001"],"suppressed_by":null,"example_flows":[]}"#]]
    .assert_eq(&answer.body);
    let list = server.ask("GET /alerts").json();
    assert_eq!(list["alerts"][0], answer.json());
    assert_eq!(
        (&list["next_cursor"], &list["total"]),
        (&Value::Null, &1.into())
    );
}

#[test]
fn pages_follow_the_cursor_to_the_end() {
    let server = Server::start();
    for n in 1..=5 {
        server.put(&alert(n));
    }
    let first = server.ask("GET /alerts?limit=2");
    assert_eq!(first.ids(), "a5 a4");
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let second = server.ask(&format!("GET /alerts?limit=3&cursor={cursor}"));
    assert_eq!(second.ids(), "a3 a2 a1");
    assert_eq!(
        (&second.json()["next_cursor"], &second.json()["total"]),
        (&Value::Null, &5.into())
    );
}

#[test]
fn filters_go_together() {
    let server = Server::start();
    server.put(&alert(1));
    server.put(&Alert {
        state: State::Ended,
        ..alert(2)
    });
    server.put(&alert(3));
    assert_eq!(
        server
            .ask("GET /alerts?state=active&since=2023-11-14T22%3A13%3A33Z")
            .ids(),
        "a3"
    );
    assert_eq!(
        server
            .ask("GET /alerts?source=192.0.2.2&class=port_scan")
            .ids(),
        "a2"
    );
    assert_eq!(server.ask("GET /alerts?target=192.0.2.2").ids(), "");
}

#[test]
fn an_unknown_parameter_is_refused_by_name() {
    check(
        "GET /alerts?colour=red",
        400,
        &expect![[
            r#"{"error":"unknown parameter `colour`; known are class, severity, state, source, target, since, until, limit, cursor","parameter":"colour"}"#
        ]],
    );
}

#[test]
fn a_malformed_value_is_refused_with_what_would_do() {
    check(
        "GET /alerts?severity=urgent",
        400,
        &expect![[
            r#"{"error":"`urgent` is not one of low, medium, high","parameter":"severity"}"#
        ]],
    );
    check(
        "GET /alerts?since=now",
        400,
        &expect![[
            r#"{"error":"`now` is not a time as in RFC 3339, like 2026-01-31T12:00:00Z (in an offset write + as %2B)","parameter":"since"}"#
        ]],
    );
}

#[test]
fn an_alert_that_is_not_there_is_not_found() {
    check(
        "GET /alerts/a%209",
        404,
        &expect![[
            r#"{"error":"there is no alert `a 9`; it never was, or made room for newer ones"}"#
        ]],
    );
}

#[test]
fn a_path_that_is_not_there_is_not_found() {
    check(
        "GET /nothing",
        404,
        &expect![[
            r#"{"error":"there is no `/nothing` here; `/openapi.json` lists what there is"}"#
        ]],
    );
}

#[test]
fn a_method_that_is_not_there_is_told_which_are() {
    let answer = Server::start().ask("POST /alerts");
    assert_eq!((answer.status, answer.header("allow")), (405, "get, head"));
    expect![[r#"{"error":"`/alerts` cannot be asked with POST, only with GET, HEAD"}"#]]
        .assert_eq(&answer.body);
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let server = Server::start();
    let whole = server.ask("GET /alerts");
    let head = server.ask("HEAD /alerts");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let server = Server::start();
    let mut stream = server.connect();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("{\"alive\":true}").count(), 2, "{text}");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Server::start();
    let long = "a".repeat(20_000);
    assert_eq!(
        server.ask(&format!("GET /alerts?source={long}")).status,
        431
    );
    let many: String = (0..100).map(|n| format!("\r\nX-{n}: 1")).collect();
    let mut stream = server.connect();
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost{many}\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).status, 431);
}

#[test]
fn what_is_not_http_is_refused() {
    let server = Server::start();
    let mut stream = server.connect();
    stream
        .write_all(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(stream).status, 400);
    assert_eq!(server.ask("GET /livez").status, 200);
}

fn patience(change: impl FnOnce(&mut Patience)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits.patience);
    limits
}

#[test]
fn a_client_that_does_not_finish_its_head_blocks_nobody_and_is_let_go() {
    let server = Server::with(patience(|patience| {
        patience.head = Duration::from_millis(300);
    }));
    let mut slow = server.connect();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: local")
        .unwrap();
    assert_eq!(server.ask("GET /livez").status, 200);
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn a_client_that_connects_and_asks_nothing_is_let_go_before_one_that_asked() {
    let server = Server::with(patience(|patience| {
        patience.head = Duration::from_millis(300);
        patience.idle = Duration::from_secs(3600);
    }));
    let mut asked = server.connect();
    ask_and_keep(&mut asked);
    let mut silent = server.connect();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    ask_and_keep(&mut asked);
}

#[test]
fn a_client_that_asks_no_more_is_let_go() {
    let server = Server::with(patience(|patience| {
        patience.idle = Duration::from_millis(300);
    }));
    let mut idle = server.connect();
    ask_and_keep(&mut idle);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
}

/// Asks, reads the whole answer, and leaves the connection open.
fn ask_and_keep(stream: &mut TcpStream) {
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"alive\":true}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
}

#[test]
fn for_a_connection_beyond_the_limit_the_longest_idle_one_is_closed() {
    let server = Server::with(Limits {
        connections: 2,
        probes: 0,
        ..Limits::default()
    });
    let (mut first, mut second) = (server.connect(), server.connect());
    ask_and_keep(&mut first);
    ask_and_keep(&mut second);
    ask_and_keep(&mut first);
    let mut third = server.connect();
    ask_and_keep(&mut third);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
    ask_and_keep(&mut first);
}

#[test]
fn as_many_idle_connections_as_there_may_be_keep_no_probe_waiting() {
    let server = Server::start();
    let idle: Vec<_> = (0..Limits::default().connections)
        .map(|_| server.connect())
        .collect();
    assert_eq!(server.ask("GET /livez").status, 200);
    assert_eq!(server.ask("GET /alerts").status, 200);
    drop(idle);
}

#[test]
fn when_every_other_place_is_busy_probes_are_answered_and_no_more() {
    let server = Server::with(Limits {
        connections: 2,
        probes: 1,
        ..Limits::default()
    });
    let (_busy, _) = begin_long_answer(&server);
    assert_eq!(server.ask("GET /livez").status, 200);
    assert_eq!(server.ask("GET /readyz").status, 503);
    let answer = server.ask("GET /alerts/a1");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("is busy"), "{}", answer.body);
}

#[test]
fn a_name_that_a_stranger_leads_here_is_refused() {
    let server = Server::start();
    let ask = |head: &str| {
        let mut stream = server.connect();
        write!(stream, "{head}\r\nConnection: close\r\n\r\n").unwrap();
        Answer::read(stream)
    };
    for host in [
        "evil.example",
        "evil.example:9710",
        "localhost.evil.example",
    ] {
        let answer = ask(&format!("GET /alerts HTTP/1.1\r\nHost: {host}"));
        assert_eq!(answer.status, 421, "{host}");
        assert!(answer.body.contains("`hosts`"), "{}", answer.body);
    }
    for host in [
        "localhost",
        "127.0.0.1:1",
        "[::1]:9710",
        "Sensor.example:80",
    ] {
        let answer = ask(&format!("GET /alerts HTTP/1.1\r\nHost: {host}"));
        assert_eq!(answer.status, 200, "{host}");
    }
    for head in [
        "GET /alerts HTTP/1.1",
        "GET /alerts HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
        "GET /alerts HTTP/1.1\r\nHost: user@localhost",
        "GET /alerts HTTP/1.1\r\nHost: a b",
    ] {
        assert_eq!(ask(head).status, 400, "{head}");
    }
    let absolute = "GET http://evil.example/alerts HTTP/1.1\r\nHost: localhost";
    assert_eq!(ask(absolute).status, 421);
    assert_eq!(ask("GET /livez HTTP/1.0").status, 200);
}

#[test]
fn a_page_that_would_be_too_long_is_shorter_and_its_cursor_goes_on() {
    let server = Server::start();
    put_long_alerts(&server);
    let mut seen = 0;
    let mut request = "GET /alerts?limit=1000".to_owned();
    loop {
        let page = server.ask(&request);
        assert!(page.body.len() <= 512 * 1024, "{}", page.body.len());
        let page = page.json();
        seen += page["alerts"].as_array().unwrap().len();
        assert_eq!(page["total"], 1000);
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        request = format!("GET /alerts?limit=1000&cursor={cursor}");
    }
    assert_eq!(seen, 1000);
}

fn put_long_alerts(server: &Server) {
    for n in 0..1000 {
        server.put(&Alert {
            id: format!("a{n}"),
            summary: "x".repeat(20_000),
            ..alert(1)
        });
    }
}

/// Puts so much into the store that a page of it fills every buffer on the way; gives a connection that asked for it and
/// has read the first bytes.
fn begin_long_answer(server: &Server) -> (TcpStream, Vec<u8>) {
    put_long_alerts(server);
    let mut stream = server.connect();
    // So much waits at the client's end.
    setsockopt(&stream, sockopt::RcvBuf, &(16 * 1024)).unwrap();
    stream
        .write_all(b"GET /alerts?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut start = vec![0_u8; 1000];
    stream.read_exact(&mut start).unwrap();
    (stream, start)
}

/// Reads the rest of an answer on a connection that stays open.
fn read_answer(mut stream: &TcpStream, mut received: Vec<u8>) -> Value {
    loop {
        let text = String::from_utf8_lossy(&received);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length {
            return serde_json::from_str(body).unwrap();
        }
        let mut more = vec![0; length - body.len()];
        stream.read_exact(&mut more).unwrap();
        received.extend(more);
    }
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    let server = Server::with(patience(|patience| {
        patience.stall = Duration::from_millis(200);
    }));
    let (mut stream, mut received) = begin_long_answer(&server);
    std::thread::sleep(Duration::from_secs(1));
    // What the buffers held still arrives; then the connection ends, cleanly or not.
    let _ = stream.read_to_end(&mut received);
    assert!(
        received.len() < 400_000,
        "all {} bytes arrived",
        received.len()
    );
    assert_eq!(server.ask("GET /livez").status, 200);
}

#[test]
fn a_client_that_takes_its_answer_drop_by_drop_is_let_go() {
    let server = Server::with(patience(|patience| {
        patience.sending = Duration::from_millis(500);
    }));
    let (mut stream, _) = begin_long_answer(&server);
    let mut taken = 0;
    while stream.read_exact(&mut [0; 1000]).is_ok() {
        taken += 1000;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(taken < 400_000, "all {taken} bytes arrived");
}

#[test]
fn readers_who_take_nothing_hold_little_memory() {
    let server = Server::with(patience(|patience| {
        patience.stall = Duration::from_secs(3600);
        patience.sending = Duration::from_secs(3600);
    }));
    put_long_alerts(&server);
    let before = kernel_memory();
    let mut stuck = Vec::new();
    for _ in 0..240 {
        let mut stream = server.connect();
        setsockopt(&stream, sockopt::RcvBuf, &4096).unwrap();
        stream
            .write_all(b"GET /alerts?limit=25 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        stuck.push((stream, String::from_utf8_lossy(&start).into_owned()));
    }
    let served = |status: &str| {
        let ends = stuck.iter().filter(|(_, start)| start.ends_with(status));
        ends.count()
    };
    // 8 MiB of answers, and no more.
    assert!((1..=20).contains(&served("200")), "{}", served("200"));
    assert_eq!(served("200") + served("503"), 240);
    let held = kernel_memory() - before;
    assert!(held < 64, "{held} MB of socket memory");
    assert_eq!(server.ask("GET /livez").status, 200);
}

/// Socket memory of TCP in this network namespace's kernel, in MB.
fn kernel_memory() -> i64 {
    let text = std::fs::read_to_string("/proc/net/sockstat").unwrap();
    let line = text.lines().find(|line| line.starts_with("TCP:")).unwrap();
    let pages: i64 = line.split("mem ").nth(1).unwrap().parse().unwrap();
    pages * 4096 / 1_000_000
}

#[test]
fn a_shutdown_finishes_the_open_request_and_takes_no_further_one() {
    let mut server = Server::start();
    let mut idle = server.connect();
    let (stream, received) = begin_long_answer(&server);
    server.signal_stop();
    assert_eq!(
        idle.read(&mut [0]).unwrap(),
        0,
        "an idle connection is closed at once"
    );
    assert!(TcpStream::connect(server.address).is_err());
    let list = read_answer(&stream, received);
    assert!(!list["alerts"].as_array().unwrap().is_empty());
}

#[test]
fn a_shutdown_does_not_wait_forever() {
    let mut server = Server::with(Limits {
        drain: Duration::from_millis(200),
        ..Limits::default()
    });
    let (_stream, _) = begin_long_answer(&server);
    server.signal_stop();
    // Dropping the server waits for its thread: this returns only if the stuck client was given up.
    drop(server);
}
