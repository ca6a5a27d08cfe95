//! `netanom train` and `netanom evaluate` from the command line, on captures that `netanom simulate` makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

fn netanom(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("netanom").unwrap();
    command.args(arguments);
    command
}

fn simulate(mode: &str, source: &str, seed: u64, file: &Path) {
    let seed = seed.to_string();
    let flags = [
        "simulate",
        mode,
        "--source",
        source,
        "--target",
        "10.20.1.5",
        "--rate",
        "150",
        "--duration",
        "8",
        "--seed",
        &seed,
        "--write",
    ];
    netanom(&flags).arg(file).assert().success();
}

/// Two sources, each with normal traffic, a scan and a flood.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = serde_json::Map::new();
    for (seed, source) in [(1, "here"), (2, "there")] {
        for (mode, class, host) in [
            ("normal", "normal", "10.20.0.0/28"),
            ("port-scan", "port_scan", "10.99.3.7"),
            ("syn-flood", "syn_flood", "10.99.3.7"),
        ] {
            let name = format!("{source}_{mode}.pcap");
            simulate(mode, host, seed, &folder.path().join(&name));
            labels.insert(name, json!({ "default": class }));
        }
    }
    fs::write(
        folder.path().join("labels.json"),
        Value::Object(labels).to_string(),
    )
    .unwrap();
    folder
}

/// The flags that name the captures and their labels.
fn of(folder: &Path) -> [String; 4] {
    let labels = folder.join("labels.json");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    [
        "--captures".to_owned(),
        text(folder),
        "--labels".to_owned(),
        text(&labels),
    ]
}

