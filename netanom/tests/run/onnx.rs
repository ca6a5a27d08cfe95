//! A forest that scikit-learn grew and skl2onnx converted, live: it judges what the kernel counts.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use netanom::feature;
use netanom::model::Model;
use netanom::simulate::{Mode, Scenario, frames};

use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// Written by `onnx/fixture.py`.
const SKLEARN: &[u8] = include_bytes!("onnx/sklearn.onnx");

#[test]
fn a_forest_of_scikit_learn_judges_live_traffic() {
    let Some(pair) = Pair::new("a_forest_of_scikit_learn_judges_live_traffic") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sklearn.onnx");
    fs::write(&path, SKLEARN).unwrap();
    fs::write(
        folder.path().join("sklearn.onnx.features"),
        feature::names().join("\n"),
    )
    .unwrap();
    let model = Model::load(&path).unwrap();
    let sensor = Sensor::start(
        &pair.sensor,
        &["--interface", "v0", "--model", path.to_str().unwrap()],
    );
    let info = format!("netanom_model_info{{name=\"{}\"", model.name);
    let metrics = sensor.metrics();
    assert!(
        metrics.keys().any(|sample| sample.starts_with(&info)),
        "{metrics:?}"
    );

    let scenario = Scenario {
        duration: Duration::from_secs(2),
        ..Scenario::new(
            Mode::SynFlood,
            "10.7.0.9".parse().unwrap(),
            "10.7.1.1".parse().unwrap(),
        )
    };
    let frames: Vec<_> = frames(&scenario).unwrap().collect();
    pair.sender.inside(|| {
        PacketSocket::open("v1").send(frames.iter().map(|frame| &*frame.bytes));
    });
    wait_until("every packet is counted and judged", || {
        sensor.packets() >= frames.len() as u64 && !verdicts(&sensor).is_empty()
    });
    assert_eq!(sensor.packets(), frames.len() as u64);
    assert_eq!(model.classes, ["normal", "port_scan", "syn_flood"]);
    for (class, flows) in verdicts(&sensor) {
        assert!(model.classes.contains(&class), "{flows} flows are {class}");
    }
}

/// Flows by verdict.
fn verdicts(sensor: &Sensor<'_>) -> BTreeMap<String, u64> {
    let metrics = sensor.metrics();
    let verdict = |(sample, flows): (&String, &f64)| {
        let class = sample.strip_prefix("netanom_flows_total{verdict=\"")?;
        (*flows > 0.0).then(|| (class.trim_end_matches("\"}").to_owned(), *flows as u64))
    };
    metrics.iter().filter_map(verdict).collect()
}
