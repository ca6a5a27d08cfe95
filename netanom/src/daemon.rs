//! The running sensor: a thread that polls, judges and hands on, beside the runtime that answers HTTP and signals.
//!
//! The order of the start is a contract: note the signals that stop, open and attach what needs privileges, drop them,
//! only then start threads.

mod signals;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use log::Level;
use tokio::sync::{mpsc, oneshot};

use crate::alert::{Alert, Class, Severity, State};
use crate::config::Config;
use crate::detect;
use crate::flow::Window;
use crate::http::{self, Health, HttpState};
use crate::metrics::{Build, Metrics, XdpMode as XdpModeLabel};
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::sink::Sink;
use crate::sink::log::LogSink;
use crate::sink::outbox::{Outbox, OutboxSettings};
use crate::sink::state::StateFolder;
use crate::sink::stderr;
use crate::sink::store::{AlertHistory, AlertStore};
use crate::source::kernel::{
    Attachment, Change, Gone, KernelSettings, KernelSource, RunStatistics,
};
use crate::source::{FlowSource, Interface, SourceError, Stop, Watchlist, privileges, random};

use signals::Asked;
pub use watch::watch;

/// A poll that is this many ticks late makes the sensor unready.
const LATE_TICKS: u32 = 20;

/// For alerts that wait for their sinks when the sensor has stopped.
const LAST_ALERTS: Duration = Duration::from_secs(2);

/// Runs the sensor until a signal asks it to stop, or until it fails.
///
/// # Errors
/// When the configuration is wrong, the address is taken, the programs cannot be loaded or attached, or polling fails.
pub fn run(config: &Config, model: Arc<Model>) -> anyhow::Result<()> {
    let address = config.listen()?;
    let tick = config.tick()?;
    let pipeline_settings = config.pipeline_for(&model.evidence.clone().unwrap_or_default())?;
    let settings = KernelSettings {
        interfaces: Watchlist::new(&config.interfaces)?,
        mode: config.xdp_mode()?,
        direction: config.direction()?,
        tunnels: config.tunnels()?,
        capacity: config.kernel_flows()?,
        tick,
    };
    let listener = listen(address)?;
    let stop = Stop::default();
    // Before the programs are attached, so that each run counts.
    let statistics = config.bpf_stats.then(RunStatistics::on).transpose()?;
    signals::hold(&stop).context("cannot handle signals")?;
    privileges::raise_file_limit();
    let source = match KernelSource::open(&settings, stop.clone()) {
        Err(SourceError::Stopped) => {
            log::info!("stopped before anything was attached");
            return Ok(());
        }
        source => source?,
    };
    privileges::drop_all()?;
    stderr::start().context("cannot start the log's thread")?;

    let metrics = Arc::new(Metrics::new(Build {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("NETANOM_REVISION").unwrap_or("unknown"),
    }));
    let store = AlertStore::new(config.max_alerts);
    let sinks = [
        Box::<LogSink>::default() as Box<dyn Sink>,
        with_history(config, &store)?,
    ];
    let health = Health::new(&["sensor", "model"], tick * LATE_TICKS);
    metrics.set_model(&model.name, &model.version, &model.trained_at);
    health.pass("model");
    // Who knew the seed could scan ports that count as one.
    let pipeline =
        Pipeline::new(pipeline_settings, detect::all(model), HashMap::new()).seeded(random());
    let mut sensor = Sensor {
        source,
        pipeline,
        outboxes: start_outboxes(sinks)?,
        store: store.clone(),
        metrics: Arc::clone(&metrics),
        health: health.clone(),
        active: BTreeMap::new(),
        _statistics: statistics,
    };
    sensor.follow_interfaces();
    log::info!("listening on http://{address}");
    let state = HttpState {
        metrics,
        alerts: store,
        health,
        hosts: config.hosts.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(move || sensor.run(), listener, state, stop))
}

/// The store, with its database where there can be one. A folder that was asked for has to do; without the usual one the
/// sensor works, and says what it loses.
fn with_history(config: &Config, store: &AlertStore) -> anyhow::Result<Box<dyn Sink>> {
    if !config.keep_state {
        return Ok(Box::new(store.clone()));
    }
    let asked = config.state_dir();
    let opened = asked
        .clone()
        .map_or_else(StateFolder::usual, Ok)
        .and_then(|folder| StateFolder::open(&folder))
        .map_err(anyhow::Error::from)
        .and_then(|folder| Ok(AlertHistory::open(folder, store.clone())?));
    match opened {
        Ok(history) => Ok(Box::new(history)),
        Err(error) if asked.is_some() => Err(error),
        Err(error) => {
            log::warn!("{error:#}; alerts are kept in memory alone");
            Ok(Box::new(store.clone()))
        }
    }
}

