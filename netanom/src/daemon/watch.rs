//! The running watch over files that grow: a thread that looks at them, judges and hands on, beside the runtime that
//! answers HTTP and signals.
//!
//! Where reading has come to is written after each look, in one step with how many lines that were, and after the alerts
//! of the look were handed on. So a kill at any moment skips no line, and none counts twice among those; a look that is
//! killed in its last milliseconds, between both, is made again.

mod state;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;

use super::access::access;
use super::sinks::Sinks;
use super::{LAST_ALERTS, LATE_TICKS, listen, serve, signals, tls};
use crate::alert::{Alert, Class, Interfaces, Severity, State};
use crate::config::Config;
use crate::detect;
use crate::flow::Timestamp;
use crate::http::{Health, HttpState, InForce, Live, Settings};
use crate::metrics::{Build, Metrics};
use crate::model::Model;
use crate::pipeline::{AccessStage, access_settings};
use crate::sink::Sink;
use crate::sink::state::StateFolder;
use crate::sink::stderr;
use crate::sink::store::{AlertHistory, AlertStore};
use crate::source::access_log::{AccessLog, LineError, log_name};
use crate::source::follow::{Follower, check_access_log};
use crate::source::{Stop, random};

use state::WatchState;

/// Between two looks: an alert is there within a second of its line.
const LOOK: Duration = Duration::from_millis(200);
/// The folder within that of a sensor's state, as both may run at once.
const FOLDER: &str = "watch";
/// Logs that get a name of their own.
const MAX_LOGS: usize = 256;

/// Watches access logs until a signal asks to stop, or until it fails.
///
/// # Errors
/// When a file is no access log or cannot be read, the address is taken, or the state cannot be kept.
pub fn watch(config: &Config, files: &[PathBuf], model: Arc<Model>) -> anyhow::Result<()> {
    let address = config.listen()?;
    for file in files {
        check_access_log(file)?;
    }
    let wanted = config.sinks()?;
    let settings = access_settings(&model.evidence.clone().unwrap_or_default());
    let in_force = Settings::new(InForce {
        shown: config.shown(),
        evidence: settings.evidence,
        access: access(&config.http, address)?,
        hosts: config.hosts.clone(),
    });
    let tls = tls(config)?;
    let stop = Stop::default();
    let store = AlertStore::new(config.max_alerts);
    let (state, history) = with_state(config, &store)?;
    let follower = Follower::new(files, state.places())?;
    let listener = listen(address)?;
    signals::hold(&stop).context("cannot handle signals")?;
    stderr::start().context("cannot start the log's thread")?;
    let metrics = Arc::new(Metrics::new(Build {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("NETANOM_REVISION").unwrap_or("unknown"),
    }));
    metrics.set_model(&model.name, &model.version, &model.trained_at);
    let health = Health::new(&["sensor", "model"], LOOK * LATE_TICKS);
    health.pass("model");
    let judges = detect::of_access_logs(Arc::clone(&model));
    let stage = AccessStage::new(judges, settings, Interfaces::new());
    let sinks = Sinks::start(history, &wanted).context("cannot start the thread of a sink")?;
    let watcher = Watcher {
        desk: Desk {
            sinks,
            store: store.clone(),
            metrics: Arc::clone(&metrics),
            active: BTreeMap::new(),
        },
        follower,
        // Who knew the seed could make many paths look like one.
        stage: stage.seeded(random()),
        log: AccessLog::default(),
        numbers: HashMap::new(),
        told: 0,
        state,
        health: health.clone(),
        begun: now(),
        latest: (Timestamp::default(), now()),
        stop: stop.clone(),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    log::info!("listening on {scheme}://{address}");
    let http = HttpState {
        metrics,
        alerts: store,
        health,
        live: Live::default(),
        model,
        settings: in_force,
        tls,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(move || watcher.run(), listener, http, stop, None))
}

/// The places of an earlier run and the database, or neither of them.
fn with_state(config: &Config, store: &AlertStore) -> anyhow::Result<(WatchState, Box<dyn Sink>)> {
    let nothing = || {
        (
            WatchState::in_memory(),
            Box::new(store.clone()) as Box<dyn Sink>,
        )
    };
    if !config.keep_state {
        return Ok(nothing());
    }
    let asked = config.state_dir();
    let opened = asked
        .clone()
        .map_or_else(|| StateFolder::usual().map(|usual| usual.join(FOLDER)), Ok)
        .and_then(|folder| StateFolder::open(&folder))
        .map_err(anyhow::Error::from)
        .and_then(|folder| {
            let state = WatchState::open(&folder)?;
            let history = AlertHistory::open(folder, store.clone())?;
            Ok((state, Box::new(history) as Box<dyn Sink>))
        });
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if asked.is_some() => Err(error),
        Err(error) => {
            log::warn!("{error:#}; places in files and alerts are kept in memory alone");
            Ok(nothing())
        }
    }
}

/// What is done with alerts.
struct Desk {
    sinks: Sinks,
    store: AlertStore,
    metrics: Arc<Metrics>,
    active: BTreeMap<String, (Class, Severity)>,
}

impl Desk {
    fn hand_on(&mut self, alerts: Vec<Alert>, now: Timestamp) {
        for alert in alerts {
            let is_new = match alert.state {
                State::Active => {
                    let kind = (alert.class, alert.severity);
                    self.active.insert(alert.id.clone(), kind).is_none()
                }
                State::Ended => self.active.remove(&alert.id).is_none(),
            };
            if is_new {
                let delay = now.since(alert.first_seen);
                self.metrics
                    .alert_raised(alert.class, alert.severity, delay);
            }
            let alert = Arc::new(alert);
            self.sinks.put(&alert);
        }
        let kinds = self.active.values().copied();
        self.metrics.set_alerts_active(kinds);
    }

