//! Access logs replayed by the program: simulated ones whose attackers are known, the same in every container, and what is
//! no log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

fn netanom(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("netanom").unwrap();
    command.args(arguments);
    command
}

/// A simulated log, and who attacks in it with how many lines.
fn simulated(folder: &TempDir, rows: &str, anomalies: &str, seed: &str) -> (PathBuf, Value) {
    let path = folder.path().join(format!("{seed}.log"));
    let mut command = netanom(&["simulate", "access-log", "--format", "json"]);
    command.args([
        "--rows",
        rows,
        "--anomalies",
        anomalies,
        "--seed",
        seed,
        "--write",
    ]);
    let output = command.arg(&path).assert().success();
    (
        path,
        serde_json::from_slice(&output.get_output().stdout).unwrap(),
    )
}

fn report_on(files: &[&Path], arguments: &[&str]) -> Value {
    let mut command = netanom(&["replay", "--format", "json"]);
    let output = command.args(files).args(arguments).assert().success();
    let mut report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert!(report["elapsed_seconds"].take().is_f64());
    report
}

#[test]
fn attackers_that_ask_a_hundred_times_raise_alerts_and_a_quiet_log_raises_nearly_none() {
    let folder = tempfile::tempdir().unwrap();
    let (path, made) = simulated(&folder, "6000", "0.4", "11");
    let report = report_on(&[&path], &[]);
    assert_eq!(report["lines"], 6000);
    assert_eq!(report["requests"], 6000);
    let alerts = report["alerts"].as_array().unwrap();
    let told: BTreeSet<&str> = alerts
        .iter()
        .filter_map(|alert| alert["source"]["ip"].as_str())
        .collect();
    let floods = alerts
        .iter()
        .filter(|alert| alert["class"] == "http_flood")
        .count();
    let attackers = made["attackers"].as_array().unwrap();
    let busy: Vec<_> = attackers
        .iter()
        .filter(|one| one["rows"].as_u64().unwrap() >= 100)
        .collect();
    assert!(busy.len() >= 3, "{made}");
    for attacker in busy {
        let is_told = told.contains(attacker["client"].as_str().unwrap());
        // A flood is its target's alert, and two at once are one.
        assert!(
            is_told || attacker["kind"] == "flood" && floods > 0,
            "{attacker} of {alerts:#?}"
        );
    }
    for alert in alerts {
        assert_eq!(alert["protocol"], "http");
        assert_eq!(alert["detector"], "access");
        assert_eq!(alert["interface"], "11.log");
        assert!(
            alert["summary"].as_str().unwrap().contains("requests in"),
            "{alert}"
        );
        assert!(
            !alert["explanation"].as_array().unwrap().is_empty(),
            "{alert}"
        );
    }
    let (quiet, _) = simulated(&folder, "4000", "0", "12");
    let alerts = report_on(&[&quiet], &[])["alerts"]
        .as_array()
        .unwrap()
        .len();
    assert!(alerts <= 2, "{alerts} alerts on a log without an attacker");
}

#[test]
fn compressed_logs_parts_and_standard_input_give_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = simulated(&folder, "1500", "0.2", "13");
    let plain = report_on(&[&path], &[]);
    let log = fs::read(&path).unwrap();
    let packed = folder.path().join("13.log.gz");
    fs::write(&packed, gzip(&log)).unwrap();
    assert_eq!(report_on(&[&packed], &[]), plain);
    // The older part second, as a shell lists them.
    let middle = log.len() / 2
        + log[log.len() / 2..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap()
        + 1;
    let (older, newer) = (
        folder.path().join("part/13.log.1"),
        folder.path().join("part/13.log"),
    );
    fs::create_dir(folder.path().join("part")).unwrap();
    fs::write(&older, &log[..middle]).unwrap();
    fs::write(&newer, &log[middle..]).unwrap();
    assert_eq!(report_on(&[&newer, &older], &[]), plain);
    let mut piped = netanom(&["replay", "--format", "json", "--input", "access-log", "-"]);
    let output = piped.write_stdin(log).assert().success();
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(report["verdicts"], plain["verdicts"]);
}

/// Stored blocks (RFC 1951, 3.2.4) in gzip's container (RFC 1952).
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let count = content.chunks(60_000).len();
    for (number, block) in content.chunks(60_000).enumerate() {
        packed.push(u8::from(number + 1 == count));
        let length = block.len() as u16;
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend(crc32(content).to_le_bytes());
    packed.extend((content.len() as u32).to_le_bytes());
    packed
}

