//! The shipped dashboards, rules and compose file against the house: names exist, panels explain themselves, files that
//! are pointed at are there. That their queries work is proven in `prometheus.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use netanom::metrics::{Build, Metrics};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(root().join("grafana/dashboards")).unwrap();
    let dashboards: Vec<_> = files
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = read_to_string(&path).unwrap();
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                serde_json::from_str(&text).unwrap(),
            )
        })
        .collect();
    assert!(!dashboards.is_empty());
    dashboards
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Names of all metrics, without those of the process itself.
fn metric_names() -> BTreeSet<String> {
    let metrics = Metrics::new(Build {
        version: "1.2.3",
        revision: "abcdef0",
    });
    metrics.add_interface(1, "eth0");
    metrics.add_sink("store");
    metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
    let page = metrics.encode().unwrap();
    let names = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    names
        .filter(|name| name.starts_with("netanom_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dashboards_and_rules_name_only_metrics_that_exist() {
    let known = metric_names();
    for file in [
        "grafana/dashboards/netanom-overview.json",
        "deploy/alerts.yml",
        "deploy/alerts_test.yml",
    ] {
        for word in read(file).split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| word.strip_suffix(part));
            let exists =
                known.contains(word) || of_histogram.is_some_and(|name| known.contains(name));
            assert!(
                !word.starts_with("netanom_") || exists,
                "{file}: {word} is no metric"
            );
        }
    }
}

#[test]
fn every_metric_is_on_a_dashboard_or_in_a_rule() {
    let shown = read("grafana/dashboards/netanom-overview.json") + &read("deploy/alerts.yml");
    for name in metric_names() {
        assert!(
            shown.contains(&name),
            "{name} is on no dashboard and in no rule"
        );
    }
}

#[test]
fn every_dashboard_can_be_told_apart_and_asked_for_one_sensor() {
    let mut seen = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let uid = dashboard["uid"].as_str().unwrap();
        assert_eq!(format!("{uid}.json"), file);
        assert!(seen.insert(uid.to_owned()), "{uid} stands twice");
        assert!(
            dashboard["tags"]
                .as_array()
                .unwrap()
                .contains(&"netanom".into()),
            "{file}"
        );
        let variables: Vec<_> = list(&dashboard["templating"], "list")
            .iter()
            .map(|v| v["name"].clone())
            .collect();
        assert_eq!(variables, ["datasource", "instance"], "{file}");
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit() {
    for (file, dashboard) in dashboards() {
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard, "panels") {
            let title = panel["title"].as_str().unwrap();
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{file}: the id of `{title}` stands twice"
            );
            if panel["type"] == "row" {
                continue;
            }
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{file}: {title}"
            );
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{file}: {title}"
            );
            let targets = list(panel, "targets");
            assert!(!targets.is_empty(), "{file}: {title}");
            for target in targets {
                assert_eq!(
                    target["datasource"]["uid"], "${datasource}",
                    "{file}: {title}"
                );
                let query = target["expr"].as_str().unwrap();
                assert!(
                    query.contains("instance=~\"$instance\""),
                    "{file}: {title} shows every sensor: {query}"
                );
            }
        }
    }
}

#[test]
fn no_panel_covers_another_or_leaves_the_grid() {
    for (file, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in list(&dashboard, "panels") {
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= 24, "{file}: {}", panel["title"]);
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(
                        taken.insert((x, y)),
                        "{file}: {} covers another panel",
                        panel["title"]
                    );
                }
            }
        }
    }
}

#[test]
fn every_rule_is_tested_and_has_its_place_in_the_runbook() {
    let (rules, tests, runbook) = (
        read("deploy/alerts.yml"),
        read("deploy/alerts_test.yml"),
        read("docs/metrics.md"),
    );
    let names: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(
            tests.contains(&format!("        alertname: {name}\n        exp_alerts:")),
            "{name} never fires in a test"
        );
        assert!(
            rules.contains(&format!(
                "runbook_url: docs/metrics.md#{}\n",
                name.to_ascii_lowercase()
            )),
            "{name}"
        );
        assert!(
            runbook.contains(&format!("\n### {name}\n")),
            "{name} is not in docs/metrics.md"
        );
    }
}

#[test]
fn every_file_that_compose_mounts_is_there() {
    let compose = read("deploy/compose.yaml");
    let mounts: Vec<_> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- .")?.split(':').next())
        .collect();
    assert_eq!(mounts.len(), 4, "{mounts:?}");
    for mount in mounts {
        let path = root().join("deploy").join(format!(".{mount}"));
        assert!(path.exists(), "{}", path.display());
    }
}
