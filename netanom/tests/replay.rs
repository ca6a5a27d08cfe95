//! Captures replayed: every format gives the same, wrong inputs are told, and other tools count alike.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

#[path = "replay/agreement.rs"]
mod agreement;
#[path = "replay/began.rs"]
mod began;
#[path = "replay/craft.rs"]
mod craft;
#[path = "replay/formats.rs"]
mod formats;
#[path = "replay/order.rs"]
mod order;
#[path = "replay/report.rs"]
mod report;
#[path = "replay/wrapped.rs"]
mod wrapped;
#[path = "replay/wrong.rs"]
mod wrong;

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use netanom::flow::Window;
use netanom::source::FlowSource;
use netanom::source::capture::CaptureSource;
use serde_json::Value;

/// `netanom replay` with these arguments.
fn replay(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("netanom").unwrap();
    command.arg("replay").args(arguments);
    command
}

/// The JSON report on a capture, without the time that it took.
fn report_on(path: &Path, arguments: &[&str]) -> Value {
    let mut command = replay(&[path.to_str().unwrap(), "--format", "json"]);
    let output = command.args(arguments).assert().success();
    let mut report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert!(report["elapsed_seconds"].take().is_f64());
    report
}

/// A capture's windows of 250 ms.
fn windows(capture: Vec<u8>) -> Vec<Window> {
    let mut source = source(capture);
    let windows = std::iter::from_fn(|| source.next_window().unwrap()).collect();
    assert_eq!(source.unread(), []);
    windows
}

fn source(capture: Vec<u8>) -> CaptureSource {
    CaptureSource::read(Box::new(Cursor::new(capture)), Duration::from_millis(250)).unwrap()
}
