//! What a replay prints and writes.

use std::fs;

use crate::craft::{office, pcap};
use crate::{replay, report_on};

#[test]
fn two_replays_differ_in_nothing_but_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.pcap");
    fs::write(&path, pcap(&office())).unwrap();
    let run = |flows: &str| {
        let flows = folder.path().join(flows);
        let arguments = [
            path.to_str().unwrap(),
            "--format",
            "json",
            "--flows",
            flows.to_str().unwrap(),
        ];
        let output = replay(&arguments)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        let text = String::from_utf8(output).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.contains("elapsed_seconds"));
        (
            lines.map(str::to_owned).collect::<Vec<_>>(),
            fs::read_to_string(flows).unwrap(),
        )
    };
    let (first, second) = (run("first.csv"), run("second.csv"));
    assert!(first.0.len() > 20);
    assert_eq!(first, second);
}

#[test]
fn every_packet_is_in_a_flow_or_under_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.pcap");
    let mut frames = office();
    // A frame that ends within its header, as a snapshot length cuts it.
    frames[7].1.truncate(20);
    fs::write(&path, pcap(&frames)).unwrap();
    let flows = folder.path().join("flows.jsonl");
    let report = report_on(&path, &["--flows", flows.to_str().unwrap()]);
    let ignored = report["accounting"]["ignored"].as_object().unwrap();
    let ignored_sum: u64 = ignored
        .values()
        .map(|packets| packets.as_u64().unwrap())
        .sum();
    let counted = report["accounting"]["counted"].as_u64().unwrap();
    assert_eq!(counted + ignored_sum, frames.len() as u64);
    assert_eq!(
        (&ignored["truncated"], &report["packets"]),
        (&1.into(), &frames.len().into())
    );

    let verdicts = report["verdicts"].as_object().unwrap();
    let judged: u64 = verdicts.values().map(|flows| flows.as_u64().unwrap()).sum();
    let written = fs::read_to_string(flows).unwrap();
    let rows: Vec<serde_json::Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_rows = |name: &str| -> u64 { rows.iter().map(|row| row[name].as_u64().unwrap()).sum() };
    assert_eq!(of_rows("packets_fwd") + of_rows("packets_bwd"), counted);
    assert_eq!(
        (rows.len() as u64, judged),
        (report["flows"].as_u64().unwrap(), judged)
    );
    assert!(rows.iter().all(|row| row["verdict"].is_string()));
}

#[test]
fn without_verdicts_flows_are_counted_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.pcap");
    fs::write(&path, pcap(&office())).unwrap();
    let (judged, counted) = (report_on(&path, &[]), report_on(&path, &["--no-verdicts"]));
    for part in ["packets", "bytes", "flows", "accounting"] {
        assert_eq!(judged[part], counted[part], "{part}");
    }
    assert_eq!(counted["verdicts"], serde_json::json!({}));
    assert_eq!(counted["alerts"], serde_json::json!([]));
}

#[test]
fn a_person_reads_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.pcap");
    fs::write(&path, pcap(&office())).unwrap();
    let output = replay(&[path.to_str().unwrap()]).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for part in [
        " packets, ",
        " of traffic, from ",
        "read in ",
        "Verdicts on flows\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(
        text.lines()
            .all(|line| line == line.trim_end() && line.chars().count() < 140)
    );
}
