//! Access logs through the stage that judges them live.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use serde_json::Value;

use crate::alert::Interfaces;
use crate::cli::{FormatArg, InputArg, ReplayArgs};
use crate::detect;
use crate::feature::access::names;
use crate::flow::Timestamp;
use crate::pipeline::{AccessStage, access_settings};
use crate::sink::flows::FlowWriter;
use crate::source::SourceError;
use crate::source::access_log::{self, AccessLog, begins_at, is_access_log, log_name};

use super::access_report::{self, Report};
use crate::command::{answer, load_access_model, progress};

const SECOND: u64 = 1_000_000_000;

/// Whether the files are access logs: as was said, or as they look.
pub(super) fn is_meant(args: &ReplayArgs) -> bool {
    match args.input {
        Some(input) => input == InputArg::AccessLog,
        None => args.files.iter().all(|file| is_access_log(file)),
    }
}

/// Replays the logs and prints the report.
pub(super) fn run(args: &ReplayArgs, begun: Instant) -> anyhow::Result<()> {
    check(args)?;
    let model = load_access_model(args.model.as_deref())?;
    let settings = access_settings(&model.evidence.clone().unwrap_or_default());
    let files = in_order(&args.files);
    let (numbers, called) = numbered(&files);
    let mut stage = AccessStage::new(detect::of_access_logs(model), settings, called);
    let mut writer = args
        .flows
        .as_deref()
        .map(|path| FlowWriter::with_header(path, header()))
        .transpose()?;
    let mut report = Report::new(writer.is_some());
    let mut broken = None;
    for file in &files {
        let mut lines = access_log::open(file)?;
        let bar = progress::bytes(None, "replaying");
        let mut log = AccessLog::default();
        let number = numbers[&log_name(file)];
        loop {
            let mut failed = None;
            let read = lines.next(&mut |line| {
                let Some(request) = log.read(line) else {
                    return;
                };
                report.count(&request);
                let is_next_second =
                    request.at.as_nanos() / SECOND > stage.now().as_nanos() / SECOND;
                if is_next_second || stage.is_full() {
                    step(&mut stage, &mut report);
                    failed = report.write(writer.as_mut()).err().or(failed.take());
                }
                stage.add(number, &request);
            });
            if let Some(error) = failed {
                return Err(error);
            }
            bar.inc(1);
            match read {
                Ok(true) => {}
                Ok(false) => break,
                Err(source) => {
                    broken = Some(SourceError::Read {
                        file: file.display().to_string(),
                        source,
                    });
                    break;
                }
            }
        }
        bar.finish_and_clear();
        report.take_account(file, log);
    }
    step(&mut stage, &mut report);
    report.take_alerts(stage.end());
    report.near_misses = stage.near_misses();
    report.finish(writer.as_mut())?;
    if let Some(writer) = writer {
        writer.finish()?;
    }
    report.elapsed_seconds = super::now().duration_since(begun).as_secs_f64();
    answer(&match args.format {
        FormatArg::Text => access_report::text(&report),
        FormatArg::Json => serde_json::to_string_pretty(&report)? + "\n",
    })?;
    broken.map_or(Ok(()), |error| Err(error.into()))
}

fn step(stage: &mut AccessStage, report: &mut Report) {
    let now: Timestamp = stage.now();
    report.take_alerts(stage.step(now));
    for ((key, values, verdict), facts) in stage.judged().zip(&stage.rows().facts) {
        report.take_row(key, values, verdict, facts);
    }
}

fn check(args: &ReplayArgs) -> anyhow::Result<()> {
    #[cfg(feature = "live")]
    let kernel = args.kernel;
    #[cfg(not(feature = "live"))]
    let kernel = false;
    let given = [
        ("--why", args.why.is_some()),
        ("--no-verdicts", args.no_verdicts),
        ("--config", args.config.is_some()),
        ("--tunnels", args.tunnels.is_some()),
        ("--tick", args.tick.is_some()),
        ("--kernel", kernel),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => {
            bail!("{flag} is of captures: an access log has no packets; leave it out")
        }
        None => Ok(()),
    }
}

/// The earliest first, as rotation names them the other way round.
fn in_order(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = files.to_vec();
    if files.len() > 1 {
        files.sort_by_cached_key(|file| match file == Path::new("-") {
            true => None,
            false => begins_at(file),
        });
    }
    files
}

/// The number of each log by its name, and its name by its number.
fn numbered(files: &[PathBuf]) -> (HashMap<String, u32>, Interfaces) {
    let (mut numbers, mut names) = (HashMap::new(), Interfaces::new());
    for file in files {
        let next = numbers.len() as u32;
        let number = *numbers.entry(log_name(file)).or_insert(next);
        names.insert(number, log_name(file));
    }
    (numbers, names)
}

/// Columns of the rows that are written.
fn header() -> Vec<String> {
    let first = ["minute", "client", "first", "last"];
    let names = first.into_iter().chain(names()).chain(["verdict", "score"]);
    names.map(str::to_owned).collect()
}

/// A number as JSON has it.
pub(super) fn value(number: f32) -> Value {
    crate::sink::flows::shortest(number)
}
