//! What the sensor is asked to watch, and how.

use std::time::Duration;

use netanom_common::packet::TunnelSettings;

use crate::source::{Direction, Watchlist, XdpMode};

/// What to watch and how.
#[derive(Clone, Debug)]
pub struct KernelSettings {
    /// The interfaces.
    pub interfaces: Watchlist,
    /// Which XDP mode to use.
    pub mode: XdpMode,
    /// Which directions to count.
    pub direction: Direction,
    /// Which packet of a tunnel is the flow's, and where VXLAN is found.
    pub tunnels: TunnelSettings,
    /// Flows that one generation holds, over all CPUs.
    pub capacity: u32,
    /// Time between two windows.
    pub tick: Duration,
}
