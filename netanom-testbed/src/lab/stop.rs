//! Ctrl-C, SIGTERM and SIGHUP: noted by a flag that every wait looks at, so that all is cleaned up on the way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the lab was told to stop.
#[derive(Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// The lab was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl std::error::Error for Interrupted {}

impl Stop {
    /// The code that shells give to a program that Ctrl-C ended.
    pub(crate) const EXIT_CODE: u8 = 130;

    /// Takes the signals over, for the rest of the process.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .context("cannot handle signals")?;
        }
        Ok(Self(flag))
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.0.load(Ordering::Relaxed) {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    /// Sleeps; signals end the sleep.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Interrupted> {
        self.check()?;
        // A signal's handler runs on this thread or another one: the sleep itself may go on, so it is kept short.
        thread::sleep(time);
        self.check()
    }
}
