//! `netanom judge` and `netanom describe` from the command line: tables as they are, clean, dirty, in every dress.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn netanom(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("netanom").unwrap();
    command.args(arguments);
    command
}

/// Standard output and standard error of a command that ends well.
fn told(command: &mut Command) -> (String, String) {
    let output = command.assert().success().get_output().clone();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What a command says that fails.
fn refusal(command: &mut Command) -> String {
    let assert = command.assert().code(1);
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// Rows of a web server and its clients; one in ten is a scan of odd ports.
fn rows(count: usize) -> Vec<[String; 4]> {
    let row = |row: usize| match row % 10 {
        9 => [
            (row * 7919 % 60_000).to_string(),
            "REJ".to_owned(),
            "40".to_owned(),
            "scan".to_owned(),
        ],
        _ => [
            ["80", "443"][row % 2].to_owned(),
            "FIN".to_owned(),
            (400 + row * 37 % 300).to_string(),
            "normal".to_owned(),
        ],
    };
    (0..count).map(row).collect()
}

fn write(path: &Path, header: &str, rows: &[[String; 4]], columns: usize) {
    let mut text = format!("{header}\n");
    for row in rows {
        text += &(row[..columns].join(",") + "\n");
    }
    fs::write(path, text).unwrap();
}

/// A folder with a model of this kind, the table that it learned from and one without labels.
fn trained(kind: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (
        folder.path().join("train.csv"),
        folder.path().join("test.csv"),
    );
    write(&train, "port,state,bytes,label", &rows(600), 4);
    write(&test, "port,state,bytes", &rows(100), 3);
    let model = folder.path().join("a.model");
    netanom(&[
        "train", "--label", "label", "--trees", "20", "--kind", kind, "--table",
    ])
    .arg(&train)
    .arg("--output")
    .arg(&model)
    .assert()
    .success();
    (folder, model, test)
}

fn judge(model: &Path, tables: &[&Path]) -> Command {
    let mut command = netanom(&["judge", "--model"]);
    command.arg(model).args(tables);
    command
}

/// The verdicts of CSV, row by row.
fn verdicts(csv: &str) -> Vec<String> {
    let mut lines = csv.lines();
    let place = lines
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "verdict")
        .unwrap();
    lines
        .map(|line| line.split(',').nth(place).unwrap().to_owned())
        .collect()
}

#[test]
fn rows_without_labels_get_verdict_score_and_reason() {
    let (_folder, model, test) = trained("forest");
    let (csv, _) = told(judge(&model, &[&test]).args(["--explain", "--columns", "bytes,port"]));
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "line,bytes,port,verdict,score,why");
    assert_eq!(lines.len(), 101);
    assert!(lines[1].starts_with("2,400,80,normal,0.0"), "{}", lines[1]);
    assert!(lines[10].starts_with("11,40,11271,scan,"), "{}", lines[10]);
    assert!(lines[10].contains("typical"), "{}", lines[10]);
    let (json, _) = told(judge(&model, &[&test]).args(["--explain", "--format", "jsonl"]));
    let objects: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 100);
    assert_eq!(
        (&objects[9]["line"], &objects[9]["verdict"]),
        (&11.into(), &"scan".into())
    );
    assert!(
        objects[9]["why"][0]["added"].as_f64().unwrap() > 0.1,
        "{}",
        objects[9]
    );
}

#[test]
fn a_model_of_what_is_normal_calls_the_scan_an_anomaly_and_is_evaluated_on_tables() {
    let (folder, model, test) = trained("ensemble");
    let (csv, _) = told(&mut judge(&model, &[&test]));
    let found = verdicts(&csv);
    let scans = (0..100).filter(|row| row % 10 == 9);
    assert!(scans.clone().all(|row| found[row] == "anomaly"), "{csv}");
    assert!(
        found.iter().filter(|verdict| *verdict == "anomaly").count() < 16,
        "{csv}"
    );
    let output = netanom(&[
        "evaluate", "--label", "label", "--format", "json", "--table",
    ])
    .arg(folder.path().join("train.csv"))
    .arg("--model")
    .arg(&model)
    .arg("--report")
    .arg(folder.path().join("page.html"))
    .assert()
    .success();
    let scores: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert!(scores["roc_auc"].as_f64().unwrap() > 0.99, "{scores}");
    assert_eq!(scores["confusion"]["anomaly"]["anomaly"], 60);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("may be called an anomaly"));
}

