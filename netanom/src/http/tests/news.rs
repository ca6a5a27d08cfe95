//! `/events` and what is seen, as clients meet them.

use std::io::{BufRead, BufReader};

use super::*;
use crate::alert::{Class, Facts, Memory, Verdict};
use crate::feature::{COUNT, Features};
use crate::flow::{Endpoint, Timestamp, Window};
use crate::http::Tick;

/// A quarter of a second in which each of these hosts sent a flow of so many bytes to 198.51.100.1.
fn tick(number: u64, class: Class, flows: &[(u8, u64)]) -> Tick {
    let at =
        |quarter: u64| Timestamp::from_nanos(1_700_000_000_000_000_000 + quarter * 250_000_000);
    let end = |ip: [u8; 4], port| Endpoint {
        ip: ip.into(),
        port,
    };
    let facts: Vec<Facts> = flows
        .iter()
        .map(|&(host, bytes)| Facts {
            initiator: end([192, 0, 2, host], 40_000),
            responder: end([198, 51, 100, 1], 443),
            protocol: 6,
            interface: 1,
            first_seen: at(number),
            last_seen: at(number),
            packets: 10,
            bytes,
            new_packets: 10,
            new_bytes: bytes,
            before: None,
            memory: Memory::default(),
            crowd: None,
        })
        .collect();
    let verdict = Verdict {
        class,
        score: 0.9,
        anomaly: if class == Class::Normal { 0.1 } else { 0.9 },
        probabilities: Default::default(),
    };
    let verdicts = vec![verdict; facts.len()];
    let judged = Features {
        now: at(number + 1),
        rows: ndarray::Array2::zeros((facts.len(), COUNT)),
        facts,
    };
    let window = Window {
        start: at(number),
        end: at(number + 1),
        ..Window::default()
    };
    Tick::of(&window, &judged, &verdicts)
}

struct Listener(BufReader<TcpStream>);

impl Listener {
    fn start(server: &Server, query: &str) -> Self {
        let mut stream = server.connect();
        write!(
            stream,
            "GET /events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        .unwrap();
        let mut listener = Self(BufReader::new(stream));
        assert!(listener.line().starts_with("HTTP/1.1 200"));
        // Whoever has this is listening.
        while listener.line() != "retry: 2000\n" {}
        listener
    }

    /// Empty at the end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.0.read_line(&mut line);
        line
    }

    /// The data of the next event with this name.
    fn event(&mut self, name: &str) -> Value {
        let name = format!("event: {name}\n");
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the stream ended");
            if line == name {
                loop {
                    let line = self.line();
                    if let Some(data) = line.strip_prefix("data: ") {
                        return serde_json::from_str(data).unwrap();
                    }
                }
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        loop {
            match self.line().as_str() {
                "" => return true,
                "event: update\n" => return false,
                _ => {}
            }
        }
    }
}

#[test]
fn who_listens_is_told_of_traffic_flows_and_alerts() {
    let server = Server::start();
    let mut listener = Listener::start(&server, "");
    let mut one = tick(0, Class::PortScan, &[(1, 500), (2, 700)]);
    one.add_alert(true, &Arc::new(alert(7)));
    server.state.live.take_in(one);
    let told = listener.event("update");
    assert_eq!(told["traffic"]["seconds"], 0.25);
    assert_eq!(
        (&told["traffic"]["flows"], &told["traffic"]["anomalous"]),
        (&2.into(), &2.into())
    );
    assert_eq!(told["flows"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&told["flows"][1]["bytes"], &told["flows"][1]["class"]),
        (&700.into(), &"port_scan".into())
    );
    assert_eq!(told["alerts"][0]["id"], "a7");
}

#[test]
fn a_flood_of_flows_is_a_sample_of_them() {
    let server = Server::start();
    let mut listener = Listener::start(&server, "?only=flows,traffic");
    let flows: Vec<(u8, u64)> = (0..1000).map(|n| ((n % 250) as u8, n)).collect();
    server.state.live.take_in(tick(0, Class::SynFlood, &flows));
    let told = listener.event("update");
    assert_eq!(told["flows"].as_array().unwrap().len(), 200);
    assert_eq!(
        (&told["traffic"]["left_out"], &told["alerts"]),
        (&800.into(), &Value::Null)
    );
}

#[test]
fn a_stream_ends_when_the_sensor_stops() {
    let mut server = Server::start();
    let mut listener = Listener::start(&server, "");
    server.signal_stop();
    assert!(listener.has_ended());
}

#[test]
fn a_stream_outlives_the_time_that_an_answer_may_take() {
    let server = Server::with(patience(|patience| {
        patience.head = Duration::from_millis(100);
        patience.idle = Duration::from_millis(100);
        patience.stall = Duration::from_millis(100);
        patience.sending = Duration::from_millis(100);
    }));
    let mut listener = Listener::start(&server, "");
    // The limits of a client that is idle have passed for one that came later.
    let mut idle = server.connect();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    let mut idle = server.connect();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    server
        .state
        .live
        .take_in(tick(0, Class::Normal, &[(1, 500)]));
    listener.event("update");
}

#[test]
fn a_client_that_is_too_slow_is_told_and_let_go() {
    let server = Server::start();
    let mut listener = Listener::start(&server, "");
    let flows: Vec<(u8, u64)> = (0..200).map(|n| (n as u8, n)).collect();
    // Faster than they can be sent: 50 KB each.
    for number in 0..200 {
        server
            .state
            .live
            .take_in(tick(number, Class::Normal, &flows));
    }
    let missed = listener.event("missed");
    assert!(missed["updates"].as_u64().unwrap() > 0);
    assert!(listener.has_ended());
}

#[test]
fn as_many_may_listen_as_there_are_places_and_a_place_comes_free() {
    let server = Server::start();
    let mut listeners: Vec<_> = (0..32).map(|_| Listener::start(&server, "")).collect();
    let refused = server.ask("GET /events");
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("as many clients"), "{}", refused.body);
    drop(listeners.pop());
    let deadline = Duration::from_secs(10);
    let freed = wait_for(deadline, || {
        server.state.live.streams().available_permits() > 0
    });
    assert!(freed, "the place of a client that left stayed taken");
    Listener::start(&server, "");
}

