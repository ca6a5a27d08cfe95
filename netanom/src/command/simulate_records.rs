//! `netanom simulate access-log` and `table`: samples of records, for a first try.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::alert::Class;
use crate::cli::{FormatArg, SimulateArgs};
use crate::simulate::DEFAULT_START;
use crate::simulate::access_log::{LogWriter, SimulatedLog};
use crate::simulate::table::SimulatedTable;

use super::{answer, check_outputs};

#[derive(Serialize)]
struct Report {
    kind: String,
    output: String,
    seed: u64,
    rows: u64,
    anomalies: u64,
    attackers: Vec<Attacker>,
}

#[derive(Serialize)]
struct Attacker {
    kind: &'static str,
    client: String,
    rows: u64,
}

/// Attackers that the text tells of.
const TOLD: usize = 10;

/// Writes the rows and reports what they are.
///
/// # Errors
/// When the file cannot be written, or a flag is of another kind of simulation.
pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    let (Some(rows), Some(path)) = (args.rows, &args.output.write) else {
        bail!("rows are written to a file: give --write FILE");
    };
    check_outputs([Some(path)])?;
    let report = match args.mode.as_str() {
        "access-log" => log(args, rows, path)?,
        "table" => table(args, rows, path)?,
        mode => bail!("`{mode}` is made of packets: give --source and --target, and no --rows"),
    };
    let text = match args.format {
        FormatArg::Json => serde_json::to_string(&report)? + "\n",
        FormatArg::Text => text(&report),
    };
    if path == Path::new("-") {
        eprint!("{text}");
        return Ok(());
    }
    answer(&text)
}

fn log(args: &SimulateArgs, rows: u64, path: &Path) -> anyhow::Result<Report> {
    let start = match &args.start {
        Some(time) => time
            .parse()
            .with_context(|| format!("--start `{time}` is no RFC 3339 time"))?,
        None => DEFAULT_START,
    };
    let failed = || format!("cannot write `{}`", path.display());
    let mut writer = LogWriter::create(path).with_context(failed)?;
    let mut log = SimulatedLog::new(rows, args.anomalies, args.seed, start);
    let (mut written, mut anomalies) = (0, 0);
    for line in log.by_ref() {
        writer.write(&line.request).with_context(failed)?;
        written += 1;
        anomalies += u64::from(line.class != Class::Normal);
    }
    writer.finish().with_context(failed)?;
    let attackers = log.attackers().iter();
    Ok(Report {
        kind: args.mode.clone(),
        output: path.display().to_string(),
        seed: args.seed,
        rows: written,
        anomalies,
        attackers: attackers
            .map(|(kind, client, rows)| Attacker {
                kind: kind.name(),
                client: client.to_string(),
                rows: *rows,
            })
            .collect(),
    })
}

fn table(args: &SimulateArgs, rows: u64, path: &Path) -> anyhow::Result<Report> {
    let failed = || format!("cannot write `{}`", path.display());
    let anomalies = SimulatedTable::new(rows, args.anomalies, args.seed)
        .write(path)
        .with_context(failed)?;
    Ok(Report {
        kind: args.mode.clone(),
        output: path.display().to_string(),
        seed: args.seed,
        rows,
        anomalies,
        attackers: Vec::new(),
    })
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}: {} rows, {} of them anomalies, to {}\n",
        report.kind, report.rows, report.anomalies, report.output
    );
    for attacker in report.attackers.iter().take(TOLD) {
        text += &format!(
            "  {}: {}, {} rows\n",
            attacker.client, attacker.kind, attacker.rows
        );
    }
    if let Some(more) = report
        .attackers
        .len()
        .checked_sub(TOLD)
        .filter(|more| *more > 0)
    {
        text += &format!("  … and {more} more attackers: --format json names all\n");
    }
    text
}
