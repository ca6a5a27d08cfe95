//! What is asked for: which traffic, between whom, how much of it and for how long.

use std::net::IpAddr;
use std::time::Duration;

use rand::SeedableRng;
use thiserror::Error;

use super::Mode;
use super::chance::Rng;
use super::host::{Host, Mac};
use super::prefix::IpPrefix;
use crate::flow::Timestamp;

/// Most packets a second that can be asked for: 10 Gbit/s of the smallest frames.
const MAX_RATE: f64 = 14_880_952.0;
/// Longest traffic that can be asked for.
const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

/// When traffic starts unless told otherwise: 2026-01-01T00:00:00Z, so that the same seed gives the same file.
pub const DEFAULT_START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// A scenario; the same one always gives the same frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What kind of traffic.
    pub mode: Mode,
    /// Who sends: clients or attackers. The hosts of a prefix all take part.
    pub source: IpPrefix,
    /// Who is asked or attacked.
    pub target: IpAddr,
    /// Hardware address of all sources; without one each has its own.
    pub source_mac: Option<Mac>,
    /// Hardware address of the target.
    pub target_mac: Option<Mac>,
    /// Packets a second; which of them count stands with each [`Mode`]. Without one, the mode's own.
    pub rate: Option<f64>,
    /// How long. No frame is later than `start + duration`.
    pub duration: Duration,
    /// Seed of all draws.
    pub seed: u64,
    /// Time of the first moment of the traffic.
    pub start: Timestamp,
}

/// Why a scenario cannot be played.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ScenarioError {
    /// One side is IPv4 and the other IPv6.
    #[error(
        "source {source_prefix} and target {target} are of different families; give both as IPv4 or both as IPv6"
    )]
    Families {
        /// The source.
        source_prefix: IpPrefix,
        /// The target.
        target: IpAddr,
    },
    /// The only source is the target itself.
    #[error("source and target are both {0}; give two different addresses")]
    SameHost(IpAddr),
    /// An address that no host has.
    #[error("target {0} is no address of a host; give a unicast address")]
    NoHost(IpAddr),
    /// A rate that is no number above 0, or beyond the fastest interface.
    #[error(
        "a rate of {0} packets a second cannot be played; give a number above 0, at most {MAX_RATE}"
    )]
    Rate(f64),
    /// A duration of zero, or beyond a year.
    #[error("a duration of {0:?} cannot be played; give more than 0 seconds, at most 366 days")]
    Duration(Duration),
}

impl Scenario {
    /// A scenario of `mode` from `source` to `target` with the mode's own rate, 10 s long from
    /// [`DEFAULT_START`] on, seed 1.
    #[must_use]
    pub fn new(mode: Mode, source: IpPrefix, target: IpAddr) -> Self {
        Self {
            mode,
            source,
            target,
            source_mac: None,
            target_mac: None,
            rate: None,
            duration: Duration::from_secs(10),
            seed: 1,
            start: DEFAULT_START,
        }
    }

    /// Whether it can be played.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), ScenarioError> {
        if self.source.is_ipv4() != self.target.is_ipv4() {
            return Err(ScenarioError::Families {
                source_prefix: self.source,
                target: self.target,
            });
        }
        if self.target.is_unspecified() || self.target.is_multicast() {
            return Err(ScenarioError::NoHost(self.target));
        }
        if self.source.is_single() && self.source.contains(self.target) {
            return Err(ScenarioError::SameHost(self.target));
        }
        let rate = self.rate();
        if !(rate > 0.0 && rate <= MAX_RATE) {
            return Err(ScenarioError::Rate(rate));
        }
        if self.duration.is_zero() || self.duration > MAX_DURATION {
            return Err(ScenarioError::Duration(self.duration));
        }
        Ok(())
    }

    /// The rate that was asked for, or the mode's own.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate.unwrap_or(self.mode.default_rate())
    }

    /// The end of the traffic.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.start.plus(self.duration)
    }

    pub(super) fn rng(&self) -> Rng {
        Rng::seed_from_u64(self.seed)
    }

    pub(super) fn target(&self) -> Host {
        Host::near(self.target).with_mac(self.target_mac)
    }

    /// Any source that is not the target.
    pub(super) fn any_source(&self, rng: &mut Rng) -> Host {
        let mut ip = self.source.random_host(rng);
        while ip == self.target {
            ip = self.source.random_host(rng);
        }
        Host::near(ip).with_mac(self.source_mac)
    }
}
