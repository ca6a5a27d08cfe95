//! The values that labels can have, and the bounds of buckets.

use crate::alert::{Class, Severity};

/// Interfaces that get series of their own; further ones share the label value `other`.
pub const MAX_INTERFACES: usize = 64;
/// Sinks that get a series of their own; further ones share the label value `other`.
pub const MAX_SINKS: usize = 8;

pub(super) const OTHER: &str = "other";
pub(super) const DIRECTIONS: [&str; 2] = ["ingress", "egress"];
/// The kernel programs: XDP or TCX for what comes in, TCX for what leaves.
pub(super) const PROGRAMS: [&str; 3] = ["xdp", "ingress", "egress"];
/// The settings that limit the flow table.
pub(super) const EVICTION_LIMITS: [&str; 2] = ["flows.max", "flows.unanswered"];
/// Classes that an alert can have: all but `normal`, which is the first.
pub(super) const ALERT_CLASSES: usize = Class::ALL.len() - 1;

/// 0 to 1; finer at both ends, where thresholds lie.
pub(super) const SCORE_BUCKETS: [f64; 13] = [
    0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99,
];
/// Seconds. The target is under 1 s; slow attacks take minutes to show.
pub(super) const DELAY_BUCKETS: [f64; 14] = [
    0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Seconds. A tick is 0.25 s, an empty poll takes about 0.1 ms.
pub(super) const WORK_BUCKETS: [f64; 13] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];

/// Where what comes in through an interface is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver, before the kernel allocates a packet buffer.
    Native,
    /// In the network stack, for drivers without native XDP; slower.
    Generic,
    /// By TCX: where VLAN tags are beside the frame, or there is no Ethernet header.
    Tcx,
}

impl XdpMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Native, Self::Generic, Self::Tcx];

    /// The mode's name in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Tcx => "tcx",
        }
    }
}

/// What `netanom_build_info` says.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// The commit that it was built from, or `unknown`.
    pub revision: &'a str,
}

pub(super) fn alert_cells<T>(
    make: impl Fn(&str, &str) -> T,
) -> [[T; Severity::ALL.len()]; ALERT_CLASSES] {
    std::array::from_fn(|class| {
        Severity::ALL.map(|severity| make(Class::ALL[class + 1].name(), severity.name()))
    })
}
