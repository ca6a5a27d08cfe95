//! Lines of every kind of log, and lines that are none.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// A line as one line: what was read, or why not.
fn check(line: &str, expected: Expect) {
    let shown = match parse(unquoted(line.as_bytes()).0) {
        Ok(Request {
            client,
            at,
            method,
            target,
            is_old,
            status,
            bytes,
            referrer,
            agent,
        }) => format!(
            "{client} {at} {method} {target}{} {status} {bytes} <{referrer}> <{agent}>",
            if is_old { " old" } else { "" }
        ),
        Err(error) => error.name().to_owned(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn common_and_combined_lines_are_read() {
    check(
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#,
        expect!["127.0.0.1 2000-10-10T20:55:36.000000Z GET /apache_pb.gif old 200 2326 <> <>"],
    );
    check(
        r#"2001:db8::7 - - [17/May/2015:10:05:03 +0000] "POST /a?b=c HTTP/1.1" 302 - "http://x/" "Mozilla/5.0 (\"X\")""#,
        expect![[
            r#"2001:db8::7 2015-05-17T10:05:03.000000Z POST /a?b=c 302 0 <http://x/> <Mozilla/5.0 (\"X\")>"#
        ]],
    );
}

#[test]
fn a_virtual_host_in_front_and_further_parts_behind_are_left_out() {
    check(
        r#"10.0.0.9:443 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" 17 "web@docker" "http://10.0.0.2:80" 4ms"#,
        expect!["192.0.2.1 2015-05-17T10:05:03.000000Z GET / 200 5 <> <curl/8>"],
    );
    check(
        r#"192.0.2.1 - john doe [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#,
        expect!["192.0.2.1 2015-05-17T10:05:03.000000Z GET / 200 5 <> <>"],
    );
}

#[test]
fn a_line_in_one_more_pair_of_quotes_is_read() {
    check(
        r#""192.168.4.25 - - [22/Dec/2016:16:30:52 +0300] "POST /a HTTP/1.1" 303 382 "-" "Mozilla/5.0 Safari/537.21"""#,
        expect![
            "192.168.4.25 2016-12-22T13:30:52.000000Z POST /a 303 382 <> <Mozilla/5.0 Safari/537.21>"
        ],
    );
}

#[test]
fn haproxys_lines_are_read_with_and_without_syslogs_head() {
    check(
        r#"Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1""#,
        expect!["10.0.1.2 2009-02-06T12:14:14.655000Z GET /index.html 200 2750 <> <>"],
    );
    check(
        r#"2001:db8::1:3333 [06/Feb/2009:12:14:14.655] in in/<NOSRV> -1/-1/-1/-1/2 -1 +0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>""#,
        expect!["2001:db8::1 2009-02-06T12:14:14.655000Z  <BADREQ> 0 0 <> <>"],
    );
}

#[test]
fn json_lines_of_five_servers_are_read() {
    // nginx, `log_format … escape=json`.
    check(
        r#"{"time_local":"17/May/2015:10:05:03 +0000","remote_addr":"192.0.2.1","request":"GET /a?b=1 HTTP/2.0","status":"404","body_bytes_sent":"153","http_referrer":"","http_user_agent":"curl/8"}"#,
        expect!["192.0.2.1 2015-05-17T10:05:03.000000Z GET /a?b=1 404 153 <> <curl/8>"],
    );
    // Apache, as in its manual's example of a JSON `LogFormat`.
    check(
        r#"{"time":"2015-05-17T10:05:03+0000","remoteIP":"192.0.2.1","host":"example.org","request":"/index.html","query":"?q=1","method":"GET","status":"200","userAgent":"curl/8","referer":"-","size":"12"}"#,
        expect!["192.0.2.1 2015-05-17T10:05:03.000000Z GET /index.html?q=1 200 12 <> <curl/8>"],
    );
    // Caddy 2.
    check(
        r#"{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.1","remote_port":"41342","client_ip":"192.0.2.9","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/a","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]}},"bytes_read":0,"user_id":"","duration":0.0009,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Content-Length":["7"]}}"#,
        expect!["192.0.2.9 2022-03-09T21:30:01.524102Z GET /a 200 10900 <> <curl/7.82.0>"],
    );
    // Traefik.
    check(
        r#"{"ClientAddr":"192.0.2.1:5000","ClientHost":"192.0.2.1","DownstreamContentSize":9,"DownstreamStatus":200,"RequestMethod":"GET","RequestPath":"/whoami","RequestProtocol":"HTTP/1.1","StartUTC":"2024-05-01T08:00:00.5Z","request_User-Agent":"curl/8","time":"2024-05-01T10:00:00+02:00"}"#,
        expect!["192.0.2.1 2024-05-01T08:00:00.500000Z GET /whoami 200 9 <> <curl/8>"],
    );
    // HAProxy, a `log-format` as people write it.
    check(
        r#"{"client_ip":"192.0.2.1","accept_date":"06/Feb/2009:12:14:14.655","http_method":"GET","uri":"/","status":200,"bytes_read":2750}"#,
        expect!["192.0.2.1 2009-02-06T12:14:14.655000Z GET / 200 2750 <> <>"],
    );
}

#[test]
fn what_is_missing_is_named() {
    for (line, reason) in [
        (
            "May 17 10:05:03 host sshd[1]: Failed password for root",
            "layout",
        ),
        (
            r#"www.example.org - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#,
            "client",
        ),
        (
            r#"192.0.2.1 - - [47/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#,
            "time",
        ),
        (
            r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" ok 5"#,
            "status",
        ),
        (
            r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 five"#,
            "size",
        ),
        (r#"{"status":200"#, "json"),
        (
            r#"{"remote_addr":"192.0.2.1","time":"x","method":"GET","uri":"/","status":200}"#,
            "time",
        ),
    ] {
        let error = parse(line.as_bytes()).unwrap_err();
        assert_eq!(error.name(), reason, "{line}");
    }
}

#[test]
fn a_size_beyond_all_numbers_and_a_request_that_is_none_are_bounded() {
    let line =
        br#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 99999999999999999999999"#;
    let request = parse(line).unwrap();
    assert_eq!((request.bytes, request.method.as_ref()), (u64::MAX, ""));
}

#[test]
fn refused_lines_are_counted_with_their_first_examples() {
    let mut log = AccessLog::default();
    let good = br#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
    assert!(log.read(Line::Whole(good)).is_some());
    for _ in 0..9 {
        assert!(log.read(Line::Whole(b"\x1b[31mno log")).is_none());
    }
    assert!(log.read(Line::Whole(b"")).is_none());
    assert!(log.read(Line::TooLong(b"GET")).is_none());
    assert_eq!((log.lines, log.refused.lines()), (11, 10));
    let examples = log.refused.examples();
    assert_eq!(examples.len(), 4);
    assert_eq!(
        (examples[0].line, examples[0].text.as_str()),
        (2, "\\u{1b}[31mno log")
    );
    assert_eq!((examples[3].line, examples[3].reason), (12, "too_long"));
}

#[test]
fn a_line_far_ahead_of_now_is_refused() {
    let mut log = AccessLog {
        latest: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        ..AccessLog::default()
    };
    let line = br#"192.0.2.1 - - [17/May/2215:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
    assert!(log.read(Line::Whole(line)).is_none());
    assert_eq!(log.refused.examples()[0].reason, "future");
}

#[test]
fn the_parts_of_a_rotated_log_have_its_name() {
    for part in [
        "access.log",
        "x/access.log.1",
        "access.log.12.gz",
        "access.log-20260101.zst",
    ] {
        assert_eq!(log_name(Path::new(part)), "access.log", "{part}");
    }
    assert_eq!(log_name(Path::new("site-b.log")), "site-b.log");
}

proptest! {
    #[test]
    fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&line);
    }

    #[test]
    fn no_line_that_begins_well_panics(rest in ".{0,200}") {
        let _ = parse(format!("192.0.2.1 - - [17/May/2015:10:05:03{rest}").as_bytes());
        let _ = parse(format!("{{\"time\":{rest}}}").as_bytes());
    }

    #[test]
    fn what_a_server_writes_reads_back(
        client: [u8; 4], path in "/[a-z0-9%._~/-]{0,40}", status in 100_u16..1000, bytes: u64, agent in "[A-Za-z0-9 ./();]{1,40}",
    ) {
        let client = IpAddr::from(client);
        let line = format!("{client} - - [17/May/2015:10:05:03 +0000] \"GET {path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\"");
        let request = parse(line.as_bytes()).unwrap();
        prop_assert_eq!(request.client, client);
        prop_assert_eq!(request.target.as_ref(), path.as_str());
        prop_assert_eq!((request.status, request.bytes), (status, bytes));
        prop_assert_eq!(request.agent.as_ref(), agent.as_str());
    }
}
