//! Where alerts go.

pub mod flows;
pub mod log;
pub mod store;

use crate::alert::Alert;

/// Takes alerts as they begin, change and end.
pub trait AlertSink: Send {
    /// The name in logs and metrics.
    fn name(&self) -> &'static str;
    /// Takes a new alert, or the newer state of one that was taken before (the same `id`).
    ///
    /// # Errors
    /// When the alert could not be handed on; the daemon logs and counts it and goes on.
    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError>;
}

/// An alert or a flow could not be handed on.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Writing failed.
    #[error("cannot write to {target}")]
    Write {
        /// What was written to.
        target: String,
        /// Why.
        source: std::io::Error,
    },
}
