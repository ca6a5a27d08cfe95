//! `netanom replay`: a capture through the live pipeline, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::alert::{Alert, Class, Interfaces};
use crate::cli::{FormatArg, ReplayArgs};
use crate::config::Config;
use crate::detect;
use crate::feature::JudgedFlow;
use crate::flow::Window;
use crate::pipeline::Pipeline;
use crate::sink::flows::FlowWriter;
use crate::source::FlowSource;
use crate::source::capture::CaptureSource;

use super::load_model;

/// What `--format json` prints.
#[derive(Debug, Default, Serialize)]
struct Report {
    packets: u64,
    bytes: u64,
    flows: u64,
    accounting: Accounting,
    verdicts: BTreeMap<&'static str, u64>,
    alerts: Vec<Alert>,
    elapsed_seconds: f64,
}

#[derive(Debug, Default, Serialize)]
struct Accounting {
    counted: u64,
    ignored: BTreeMap<&'static str, u64>,
}

/// Replays the capture and prints the report.
///
/// # Errors
/// When the capture, the model or the configuration cannot be read, or the flows cannot be written.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let begun = now();
    let mut config = args
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    if let Some(tick) = args.tick {
        config.tick_ms = tick;
    }
    let model_path = args.model.clone().or_else(|| config.model());
    let model = load_model(model_path.as_deref())?;
    let mut source = CaptureSource::open(&args.file, config.tick()?)?;
    let mut writer = args.flows.as_deref().map(FlowWriter::create).transpose()?;
    let pipeline = Pipeline::new(
        config.pipeline()?,
        detect::all(model),
        Interfaces::default(),
    );
    let mut pipeline = pipeline.keeping_finished();
    let mut report = Report::new();
    while let Some(window) = source.next_window()? {
        report.count(&window);
        let alerts = pipeline.step(&window);
        report.take_alerts(alerts);
        report.take_flows(pipeline.take_finished(), writer.as_mut())?;
    }
    let alerts = pipeline.end();
    report.take_alerts(alerts);
    report.take_flows(pipeline.take_finished(), writer.as_mut())?;
    if let Some(writer) = writer {
        writer.finish()?;
    }
    report.elapsed_seconds = now().duration_since(begun).as_secs_f64();
    print(&report, args.format)
}

fn print(report: &Report, format: FormatArg) -> anyhow::Result<()> {
    let text = match format {
        FormatArg::Text => report.text(),
        FormatArg::Json => serde_json::to_string_pretty(report)? + "\n",
    };
    #[expect(clippy::print_stdout, reason = "the report is the command's result")]
    {
        print!("{text}");
    }
    Ok(())
}

impl Report {
    fn new() -> Self {
        let verdicts = Class::ALL.map(|class| (class.name(), 0)).into();
        Self {
            verdicts,
            ..Self::default()
        }
    }

    fn count(&mut self, window: &Window) {
        for (_, counters) in &window.flows {
            self.accounting.counted += counters.packets();
            self.packets += counters.packets();
            self.bytes += counters.bytes();
        }
        for (reason, tally) in window.ignored.iter() {
            *self.accounting.ignored.entry(reason.name()).or_default() += tally.packets;
            self.packets += tally.packets;
            self.bytes += tally.bytes;
        }
    }

    /// The last state of each alert, in the order in which they were raised.
    fn take_alerts(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            match self.alerts.iter_mut().find(|known| known.id == alert.id) {
                Some(known) => *known = alert,
                None => self.alerts.push(alert),
            }
        }
    }

    fn take_flows(
        &mut self,
        finished: Vec<JudgedFlow>,
        mut writer: Option<&mut FlowWriter>,
    ) -> anyhow::Result<()> {
        for flow in finished {
            self.flows += 1;
            if let Some(verdict) = flow.verdict {
                *self.verdicts.entry(verdict.class.name()).or_default() += 1;
            }
            if let Some(writer) = &mut writer {
                writer.write(&flow)?;
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let ignored: u64 = self.accounting.ignored.values().sum();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} packets, {} bytes, {} flows in {:.2} s",
            self.packets,
            self.bytes,
            self.flows,
            Duration::from_secs_f64(self.elapsed_seconds).as_secs_f64()
        );
        let _ = writeln!(
            text,
            "{} packets in flows, {ignored} ignored",
            self.accounting.counted
        );
        for (reason, packets) in self
            .accounting
            .ignored
            .iter()
            .filter(|(_, packets)| **packets > 0)
        {
            let _ = writeln!(text, "  {reason:12} {packets}");
        }
        let _ = writeln!(text, "verdicts");
        for (class, flows) in self.verdicts.iter().filter(|(_, flows)| **flows > 0) {
            let _ = writeln!(text, "  {class:12} {flows}");
        }
        if self.alerts.is_empty() {
            let _ = writeln!(text, "no alerts");
        }
        for alert in &self.alerts {
            let _ = writeln!(
                text,
                "{:6} {:11} {}  {} to {}",
                alert.severity.name(),
                alert.class.name(),
                alert.summary,
                alert.first_seen,
                alert.last_seen
            );
        }
        text
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the report says how long the replay took"
)]
fn now() -> Instant {
    Instant::now()
}
