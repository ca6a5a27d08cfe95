//! What a replay of access logs found: the object that `--format json` prints, and its text.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::alert::{Alert, Class, Facts, NearMiss, Verdict};
use crate::feature::access::{Request, RowKey};
use crate::flow::Timestamp;
use crate::sink::flows::FlowWriter;
use crate::source::access_log::{AccessLog, Example, LineError};

use super::text::{bytes, clock, counted, grouped, party, percent, span, table};

/// Rows whose last verdict may still change; those of the earliest minute are closed when there are more.
const OPEN: usize = 65_536;
/// Alerts that are shown, the severest first.
const SHOWN: usize = 20;
/// Features that are shown of an alert.
const FEATURES: usize = 3;

/// Everything but `elapsed_seconds` is the same for every replay of the same logs.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Lines that are not empty.
    lines: u64,
    /// Lines that were read.
    requests: u64,
    /// Bytes of the answers.
    bytes: u64,
    /// Lines that stood in one more pair of quotes.
    quoted: u64,
    /// Lines that were earlier than one before them.
    out_of_order: u64,
    /// Lines that could not be read, by reason.
    refused: BTreeMap<&'static str, u64>,
    /// The first of each reason in each file.
    examples: Vec<InFile>,
    /// Clients' minutes.
    rows: u64,
    /// Rows by their last verdict.
    verdicts: BTreeMap<&'static str, u64>,
    /// The last state of each alert, in the order in which they were raised.
    alerts: Vec<Alert>,
    /// The cases that came nearest to an alert and raised none.
    pub(super) near_misses: Vec<NearMiss>,
    pub(super) elapsed_seconds: f64,
    #[serde(skip)]
    span: Option<(Timestamp, Timestamp)>,
    #[serde(skip)]
    places: HashMap<String, usize>,
    #[serde(skip)]
    open: BTreeMap<RowKey, Row>,
    #[serde(skip)]
    keeps_values: bool,
}

#[derive(Debug, Serialize)]
struct InFile {
    file: String,
    #[serde(flatten)]
    example: Example,
}

#[derive(Debug)]
struct Row {
    values: Vec<f32>,
    verdict: Verdict,
    seen: (Timestamp, Timestamp),
}

impl Report {
    pub(super) fn new(keeps_values: bool) -> Self {
        let reasons = LineError::ALL.into_iter();
        Self {
            keeps_values,
            verdicts: Class::ALL
                .into_iter()
                .map(|class| (class.name(), 0))
                .collect(),
            refused: reasons.map(|reason| (reason.name(), 0)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn count(&mut self, request: &Request<'_>) {
        self.requests += 1;
        self.bytes = self.bytes.saturating_add(request.bytes);
        let (first, last) = self.span.unwrap_or((request.at, request.at));
        self.out_of_order += u64::from(request.at < last);
        self.span = Some((first.min(request.at), last.max(request.at)));
    }

    pub(super) fn take_account(&mut self, file: &Path, log: AccessLog) {
        self.lines += log.lines;
        self.quoted += log.quoted;
        for (reason, lines) in log.refused.iter() {
            *self.refused.entry(reason.name()).or_default() += lines;
        }
        let file = file.display().to_string();
        let examples = log.refused.examples().iter();
        self.examples.extend(examples.map(|example| InFile {
            file: file.clone(),
            example: example.clone(),
        }));
    }

    pub(super) fn take_alerts(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            if let Some(&place) = self.places.get(&alert.id) {
                self.alerts[place] = alert;
            } else {
                self.places.insert(alert.id.clone(), self.alerts.len());
                self.alerts.push(alert);
            }
        }
    }

    pub(super) fn take_row(
        &mut self,
        key: RowKey,
        values: &[f32],
        verdict: Verdict,
        facts: &Facts,
    ) {
        let values = match self.keeps_values {
            true => values.to_vec(),
            false => Vec::new(),
        };
        let row = Row {
            values,
            verdict,
            seen: (facts.first_seen, facts.last_seen),
        };
        self.open.insert(key, row);
    }

    /// Closes and writes the rows that are too many.
    pub(super) fn write(&mut self, mut writer: Option<&mut FlowWriter>) -> anyhow::Result<()> {
        while self.open.len() > OPEN {
            self.close(writer.as_deref_mut())?;
        }
        Ok(())
    }

    /// Closes and writes all.
    pub(super) fn finish(&mut self, mut writer: Option<&mut FlowWriter>) -> anyhow::Result<()> {
        while !self.open.is_empty() {
            self.close(writer.as_deref_mut())?;
        }
        Ok(())
    }

    fn close(&mut self, writer: Option<&mut FlowWriter>) -> anyhow::Result<()> {
        let Some((key, row)) = self.open.pop_first() else {
            return Ok(());
        };
        self.rows += 1;
        *self.verdicts.entry(row.verdict.class.name()).or_default() += 1;
        if let Some(writer) = writer {
            let minute = Timestamp::from_nanos(key.minute * 60_000_000_000);
            let mut cells = vec![
                minute.to_string().into(),
                key.client.to_string().into(),
                row.seen.0.to_string().into(),
                row.seen.1.to_string().into(),
            ];
            cells.extend(row.values.into_iter().map(super::access::value));
            cells.push(row.verdict.class.name().into());
            cells.push(super::access::value(row.verdict.score));
            writer.write_row(cells)?;
        }
        Ok(())
    }
}

/// For people. Writing to a `String` cannot fail.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}, {}, {} of answers, {}",
        counted(report.lines, "line"),
        counted(report.requests, "request"),
        bytes(report.bytes),
        counted(report.rows, "client-minute"),
    );
    if let Some((first, last)) = report.span {
        let _ = writeln!(
            text,
            "{} of log, from {} to {} UTC",
            span(last.since(first)),
            clock(first),
            clock(last)
        );
    }
    let seconds = report.elapsed_seconds.max(1e-6);
    let _ = writeln!(
        text,
        "read in {}, {} lines a second\n",
        span(Duration::from_secs_f64(seconds)),
        grouped((report.lines as f64 / seconds) as u64)
    );
    alerts(&mut text, &report.alerts);
    near_misses(&mut text, &report.near_misses);
    verdicts(&mut text, report);
    unread(&mut text, report);
    text
}

