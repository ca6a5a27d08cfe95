//! The signal to stop, which also ends the wait for the next tick.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Cloned into every place that waits or loops.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_raised: Mutex<bool>,
    changed: Condvar,
    signalled: Arc<AtomicBool>,
}

impl Stop {
    /// Asks everything that holds a clone to stop.
    pub fn raise(&self) {
        *self
            .0
            .is_raised
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Raised by storing true, as a signal's handler can, which may not take a lock. It wakes nobody: who waits hears of
    /// it when the wait is over.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.signalled)
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self
            .0
            .is_raised
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            || self.0.signalled.load(Ordering::Relaxed)
    }

    /// Waits for `time`, or until stopping is asked for. Returns whether it was.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let raised = self
            .0
            .is_raised
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let outcome = self
            .0
            .changed
            .wait_timeout_while(raised, time, |raised| !*raised);
        let is_raised = *outcome.unwrap_or_else(PoisonError::into_inner).0;
        is_raised || self.0.signalled.load(Ordering::Relaxed)
    }
}