/// RFC 1952, 8, bit by bit.
fn crc32(content: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn rows_are_written_with_every_feature_and_their_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = simulated(&folder, "500", "0", "14");
    let rows = folder.path().join("rows.csv");
    let report = report_on(&[&path], &["--flows", rows.to_str().unwrap()]);
    let text = fs::read_to_string(rows).unwrap();
    let mut lines = text.lines();
    let columns: Vec<_> = lines.next().unwrap().split(',').collect();
    assert_eq!(
        columns.len(),
        4 + netanom::feature::access::names().len() + 2
    );
    assert_eq!(lines.count() as u64, report["rows"].as_u64().unwrap());
}

#[test]
fn broken_lines_are_counted_and_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = simulated(&folder, "200", "0", "15");
    let mut log = fs::read(&path).unwrap();
    log.extend(b"no log line\n\xff\xfe\x00\x01\n");
    log.extend(vec![b'x'; 200_000]);
    log.extend(b"\n192.0.2.1 - - [17/May/2015:99:05:03 +0000] \"GET / HTTP/1.1\" 200 5\n");
    fs::write(&path, log).unwrap();
    let report = report_on(&[&path], &[]);
    assert_eq!(
        (&report["lines"], &report["requests"]),
        (&204.into(), &200.into())
    );
    let refused = &report["refused"];
    assert_eq!(
        (&refused["layout"], &refused["too_long"], &refused["time"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(report["examples"][0]["line"], 201);
    let text = netanom(&["replay", path.to_str().unwrap()])
        .assert()
        .success();
    let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
    assert!(text.contains("4 lines not read"), "{text}");
    assert!(text.contains("line 201: no log line"), "{text}");
}

#[test]
fn what_is_no_log_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let cases = [
        (folder.path().display().to_string(), "it is a directory"),
        (file("empty.log", b""), "it is empty"),
        (
            file("binary", &[0, 159, 146, 150].repeat(5000)),
            "is no access log that netanom reads",
        ),
        (
            file("auth.log", b"May 17 10:05:03 h sshd[1]: Failed password\n"),
            "no client, [time] and \"request\"",
        ),
        (
            file("app.json", b"{\"level\":\"info\",\"msg\":\"started\"}\n"),
            "no address of a client",
        ),
        (
            folder.path().join("missing").display().to_string(),
            "cannot read",
        ),
    ];
    for (path, expected) in cases {
        let mut command = netanom(&["replay", "--input", "access-log", &path]);
        let output = command.assert().code(1);
        let error = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(error.contains(expected), "{path}: {error}");
    }
    let (path, _) = simulated(&folder, "50", "0", "16");
    let refused = netanom(&["replay", path.to_str().unwrap(), "--tick", "100"])
        .assert()
        .code(1);
    let error = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(error.contains("--tick is of captures"), "{error}");
}

#[test]
fn a_model_trained_on_simulated_clients_knows_other_ones() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("small.model");
    let model = model.to_str().unwrap();
    netanom(&[
        "train",
        "--simulated-clients",
        "6",
        "--trees",
        "20",
        "--depth",
        "8",
        "--seed",
        "5",
        "--output",
        model,
    ])
    .assert()
    .success();
    let (normal, _) = simulated(&folder, "2000", "0", "17");
    let mut attack = netanom(&[
        "simulate",
        "access-log",
        "--rows",
        "5000",
        "--anomalies",
        "0.9",
        "--seed",
        "18",
        "--write",
    ]);
    let bad = folder.path().join("18.log");
    attack.arg(&bad).assert().success();
    let logs = [
        format!("{}=normal", normal.display()),
        format!("{}=web_scan", bad.display()),
    ];
    let mut command = netanom(&[
        "evaluate", "--model", model, "--format", "json", "--mix", "1",
    ]);
    let output = command
        .args(["--access-log", &logs[0], "--access-log", &logs[1]])
        .assert()
        .success();
    let scores: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let auc = scores[0]["roc_auc"].as_f64().unwrap();
    assert!(auc > 0.8, "{scores}");
    assert_eq!(scores[0]["mixed"][0]["share"], 1.0);
    let wrong = netanom(&["evaluate", "--access-log", "x.log"])
        .assert()
        .code(1);
    let error = String::from_utf8_lossy(&wrong.get_output().stderr).into_owned();
    assert!(error.contains("give FILE=CLASS"), "{error}");
}
