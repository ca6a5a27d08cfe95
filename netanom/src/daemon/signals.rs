//! What each signal does: most would end the process at once, and with it leave the programs attached.
//!
//! From the first moment on a handler notes those that ask for the end; once the runtime is there, it hears them all.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::source::Stop;

/// What asks the sensor to stop. SIGXCPU comes before the SIGKILL of a limit of CPU time; init sends SIGPWR.
const END: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGXCPU,
    Signal::SIGPWR,
];

/// What does nothing. A write beyond a limit of file size then fails by itself.
const NOTHING: [Signal; 7] = [
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGXFSZ,
];

/// From now on no signal ends the process by itself, but those that nobody can catch or a fault raises.
///
/// # Errors
/// When the kernel refuses a handler.
pub(super) fn hold(stop: &Stop) -> io::Result<()> {
    for end in END {
        signal_hook::flag::register(end as i32, stop.flag())?;
    }
    for nothing in NOTHING.into_iter().chain([Signal::SIGHUP]) {
        signal_hook::flag::register(nothing as i32, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// What was asked for by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop.
    End(Signal),
    /// To read the configuration anew.
    Reload,
}

/// Hears every signal that asks for something. Needs the runtime.
///
/// # Errors
/// When the kernel refuses a handler.
pub(super) fn hear() -> io::Result<mpsc::Receiver<Asked>> {
    // Whether a terminal that is gone afterwards was ever there.
    let had_terminal = io::stderr().is_terminal();
    let (asked, hear) = mpsc::channel(1);
    for which in END.into_iter().chain([Signal::SIGHUP]) {
        let mut signals = signal(SignalKind::from_raw(which as i32))?;
        let asked = asked.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let what = match which {
                    // The terminal that the sensor was started from is closed: nobody is there any more.
                    Signal::SIGHUP if had_terminal && !io::stderr().is_terminal() => {
                        Asked::End(which)
                    }
                    Signal::SIGHUP => Asked::Reload,
                    end => Asked::End(end),
                };
                if asked.send(what).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(hear)
}
