//! When flows end by themselves.

use std::time::Duration;

/// After which silence a flow has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTimeouts {
    /// An open TCP connection.
    pub tcp: Duration,
    /// A TCP connection request that nobody answered.
    pub tcp_opening: Duration,
    /// A TCP connection after RST, or after FIN from both sides.
    pub tcp_closed: Duration,
    /// UDP.
    pub udp: Duration,
    /// ICMP and ICMPv6.
    pub icmp: Duration,
    /// Every other protocol.
    pub other: Duration,
    /// Any flow, however active; what follows is a new flow.
    pub active: Duration,
}
