//! Traffic on the pair: `netanom simulate` in the namespace.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use jiff::Timestamp;
use netanom::command::simulate::{FIRST_FRAME, Simulated};
use netanom::simulate::Mode;

use super::child::Child;
use super::network::{Network, TRAFFIC_END};
use crate::hosts::{SERVER, source};

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) mode: Mode,
    pub(super) seconds: f64,
    /// Packets a second; without it the mode's own.
    pub(super) rate: Option<f64>,
    pub(super) seed: u64,
    pub(super) network: &'a Network,
    pub(super) program: &'a Path,
}

/// Traffic that is being sent.
pub(super) struct Traffic {
    child: Child,
    first: Arc<OnceLock<Timestamp>>,
}

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) frames: u64,
    /// When the first frame was given to the kernel.
    pub(super) first: Option<Timestamp>,
}

impl Traffic {
    /// Starts to send.
    pub(super) fn start(name: &'static str, plan: &Plan<'_>) -> anyhow::Result<Self> {
        let mut command = plan.network.inside(plan.program);
        command.args([
            "simulate",
            plan.mode.name(),
            "--interface",
            TRAFFIC_END,
            "--format",
            "json",
        ]);
        command.args(["--source", source(plan.mode), "--target", SERVER]);
        command.args([
            "--duration",
            &plan.seconds.to_string(),
            "--seed",
            &plan.seed.to_string(),
        ]);
        if let Some(rate) = plan.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        let first = Arc::new(OnceLock::new());
        let told = Arc::clone(&first);
        let child = Child::start(name, &mut command, move |line| match first_frame(line) {
            Some(time) => told.set(time).is_err(),
            None => true,
        })?;
        Ok(Self { child, first })
    }

    /// When its first frame was sent, once it was.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first.get().copied()
    }

    /// Whether all is sent.
    pub(super) fn is_over(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.ended()?.is_some())
    }

    /// The last line that it said.
    pub(super) fn last_words(&mut self) -> String {
        self.child.last_words()
    }

    /// What was sent; waits for the end.
    pub(super) fn finish(self) -> anyhow::Result<Sent> {
        let report = self.child.into_output()?;
        sent(&report).with_context(|| format!("`netanom simulate` reports `{}`", report.trim()))
    }
}

fn sent(report: &str) -> anyhow::Result<Sent> {
    let Simulated { frames, first, .. } = serde_json::from_str(report)?;
    let moment =
        |time: netanom::flow::Timestamp| Timestamp::from_nanosecond(time.as_nanos().into());
    Ok(Sent {
        frames,
        first: first.map(moment).transpose()?,
    })
}

/// The longest traffic of the lab, in seconds.
pub(super) const A_DAY: f64 = 24.0 * 3600.0;

fn first_frame(line: &str) -> Option<Timestamp> {
    let (_, time) = line.split_once(FIRST_FRAME)?;
    time.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_first_frame_is_read_from_the_log() {
        let line = "[2026-01-01T00:00:00Z INFO] first frame sent at 2026-01-01T00:00:00.250000Z";
        assert_eq!(
            first_frame(line),
            Some("2026-01-01T00:00:00.25Z".parse().unwrap())
        );
        assert_eq!(first_frame("[2026-01-01T00:00:00Z INFO] listening"), None);
    }

    #[test]
    fn a_report_is_read() {
        let report = r#"{"mode":"normal","seed":1,"output":"traffic0","frames":7,"bytes":900,
            "first":"2026-01-01T00:00:00.000001Z","last":"2026-01-01T00:00:01.000000Z","interrupted":false}"#;
        let sent = sent(report).unwrap();
        assert_eq!(
            (
                sent.frames,
                sent.first.unwrap().as_microsecond() % 1_000_000
            ),
            (7, 1)
        );
    }
}
