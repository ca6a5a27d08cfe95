//! `netanom simulate`: traffic to a capture file or a test interface.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::{FormatArg, SimulateArgs};
use crate::flow::Timestamp;
use crate::simulate::{
    CaptureWriter, Clock, DEFAULT_START, Frames, Scenario, Sender, Sent, TestInterface, frames,
};

use super::answer;

/// What `netanom simulate` was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulate {
    /// The traffic.
    pub scenario: Scenario,
    /// Where it goes.
    pub output: Output,
    /// Whether the report is an object of JSON and not a line of text.
    pub json: bool,
}

/// Where simulated traffic goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To a capture file; `-` is standard output.
    Capture(PathBuf),
    /// Onto an interface, in real time.
    Interface {
        /// Its name.
        name: String,
        /// Whether the user said that the network behind it may see the traffic.
        owned: bool,
    },
}

impl Simulate {
    /// What was typed.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub fn of(args: &SimulateArgs) -> anyhow::Result<Self> {
        let seconds = args.duration;
        let start = match &args.start {
            Some(time) => time
                .parse()
                .with_context(|| format!("--start `{time}` is no RFC 3339 time"))?,
            None => DEFAULT_START,
        };
        let (Some(source), Some(target)) = (args.source, args.target) else {
            bail!("`{}` needs --source and --target", args.mode);
        };
        if ["access-log", "table"].contains(&args.mode.as_str()) {
            bail!("`{}` is made of rows: say how many with --rows", args.mode);
        }
        let scenario = Scenario {
            source_mac: args.source_mac,
            target_mac: args.target_mac,
            rate: args.rate,
            duration: Duration::try_from_secs_f64(seconds)
                .with_context(|| format!("--duration {seconds}"))?,
            seed: args.seed,
            start,
            ..Scenario::new(args.mode.parse()?, source, target)
        };
        let output = match (&args.output.write, &args.output.interface) {
            (Some(path), _) => Output::Capture(path.clone()),
            (None, name) => Output::Interface {
                name: name.clone().unwrap_or_default(),
                owned: args.i_own_this_network,
            },
        };
        Ok(Self {
            scenario,
            output,
            json: args.format == FormatArg::Json,
        })
    }
}

/// What was done; one line on standard output, or on standard error when the capture goes to standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Simulated {
    /// Name of the mode.
    pub mode: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Capture file or interface.
    pub output: String,
    /// Frames that were written or sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Time of the first frame in the capture, or of sending it.
    pub first: Option<Timestamp>,
    /// The same of the last one.
    pub last: Option<Timestamp>,
    /// Whether a signal ended it early.
    pub interrupted: bool,
}

/// What the log says when the first frame is on its way; the time follows.
pub const FIRST_FRAME: &str = "first frame sent at ";

/// Simulates traffic until it is over or a signal comes, and reports what was written or sent.
///
/// # Errors
/// When the scenario contradicts itself, or the output cannot be had.
pub fn run(simulate: &Simulate) -> anyhow::Result<()> {
    let stop = stop_on_signals().context("cannot handle signals")?;
    let scenario = &simulate.scenario;
    let mut progress = Progress::of(scenario.duration);
    let sent = match &simulate.output {
        Output::Capture(path) => write(path, scenario, &stop, &mut progress)?,
        Output::Interface { name, owned } => {
            let sender = Sender::open(&TestInterface::find(name, *owned)?)?;
            let clock = SystemClock::new();
            let mut is_sending = false;
            sender.send(frames(scenario)?, &clock, &stop, |done| {
                if !is_sending {
                    is_sending = true;
                    // Who waits for the sensor to notice wants to know before the report.
                    log::info!("{FIRST_FRAME}{}", clock.wall());
                }
                progress.reached(done);
            })?
        }
    };
    progress.finish();
    let report = Simulated {
        mode: scenario.mode.name().to_owned(),
        seed: scenario.seed,
        output: simulate.output.to_string(),
        frames: sent.frames,
        bytes: sent.bytes,
        first: sent.first,
        last: sent.last,
        interrupted: stop.load(Ordering::Relaxed),
    };
    print(&report, simulate)
}

fn write(
    path: &Path,
    scenario: &Scenario,
    stop: &AtomicBool,
    progress: &mut Progress,
) -> anyhow::Result<Sent> {
    // The scenario is checked before a file is replaced.
    let frames = frames(scenario)?;
    if path == Path::new("-") {
        anyhow::ensure!(
            !io::stdout().is_terminal(),
            "a capture is not for a terminal; write `netanom simulate … --write - | tcpdump -r -`, or name a file"
        );
        copy(
            frames,
            CaptureWriter::to_stdout()?,
            scenario,
            stop,
            progress,
        )
    } else {
        copy(
            frames,
            CaptureWriter::create(path)?,
            scenario,
            stop,
            progress,
        )
    }
}

fn copy<W: Write>(
    frames: Frames,
    mut capture: CaptureWriter<W>,
    scenario: &Scenario,
    stop: &AtomicBool,
    progress: &mut Progress,
) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    for frame in frames.take_while(|_| !stop.load(Ordering::Relaxed)) {
        capture.write(&frame)?;
        sent.first.get_or_insert(frame.at);
        sent.last = Some(frame.at);
        sent.frames += 1;
        sent.bytes += frame.bytes.len() as u64;
        progress.reached(frame.at.since(scenario.start));
    }
    capture.finish()?;
    Ok(sent)
}

fn print(report: &Simulated, simulate: &Simulate) -> anyhow::Result<()> {
    let line = if simulate.json {
        serde_json::to_string(report)?
    } else {
        report.to_string()
    };
    if simulate.output.is_stdout() {
        eprintln!("{line}");
    } else {
        answer(&format!("{line}\n"))?;
    }
    Ok(())
}

/// A flag that SIGINT and SIGTERM raise; a second one ends the program at once.
pub(super) fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

impl Output {
    fn is_stdout(&self) -> bool {
        matches!(self, Self::Capture(path) if path == Path::new("-"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(path) => write!(f, "{}", path.display()),
            Self::Interface { name, .. } => f.write_str(name),
        }
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} frames, {} bytes to {}",
            self.mode, self.frames, self.bytes, self.output
        )?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            write!(f, ", first {first}, last {last}")?;
        }
        if self.interrupted {
            f.write_str(", interrupted")
        } else {
            Ok(())
        }
    }
}

struct SystemClock(Instant);

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "frames are sent in real time")]
    fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the report tells when frames were sent"
    )]
    fn wall(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_nanos(0).plus(since_epoch)
    }
}

/// A bar on a terminal, once the work has lasted a second.
struct Progress {
    clock: SystemClock,
    bar: ProgressBar,
    shown: bool,
    reported: Duration,
}

/// Least step of the traffic's time, in parts of the whole, that is worth an update.
const STEPS: u32 = 500;
const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    fn of(whole: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(whole.as_millis() as u64),
            ProgressDrawTarget::hidden(),
        );
        Self {
            clock: SystemClock::new(),
            bar,
            shown: false,
            reported: Duration::ZERO,
        }
    }

    fn reached(&mut self, done: Duration) {
        let step = Duration::from_millis(self.bar.length().unwrap_or_default()) / STEPS;
        if done < self.reported + step {
            return;
        }
        self.reported = done;
        if !self.shown && self.clock.elapsed() > PATIENCE {
            self.shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            if let Ok(style) =
                ProgressStyle::with_template("{wide_bar} {percent}% {elapsed}, {eta} left")
            {
                self.bar.set_style(style);
            }
        }
        self.bar.set_position(done.as_millis() as u64);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
