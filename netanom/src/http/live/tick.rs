//! What a window brought, cut to a bounded size where it is made: on the sensor's thread, in one pass.

use std::sync::Arc;

use crate::alert::{Alert, CLASSES, Class, NearMiss, Verdict};
use crate::feature::Features;
use crate::flow::{Endpoint, Timestamp, Window};

/// Rows that are handed over; where there were more, every second, third, … of them: a flood's are alike.
const MOST_ROWS: usize = 4096;
/// Alerts that are handed over.
const MOST_ALERTS: usize = 64;

/// What a window brought.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// Where the window began.
    pub start: Timestamp,
    /// Where it ended.
    pub end: Timestamp,
    /// Everything counted, in flows or not.
    pub packets: u64,
    /// Of it, frame bytes on the wire.
    pub bytes: u64,
    /// Packets in no flow.
    pub ignored: u64,
    /// Flows that are open.
    pub open_flows: usize,
    /// Flows that were judged for the first time, by class.
    pub judged: [u64; CLASSES],
    /// Flows judged, and the sum of how unlike normal traffic they were.
    pub anomaly: (u64, f64),
    pub(super) rows: Vec<Row>,
    /// Judged flows that are not among the rows.
    pub(super) left_out: u64,
    /// Alerts that began, changed or ended, with whether they are new.
    pub(super) alerts: Vec<(bool, Arc<Alert>)>,
    pub(super) near_misses: Vec<NearMiss>,
}

/// A judged flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) id: FlowId,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Since it was judged before.
    pub(super) new_packets: u64,
    pub(super) new_bytes: u64,
    pub(super) class: Class,
    pub(super) score: f32,
    pub(super) anomaly: f32,
    pub(super) is_new: bool,
    /// How many flows it stands for.
    pub(super) flows: u64,
}

/// What tells flows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowId {
    pub(super) initiator: Endpoint,
    pub(super) responder: Endpoint,
    pub(super) protocol: u8,
    pub(super) interface: u32,
}

impl Tick {
    /// Of a window, and the verdicts on its rows.
    #[must_use]
    pub fn of(window: &Window, judged: &Features, verdicts: &[Verdict]) -> Self {
        let mut tick = Self {
            start: window.start,
            end: window.end,
            ignored: window.ignored.packets(),
            ..Self::default()
        };
        for (_, counters) in &window.flows {
            tick.packets += counters.packets();
            tick.bytes += counters.bytes();
        }
        for (_, counters) in &window.overflow {
            tick.packets += counters.total.packets;
            tick.bytes += counters.total.bytes;
        }
        for (_, tally) in window.ignored.iter() {
            tick.packets += tally.packets;
            tick.bytes += tally.bytes;
        }
        let rows = judged.facts.len();
        let every = rows.div_ceil(MOST_ROWS).max(1);
        tick.rows.reserve(rows / every);
        for (number, (facts, verdict)) in judged.facts.iter().zip(verdicts).enumerate() {
            let flows = facts.crowd.as_ref().map_or(1, |crowd| crowd.flows);
            tick.anomaly.0 += 1;
            tick.anomaly.1 += f64::from(verdict.anomaly);
            if facts.before.is_none() {
                tick.judged[verdict.class as usize] += flows;
            }
            // Crowds stand last, and are few.
            if number % every != 0 && facts.crowd.is_none() {
                tick.left_out += 1;
                continue;
            }
            tick.rows.push(Row {
                id: FlowId {
                    initiator: facts.initiator,
                    responder: facts.responder,
                    protocol: facts.protocol,
                    interface: facts.interface,
                },
                first_seen: facts.first_seen,
                last_seen: facts.last_seen,
                packets: facts.packets,
                bytes: facts.bytes,
                new_packets: facts.new_packets,
                new_bytes: facts.new_bytes,
                class: verdict.class,
                score: verdict.score,
                anomaly: verdict.anomaly,
                is_new: facts.before.is_none(),
                flows,
            });
        }
        tick
    }

    /// With how many flows are open, and what came nearest to an alert.
    #[must_use]
    pub fn with_state(mut self, open_flows: usize, near_misses: Vec<NearMiss>) -> Self {
        self.open_flows = open_flows;
        self.near_misses = near_misses;
        self
    }

    /// Adds an alert that began, changed or ended.
    pub fn add_alert(&mut self, is_new: bool, alert: &Arc<Alert>) {
        if self.alerts.len() < MOST_ALERTS {
            self.alerts.push((is_new, Arc::clone(alert)));
        }
    }
}
