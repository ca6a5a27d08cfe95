//! The report for people: what was read, a table of alerts, the verdicts, and what was left out.

use std::fmt::Write as _;
use std::time::Duration;

use crate::alert::{Alert, Class, NearMiss, Party};
use crate::flow::Timestamp;
use crate::source::capture::UnreadReason;

use super::report::Report;

/// Alerts that are shown, the severest first; the JSON report has all.
const MAX_ALERTS: usize = 40;

/// The report as text. Writing to a `String` cannot fail.
pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    overview(&mut text, report);
    if report.is_judged {
        alerts(&mut text, &report.alerts);
        near_misses(&mut text, &report.near_misses);
        verdicts(&mut text, report);
    }
    left_out(&mut text, report);
    text
}

fn overview(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "{}, {}, {}",
        counted(report.packets, "packet"),
        bytes(report.bytes),
        counted(report.flows, "flow"),
    );
    if let Some((first, last)) = report.span {
        let _ = writeln!(
            text,
            "{} of traffic, from {} to {} UTC",
            span(last.since(first)),
            clock(first),
            clock(last)
        );
    }
    let seconds = report.elapsed_seconds.max(1e-6);
    let _ = writeln!(
        text,
        "read in {}, {} packets a second\n",
        span(Duration::from_secs_f64(seconds)),
        grouped((report.packets as f64 / seconds) as u64)
    );
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
        "source",
        "target",
        "began (UTC)",
        "lasted",
        "flows",
        "packets",
        "score",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    let mut sorted: Vec<_> = alerts.iter().collect();
    sorted.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    rows.extend(sorted.into_iter().take(MAX_ALERTS).map(|alert| {
        [
            alert.severity.name().to_owned(),
            class(alert),
            party(&alert.source),
            party(&alert.target),
            clock(alert.first_seen),
            span(alert.last_seen.since(alert.first_seen)),
            grouped(alert.flows),
            grouped(alert.packets),
            format!("{:.2}", alert.score),
        ]
    }));
    table(text, &rows, 5);
    if let Some(more) = alerts
        .len()
        .checked_sub(MAX_ALERTS)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "  … and {more} more: --format json shows all");
    }
    text.push('\n');
}

/// The class, and which other it may be.
fn class(alert: &Alert) -> String {
    match alert.alternatives.first() {
        Some(other) => format!("{} (or {})", alert.class, other.class),
        None => alert.class.to_string(),
    }
}

/// What came nearest to an alert, for who expected one.
fn near_misses(text: &mut String, misses: &[NearMiss]) {
    if misses.is_empty() {
        return;
    }
    let _ = writeln!(text, "Below the bar (`--why HOST` tells more)");
    let rows: Vec<_> = misses
        .iter()
        .map(|miss| {
            [
                miss.class.name().to_owned(),
                miss.subject.clone(),
                format!("{:.1} of {:.1}", miss.evidence, miss.needed),
                counted(miss.flows, "flow"),
            ]
        })
        .collect();
    table(text, &rows, 2);
    text.push('\n');
}

fn verdicts(text: &mut String, report: &Report) {
    let mut verdicts: Vec<_> = report.verdicts.iter().collect();
    verdicts.retain(|(_, flows)| **flows > 0);
    if verdicts.is_empty() {
        return;
    }
    // Attacks first, the most frequent one on top; normal traffic last.
    verdicts.sort_by_key(|(class, flows)| {
        (**class == Class::Normal.name(), std::cmp::Reverse(**flows))
    });
    let total: u64 = verdicts.iter().map(|(_, flows)| **flows).sum();
    let _ = writeln!(text, "Verdicts on flows");
    let rows: Vec<_> = verdicts
        .iter()
        .map(|(class, flows)| {
            [
                (**class).to_owned(),
                grouped(**flows),
                percent(**flows, total),
            ]
        })
        .collect();
    table(text, &rows, 1);
    text.push('\n');
}

