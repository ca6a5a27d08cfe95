//! Where alerts go. Each sink is behind an [`outbox`].

pub mod alertmanager;
pub mod eve;
pub mod flows;
pub mod format;
pub mod json_lines;
pub mod log;
mod news;
pub mod ocsf;
pub mod outbox;
pub mod signature;
pub mod state;
pub mod stderr;
pub mod store;
pub mod syslog;
pub mod template;
pub mod webhook;

use crate::alert::Alert;

/// Takes alerts as they begin, change and end. It may let wait: it runs on a thread of its own.
pub trait Sink: Send {
    /// The name in logs and metrics.
    fn name(&self) -> &'static str;
    /// Takes a new alert, or the newer state of one that was taken before (the same `id`).
    ///
    /// # Errors
    /// When the alert could not be handed on; its outbox tries again, and counts it when that does not help.
    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError>;
    /// Whether it takes what a rule keeps from being sent: what shows alerts does, what notifies does not.
    fn takes_suppressed(&self) -> bool {
        false
    }
    /// Whether it would take one, asked once at the start.
    ///
    /// # Errors
    /// When it would not as things are; it is tried all the same.
    fn check(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
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
