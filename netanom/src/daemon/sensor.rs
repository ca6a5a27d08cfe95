//! The sensor's thread: it polls the source, steps the pipeline, and hands on what comes of it. It never waits for a reader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use log::Level;

use super::LAST_ALERTS;
use super::reload::Change as NewSettings;
use super::sinks::Sinks;
use crate::alert::{Alert, Class, Severity, State};
use crate::flow::Window;
use crate::http::{Health, Reporter, Tick};
use crate::metrics::{Metrics, XdpMode as XdpModeLabel};
use crate::pipeline::Pipeline;
use crate::sink::stderr;
use crate::sink::store::AlertStore;
use crate::source::kernel::{Attachment, Change, Gone, KernelSource, RunStatistics};
use crate::source::{FlowSource, Interface};

/// Polls the source, steps the pipeline, and hands alerts to the sinks.
pub(super) struct Sensor {
    pub(super) source: KernelSource,
    pub(super) pipeline: Pipeline,
    pub(super) sinks: Sinks,
    pub(super) store: AlertStore,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Health,
    pub(super) active: BTreeMap<String, (Class, Severity)>,
    pub(super) reporter: Reporter,
    // On as long as the sensor runs.
    pub(super) changes: Receiver<NewSettings>,
    pub(super) _statistics: Option<RunStatistics>,
}

impl Sensor {
    /// Watches until it is over, detaches, and lets the sinks take what waits for them.
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        let outcome = self.watch();
        drop(self.source);
        log::info!("detached");
        self.sinks.end(LAST_ALERTS);
        outcome
    }

    fn watch(&mut self) -> anyhow::Result<()> {
        self.pipeline.rehearse();
        self.health.pass("sensor");
        while let Some(window) = self.source.next_window().inspect_err(|error| {
            self.health.fail("sensor", error.to_string());
        })? {
            self.follow_interfaces();
            self.follow_settings();
            let polled = now();
            let alerts = self.pipeline.step(&window);
            self.metrics.step_took(polled.elapsed());
            self.measure(&window, polled);
            let mut tick = Tick::of(&window, self.pipeline.judged(), self.pipeline.verdicts())
                .with_state(self.pipeline.open_flows(), self.pipeline.near_misses());
            for alert in alerts {
                let alert = Arc::new(alert);
                let is_new = self.hand_on(&alert, &window);
                tick.add_alert(is_new, &alert);
            }
            self.reporter.report(tick);
            self.sinks.measure(&self.metrics);
            self.metrics
                .set_alerts_active(self.active.values().copied());
            self.metrics.set_alerts_dropped(self.store.dropped());
            self.metrics.set_history_failures(self.store.unwritten());
        }
        Ok(())
    }

    /// Gives interfaces that came their names and series, and takes those of the forgotten.
    pub(super) fn follow_interfaces(&mut self) {
        for change in self.source.changes() {
            match change {
                Change::Came(Attachment {
                    interface: Interface { index, name },
                    mode,
                    egress,
                }) => {
                    let ingress = match mode {
                        "tcx" => "TCX on ingress".to_owned(),
                        mode => format!("{mode} XDP"),
                    };
                    let egress = if egress { ", TCX on egress" } else { "" };
                    log::info!("watching `{name}`: {ingress}{egress}");
                    let mode = XdpModeLabel::ALL.into_iter().find(|one| one.name() == mode);
                    self.metrics.add_interface(index, &name);
                    self.metrics.set_xdp_mode(index, mode);
                    self.pipeline.name_interface(index, name);
                }
                Change::Left(gone) => {
                    // Those that a pattern matched may come and go.
                    let level = if gone.is_missed {
                        Level::Warn
                    } else {
                        Level::Info
                    };
                    log::log!(level, "`{}` is gone", gone.interface.name);
                    self.metrics
                        .interface_left(&gone.interface.name, gone.is_missed);
                }
                Change::Forgotten(Gone {
                    interface: Interface { index, name },
                    is_missed,
                }) => {
                    self.metrics.forget_interface(index, &name, is_missed);
                    self.pipeline.forget_interface(index, &name);
                }
            }
        }
    }

    /// Takes in what the configuration says since it was read anew.
    fn follow_settings(&mut self) {
        while let Ok(change) = self.changes.try_recv() {
            self.pipeline.set_incidents(change.incidents);
            self.pipeline.set_suppressions(change.suppressions);
            if let Err(error) = self.sinks.want(&change.sinks) {
                log::error!("cannot start the thread of a sink: {error}");
            }
        }
    }

    fn measure(&mut self, window: &Window, polled: Instant) {
        let fill = self.source.fill();
        self.health.polled(polled);
        self.metrics.count_window(window);
        self.metrics.poll_took(fill.drained_in);
        self.metrics.set_flow_map(fill.entries, fill.capacity);
        let told = self.source.self_observation();
        self.metrics.set_insert_failures(told.refused);
        self.metrics.set_encapsulated(self.source.encapsulated().0);
        self.metrics.set_kernel_messages_lost(told.messages_lost);
        self.metrics
            .set_program_runs(told.runs.map(|runs| (runs.count, runs.time)));
        self.metrics.set_flows_active(self.pipeline.open_flows());
        let unanswered = self.pipeline.evicted_unanswered();
        let others = self.pipeline.evicted() - unanswered;
        self.metrics.set_flows_evicted(others, unanswered);
        self.metrics.set_log_lines_dropped(stderr::dropped());
        for (verdict, facts) in self
            .pipeline
            .verdicts()
            .iter()
            .zip(&self.pipeline.judged().facts)
            .filter(|(_, facts)| facts.crowd.is_none())
        {
            self.metrics
                .flow_judged(verdict.class, facts.before, f64::from(verdict.anomaly));
        }
    }

    /// Whether the alert is a new one.
    fn hand_on(&mut self, alert: &Arc<Alert>, window: &Window) -> bool {
        let is_new = match alert.state {
            State::Active => self
                .active
                .insert(alert.id.clone(), (alert.class, alert.severity))
                .is_none(),
            State::Ended => self.active.remove(&alert.id).is_none(),
        };
        if is_new {
            let delay = window.end.since(alert.first_seen);
            self.metrics
                .alert_raised(alert.class, alert.severity, delay);
        }
        self.sinks.put(alert);
        is_new
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemon measures how long polls and steps take"
)]
fn now() -> Instant {
    Instant::now()
}