fn wait_for(limit: Duration, condition: impl Fn() -> bool) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
    let began = std::time::Instant::now();
    while began.elapsed() < limit {
        if condition() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn the_summary_adds_up_what_was_seen() {
    let server = Server::start();
    server.put(&alert(1));
    server
        .state
        .live
        .take_in(tick(0, Class::Normal, &[(1, 500), (2, 700)]));
    server
        .state
        .live
        .take_in(tick(1, Class::PortScan, &[(3, 60)]));
    let summary = server.ask("GET /summary").json();
    assert_eq!(summary["began"], "2023-11-14T22:13:20.000000Z");
    assert_eq!(
        (
            &summary["totals"]["flows"],
            &summary["totals"]["verdicts"]["port_scan"]
        ),
        (&3.into(), &1.into())
    );
    assert_eq!(summary["totals"]["protocols"]["tcp"]["bytes"], 1260);
    let hour = &summary["hours"][0];
    assert_eq!(
        (&hour["time"], &hour["flows"], &hour["anomalous"]),
        (&"2023-11-14T22:00:00.000000Z".into(), &3.into(), &1.into())
    );
    let score = summary["seconds"][0]["score"].as_f64().unwrap();
    assert!((score - (0.1 + 0.1 + 0.9) / 3.0).abs() < 1e-6, "{score}");
    assert_eq!(
        (
            &summary["threats"]["total"],
            &summary["threats"]["by_severity"]["medium"]
        ),
        (&1.into(), &1.into())
    );
    assert_eq!(summary["busiest_hosts"][0]["ip"], "198.51.100.1");
}

#[test]
fn normal_flows_come_newest_first_page_by_page_and_by_filter() {
    let server = Server::start();
    for number in 0..3 {
        server
            .state
            .live
            .take_in(tick(number, Class::Normal, &[(number as u8, 100)]));
    }
    server
        .state
        .live
        .take_in(tick(3, Class::PortScan, &[(9, 60)]));
    let page = server.ask("GET /normal_traffic?limit=2").json();
    let names = |page: &Value| -> Vec<String> {
        let flows = page["flows"].as_array().unwrap().iter();
        flows
            .map(|flow| flow["initiator_ip"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (names(&page), &page["total"]),
        (
            vec!["192.0.2.2".to_owned(), "192.0.2.1".to_owned()],
            &3.into()
        )
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = server
        .ask(&format!("GET /normal_traffic?limit=2&cursor={cursor}"))
        .json();
    assert_eq!(
        (names(&rest), &rest["next_cursor"]),
        (vec!["192.0.2.0".to_owned()], &Value::Null)
    );
    let one = server
        .ask("GET /normal_traffic?source=192.0.2.1&port=443&protocol=tcp")
        .json();
    assert_eq!(one["total"], 1);
    for wrong in [
        "source=x",
        "port=70000",
        "colour=red",
        "cursor=12",
        "limit=0",
        "port=1&port=2",
    ] {
        let answer = server.ask(&format!("GET /normal_traffic?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.json()["parameter"], wrong.split('=').next().unwrap());
    }
}

#[test]
fn a_host_is_shown_with_its_flows_and_what_stands_against_it() {
    let server = Server::start();
    server.put(&alert(1));
    server
        .state
        .live
        .take_in(tick(0, Class::PortScan, &[(1, 500)]));
    let host = server.ask("GET /hosts/192.0.2.1").json();
    assert_eq!(
        (&host["opened"]["flows"], &host["answered"]["flows"]),
        (&1.into(), &0.into())
    );
    assert_eq!(
        (&host["peers"][0]["of"], &host["ports"][0]["of"]),
        (&"198.51.100.1".into(), &443.into())
    );
    assert_eq!(
        (&host["alerts"][0]["id"], &host["flows"][0]["class"]),
        (&"a1".into(), &"port_scan".into())
    );
    let evidence = server.ask("GET /evidence/192.0.2.1").json();
    assert_eq!(evidence["suspicious_total"], 1);
    assert_eq!(server.ask("GET /hosts/192.0.2.77").status, 404);
    assert_eq!(server.ask("GET /hosts/example.org").status, 400);
}

#[test]
fn many_hosts_that_did_little_do_not_push_out_one_that_did_much() {
    let server = Server::start();
    server
        .state
        .live
        .take_in(tick(0, Class::Normal, &[(1, 1_000_000)]));
    let hosts: Vec<(u8, u64)> = (0..4096).map(|n| (2 + (n % 200) as u8, 60)).collect();
    for number in 1..4 {
        server
            .state
            .live
            .take_in(tick(number, Class::PortScan, &hosts));
    }
    let busiest = server.ask("GET /summary").json();
    assert_eq!(busiest["busiest_hosts"][1]["ip"], "192.0.2.1");
    let flow = server.ask("GET /flows?host=192.0.2.1").json();
    assert_eq!(flow["flows"][0]["bytes_per_second"], 4_000_000.0);
}
