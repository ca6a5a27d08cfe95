//! What every answer carries, compressed and known answers, and who may ask.

use std::io::Read;

use super::*;
use crate::http::Token;

#[test]
fn every_answer_has_the_policy_and_none_lets_another_origin_read() {
    let server = Server::start();
    for request in [
        "GET /",
        "GET /alerts",
        "GET /nothing",
        "POST /alerts",
        "GET /page/main.js",
    ] {
        let answer = server.ask_with(request, "\r\nOrigin: http://evil.example", "");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{request}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
}

#[test]
fn a_client_that_has_the_answer_already_gets_none() {
    let server = Server::start();
    let first = server.ask("GET /alerts");
    let tag = first.header("etag").to_owned();
    // Heads are read in lower case here.
    let head = format!("\r\nIf-None-Match: {}", tag.replace("w/", "W/"));
    let again = server.ask_with("GET /alerts", &head, "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    server.put(&alert(1));
    let news = server.ask_with("GET /alerts", &head, "");
    assert_eq!(news.status, 200);
    assert_ne!(news.header("etag"), tag);
}

#[test]
fn a_client_that_can_unpack_gets_less() {
    let server = Server::start();
    for n in 0..50 {
        server.put(&alert(n));
    }
    let plain = server.ask("GET /alerts");
    let packed = server.ask_with("GET /alerts", "\r\nAccept-Encoding: gzip", "");
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("transfer-encoding"), "chunked");
    assert!(packed.bytes.len() < plain.bytes.len() / 4);
    let mut unpacked = String::new();
    let chunks = unchunked(&packed.bytes);
    flate2::read::GzDecoder::new(chunks.as_slice())
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.body);
}

/// The data of a chunked body (RFC 9112 7.1).
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return data;
        }
        bytes = &bytes[end + 2..];
        data.extend(&bytes[..length]);
        bytes = &bytes[length + 2..];
    }
}

#[test]
fn without_the_token_there_are_metrics_and_probes_and_no_alert_anywhere() {
    let access = Access {
        token: Token::new("secret"),
        ..Access::default()
    };
    let server = Server::with_access(Limits::default(), access);
    server.put(&alert(1));
    let refused = server.ask("GET /alerts");
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("bearer"));
    for path in ["/metrics", "/livez", "/"] {
        let answer = server.ask(&format!("GET {path}"));
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("192.0.2.1"), "{path}");
    }
    let head = "\r\nAuthorization: Bearer secret";
    assert_eq!(server.ask_with("GET /alerts", head, "").ids(), "a1");
}

#[test]
fn the_page_is_a_plain_table_without_scripts() {
    let server = Server::start();
    assert!(server.ask("GET /").body.contains("No alert yet."));
    server.put(&Alert {
        summary: "<script>alert(1)</script>".to_owned(),
        ..alert(1)
    });
    let page = server.ask("GET /");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.body.contains("<td>192.0.2.1</td>"), "{}", page.body);
}

#[test]
fn the_page_asks_nobody_else_and_all_its_parts_are_there() {
    let server = Server::start();
    let mut whole = server.ask("GET /").body;
    for name in parts(&whole) {
        let part = server.ask(&format!("GET /page/{name}"));
        assert_eq!(part.status, 200, "{name}");
        whole.push_str(&part.body);
    }
    for line in whole.lines() {
        let leads_away = line.contains("://") && !line.contains("http://www.w3.org/");
        assert!(!leads_away, "{line}");
    }
    assert_eq!(server.ask("GET /page/secret").status, 404);
}

/// What a page and its scripts load.
fn parts(page: &str) -> Vec<String> {
    let mut names: Vec<String> = crate::http::page::names().map(str::to_owned).collect();
    names.retain(|name| name.ends_with(".js") || page.contains(name.as_str()));
    assert!(names.len() > 5);
    names
}

#[test]
fn a_flow_at_its_typical_values_is_normal_and_the_answer_says_why() {
    let server = Server::start();
    let model = server.ask("GET /model").json();
    let features = model["features"].as_array().unwrap().iter();
    let typical: serde_json::Map<_, _> = features
        .map(|feature| {
            (
                feature["name"].as_str().unwrap().to_owned(),
                feature["typical"].clone(),
            )
        })
        .collect();
    let body = serde_json::json!({ "features": typical }).to_string();
    let answer = server.post("/predict", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = answer.json();
    assert_eq!(said["class"], "normal");
    let sum: f64 = said["probabilities"]
        .as_object()
        .unwrap()
        .values()
        .map(|p| p.as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    assert!(!said["contributions"].as_array().unwrap().is_empty());
}

#[test]
fn every_wrong_field_of_a_form_is_told_at_once() {
    let server = Server::start();
    let model = server.ask("GET /model").json();
    let names: Vec<&str> = model["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap())
        .collect();
    let mut features: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), 1.into()))
        .collect();
    features.remove(names[0]);
    features.insert(names[1].to_owned(), "many".into());
    features.insert(names[2].to_owned(), serde_json::json!(1e300));
    features.insert("colour".to_owned(), 1.into());
    let answer = server.post(
        "/predict",
        &serde_json::json!({ "features": features }).to_string(),
    );
    assert_eq!(answer.status, 400);
    let told = answer.json();
    let fields: Vec<&str> = told["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, [names[0], names[1], names[2], "colour"]);
}

#[test]
fn a_body_is_json_of_a_bounded_length_from_a_page_of_ours() {
    let server = Server::start();
    assert_eq!(
        server
            .ask_with("POST /predict", "\r\nContent-Length: 2", "{}")
            .status,
        415
    );
    for wrong in [
        "",
        "{",
        "[]",
        "{\"features\":3}",
        "{\"features\":{},\"more\":1}",
    ] {
        let answer = server.post("/predict", wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(!answer.json()["error"].as_str().unwrap().is_empty());
    }
    let long = format!("{{\"features\":{{\"{}\":1}}}}", "x".repeat(70_000));
    assert_eq!(server.post("/predict", &long).status, 413);
    let foreign =
        "\r\nContent-Type: application/json\r\nContent-Length: 2\r\nOrigin: https://evil.example";
    assert_eq!(server.ask_with("POST /predict", foreign, "{}").status, 403);
}
