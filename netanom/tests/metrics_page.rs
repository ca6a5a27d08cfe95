//! The metrics page against a golden one, the bound of its series, and the document that repeats its names.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{expect, expect_file};
use netanom::alert::{Class, Severity};
use netanom::flow::{Timestamp, Window};
use netanom::metrics::{Build, MAX_INTERFACES, Metrics, XdpMode};
use netanom_common::counter::{Ignored, Tally};
use netanom_common::flow::Observation;
use netanom_common::overflow::{OverflowCounters, OverflowKey};

#[path = "common/traffic.rs"]
mod traffic;

fn metrics() -> Metrics {
    Metrics::new(Build {
        version: "1.2.3",
        revision: "abcdef0",
    })
}

/// The page without the process's own metrics, whose values change.
fn page(metrics: &Metrics) -> String {
    let page = metrics.encode().unwrap();
    let own = |line: &&str| {
        !line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ")
            .starts_with("process_")
    };
    page.lines()
        .filter(own)
        .map(|line| format!("{line}\n"))
        .collect()
}

fn lines(metrics: &Metrics, start: &str) -> String {
    page(metrics)
        .lines()
        .filter(|line| line.starts_with(start))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Three packets of 100 bytes at interface 2, one of them outgoing, and seven that were ignored.
fn window() -> Window {
    let end = Timestamp::from_nanos(1_500_000_000);
    let mut window = Window {
        end,
        flows: vec![traffic::flow(2, 1, 2, 1)],
        ..Window::default()
    };
    window.ignored.0[Ignored::MapFull as usize] = Tally {
        packets: 7,
        bytes: 420,
    };
    window
}

/// Packets like those of `window` for which there was no room: `came` came in and `left` left.
fn overflow(interface: u32, came: u32, left: u32) -> (OverflowKey, OverflowCounters) {
    let packet = traffic::packet(1);
    let mut counters = OverflowCounters::default();
    for number in 0..came + left {
        let seen = Observation {
            now: 1 + u64::from(number),
            segments: NonZeroU32::MIN,
            egress: number >= came,
        };
        counters.account(&packet, seen);
    }
    (OverflowKey::of(&packet, interface), counters)
}

#[test]
fn a_new_page_has_every_metric_at_zero() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.add_sink("store");
    metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
    expect_file!["golden/metrics.txt"].assert_eq(&page(&metrics));
}

#[test]
fn the_process_tells_its_own_memory() {
    let page = metrics().encode().unwrap();
    let line = page
        .lines()
        .find(|line| line.starts_with("process_resident_memory_bytes "))
        .unwrap();
    assert!(
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 0.0,
        "{line}"
    );
}

