//! Where windows come from. Live and offline differ here and nowhere else.

use crate::flow::Window;

/// Delivers what was counted, window by window.
pub trait FlowSource {
    /// The next window; `None` when there will be no more.
    ///
    /// # Errors
    /// When the source cannot go on; what was delivered before stays valid.
    fn next_window(&mut self) -> Result<Option<Window>, SourceError>;
}

/// A source could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {}