    fn measure(&self) {
        self.sinks.measure(&self.metrics);
        self.metrics.set_alerts_dropped(self.store.dropped());
        self.metrics.set_history_failures(self.store.unwritten());
        self.metrics.set_log_lines_dropped(stderr::dropped());
    }
}

/// Looks at files, judges their lines, hands on alerts.
struct Watcher {
    desk: Desk,
    follower: Follower,
    stage: AccessStage,
    log: AccessLog,
    /// Numbers of logs by their names.
    numbers: HashMap<String, u32>,
    /// Refused lines that the log has told of.
    told: u64,
    state: WatchState,
    health: Health,
    begun: Instant,
    /// Time of the latest line, and when it was read.
    latest: (Timestamp, Instant),
    stop: Stop,
}

impl Watcher {
    /// Watches until it is over, and lets the sinks take what waits for them.
    fn run(mut self) -> anyhow::Result<()> {
        let outcome = self.watch();
        let now = self.stage.now();
        let alerts = self.stage.end();
        self.desk.hand_on(alerts, now);
        log::info!("stopped; the next start goes on where this one has come to");
        self.desk.sinks.end(LAST_ALERTS);
        outcome
    }

    fn watch(&mut self) -> anyhow::Result<()> {
        self.health.pass("sensor");
        let mut is_first = true;
        loop {
            let looked = now();
            let has_more = self.look().inspect_err(|error| {
                self.health.fail("sensor", error.to_string());
            })?;
            self.health.polled(looked);
            self.desk.metrics.poll_took(looked.elapsed());
            if is_first && !has_more {
                is_first = false;
                let files: Vec<_> = self
                    .follower
                    .paths()
                    .map(|path| path.display().to_string())
                    .collect();
                log::info!(
                    "watching {}",
                    if files.is_empty() {
                        "for files to come".to_owned()
                    } else {
                        files.join(", ")
                    }
                );
            }
            if self.stop.is_raised() || !has_more && self.stop.wait(LOOK) {
                return Ok(());
            }
        }
    }

    /// One look at all files; whether there is more to read at once.
    fn look(&mut self) -> anyhow::Result<bool> {
        self.log.latest = Some(day_ahead());
        let before = self.log.clone();
        let Self {
            desk,
            follower,
            stage,
            log,
            numbers,
            latest,
            ..
        } = self;
        let mut take = |path: &Path, line: crate::source::records::Line<'_>| {
            let Some(request) = log.read(line) else {
                return;
            };
            let number = number_of(numbers, stage, path);
            stage.add(number, &request);
            *latest = (stage.now(), now());
            if stage.is_full() {
                judge(stage, desk, stage.now());
            }
        };
        let has_more = follower.look(self.begun.elapsed(), &mut take);
        // Where no line comes, time goes on from the latest one: so alerts end.
        let at = self.latest.0.plus(self.latest.1.elapsed());
        judge(&mut self.stage, &mut self.desk, at);
        self.desk.measure();
        self.count(&before);
        self.state
            .write(self.follower.places(), self.log.lines - before.lines)?;
        Ok(has_more)
    }

    /// Counts the lines of a look, and tells of the first ones that were refused.
    fn count(&mut self, before: &AccessLog) {
        let refused = LineError::ALL.map(LineError::name).into_iter();
        let lines = self.log.refused.iter().zip(before.refused.iter());
        let new = refused.zip(lines.map(|((_, now), (_, before))| now - before));
        for (reason, lines) in new {
            self.desk.metrics.records_refused(reason, lines);
        }
        let refused = self.log.refused.lines();
        let read = (self.log.lines - refused) - (before.lines - before.refused.lines());
        self.desk.metrics.records_read(read);
        for example in self.log.refused.examples().iter().skip(self.told as usize) {
            log::warn!("a line was not read ({}): {}", example.reason, example.text);
        }
        self.told = self.log.refused.examples().len() as u64;
    }
}

fn number_of(numbers: &mut HashMap<String, u32>, stage: &mut AccessStage, path: &Path) -> u32 {
    let name = log_name(path);
    if let Some(number) = numbers.get(&name) {
        return *number;
    }
    // Logs beyond these share the last number.
    let number = numbers.len().min(MAX_LOGS) as u32;
    if numbers.len() <= MAX_LOGS {
        numbers.insert(name.clone(), number);
        stage.name_log(number, name);
    }
    number
}

fn judge(stage: &mut AccessStage, desk: &mut Desk, at: Timestamp) {
    let begun = now();
    let alerts = stage.step(at);
    desk.metrics.step_took(begun.elapsed());
    for ((_, _, verdict), facts) in stage.judged().zip(&stage.rows().facts) {
        desk.metrics
            .flow_judged(verdict.class, facts.before, f64::from(verdict.anomaly));
    }
    desk.hand_on(alerts, at);
}

/// The latest time that a line may have: clocks differ, and some servers write local time.
fn day_ahead() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "a line from the future has a wrong time"
    )]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::default().plus(now + Duration::from_hours(24))
}

#[expect(
    clippy::disallowed_methods,
    reason = "files are looked at in real time"
)]
fn now() -> Instant {
    Instant::now()
}
