//! Every metric of the sensor, in one place: names, help, labels, and typed methods to move them.
//!
//! No address, port or process is ever a label. Interfaces and sinks are the only label values that are not known at
//! compile time; both are bounded, so the number of series never passes [`Metrics::MAX_SERIES`]. Every other value is
//! there from the start at 0: a rate over it is then right from the first event on.

mod kernel;
mod labels;
mod maker;
mod outboxes;
mod records;
mod traffic;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use netanom_common::counter::Ignored;
use netanom_common::encapsulation::Encapsulation;
use prometheus::{
    Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use crate::alert::{Class, Severity};
use crate::flow::Window;

use kernel::Kernel;
use labels::{
    ALERT_CLASSES, DELAY_BUCKETS, DIRECTIONS, EVICTION_LIMITS, SCORE_BUCKETS, WORK_BUCKETS,
    alert_cells,
};
use maker::Maker;
use outboxes::Outboxes;
use records::Records;
use traffic::{Interfaces, by_interface};

pub use labels::{Build, MAX_INTERFACES, MAX_SINKS, XdpMode};
pub use outboxes::OutboxCounts;
pub use records::RECORD_REASONS;

/// All metrics of the sensor. Shared between the daemon, which moves them, and HTTP, which shows them.
pub struct Metrics {
    registry: Registry,
    packets: IntCounterVec,
    bytes: IntCounterVec,
    xdp_attached: IntGaugeVec,
    interfaces: Mutex<Interfaces>,
    packets_overflowed: IntCounter,
    packets_ignored: [IntCounter; Ignored::ALL.len()],
    bytes_ignored: [IntCounter; Ignored::ALL.len()],
    packets_encapsulated: [IntCounter; Encapsulation::ALL.len()],
    flows: [IntCounter; Class::ALL.len()],
    flows_active: IntGauge,
    /// In the order of [`EVICTION_LIMITS`].
    flows_evicted: [IntCounter; EVICTION_LIMITS.len()],
    flow_map_entries: IntGauge,
    flow_map_capacity: IntGauge,
    flows_drained: IntCounter,
    kernel: Kernel,
    anomaly_score: Histogram,
    alerts: [[IntCounter; Severity::ALL.len()]; ALERT_CLASSES],
    alerts_active: [[IntGauge; Severity::ALL.len()]; ALERT_CLASSES],
    alerts_dropped: IntCounter,
    history_failures: IntCounter,
    detection_delay: Histogram,
    outboxes: Outboxes,
    records: Records,
    log_lines_dropped: IntCounter,
    poll_duration: Histogram,
    step_duration: Histogram,
    last_poll: Gauge,
    model_info: IntGaugeVec,
}

impl Metrics {
    /// Upper bound of the number of series on the page, whatever the traffic does.
    pub const MAX_SERIES: usize = (MAX_INTERFACES + 1) * (2 * DIRECTIONS.len() + XdpMode::ALL.len())
        + 2 * Ignored::ALL.len()
        + Encapsulation::ALL.len()
        + Class::ALL.len()
        + 2 * ALERT_CLASSES * Severity::ALL.len()
        + EVICTION_LIMITS.len()
        + Outboxes::SERIES
        + Records::SERIES
        + Kernel::SERIES
        // A histogram has a series for each bucket, one for +Inf, the sum and the count.
        + (SCORE_BUCKETS.len() + DELAY_BUCKETS.len() + 2 * WORK_BUCKETS.len() + 4 * 3)
        + SINGLE_SERIES
        + PROCESS_SERIES;

    /// All metrics at 0.
    ///
    /// # Panics
    /// When two metrics have the same name, which every test would show.
    #[must_use]
    pub fn new(build: Build<'_>) -> Self {
        let make = Maker {
            registry: Registry::new(),
        };
        let reasons = Ignored::ALL.map(Ignored::name);
        make.process();
        let packets_ignored = make.counters(
            "netanom_packets_ignored_total",
            "Packets that are counted nowhere else, by the reason; with netanom_packets_total this is every packet seen.",
            &["reason"],
        );
        let bytes_ignored = make.counters(
            "netanom_bytes_ignored_total",
            "Frame bytes of the packets in netanom_packets_ignored_total.",
            &["reason"],
        );
        let packets_encapsulated = make.counters(
            "netanom_packets_encapsulated_total",
            "Packets that carry others which are not looked into, by the kind of encapsulation; they are counted \
             elsewhere, too.",
            &["kind"],
        );
        let flows = make.counters(
            "netanom_flows_total",
            "Flows by verdict; a flow whose verdict changes counts again under the new one.",
            &["verdict"],
        );
        let flows_evicted = make.counters(
            "netanom_flows_evicted_total",
            "Flows that left the flow table before their time-out, by the setting that limits it.",
            &["limit"],
        );
        let alerts = make.counters(
            "netanom_alerts_total",
            "Alerts raised.",
            &["class", "severity"],
        );
        let alerts_active = make.gauges(
            "netanom_alerts_active",
            "Alerts whose incident goes on.",
            &["class", "severity"],
        );
        let build_info = make.gauges(
            "netanom_build_info",
            "Always 1; the labels tell which program this is.",
            &["version", "revision"],
        );
        build_info
            .with_label_values(&[build.version, build.revision])
            .set(1);

        Self {
            packets: make.counters(
                "netanom_packets_total",
                "Packets counted in flows or in the overflow table, by the interface that saw them.",
                &["interface", "direction"],
            ),
            bytes: make.counters(
                "netanom_bytes_total",
                "Frame bytes on the wire of the packets in netanom_packets_total.",
                &["interface", "direction"],
            ),
            xdp_attached: make.gauges(
                "netanom_xdp_attached",
                "1 for where what comes in through the interface is counted (XDP native or generic, or TCX), else 0.",
                &["interface", "mode"],
            ),
            interfaces: Mutex::default(),
            packets_overflowed: make.counter(
                "netanom_packets_overflowed_total",
                "Packets whose flow found no room in the kernel; counted by destination, and in netanom_packets_total.",
            ),
            packets_ignored: reasons.map(|reason| packets_ignored.with_label_values(&[reason])),
            bytes_ignored: reasons.map(|reason| bytes_ignored.with_label_values(&[reason])),
            packets_encapsulated: Encapsulation::ALL
                .map(|kind| packets_encapsulated.with_label_values(&[kind.name()])),
            flows: Class::ALL.map(|class| flows.with_label_values(&[class.name()])),
            flows_active: make.gauge("netanom_flows_active", "Flows in the flow table."),
            flows_evicted: EVICTION_LIMITS.map(|limit| flows_evicted.with_label_values(&[limit])),
            flow_map_entries: make
                .gauge("netanom_flow_map_entries", "Flows that the last poll found in the kernel's flow maps."),
            flow_map_capacity: make
                .gauge("netanom_flow_map_capacity", "Flows that the kernel's flow maps can hold between two polls."),
            flows_drained: make.counter(
                "netanom_flows_drained_total",
                "Flows that polls took out of the kernel's flow maps; a flow counts in every poll that finds it.",
            ),
            kernel: Kernel::new(&make),
            anomaly_score: make.histogram(
                "netanom_anomaly_score",
                "1 minus the probability of normal traffic, of every flow judged in a window.",
                &SCORE_BUCKETS,
            ),
            alerts: alert_cells(|class, severity| alerts.with_label_values(&[class, severity])),
            alerts_active: alert_cells(|class, severity| alerts_active.with_label_values(&[class, severity])),
            alerts_dropped: make
                .counter("netanom_alerts_dropped_total", "Alerts that left the alert store because it was full."),
            history_failures: make.counter(
                "netanom_history_failures_total",
                "Alerts and changes that could not be written to the database when they came.",
            ),
            detection_delay: make.histogram(
                "netanom_detection_delay_seconds",
                "From the first packet of an incident to the end of the window that raised the alert.",
                &DELAY_BUCKETS,
            ),
            outboxes: Outboxes::new(&make),
            records: Records::new(&make),
            log_lines_dropped: make
                .counter("netanom_log_lines_dropped_total", "Lines of the log that were dropped because nobody read it."),
            poll_duration: make.histogram(
                "netanom_poll_duration_seconds",
                "Time to fetch a window from the source.",
                &WORK_BUCKETS,
            ),
            step_duration: make.histogram(
                "netanom_step_duration_seconds",
                "Time to turn a window into verdicts and alerts.",
                &WORK_BUCKETS,
            ),
            last_poll: make.float_gauge(
                "netanom_last_window_timestamp_seconds",
                "End of the last window, in seconds since the Unix epoch; 0 before the first.",
            ),
            model_info: make.gauges(
                "netanom_model_info",
                "Always 1; the labels tell which model judges.",
                &["name", "version", "trained_at"],
            ),
            registry: make.registry,
        }
    }

    /// Adds all that a window counted: packets and bytes by interface and direction, and what was ignored.
    ///
    /// Packets of an interface that was never added are under `other`.
    pub fn count_window(&self, window: &Window) {
        for (_, counters) in &window.overflow {
            self.packets_overflowed.inc_by(counters.total.packets);
        }
        let mut interfaces = lock(&self.interfaces);
        for (index, tallies) in by_interface(window) {
            let interface = self.known_or_other(&mut interfaces, index);
            for ((packets, bytes), tally) in interface.traffic.iter().zip(tallies) {
                packets.inc_by(tally.packets);
                bytes.inc_by(tally.bytes);
            }
        }
        for (reason, tally) in window.ignored.iter() {
            self.packets_ignored[reason as usize].inc_by(tally.packets);
            self.bytes_ignored[reason as usize].inc_by(tally.bytes);
        }
        self.last_poll
            .set(Duration::from_nanos(window.end.as_nanos()).as_secs_f64());
    }

    /// How many packets so far carry others that are not looked into, in the order of [`Encapsulation::ALL`].
    pub fn set_encapsulated(&self, so_far: [u64; Encapsulation::ALL.len()]) {
        for (counter, so_far) in self.packets_encapsulated.iter().zip(so_far) {
            counter.inc_by(so_far.saturating_sub(counter.get()));
        }
    }

    /// A flow was judged. `before` is its verdict in the window before, `None` for a new flow; `anomaly_score` is 1
    /// minus the probability of `normal`.
    pub fn flow_judged(&self, verdict: Class, before: Option<Class>, anomaly_score: f64) {
        if before != Some(verdict) {
            self.flows[verdict as usize].inc();
        }
        self.anomaly_score.observe(anomaly_score);
    }

    /// How many flows the flow table holds.
    pub fn set_flows_active(&self, flows: usize) {
        self.flows_active.set(saturating(flows));
    }

    /// How many flows have left the flow table before their time-out: for want of room, and as too many were unanswered.
    pub fn set_flows_evicted(&self, for_room: u64, unanswered: u64) {
        for (counter, so_far) in self.flows_evicted.iter().zip([for_room, unanswered]) {
            raise(counter, so_far);
        }
    }

    /// How many lines of the log have been dropped as nobody read them.
    pub fn set_log_lines_dropped(&self, so_far: u64) {
        raise(&self.log_lines_dropped, so_far);
    }

    /// An alert began, `delay` after the first packet of its incident.
    ///
    /// No alert is of the class `normal`; one that says so is not counted.
    pub fn alert_raised(&self, class: Class, severity: Severity, delay: Duration) {
        if let Some(counters) = (class as usize)
            .checked_sub(1)
            .and_then(|row| self.alerts.get(row))
        {
            counters[severity as usize].inc();
            self.detection_delay.observe(delay.as_secs_f64());
        }
    }

    /// Says which alerts are active, all of them.
    pub fn set_alerts_active(&self, active: impl IntoIterator<Item = (Class, Severity)>) {
        let mut counts = [[0_i64; Severity::ALL.len()]; ALERT_CLASSES];
        for (class, severity) in active {
            if let Some(row) = (class as usize)
                .checked_sub(1)
                .and_then(|row| counts.get_mut(row))
            {
                row[severity as usize] += 1;
            }
        }
        for (gauge, count) in self
            .alerts_active
            .as_flattened()
            .iter()
            .zip(counts.as_flattened())
        {
            gauge.set(*count);
        }
    }

    /// How many alerts the store has dropped so far, since the program started.
    pub fn set_alerts_dropped(&self, so_far: u64) {
        raise(&self.alerts_dropped, so_far);
    }

    /// How many alerts and changes could not be written to the database so far.
    pub fn set_history_failures(&self, so_far: u64) {
        raise(&self.history_failures, so_far);
    }

    /// The source took this long to deliver a window.
    pub fn poll_took(&self, duration: Duration) {
        self.poll_duration.observe(duration.as_secs_f64());
    }

    /// The pipeline took this long for a window.
    pub fn step_took(&self, duration: Duration) {
        self.step_duration.observe(duration.as_secs_f64());
    }

    /// How full the kernel's flow maps were at the last poll, which emptied them, and what they hold at most.
    pub fn set_flow_map(&self, entries: usize, capacity: usize) {
        self.flow_map_entries.set(saturating(entries));
        self.flow_map_capacity.set(saturating(capacity));
        self.flows_drained.inc_by(entries as u64);
    }

    /// Which model judges from now on; `trained_at` in RFC 3339.
    pub fn set_model(&self, name: &str, version: &str, trained_at: &str) {
        self.model_info.reset();
        self.model_info
            .with_label_values(&[name, version, trained_at])
            .set(1);
    }

    /// The page for Prometheus, in text format 0.0.4.
    ///
    /// # Errors
    /// When a metric contradicts itself; the encoder checks that.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// A counter follows what was counted elsewhere since the start.
fn raise(counter: &IntCounter, so_far: u64) {
    counter.inc_by(so_far.saturating_sub(counter.get()));
}

/// Metrics without labels that are no histogram, and the two that are only ever one series.
const SINGLE_SERIES: usize = 9 + 2;
/// CPU time, open and most files, virtual and resident memory, start time, threads.
const PROCESS_SERIES: usize = 7;

fn saturating(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The maps stay whole when a holder panics: each is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