fn left_out(text: &mut String, report: &Report) {
    let ignored: u64 = report.accounting.ignored.values().sum();
    if ignored == 0 {
        let _ = writeln!(text, "Every packet is in a flow");
    } else {
        let _ = writeln!(text, "{} in no flow", counted(ignored, "packet"));
        let reasons = report.accounting.ignored.iter();
        let rows: Vec<_> = reasons
            .filter(|(_, packets)| **packets > 0)
            .map(|(reason, packets)| {
                [
                    (*reason).to_owned(),
                    grouped(*packets),
                    percent(*packets, report.packets),
                ]
            })
            .collect();
        table(text, &rows, 1);
    }
    if report.out_of_order > 0 {
        let are = counted(report.out_of_order, "packet");
        let _ = writeln!(text, "{are} out of order in time");
    }
    if report.evicted > 0 {
        let flows = counted(report.evicted, "flow");
        let _ = writeln!(
            text,
            "{flows} ended early because the flow table was full (`flows.max`)"
        );
    }
    for unread in &report.unread {
        let (what, part) = match unread.reason {
            UnreadReason::Cut => ("Cut short", "from byte {} on was not read"),
            UnreadReason::Damaged => ("Damaged", "from byte {} on was not read"),
            UnreadReason::LinkType => (
                "Not read",
                "has packets of a link type, the first at byte {}",
            ),
        };
        let part = part.replace("{}", &unread.byte.to_string());
        let _ = writeln!(text, "{what}: `{}` {part}: {}", unread.file, unread.detail);
    }
}

/// Rows in aligned columns; from column `numbers` on they are aligned to the right.
pub(super) fn table<const N: usize>(text: &mut String, rows: &[[String; N]], numbers: usize) {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            if column < numbers {
                let _ = write!(line, "  {cell:width$}");
            } else {
                let _ = write!(line, "  {cell:>width$}");
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// `10.0.0.1:80`, `[fe80::1]:80`, `10.0.0.1 and 5 more`, `2,000 hosts`.
pub(super) fn party(party: &Party) -> String {
    let Some(ip) = party.ip else {
        let port = party.port.map(|port| format!(", port {port}"));
        return counted(party.count, "host") + &port.unwrap_or_default();
    };
    let shown = match party.port {
        Some(port) => std::net::SocketAddr::new(ip, port).to_string(),
        None => ip.to_string(),
    };
    match party.count {
        0 | 1 => shown,
        count => format!("{shown} and {} more", grouped(count - 1)),
    }
}

/// `2023-11-14 22:13:20`
pub(super) fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// `850 ms`, `12.5 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// `850 B`, `1.2 MB`: powers of 1000, as links are measured.
pub(super) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.95 || (unit == "B" && count < 1000) {
            return if unit == "B" {
                format!("{count} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// `1 flow`, `1,200 flows`
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// `1,234,567`
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn bytes_and_times_have_a_unit_that_fits() {
        let sizes = [0, 999, 1000, 1_550_000, 999_960_000, 5_000_000_000_000].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "1.6 MB", "1.0 GB", "5.0 TB"]
        );
        let times = [0.85, 12.5, 200.0, 7500.0, 273_600.0].map(Duration::from_secs_f64);
        assert_eq!(
            times.map(span),
            ["850 ms", "12.5 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"]
        );
    }

    #[test]
    fn parties_show_their_number() {
        let of = |ip: Option<&str>, port, count| {
            let ip = ip.map(|ip| ip.parse().unwrap());
            party(&Party {
                ip,
                prefix: None,
                port,
                count,
            })
        };
        assert_eq!(of(Some("10.0.0.1"), Some(80), 1), "10.0.0.1:80");
        assert_eq!(of(Some("fe80::1"), Some(80), 1), "[fe80::1]:80");
        assert_eq!(of(Some("10.0.0.1"), None, 6), "10.0.0.1 and 5 more");
        assert_eq!(of(None, Some(53), 2000), "2,000 hosts, port 53");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1"], ["long", "200"]].map(|row| row.map(str::to_owned));
        let mut text = String::new();
        table(&mut text, &rows, 1);
        assert_eq!(text, "  a       1\n  long  200\n");
    }
}
