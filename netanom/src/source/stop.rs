//! The signal to stop, which also ends the wait for the next tick.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Cloned into every place that waits or loops.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Asks everything that holds a clone to stop.
    pub fn raise(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or until stopping is asked for. Returns whether it was.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let raised = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.0.1.wait_timeout_while(raised, time, |raised| !*raised);
        *outcome.unwrap_or_else(PoisonError::into_inner).0
    }
}