#[test]
fn a_window_is_counted_by_interface_and_direction() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.count_window(&window());
    metrics.count_window(&window());
    expect![[r#"
        netanom_packets_total{direction="egress",interface="eth0"} 2
        netanom_packets_total{direction="ingress",interface="eth0"} 4
    "#]]
    .assert_eq(&lines(&metrics, "netanom_packets_total"));
    expect![[r#"
        netanom_bytes_total{direction="egress",interface="eth0"} 200
        netanom_bytes_total{direction="ingress",interface="eth0"} 400
    "#]]
    .assert_eq(&lines(&metrics, "netanom_bytes_total"));
    let ignored = lines(&metrics, "netanom_packets_ignored_total");
    assert!(ignored.contains("{reason=\"map_full\"} 14\n"), "{ignored}");
    assert_eq!(
        lines(&metrics, "netanom_last_window"),
        "netanom_last_window_timestamp_seconds 1.5\n"
    );
}

#[test]
fn packets_without_room_in_the_flow_table_are_counted_with_the_others() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    let (key, counters) = overflow(2, 5, 3);
    metrics.count_window(&Window {
        overflow: vec![(key, counters)],
        ..window()
    });
    expect![[r#"
        netanom_packets_total{direction="egress",interface="eth0"} 4
        netanom_packets_total{direction="ingress",interface="eth0"} 7
    "#]]
    .assert_eq(&lines(&metrics, "netanom_packets_total"));
    assert_eq!(
        lines(&metrics, "netanom_packets_overflowed_total"),
        "netanom_packets_overflowed_total 8\n"
    );
}

#[test]
fn packets_of_an_unknown_interface_are_not_lost() {
    let metrics = metrics();
    metrics.count_window(&window());
    let packets = lines(&metrics, "netanom_packets_total");
    assert!(
        packets.contains("{direction=\"ingress\",interface=\"other\"} 2"),
        "{packets}"
    );
}

#[test]
fn an_interface_that_comes_back_goes_on_with_its_counters() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.count_window(&window());
    metrics.add_interface(2, "eth1");
    metrics.add_interface(3, "eth0");
    let packets = lines(&metrics, "netanom_packets_total{direction=\"ingress\"");
    expect![[r#"
        netanom_packets_total{direction="ingress",interface="eth0"} 2
        netanom_packets_total{direction="ingress",interface="eth1"} 0
    "#]]
    .assert_eq(&packets);
}

#[test]
fn an_interface_that_is_missed_stays_on_the_page_as_not_attached() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.set_xdp_mode(2, Some(XdpMode::Native));
    metrics.interface_left("eth0", true);
    metrics.forget_interface(2, "eth0", true);
    expect![[r#"
        netanom_xdp_attached{interface="eth0",mode="generic"} 0
        netanom_xdp_attached{interface="eth0",mode="native"} 0
        netanom_xdp_attached{interface="eth0",mode="tcx"} 0
    "#]]
    .assert_eq(&lines(&metrics, "netanom_xdp_attached"));
    assert_ne!(lines(&metrics, "netanom_packets_total"), "");
}

#[test]
fn an_interface_that_may_go_leaves_its_counters_until_it_is_forgotten() {
    let metrics = metrics();
    metrics.add_interface(2, "veth0");
    metrics.set_xdp_mode(2, Some(XdpMode::Native));
    metrics.interface_left("veth0", false);
    assert_eq!(lines(&metrics, "netanom_xdp_attached"), "");
    // What was counted before it went.
    metrics.count_window(&window());
    let counted = "{direction=\"ingress\",interface=\"veth0\"} 2";
    assert!(lines(&metrics, "netanom_packets_total").contains(counted));

    // Another of that name comes before.
    metrics.add_interface(3, "veth0");
    metrics.forget_interface(2, "veth0", false);
    assert!(lines(&metrics, "netanom_packets_total").contains(counted));
    assert_ne!(lines(&metrics, "netanom_xdp_attached"), "");
    metrics.interface_left("veth0", false);
    metrics.forget_interface(3, "veth0", false);
    assert_eq!(lines(&metrics, "netanom_packets_total"), "");
}

#[test]
fn interfaces_that_are_forgotten_make_room_for_others() {
    let metrics = metrics();
    for index in 1..10 * u32::try_from(MAX_INTERFACES).unwrap() {
        let name = format!("veth{index}");
        metrics.add_interface(index, &name);
        metrics.interface_left(&name, false);
        metrics.forget_interface(index, &name, false);
    }
    metrics.add_interface(9999, "eth0");
    assert_eq!(lines(&metrics, "netanom_packets_total").lines().count(), 2);
    assert!(lines(&metrics, "netanom_packets_total").contains("eth0"));
}

#[test]
fn the_xdp_mode_is_one_of_all() {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.set_xdp_mode(2, Some(XdpMode::Generic));
    expect![[r#"
        netanom_xdp_attached{interface="eth0",mode="generic"} 1
        netanom_xdp_attached{interface="eth0",mode="native"} 0
        netanom_xdp_attached{interface="eth0",mode="tcx"} 0
    "#]]
    .assert_eq(&lines(&metrics, "netanom_xdp_attached"));
    metrics.set_xdp_mode(2, None);
    assert!(!lines(&metrics, "netanom_xdp_attached").contains(" 1\n"));
}

#[test]
fn a_flow_counts_again_only_when_its_verdict_changes() {
    let metrics = metrics();
    metrics.flow_judged(Class::Normal, None, 0.02);
    metrics.flow_judged(Class::Normal, Some(Class::Normal), 0.02);
    metrics.flow_judged(Class::SynFlood, Some(Class::Normal), 0.97);
    let flows = lines(&metrics, "netanom_flows_total");
    assert!(
        flows.contains("{verdict=\"normal\"} 1\n") && flows.contains("{verdict=\"syn_flood\"} 1\n"),
        "{flows}"
    );
    assert_eq!(
        lines(&metrics, "netanom_anomaly_score_count"),
        "netanom_anomaly_score_count 3\n"
    );
}

#[test]
fn an_alert_is_counted_by_class_and_severity() {
    let metrics = metrics();
    metrics.alert_raised(Class::Anomaly, Severity::Low, Duration::from_millis(300));
    metrics.set_alerts_active([
        (Class::Anomaly, Severity::Low),
        (Class::Anomaly, Severity::Low),
    ]);
    let raised = "netanom_alerts_total{class=\"anomaly\",severity=\"low\"}";
    assert_eq!(lines(&metrics, raised), format!("{raised} 1\n"));
    let active = "netanom_alerts_active{class=\"anomaly\",severity=\"low\"}";
    assert_eq!(lines(&metrics, active), format!("{active} 2\n"));
    assert_eq!(
        lines(&metrics, "netanom_detection_delay_seconds_sum"),
        "netanom_detection_delay_seconds_sum 0.3\n"
    );
    metrics.set_alerts_active([]);
    assert_eq!(lines(&metrics, active), format!("{active} 0\n"));
}

#[test]
fn dropped_alerts_are_taken_over_from_the_stores_own_count() {
    let metrics = metrics();
    metrics.set_alerts_dropped(3);
    metrics.set_alerts_dropped(3);
    metrics.set_alerts_dropped(5);
    assert_eq!(
        lines(&metrics, "netanom_alerts_dropped_total"),
        "netanom_alerts_dropped_total 5\n"
    );
}

#[test]
fn each_poll_adds_the_flows_that_it_drained() {
    let metrics = metrics();
    for entries in [900, 0, 100] {
        metrics.set_flow_map(entries, 65_536);
    }
    assert_eq!(
        lines(&metrics, "netanom_flow"),
        lines(&self::metrics(), "netanom_flow")
            .replace("map_entries 0", "map_entries 100")
            .replace("map_capacity 0", "map_capacity 65536")
            .replace("drained_total 0", "drained_total 1000")
    );
}

#[test]
fn what_the_kernel_counts_is_taken_over_and_never_goes_back() {
    let metrics = metrics();
    for refused in [[1, 2, 3, 4], [1, 2, 3, 5], [0; 4]] {
        metrics.set_insert_failures(refused);
    }
    expect![[r#"
        netanom_flow_insert_failures_total{errno="E2BIG"} 1
        netanom_flow_insert_failures_total{errno="EBUSY"} 3
        netanom_flow_insert_failures_total{errno="ENOMEM"} 2
        netanom_flow_insert_failures_total{errno="other"} 5
    "#]]
    .assert_eq(&lines(&metrics, "netanom_flow_insert"));
    let half = Duration::from_millis(500);
    for runs in [3, 8] {
        metrics.set_program_runs([(runs, half), (0, Duration::ZERO), (2 * runs, 2 * half)]);
    }
    expect![[r#"
        netanom_program_run_seconds_total{program="egress"} 1
        netanom_program_run_seconds_total{program="ingress"} 0
        netanom_program_run_seconds_total{program="xdp"} 0.5
        netanom_program_runs_total{program="egress"} 16
        netanom_program_runs_total{program="ingress"} 0
        netanom_program_runs_total{program="xdp"} 8
    "#]]
    .assert_eq(&lines(&metrics, "netanom_program_"));
    for lost in [7, 7, 9] {
        metrics.set_kernel_messages_lost(lost);
    }
    let lost = "netanom_kernel_messages_lost_total";
    assert_eq!(lines(&metrics, lost), format!("{lost} 9\n"));
}

#[test]
fn every_class_and_severity_is_its_own_index() {
    for (index, class) in Class::ALL.into_iter().enumerate() {
        assert_eq!(class as usize, index);
    }
    for (index, severity) in Severity::ALL.into_iter().enumerate() {
        assert_eq!(severity as usize, index);
    }
    assert_eq!(Class::ALL[0], Class::Normal);
}

#[test]
fn the_number_of_series_reaches_its_bound_and_never_passes_it() {
    let metrics = metrics();
    metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
    for index in 0..10 * u32::try_from(MAX_INTERFACES).unwrap() {
        metrics.add_interface(index, &format!("veth{index}"));
        metrics.set_xdp_mode(index, Some(XdpMode::Native));
    }
    for sink in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        metrics.add_sink(sink);
    }
    let series = metrics
        .encode()
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert_eq!(series, Metrics::MAX_SERIES);
}

#[test]
fn another_model_takes_the_place_of_the_first() {
    let metrics = metrics();
    metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
    metrics.set_model("office", "2", "2026-11-02T00:00:00Z");
    assert_eq!(lines(&metrics, "netanom_model_info").lines().count(), 1);
}

/// Name, type, labels and help of every metric, as the rows of a table.
fn table() -> String {
    let metrics = metrics();
    metrics.add_interface(2, "eth0");
    metrics.add_sink("store");
    metrics.set_model("default", "1", "2026-11-01T00:00:00Z");
    let page = page(&metrics);
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, rest) in page.lines().filter_map(|line| line.split_once('{')) {
        let rest = rest.split_once('}').unwrap().0;
        let names = rest
            .split(',')
            .map(|label| label.split_once('=').unwrap().0)
            .filter(|label| *label != "le");
        labels.entry(name).or_default().extend(names);
    }
    let mut table = "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n".to_owned();
    let mut help = "";
    for line in page.lines() {
        if let Some((_, text)) = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '))
        {
            help = text;
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let labels: Vec<_> = labels
                .get(name)
                .into_iter()
                .flatten()
                .map(|label| format!("`{label}`"))
                .collect();
            writeln!(
                table,
                "| `{name}` | {kind} | {} | {help} |",
                labels.join(", ")
            )
            .unwrap();
        }
    }
    table
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_documented_table_is_that_of_the_registry() {
    let path = root().join("docs/metrics.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once("<!-- table -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of table -->").unwrap();
    let expected = format!(
        "{before}<!-- table -->\n{}<!-- end of table -->{after}",
        table()
    );
    let bound = format!("at most {} series", Metrics::MAX_SERIES);
    assert!(
        document.contains(&bound),
        "docs/metrics.md does not say `{bound}`"
    );
    // With UPDATE_EXPECT=1 the table is written anew.
    expect_file![path].assert_eq(&expected);
}