fn json_of(command: &mut Command) -> Value {
    let output = command.args(["--format", "json"]).assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn a_trained_model_is_scored_and_the_page_needs_nothing_else() {
    let folder = folder();
    let (model, page) = (
        folder.path().join("my.model"),
        folder.path().join("scores.html"),
    );
    netanom(&["train", "--trees", "20", "--output"])
        .arg(&model)
        .args(of(folder.path()))
        .assert()
        .success();
    let scores = json_of(
        netanom(&["evaluate", "--model"])
            .arg(&model)
            .args(of(folder.path()))
            .arg("--report")
            .arg(&page),
    );
    assert_eq!(
        (scores["attack_captures"].as_u64(), scores["found"].as_u64()),
        (Some(4), Some(4))
    );
    assert_eq!(scores["benign_with_alert"], 0);
    assert!(scores["roc_auc"].as_f64().unwrap() > 0.95, "{scores}");
    assert!(scores["median_delay_seconds"].as_f64().unwrap() < 5.0);
    let page = fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    for part in [
        "here_port-scan.pcap",
        "ROC",
        "Calibration",
        "Features",
        "By class",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Namespaces of SVG are names, nothing is fetched.
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
}

#[test]
fn each_source_is_judged_by_a_model_without_it() {
    let folder = folder();
    let scores = json_of(
        netanom(&["evaluate", "--leave-out", "source", "--trees", "20"]).args(of(folder.path())),
    );
    let sources: Vec<&str> = scores["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source[0].as_str().unwrap())
        .collect();
    assert_eq!(sources, ["here", "there"]);
    assert_eq!(
        (
            scores["found"].as_u64(),
            scores["captures"].as_array().unwrap().len()
        ),
        (Some(4), 6)
    );
}

#[test]
fn a_class_that_the_model_was_not_told_of_is_never_named() {
    let folder = folder();
    let classes = json_of(
        netanom(&["evaluate", "--leave-out", "class", "--trees", "20"]).args(of(folder.path())),
    );
    let names: Vec<&str> = classes
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["class"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["syn_flood", "port_scan"]);
    for of in classes.as_array().unwrap() {
        assert_eq!(of["captures"], 2);
        assert!(of["flows"].as_u64().unwrap() >= of["not_normal"].as_u64().unwrap());
    }
}

#[test]
fn what_does_not_fit_is_refused_with_a_word_on_what_does() {
    let folder = folder();
    let flags = of(folder.path());
    let fails = |arguments: &[&str], code: i32, word: &str| {
        let assert = netanom(arguments).args(&flags).assert().code(code);
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(said.contains(word), "{said}");
    };
    fails(
        &["evaluate", "--captures", "elsewhere"],
        1,
        "one --labels for each --captures",
    );
    fails(&["evaluate", "--base-rate", "2"], 2, "between 0 and 1");
    fails(
        &["evaluate", "--leave-out", "source", "--model", "x"],
        2,
        "cannot be used with",
    );
    fails(&["evaluate", "--trees", "5"], 2, "--leave-out <WHAT>|");
    fails(
        &["evaluate", "--model", "x", "--seed", "2"],
        2,
        "cannot be used with",
    );
    fails(
        &["evaluate", "--model", "/nowhere/x.model"],
        1,
        "/nowhere/x.model",
    );
    fails(
        &["evaluate", "--report", "/nowhere/scores.html"],
        1,
        "/nowhere/scores.html",
    );
}

#[test]
fn training_refuses_what_would_spoil_it_before_it_begins() {
    let folder = folder();
    let flags = of(folder.path());
    let model = folder.path().join("new.model").display().to_string();
    let fails = |arguments: &[&str], code: i32, word: &str| {
        let assert = netanom(arguments).args(&flags).assert().code(code);
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(said.contains(word), "{said}");
        // Not a bar, not a score: no work was done in vain.
        assert!(!said.contains("calibrated"), "{said}");
        assert!(!Path::new(&model).exists());
    };
    fails(
        &["train", "-o", "/nowhere/x.model"],
        1,
        "its folder does not exist",
    );
    fails(&["train", "-o", "/dev/null"], 1, "is no file");
    let with = |more: &[&'static str]| [&["train", "-o", model.as_str()], more].concat();
    fails(&with(&["--card", "/nowhere/card"]), 1, "/nowhere/card");
    fails(
        &with(&["--trained-at", "noon"]),
        1,
        "`noon` is no RFC 3339 time",
    );
    for weight in ["nan", "0", "inf"] {
        fails(&with(&["--min-leaf", weight]), 2, "a number above 0");
    }
    let also = [&flags[1], "--also-labels", &flags[3]];
    let twice = [&["train", "-o", &model, "--also-captures"][..], &also].concat();
    fails(&twice, 1, "is given twice");
    let twice = [
        &["evaluate", "--leave-out", "source", "--also-captures"][..],
        &also,
    ]
    .concat();
    fails(&twice, 1, "is given twice");
}

#[test]
fn what_is_missing_is_said_and_a_source_alone_cannot_be_left_out() {
    let folder = folder();
    let path = folder.path().join("labels.json");
    let mut labels: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let names = labels.as_object_mut().unwrap();
    names.retain(|name, _| name.starts_with("here"));
    // What a capture is shows in its first bytes, so its name may end as it likes.
    let flood = names.remove("here_syn-flood.pcap").unwrap();
    fs::rename(
        folder.path().join("here_syn-flood.pcap"),
        folder.path().join("here_syn-flood.dump"),
    )
    .unwrap();
    names.insert("here_syn-flood.dump".to_owned(), flood);
    names.insert("gone_1.pcap".to_owned(), json!({ "default": "normal" }));
    fs::write(&path, labels.to_string()).unwrap();
    let flags = of(folder.path());
    let assert = netanom(&["evaluate", "--format", "json"])
        .args(&flags)
        .assert()
        .success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("1 of the captures that the labels name are not under"),
        "{said}"
    );
    assert!(said.contains("such as `gone_1.pcap`"), "{said}");
    let scores: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(scores["attack_captures"], 2);
    let assert = netanom(&["evaluate"]).args(&flags).assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("Judged by model `default`"), "{text}");
    let assert = netanom(&["evaluate", "--leave-out", "source"])
        .args(&flags)
        .assert()
        .code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("cannot train without the source `here`"),
        "{said}"
    );
}

#[test]
fn a_capture_of_which_all_is_ignored_is_neither_an_attack_nor_benign() {
    let folder = folder();
    let path = folder.path().join("labels.json");
    let labels = json!({
        "here_syn-flood.pcap": { "default": "ignore" },
        "there_syn-flood.pcap": { "default": "syn_flood" },
    });
    fs::write(&path, labels.to_string()).unwrap();
    let flags = of(folder.path());
    let scores = json_of(netanom(&["evaluate"]).args(&flags));
    assert_eq!(scores["attack_captures"], 1);
    assert_eq!(scores["benign_captures"], 0);
    assert_eq!(scores["benign_hours"], 0.0);
    let ignored = &scores["captures"][0];
    assert_eq!(ignored["is_benign"], false);
    assert!(
        !ignored["alerts"].as_array().unwrap().is_empty(),
        "{ignored}"
    );
}

#[test]
fn the_help_says_of_tables_what_is_of_tables() {
    for command in ["train", "evaluate"] {
        let assert = netanom(&[command, "--help"]).assert().success();
        let help = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        let (rest, tables) = help.split_once("Tables:").unwrap();
        for flag in ["--binary", "--drop"] {
            assert!(tables.contains(flag) && !rest.contains(flag), "{help}");
        }
        for flag in ["--also-captures", "--trees", "--calibrate", "--seed"] {
            let flag = format!("{flag} <");
            assert!(rest.contains(&flag) && !tables.contains(&flag), "{help}");
        }
    }
}
