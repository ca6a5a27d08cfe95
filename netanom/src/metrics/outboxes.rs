//! What became of alerts on their way to the sinks.

use std::collections::BTreeMap;
use std::sync::Mutex;

use prometheus::{IntCounterVec, IntGaugeVec};

use super::labels::{MAX_SINKS, OTHER};
use super::maker::Maker;
use super::{Metrics, lock};

/// What an outbox has counted since the start, but for `queued`, which is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Alerts that wait.
    pub queued: u64,
    /// Alerts that the sink took.
    pub sent: u64,
    /// Tries after one that failed.
    pub retried: u64,
    /// Alerts that the sink never got.
    pub dropped: u64,
}

pub(super) struct Outboxes {
    queued: IntGaugeVec,
    sent: IntCounterVec,
    retried: IntCounterVec,
    dropped: IntCounterVec,
    /// By sink: its label, and what the series have of it. Further sinks share a label, so differences are added.
    known: Mutex<BTreeMap<&'static str, (&'static str, OutboxCounts)>>,
}

impl Outboxes {
    /// Series on the page.
    pub(super) const SERIES: usize = 4 * (MAX_SINKS + 1);

    pub(super) fn new(make: &Maker) -> Self {
        Self {
            queued: make.gauges(
                "netanom_outbox_queued",
                "Alerts that wait for their sink.",
                &["sink"],
            ),
            sent: make.counters(
                "netanom_outbox_sent_total",
                "Alerts and their changes that a sink took.",
                &["sink"],
            ),
            retried: make.counters(
                "netanom_outbox_retried_total",
                "Tries to hand on an alert after one that failed.",
                &["sink"],
            ),
            dropped: make.counters(
                "netanom_outbox_dropped_total",
                "Alerts and changes that a sink never got: there was no room, or every try failed.",
                &["sink"],
            ),
            known: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Gives a sink its series, at 0.
    pub fn add_sink(&self, name: &'static str) {
        self.set_outbox(name, OutboxCounts::default());
    }

    /// What a sink's outbox has counted so far; the first call gives it its series.
    pub fn set_outbox(&self, sink: &'static str, so_far: OutboxCounts) {
        let mut known = lock(&self.outboxes.known);
        let label = if known.len() < MAX_SINKS { sink } else { OTHER };
        let (label, before) = known
            .entry(sink)
            .or_insert((label, OutboxCounts::default()));
        let label = &[*label];
        let outboxes = &self.outboxes;
        let difference = |now: u64, before: u64| now.saturating_sub(before);
        outboxes
            .queued
            .with_label_values(label)
            .add(so_far.queued.cast_signed() - before.queued.cast_signed());
        for (counter, now, before) in [
            (&outboxes.sent, so_far.sent, before.sent),
            (&outboxes.retried, so_far.retried, before.retried),
            (&outboxes.dropped, so_far.dropped, before.dropped),
        ] {
            counter
                .with_label_values(label)
                .inc_by(difference(now, before));
        }
        *before = so_far;
    }
}
