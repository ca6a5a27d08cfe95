//! What a case has beside once it is an alert: its name, when it was told last, and what it said then.

use super::case::Case;
use super::{Began, Contribution, Rate};
use crate::flow::Timestamp;

/// What a case has beside once it is an alert.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// When it was told last, and how many packets and findings it had then.
    pub(super) told: (Timestamp, u64, u64),
    pub(super) explanation: Vec<Contribution>,
    pub(super) began: Option<Began>,
    pub(super) rate: Rate,
    /// Whether it was absorbed by another and is to end.
    pub(super) is_absorbed: bool,
}

impl Raised {
    /// Whether the case has taken in anything since it was told.
    pub(super) fn has_news(&self, case: &Case) -> bool {
        case.findings != self.told.2
    }

    /// Takes in that it is told now.
    pub(super) fn tell(&mut self, case: &Case, now: Timestamp) {
        let seconds = now.since(self.told.0).as_secs_f64().max(1.0);
        self.rate.now = (case.packets - self.told.1.min(case.packets)) as f64 / seconds;
        self.rate.peak = self
            .rate
            .peak
            .max(self.rate.now)
            .max(case.size().packet_rate);
        self.told = (now, case.packets, case.findings);
    }
}
