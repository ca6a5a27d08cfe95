//! Records of files that grow: how many were read, and why others were not.

use prometheus::IntCounter;

use super::Metrics;
use super::maker::Maker;

/// Why a record may be refused; `source::access_log::LineError` has the same names.
pub const RECORD_REASONS: [&str; 9] = [
    "too_long", "layout", "json", "client", "time", "future", "status", "size", "request",
];

pub(super) struct Records {
    read: IntCounter,
    refused: [IntCounter; RECORD_REASONS.len()],
}

impl Records {
    /// Series on the page.
    pub(super) const SERIES: usize = 1 + RECORD_REASONS.len();

    pub(super) fn new(make: &Maker) -> Self {
        let refused = make.counters(
            "netanom_records_refused_total",
            "Lines of watched files that could not be read, by the reason.",
            &["reason"],
        );
        Self {
            read: make.counter(
                "netanom_records_total",
                "Lines of watched files that were read and judged.",
            ),
            refused: RECORD_REASONS.map(|reason| refused.with_label_values(&[reason])),
        }
    }
}

impl Metrics {
    /// Counts records that were read.
    pub fn records_read(&self, count: u64) {
        self.records.read.inc_by(count);
    }

    /// Counts records that were refused; those of an unknown reason are not counted.
    pub fn records_refused(&self, reason: &str, count: u64) {
        let place = RECORD_REASONS.iter().position(|known| *known == reason);
        if let Some(place) = place {
            self.records.refused[place].inc_by(count);
        }
    }
}
