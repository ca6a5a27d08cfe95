//! Progress on a terminal for work that takes longer than a moment; silent elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` steps, with the time that is left.
pub(super) fn bar(total: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_message(what);
    styled(bar, "{msg} {wide_bar} {pos}/{len}, {eta} left")
}

/// A bar over `total` bytes; a count of them when it is not known how many there are.
pub(super) fn bytes(total: Option<u64>, what: &'static str) -> ProgressBar {
    match total {
        Some(total) => styled(
            ProgressBar::new(total).with_message(what),
            "{msg} {wide_bar} {bytes}/{total_bytes}, {eta} left",
        ),
        None => styled(
            ProgressBar::new_spinner().with_message(what),
            "{spinner} {msg} {bytes}, {bytes_per_sec}",
        ),
    }
}

/// The templates are constants that parse; without them a bar has indicatif's own look.
fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
