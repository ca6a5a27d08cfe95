//! How often a host tells that a port is unreachable: a token bucket, as RFC 1812 4.3.2.8 asks for.

use super::scenario::Scenario;
use crate::flow::Timestamp;

/// A token bucket.
pub(super) struct ErrorLimit {
    burst: f64,
    per_second: f64,
    tokens: f64,
    filled: Timestamp,
}

impl ErrorLimit {
    /// What Linux does: one message a second to each peer after a burst of six (`icmp_ratelimit`), and a thousand a
    /// second to all of them after a burst of fifty (`icmp_msgs_per_sec`, `icmp_msgs_burst`).
    pub(super) fn of(scenario: &Scenario) -> Self {
        let peers = scenario.source.hosts() as f64;
        let (burst, per_second) = ((6.0 * peers).min(50.0), peers.min(1000.0));
        Self {
            burst,
            per_second,
            tokens: burst,
            filled: scenario.start,
        }
    }

    /// Whether a message may be sent at `now`; takes a token if so.
    pub(super) fn allows(&mut self, now: Timestamp) -> bool {
        let gained = now.since(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}
