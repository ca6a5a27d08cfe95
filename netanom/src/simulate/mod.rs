//! Traffic to try the sensor on: frames of normal work and of attacks, to a capture file or a test interface.
//!
//! A [`Mode`] plans exchanges of packets, [`frames`] merges them in the order of time and builds each frame when it
//! is due. Both directions of a conversation are there, as a tap or a mirror port sees them. Only exchanges that are
//! under way are kept, so memory does not grow with the duration. [`drawn`] has captures to train on, each of them short.

pub mod access_log;
mod amplification;
mod brute_force;
pub(crate) mod chance;
mod conversation;
pub mod drawn;
mod error_limit;
mod host;
mod host_sweep;
mod http_flood;
mod icmp;
mod icmp_flood;
mod interface;
mod mode;
mod normal;
mod pace;
mod packet;
mod path;
mod pcap;
mod port_scan;
mod prefix;
mod scenario;
mod sender;
mod slow_http;
mod speech;
mod syn_flood;
pub mod table;
mod timeline;
mod udp_flood;

pub use host::{Mac, NotAMac, parse_mac};
pub use interface::{InterfaceError, TestInterface};
pub use mode::{Mode, UnknownMode};
pub use pcap::{CaptureError, CaptureWriter};
pub use prefix::{IpPrefix, PrefixError};
pub use scenario::{DEFAULT_START, Scenario, ScenarioError};
pub use sender::{Clock, SendError, Sender, Sent};
pub use timeline::{Frames, TimedFrame};

/// The frames of a scenario, in the order of time.
///
/// # Errors
/// When the scenario contradicts itself; see [`Scenario::check`].
pub fn frames(scenario: &Scenario) -> Result<Frames, ScenarioError> {
    scenario.check()?;
    Ok(Frames::new(
        scenario.mode.exchanges(scenario),
        scenario.end(),
    ))
}
