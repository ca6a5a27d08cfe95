//! The running sensor: a thread that polls, judges and hands on, beside the runtime that answers HTTP and signals.
//!
//! The order of the start is a contract: note the signals that stop, open and attach what needs privileges, drop them,
//! only then start threads.

mod access;
mod reload;
mod sensor;
mod signals;
mod sinks;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::detect;
use crate::http::{self, Health, HttpState, InForce, Live, Settings, Tls};
use crate::metrics::{Build, Metrics};
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::sink::stderr;
use crate::sink::store::AlertStore;
use crate::source::kernel::{KernelSettings, KernelSource, RunStatistics};
use crate::source::{SourceError, Stop, Watchlist, privileges, random};

use reload::Reloader;
pub use reload::Reread;
use sensor::Sensor;
use signals::Asked;
use sinks::Sinks;
pub use watch::watch;

/// A poll that is this many ticks late makes the sensor unready.
const LATE_TICKS: u32 = 20;

/// For alerts that wait for their sinks when the sensor has stopped.
const LAST_ALERTS: Duration = Duration::from_secs(2);

/// Between two looks whether the configuration's file has changed.
const LOOK: Duration = Duration::from_secs(2);

/// Runs the sensor until a signal asks it to stop, or until it fails.
///
/// # Errors
/// When the configuration is wrong, the address is taken, the programs cannot be loaded or attached, or polling fails.
pub fn run(config: &Config, model: Arc<Model>, from: Reread<'_>) -> anyhow::Result<()> {
    let address = config.listen()?;
    let tick = config.tick()?;
    let of_model = model.evidence.clone().unwrap_or_default();
    let pipeline_settings = config.pipeline_for(&of_model)?;
    let suppressions = config.suppressions()?;
    let wanted = config.sinks()?;
    let settings = KernelSettings {
        interfaces: Watchlist::new(&config.interfaces)?,
        mode: config.xdp_mode()?,
        direction: config.direction()?,
        tunnels: config.tunnels()?,
        capacity: config.kernel_flows()?,
        tick,
    };
    let settings_of_http = Settings::new(InForce {
        shown: config.shown(),
        evidence: pipeline_settings.incidents.evidence,
        access: access::access(&config.http, address)?,
        hosts: config.hosts.clone(),
    });
    let tls = tls(config)?;
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
    let sinks = Sinks::start(sinks::with_history(config, &store)?, &wanted)
        .context("cannot start the thread of a sink")?;
    let health = Health::new(&["sensor", "model"], tick * LATE_TICKS);
    metrics.set_model(&model.name, &model.version, &model.trained_at);
    health.pass("model");
    // Who knew the seed could scan ports that count as one.
    let judges = detect::all(Arc::clone(&model));
    let mut pipeline = Pipeline::new(pipeline_settings, judges, HashMap::new()).seeded(random());
    pipeline.set_suppressions(suppressions);
    let live = Live::default();
    let (changes, changed) = channel();
    let mut sensor = Sensor {
        source,
        pipeline,
        sinks,
        store: store.clone(),
        metrics: Arc::clone(&metrics),
        health: health.clone(),
        active: BTreeMap::new(),
        reporter: live
            .start()
            .context("cannot start the thread of the live picture")?,
        changes: changed,
        _statistics: statistics,
    };
    sensor.follow_interfaces();
    let scheme = if tls.is_some() { "https" } else { "http" };
    log::info!("listening on {scheme}://{address}");
    let reloader = Reloader::new(
        from,
        config.clone(),
        of_model,
        address,
        settings_of_http.clone(),
        changes,
    );
    let state = HttpState {
        metrics,
        alerts: store,
        health,
        live,
        model,
        settings: settings_of_http,
        tls,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(
        move || sensor.run(),
        listener,
        state,
        stop,
        Some(reloader),
    ))
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
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
    reloader: Option<Reloader<'_>>,
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
                () = until_asked_to_end(&mut asked, reloader) => {}
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

async fn until_asked_to_end(asked: &mut mpsc::Receiver<Asked>, mut reloader: Option<Reloader<'_>>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            asked = asked.recv() => match asked {
                Some(Asked::End(signal)) => {
                    log::info!("{signal}: stopping");
                    return;
                }
                Some(Asked::Reload) => match &mut reloader {
                    Some(reloader) => reloader.reload("SIGHUP"),
                    None => log::info!("SIGHUP: nothing is read anew while files are watched; restart to have that"),
                },
                None => return,
            },
            _ = looks.tick() => {
                if let Some(reloader) = &mut reloader {
                    reloader.look();
                }
            }
        }
    }
}

/// The certificate and the key, where there are such.
fn tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    let (certificate, key) = (&config.http.certificate, &config.http.key);
    anyhow::ensure!(
        certificate.is_empty() == key.is_empty(),
        "`http.certificate` and `http.key` go together: HTTPS needs both files"
    );
    if certificate.is_empty() {
        return Ok(None);
    }
    Ok(Some(Tls::read(Path::new(certificate), Path::new(key))?))
}