fn alerts(text: &mut String, alerts: &[Alert]) {
    if alerts.is_empty() {
        let _ = writeln!(text, "No alerts\n");
        return;
    }
    let _ = writeln!(text, "{}", counted(alerts.len() as u64, "alert"));
    let header = [
        "severity",
        "class",
        "client",
        "log",
        "began (UTC)",
        "minutes",
        "requests",
        "score",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    let mut sorted: Vec<_> = alerts.iter().collect();
    sorted.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    rows.extend(sorted.iter().take(SHOWN).map(|alert| {
        [
            alert.severity.name().to_owned(),
            alert.class.to_string(),
            party(&alert.source),
            alert.interface.clone(),
            clock(alert.first_seen),
            grouped(alert.flows),
            grouped(alert.packets),
            format!("{:.2}", alert.score),
        ]
    }));
    table(text, &rows, 5);
    if alerts.len() > SHOWN {
        let more = alerts.len() - SHOWN;
        let _ = writeln!(text, "  … and {more} more: --format json shows all");
    }
    text.push('\n');
    for alert in sorted.iter().take(SHOWN) {
        let _ = writeln!(text, "{}", alert.summary);
        for one in alert.explanation.iter().take(FEATURES) {
            let unit = match one.unit.as_str() {
                "" => String::new(),
                unit => format!(" {unit}"),
            };
            let _ = writeln!(
                text,
                "  {} = {:.3}{unit}, typical {:.3}",
                one.feature, one.value, one.typical
            );
        }
    }
    text.push('\n');
}

fn near_misses(text: &mut String, misses: &[NearMiss]) {
    if misses.is_empty() {
        return;
    }
    let _ = writeln!(text, "Below the bar");
    let rows: Vec<_> = misses
        .iter()
        .map(|miss| {
            [
                miss.class.name().to_owned(),
                miss.subject.clone(),
                format!("{:.1} of {:.1}", miss.evidence, miss.needed),
                counted(miss.flows, "client-minute"),
            ]
        })
        .collect();
    table(text, &rows, 2);
    text.push('\n');
}

fn verdicts(text: &mut String, report: &Report) {
    let mut verdicts: Vec<_> = report
        .verdicts
        .iter()
        .filter(|(_, rows)| **rows > 0)
        .collect();
    verdicts
        .sort_by_key(|(class, rows)| (**class == Class::Normal.name(), std::cmp::Reverse(**rows)));
    let _ = writeln!(text, "Verdicts on client-minutes");
    let rows: Vec<_> = verdicts
        .iter()
        .map(|(class, rows)| {
            [
                (**class).to_owned(),
                grouped(**rows),
                percent(**rows, report.rows),
            ]
        })
        .collect();
    table(text, &rows, 1);
    text.push('\n');
}

/// What was not read, and what was read although it is not as it should be.
fn unread(text: &mut String, report: &Report) {
    let refused: u64 = report.refused.values().sum();
    if refused == 0 {
        let _ = writeln!(text, "Every line was read");
    } else {
        let _ = writeln!(text, "{} not read", counted(refused, "line"));
        let reasons = report.refused.iter().filter(|(_, lines)| **lines > 0);
        let explained = reasons.map(|(reason, lines)| {
            let known = LineError::ALL
                .into_iter()
                .find(|error| error.name() == *reason);
            let why = known.map_or("", LineError::explanation);
            [(*reason).to_owned(), grouped(*lines), why.to_owned()]
        });
        table(text, &explained.collect::<Vec<_>>(), 3);
        for InFile { file, example } in report.examples.iter().take(3) {
            let _ = writeln!(text, "  {file}, line {}: {}", example.line, example.text);
        }
    }
    if report.quoted > 0 {
        let lines = counted(report.quoted, "line");
        let _ = writeln!(
            text,
            "{lines} in one more pair of quotes, which was taken off"
        );
    }
    if report.out_of_order > 0 {
        let lines = counted(report.out_of_order, "line");
        let _ = writeln!(text, "{lines} out of order in time");
    }
}
