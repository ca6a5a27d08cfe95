//! One attack, one alert: whether an alert that goes on explains a case that is about to become one.
//!
//! Near relatives (a SYN flood of many ports and a scan; web floods, slow requests and guessing) look like each other in
//! their first seconds, and some flows of them always do. Another kind of attack, or the same between other hosts, is
//! never explained away.

use std::time::Duration;

use super::case::{Anchor, Case, Key};
use super::raised::Raised;
use super::{Class, Severity};
use crate::flow::Timestamp;

/// An alert may still change its name for so long after it was raised.
pub(super) const YOUNG: Duration = Duration::from_secs(5);
/// An alert explains nothing once evidence of its own class has not come for so long.
const RECENT: Duration = Duration::from_secs(2);
/// What has so many times the recent evidence of the alert's own class is another attack.
const OUTGROWN: f32 = 3.0;
/// A young alert gets the name that has so many times the recent evidence of its own.
const RENAMED_FROM: f32 = 1.25;

/// An open case with what it is about.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) key: Key,
    pub(super) case: Case,
    /// `None` until it is told.
    pub(super) raised: Option<Raised>,
}

impl Open {
    fn is_young(&self, now: Timestamp) -> bool {
        self.raised
            .as_ref()
            .is_some_and(|raised| now.since(raised.at) < YOUNG)
    }

    /// Whether this alert explains what counts for `other`.
    pub(super) fn explains(&self, other: &Self, now: Timestamp) -> bool {
        self.raised.is_some()
            && self.key.interface == other.key.interface
            && self.key.class.is_near(other.key.class)
            && self.key.anchor != Anchor::Rest
            && (self.concerns_hosts_of(other) || self.is_around(other))
            && self.still_explains(other.key.class, other.case.recent(other.key.class), now)
    }

    /// Whether evidence of `class` still belongs to this alert, when so much of it came lately.
    pub(super) fn still_explains(&self, class: Class, recent: f32, now: Timestamp) -> bool {
        now.since(self.case.last_own) <= RECENT
            && (self.is_young(now)
                || recent < OUTGROWN * self.case.recent(self.key.class)
                || class == self.key.class)
    }

    /// Whether it is about a network, and the other about hosts in it that stand out by nothing.
    fn is_around(&self, other: &Self) -> bool {
        let Anchor::Targets(network) = self.key.anchor else {
            return false;
        };
        let is_inside = match other.key.anchor {
            Anchor::Target(ip) => network.contains(ip),
            Anchor::Targets(inner) => network.is_around(&inner),
            Anchor::Source(_) | Anchor::Sources(_) | Anchor::Rest => false,
        };
        is_inside && other.case.severity(other.key.class) < Severity::High
    }

    fn concerns_hosts_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.case, &other.case);
        let may_be_same = |a: Option<_>, b: Option<_>| a.is_none() || b.is_none() || a == b;
        let (source, target) = (theirs.sources.host(), theirs.targets.host());
        let is_same_target = target.is_some()
            && ours.targets.host() == target
            && may_be_same(ours.sources.host(), source);
        let is_same_source = source.is_some()
            && ours.sources.host() == source
            && target.is_some_and(|target| ours.targets.has(target));
        let is_same_service = {
            let (a, b) = (ours.targets.port(), theirs.targets.port());
            a.is_none() || b.is_none() || a == b
        };
        (is_same_target || is_same_source) && is_same_service
    }

    /// The name that a young alert gets in place of its own.
    pub(super) fn better_name(&self, now: Timestamp) -> Option<Class> {
        let class = self.case.likeliest()?;
        let own = self.case.recent(self.key.class);
        (self.is_young(now)
            && class.is_near(self.key.class)
            && class != self.key.class
            && self.case.recent(class) >= RENAMED_FROM * own)
            .then_some(class)
    }
}
