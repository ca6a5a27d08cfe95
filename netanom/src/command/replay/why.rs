//! `replay --why HOST`: the evidence of a host over time.

use std::fmt::Write as _;

use crate::alert::{Alert, EvidenceSettings, Trace};
use crate::flow::protocol_name;

/// Lines that are shown; a line is what a host did to another within a second.
const MAX_LINES: usize = 200;

/// What flows of the host were judged to be, what that added, and what was missing.
pub(super) fn of(traces: &[Trace], alerts: &[Alert], settings: EvidenceSettings) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "An alert needs {:.1} of evidence, about so many flows that surely are an attack; it fades to a half in {:.0} s",
        settings.bar,
        settings.half_life.as_secs_f64(),
    );
    if traces.is_empty() {
        let _ = writeln!(
            text,
            "No flow of this host was judged: is the address in the capture?"
        );
        return text;
    }
    let _ = writeln!(
        text,
        "\n  {:<19}  {:<60}  {:>5}  {:>6}  {:>6}  {:>8}  named",
        "second (UTC)", "from > to", "flows", "attack", "added", "evidence"
    );
    let lines = lines(traces);
    for line in lines.iter().take(MAX_LINES) {
        let last = line[line.len() - 1];
        let flows = line.len() as f32;
        let anomaly = line.iter().map(|trace| trace.anomaly).sum::<f32>() / flows;
        // Not less than nothing, which would print as −0.0.
        let added = line.iter().map(|trace| trace.added).sum::<f32>() + 0.0;
        let what = match last.conversation {
            Some(_) => format!("conversation with port {}", last.responder.port),
            None => protocol_name(last.protocol),
        };
        let flows = last.conversation.map_or(flows, f32::round);
        let pair = format!("{} > {} {what}", last.initiator.ip, last.responder.ip);
        let named = last.named.map_or("-", |class| class.name());
        let _ = writeln!(
            text,
            "  {:<19}  {pair:<60}  {flows:>5}  {anomaly:>6.2}  {added:>+6.1}  {:>8.1}  {named}",
            second(last),
            last.evidence,
        );
    }
    if lines.len() > MAX_LINES {
        let _ = writeln!(text, "  … and {} lines more", lines.len() - MAX_LINES);
    }
    let host_alerts: Vec<_> = alerts
        .iter()
        .filter(|alert| is_about(alert, traces))
        .collect();
    let _ = writeln!(text);
    if host_alerts.is_empty() {
        let most = traces
            .iter()
            .map(|trace| trace.evidence)
            .fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "No alert: the most evidence of a case was {most:.1}, {:.1} less than is needed",
            (settings.bar - most).max(0.0)
        );
    }
    for alert in host_alerts {
        let _ = writeln!(text, "Alert {}: {}", alert.class, alert.summary);
    }
    text
}

fn second(trace: &Trace) -> String {
    let text = trace.at.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// What was judged of one pair of hosts by one protocol, or of one conversation, in one second.
fn lines(traces: &[Trace]) -> Vec<Vec<&Trace>> {
    let key = |trace: &Trace| {
        (
            trace.at.as_nanos() / 1_000_000_000,
            trace.initiator.ip,
            trace.responder.ip,
            trace.protocol,
            trace.conversation.map(|_| trace.responder.port),
        )
    };
    let mut sorted: Vec<_> = traces.iter().collect();
    sorted.sort_by_key(|trace| key(trace));
    let mut lines: Vec<Vec<&Trace>> = Vec::new();
    for trace in sorted {
        match lines.last_mut() {
            Some(line) if key(line[0]) == key(trace) => line.push(trace),
            _ => lines.push(vec![trace]),
        }
    }
    lines
}

fn is_about(alert: &Alert, traces: &[Trace]) -> bool {
    let hosts = [alert.source.ip, alert.target.ip];
    traces.iter().any(|trace| {
        trace.named == Some(alert.class)
            && (hosts.contains(&Some(trace.initiator.ip))
                || hosts.contains(&Some(trace.responder.ip)))
    })
}