/// The thread of each sink.
fn start_outboxes<const N: usize>(sinks: [Box<dyn Sink>; N]) -> anyhow::Result<Vec<Outbox>> {
    let start = |sink| Outbox::start(sink, OutboxSettings::default());
    let started = sinks.into_iter().map(start).collect::<Result<_, _>>();
    started.context("cannot start the thread of a sink")
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        log::warn!("{address} is no loopback address: everyone who reaches it can read the alerts");
    }
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}: choose another address with --listen")
    })?;
    listener
        .set_nonblocking(true)
        .context("cannot set up the listening socket")?;
    Ok(listener)
}

/// Answers HTTP and signals while `run` does its work on a thread of its own.
async fn serve(
    run: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    listener: TcpListener,
    state: HttpState,
    stop: Stop,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .context("cannot set up the listening socket")?;
    let (ended, mut end) = oneshot::channel();
    let polling = thread::Builder::new()
        .name("sensor".to_owned())
        .spawn(move || {
            let outcome = run();
            // Nobody waits any more when the daemon stops at the same moment.
            let _ = ended.send(());
            outcome
        })
        .context("cannot start the sensor's thread")?;
    let mut asked = signals::hear().context("cannot handle signals")?;
    let shutdown = async {
        // Before they were heard.
        if stop.is_raised() {
            log::info!("asked to stop during the start");
        } else {
            tokio::select! {
                () = until_asked_to_end(&mut asked) => {}
                _ = &mut end => {}
            }
        }
        stop.raise();
    };
    http::serve(listener, state, shutdown).await;
    let outcome = tokio::task::spawn_blocking(move || polling.join()).await;
    match outcome {
        Ok(Ok(outcome)) => outcome,
        _ => anyhow::bail!("the sensor's thread panicked; please report this"),
    }
}

async fn until_asked_to_end(asked: &mut mpsc::Receiver<Asked>) {
    while let Some(asked) = asked.recv().await {
        match asked {
            Asked::End(signal) => {
                log::info!("{signal}: stopping");
                return;
            }
            Asked::Reload => log::warn!(
                "SIGHUP: nothing is read anew yet; restart the sensor to have it take a changed configuration"
            ),
        }
    }
}

/// Polls the source, steps the pipeline, and hands alerts to the sinks.
struct Sensor {
    source: KernelSource,
    pipeline: Pipeline,
    outboxes: Vec<Outbox>,
    store: AlertStore,
    metrics: Arc<Metrics>,
    health: Health,
    active: BTreeMap<String, (Class, Severity)>,
    // On as long as the sensor runs.
    _statistics: Option<RunStatistics>,
}

impl Sensor {
    /// Watches until it is over, detaches, and lets the sinks take what waits for them.
    fn run(mut self) -> anyhow::Result<()> {
        let outcome = self.watch();
        drop(self.source);
        log::info!("detached");
        Outbox::end(self.outboxes, LAST_ALERTS);
        outcome
    }

    fn watch(&mut self) -> anyhow::Result<()> {
        self.pipeline.rehearse();
        self.health.pass("sensor");
        while let Some(window) = self.source.next_window().inspect_err(|error| {
            self.health.fail("sensor", error.to_string());
        })? {
            self.follow_interfaces();
            let polled = now();
            let alerts = self.pipeline.step(&window);
            self.metrics.step_took(polled.elapsed());
            self.measure(&window, polled);
            for alert in alerts {
                self.hand_on(&Arc::new(alert), &window);
            }
            for outbox in &self.outboxes {
                self.metrics.set_outbox(outbox.name(), outbox.counts());
            }
            self.metrics
                .set_alerts_active(self.active.values().copied());
            self.metrics.set_alerts_dropped(self.store.dropped());
            self.metrics.set_history_failures(self.store.unwritten());
        }
        Ok(())
    }

    /// Gives interfaces that came their names and series, and takes those of the forgotten.
    fn follow_interfaces(&mut self) {
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

    fn hand_on(&mut self, alert: &Arc<Alert>, window: &Window) {
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
        for outbox in &self.outboxes {
            outbox.put(Arc::clone(alert));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemon measures how long polls and steps take"
)]
fn now() -> Instant {
    Instant::now()
}
