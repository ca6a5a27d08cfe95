//! `netanom replay`: captures through the live pipeline, and what came of it.

mod access;
mod access_report;
mod report;
mod text;
mod why;

use std::time::Instant;

use anyhow::bail;

use crate::alert::Interfaces;
use crate::cli::{FormatArg, ReplayArgs};
use crate::config::Config;
use crate::detect::{self, Judges};
use crate::model::Evidence;
use crate::pipeline::Pipeline;
use crate::sink::flows::FlowWriter;
#[cfg(feature = "live")]
use crate::source::capture::MAX_FLOWS;
use crate::source::capture::{CaptureSource, Counting, PacketCounter, Packets};
#[cfg(feature = "live")]
use crate::source::kernel::KernelCounting;
use crate::source::read_ahead;

use super::{answer, check_outputs, load_model, progress};
use report::Report;

/// Replays the captures and prints the report.
///
/// # Errors
/// When a capture, the model or the configuration cannot be read, or the flows cannot be written; after the report,
/// when a capture is damaged in its middle.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let begun = now();
    check_outputs([args.flows.as_ref()])?;
    if let Some(flows) = args
        .flows
        .as_ref()
        .filter(|flows| flows.is_file() && !args.force)
    {
        bail!(
            "`{}` is there already, and flows do not replace it; give another --flows, or --force",
            flows.display()
        );
    }
    if access::is_meant(args) {
        return access::run(args, begun);
    }
    let mut config = args
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    if let Some(tick) = args.tick {
        config.tick_ms = tick;
    }
    if let Some(tunnels) = args.tunnels {
        tunnels.name().clone_into(&mut config.tunnels);
    }
    let tunnels = config.tunnels()?;
    let packets = Packets::open(&args.files)?;
    #[cfg(feature = "live")]
    if args.kernel {
        let counting = KernelCounting::load(MAX_FLOWS as u32, tunnels)?;
        let source = CaptureSource::counted_by(counting, packets, config.tick()?);
        return replay(args, &config, source, begun);
    }
    let source = CaptureSource::counted_by(Counting::of(tunnels), packets, config.tick()?);
    replay(args, &config, source, begun)
}

fn replay<C: PacketCounter + Send>(
    args: &ReplayArgs,
    config: &Config,
    mut source: CaptureSource<C>,
    begun: Instant,
) -> anyhow::Result<()> {
    let (judges, evidence) = judges(args, config)?;
    let read = source.progress();
    let mut writer = args.flows.as_deref().map(FlowWriter::create).transpose()?;
    let settings = config.pipeline_for(&evidence)?;
    let pipeline = Pipeline::new(settings, judges, Interfaces::default());
    let mut pipeline = match args.why {
        Some(host) => pipeline.keeping_finished().watching(host),
        None => pipeline.keeping_finished(),
    };
    if writer.is_some() {
        pipeline = pipeline.keeping_features();
    } else if args.no_verdicts {
        pipeline = pipeline.only_counting();
    }

    let mut report = Report::new(!args.no_verdicts);
    let bar = progress::bytes(read.total(), "replaying");
    read_ahead(&mut source, |window| {
        report.count(&window);
        let alerts = pipeline.step(&window);
        report.take_alerts(alerts);
        bar.set_position(read.read());
        report.take_flows(&pipeline.take_finished(), writer.as_mut())
    })?;
    bar.finish_and_clear();
    let alerts = pipeline.end();
    report.take_alerts(alerts);
    report.take_flows(&pipeline.take_finished(), writer.as_mut())?;
    if let Some(writer) = writer {
        writer.finish()?;
    }
    report.take_reading(&source, &pipeline);
    report.elapsed_seconds = now().duration_since(begun).as_secs_f64();

    let text = match args.format {
        FormatArg::Text if args.why.is_some() => why::of(
            pipeline.traces(),
            &report.alerts,
            settings.incidents.evidence,
        ),
        FormatArg::Text => text::of(&report),
        FormatArg::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    answer(&text)?;
    source.check()?;
    Ok(())
}

fn judges(args: &ReplayArgs, config: &Config) -> anyhow::Result<(Judges, Evidence)> {
    if args.no_verdicts {
        return Ok(Default::default());
    }
    let path = args.model.clone().or_else(|| config.model());
    let model = load_model(path.as_deref())?;
    let evidence = model.evidence.clone().unwrap_or_default();
    Ok((detect::all(model), evidence))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the report says how long the replay took"
)]
fn now() -> Instant {
    Instant::now()
}