#[test]
fn the_same_rows_in_every_dress_get_the_same_verdicts() {
    let (folder, model, test) = trained("forest");
    let plain = verdicts(&told(&mut judge(&model, &[&test])).0);
    let text = fs::read_to_string(&test).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let json: String = lines[1..]
        .iter()
        .map(|row| {
            format!(
                "{{\"bytes\": {}, \"state\": \"{}\", \"port\": {}}}\n",
                row[2], row[1], row[0]
            )
        })
        .collect();
    // Columns in another order, blanks, and one that the model does not know.
    let turned: String = lines
        .iter()
        .map(|row| format!(" {} ;{};x; {}\r\n", row[2], row[1], row[0]))
        .collect();
    let utf16: Vec<u8> = "\u{feff}"
        .to_owned()
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    let dresses: [(&str, Vec<u8>); 5] = [
        ("rows.jsonl", json.into_bytes()),
        ("turned.csv", turned.into_bytes()),
        ("tabs.tsv", text.replace(',', "\t").into_bytes()),
        ("utf16.csv", utf16),
        ("rows.csv.gz", zipped.finish().unwrap()),
    ];
    for (name, bytes) in dresses {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (csv, said) = told(&mut judge(&model, &[&path]));
        assert_eq!(verdicts(&csv), plain, "{name}: {said}");
    }
    let (csv, _) = told(judge(&model, &[Path::new("-")]).write_stdin(text));
    assert_eq!(verdicts(&csv), plain);
}

#[test]
fn a_dirty_table_is_judged_as_far_as_it_goes_and_what_was_passed_over_is_told() {
    let (folder, model, _) = trained("forest");
    let dirty = folder.path().join("dirty.csv");
    let mut bytes =
        b" port , state ,bytes\n80,FIN,Infinity\n443,caf\xe9,NaN\nport,state,bytes\n".to_vec();
    bytes.extend(b"80,FIN,many\n1,2\n443,FIN,500\n80,FI");
    fs::write(&dirty, bytes).unwrap();
    let (csv, said) = told(judge(&model, &[&dirty]).args(["--columns", "state"]));
    let start = |line: &str| line.split(',').take(2).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = csv.lines().map(start).collect();
    assert_eq!(lines[1..], ["2,FIN", "3,café", "5,FIN", "7,FIN"], "{csv}");
    for part in [
        "2 rows have more or fewer fields than there are columns, the first in line 6",
        "1 rows repeat the header",
        "column `bytes`: 1 cells have what training did not have",
        "column `state`: 1 cells",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused_in_a_line() {
    let (folder, model, test) = trained("forest");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let check = |said: String, part: &str| assert!(said.contains(part), "{part}: {said}");
    check(refusal(&mut judge(&model, &[folder.path()])), "is a folder");
    check(
        refusal(&mut judge(&model, &[Path::new("/nowhere.csv")])),
        "/nowhere.csv",
    );
    check(refusal(&mut judge(&test, &[&test])), "not a netanom model");
    check(
        refusal(&mut judge(&model, &[&write("e.csv", "")])),
        "has no row",
    );
    check(
        refusal(&mut judge(&model, &[&write("h.csv", "port,state,bytes\n")])),
        "no row to judge",
    );
    check(
        refusal(&mut judge(&model, &[&write("o.csv", "a,b\nx,y\n")])),
        "no column `port`; it has a, b",
    );
    check(
        refusal(judge(&model, &[&test]).arg("--output").arg(&test)),
        "give another file for --output",
    );
    check(
        refusal(judge(&model, &[&test]).args(["--columns", "src"])),
        "no column `src`",
    );
    judge(&model, &[]).assert().code(2);
}

#[test]
fn settings_of_another_kind_are_refused() {
    let (folder, _, _) = trained("pca");
    let told = |flags: &[&str]| {
        let mut command = netanom(&["train", "--label", "label", "--output", "x", "--table"]);
        refusal(command.arg(folder.path().join("train.csv")).args(flags))
    };
    assert!(told(&["--weights", "lof=2"]).contains("--kind ensemble"));
    assert!(told(&["--false-alarms", "0.1"]).contains("learns from normal rows alone"));
    let said = told(&["--kind", "pca", "--normal", "usual"]);
    assert!(said.contains("no class is `usual`"), "{said}");
}

#[test]
fn a_table_is_described_with_a_page_and_what_gives_its_label_away() {
    let folder = tempfile::tempdir().unwrap();
    let (table, page) = (folder.path().join("t.csv"), folder.path().join("t.html"));
    write(&table, "port,state,bytes,label", &rows(400), 4);
    let (text, _) = told(
        netanom(&["describe"])
            .arg(&table)
            .arg("--report")
            .arg(&page),
    );
    for part in [
        "rows                                 400",
        "label, 2 classes",
        "gives the label away",
        "normal",
        "scan",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script"));
    let (json, _) = told(netanom(&["describe", "--format", "json"]).arg(&table));
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&found["rows"], &found["columns"][1]["kind"]),
        (&400.into(), &"word".into())
    );
    let refused =
        |path: &Path, flags: &[&str]| refusal(netanom(&["describe"]).arg(path).args(flags));
    assert!(refused(folder.path(), &[]).contains("is a folder"));
    assert!(refused(Path::new("/nowhere.csv"), &[]).contains("/nowhere.csv"));
    assert!(refused(&table, &["--label", "kind"]).contains("no column `kind`"));
}
