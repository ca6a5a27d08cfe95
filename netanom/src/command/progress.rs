//! Progress on a terminal for work that takes longer than a moment; silent elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` steps, with the time that is left.
pub(super) fn bar(total: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left");
    let bar = ProgressBar::new(total as u64).with_message(what);
    // The template is a constant that parses; without it the bar has indicatif's own look.
    if let Ok(style) = style {
        bar.with_style(style)
    } else {
        bar
    }
}
