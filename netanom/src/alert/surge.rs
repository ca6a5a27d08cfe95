//! How many alerts a person can be told of: a budget a minute, with a part kept for high ones.
//!
//! Whoever can send packets could otherwise make an alert of every pair of addresses. What is over the budget is told by
//! one alert that says how much more there is.

use super::Severity;
use crate::flow::Timestamp;

/// Alerts that are raised a minute at most, and at once.
const PER_MINUTE: f64 = 8.0;
/// High ones that are raised a minute beyond that.
const HIGH_PER_MINUTE: f64 = 3.0;

/// What is left of the budget, in data's time (a token bucket).
#[derive(Debug)]
pub(super) struct Surge {
    left: f64,
    high_left: f64,
    at: Timestamp,
}

impl Default for Surge {
    fn default() -> Self {
        Self {
            left: PER_MINUTE,
            high_left: HIGH_PER_MINUTE,
            at: Timestamp::default(),
        }
    }
}

impl Surge {
    /// Whether one more alert may be raised at `now`; it then counts.
    pub(super) fn allows(&mut self, severity: Severity, now: Timestamp) -> bool {
        let minutes = now.since(self.at).as_secs_f64() / 60.0;
        self.at = self.at.max(now);
        self.left = (self.left + PER_MINUTE * minutes).min(PER_MINUTE);
        self.high_left = (self.high_left + HIGH_PER_MINUTE * minutes).min(HIGH_PER_MINUTE);
        if self.left >= 1.0 {
            self.left -= 1.0;
            true
        } else if severity == Severity::High && self.high_left >= 1.0 {
            self.high_left -= 1.0;
            true
        } else {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    fn raised(surge: &mut Surge, severity: Severity, second: u64, asked: usize) -> usize {
        (0..asked)
            .filter(|_| surge.allows(severity, at(second)))
            .count()
    }

    #[test]
    fn a_minute_has_eight_alerts_and_three_high_ones_more() {
        let mut surge = Surge::default();
        assert_eq!(raised(&mut surge, Severity::Low, 100, 50), 8);
        assert_eq!(raised(&mut surge, Severity::High, 100, 50), 3);
        assert_eq!(raised(&mut surge, Severity::Medium, 130, 50), 4);
    }
}
