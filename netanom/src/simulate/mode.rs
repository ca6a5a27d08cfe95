//! The one table of what can be simulated.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::brute_force::Service;
use super::http_flood::Load;
use super::port_scan::Probe;
use super::scenario::Scenario;
use super::syn_flood::Reaction;
use super::timeline::Exchanges;
use super::udp_flood::Port;
use super::{
    amplification, brute_force, host_sweep, http_flood, icmp_flood, normal, port_scan, slow_http,
    syn_flood, udp_flood,
};

/// A kind of traffic.
///
/// The rate of an attack counts the packets that the attacking side sends, that of `normal` all packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A small office at work; the rate is its mean over minutes, as a single download is many packets.
    Normal,
    /// SYNs to an open port, never completed.
    SynFlood,
    /// SYNs to a closed port, each refused.
    SynFloodClosed,
    /// SYNs to every port, at a rate that no scan has.
    SynFloodPorts,
    /// SYNs to an open port; the attacker's own system resets each answer, as when its address is not forged.
    SynFloodReset,
    /// Large datagrams to ports where nobody listens.
    UdpFlood,
    /// Small datagrams to a service that answers each.
    UdpFloodEcho,
    /// Echo requests, more than the target answers.
    IcmpFlood,
    /// Half-open probes of many ports, as nmap's SYN scan.
    PortScan,
    /// Full connections to many ports.
    ConnectScan,
    /// FINs to ports without a connection.
    FinScan,
    /// Segments without any flag.
    NullScan,
    /// Segments with FIN, PSH and URG.
    XmasScan,
    /// Empty datagrams to many ports.
    UdpScan,
    /// One port of many hosts around the target.
    HostSweep,
    /// SSH logins that fail, one connection after the other.
    BruteForce,
    /// FTP logins that fail.
    BruteForceFtp,
    /// Web requests that never end; the rate counts while connections are opened, later few packets are needed.
    SlowHttp,
    /// More web requests than the server can answer well.
    HttpFlood,
    /// One page, a connection for each request.
    HttpFloodSingle,
    /// The same, until the server answers no more.
    HttpFloodOverwhelmed,
    /// Answers of many servers to questions that the target never asked.
    Amplification,
}

struct Entry {
    mode: Mode,
    name: &'static str,
    about: &'static str,
    /// Packets a second when none are asked for.
    rate: f64,
    exchanges: fn(&Scenario) -> Exchanges,
}

#[rustfmt::skip]
const MODES: [Entry; 22] = [
    Entry { mode: Mode::Normal, name: "normal", about: "a small office at work", rate: 150.0, exchanges: normal::exchanges },
    Entry { mode: Mode::SynFlood, name: "syn-flood", about: "SYNs that are never completed", rate: 1000.0, exchanges: |s| syn_flood::exchanges(s, Reaction::Backlog) },
    Entry { mode: Mode::SynFloodClosed, name: "syn-flood-closed", about: "SYNs to a closed port", rate: 1000.0, exchanges: |s| syn_flood::exchanges(s, Reaction::Refused) },
    Entry { mode: Mode::SynFloodPorts, name: "syn-flood-ports", about: "SYNs to every port, faster than a scan", rate: 20_000.0, exchanges: |s| syn_flood::exchanges(s, Reaction::AllPorts) },
    Entry { mode: Mode::SynFloodReset, name: "syn-flood-reset", about: "SYNs whose answers are reset", rate: 1000.0, exchanges: |s| syn_flood::exchanges(s, Reaction::Reset) },
    Entry { mode: Mode::UdpFlood, name: "udp-flood", about: "large datagrams to closed ports", rate: 1000.0, exchanges: |s| udp_flood::exchanges(s, Port::Closed) },
    Entry { mode: Mode::UdpFloodEcho, name: "udp-flood-echo", about: "small datagrams to a service that answers", rate: 500.0, exchanges: |s| udp_flood::exchanges(s, Port::Answers) },
    Entry { mode: Mode::IcmpFlood, name: "icmp-flood", about: "more pings than the target answers", rate: 1000.0, exchanges: icmp_flood::exchanges },
    Entry { mode: Mode::PortScan, name: "port-scan", about: "half-open probes of many ports", rate: 200.0, exchanges: |s| port_scan::exchanges(s, Probe::Syn) },
    Entry { mode: Mode::ConnectScan, name: "connect-scan", about: "full connections to many ports", rate: 200.0, exchanges: |s| port_scan::exchanges(s, Probe::Connect) },
    Entry { mode: Mode::FinScan, name: "fin-scan", about: "FINs to many ports", rate: 200.0, exchanges: |s| port_scan::exchanges(s, Probe::Fin) },
    Entry { mode: Mode::NullScan, name: "null-scan", about: "segments without flags to many ports", rate: 200.0, exchanges: |s| port_scan::exchanges(s, Probe::Null) },
    Entry { mode: Mode::XmasScan, name: "xmas-scan", about: "FIN, PSH and URG to many ports", rate: 200.0, exchanges: |s| port_scan::exchanges(s, Probe::Xmas) },
    Entry { mode: Mode::UdpScan, name: "udp-scan", about: "empty datagrams to many ports", rate: 100.0, exchanges: |s| port_scan::exchanges(s, Probe::Udp) },
    Entry { mode: Mode::HostSweep, name: "host-sweep", about: "one port of many hosts", rate: 50.0, exchanges: host_sweep::exchanges },
    Entry { mode: Mode::BruteForce, name: "brute-force", about: "SSH logins that fail", rate: 400.0, exchanges: |s| brute_force::exchanges(s, Service::Ssh) },
    Entry { mode: Mode::BruteForceFtp, name: "brute-force-ftp", about: "FTP logins that fail", rate: 400.0, exchanges: |s| brute_force::exchanges(s, Service::Ftp) },
    Entry { mode: Mode::SlowHttp, name: "slow-http", about: "web requests that never end", rate: 60.0, exchanges: slow_http::exchanges },
    Entry { mode: Mode::HttpFlood, name: "http-flood", about: "more web requests than the server bears", rate: 500.0, exchanges: |s| http_flood::exchanges(s, Load::Costly) },
    Entry { mode: Mode::HttpFloodSingle, name: "http-flood-single", about: "one page again and again, a connection each", rate: 500.0, exchanges: |s| http_flood::exchanges(s, Load::Single) },
    Entry { mode: Mode::HttpFloodOverwhelmed, name: "http-flood-overwhelmed", about: "web requests that a server soon leaves unanswered", rate: 500.0, exchanges: |s| http_flood::exchanges(s, Load::Overwhelmed) },
    Entry { mode: Mode::Amplification, name: "amplification", about: "answers to questions never asked", rate: 1000.0, exchanges: amplification::exchanges },
];

/// A name that no mode has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no kind of traffic; there are {names}", names = Mode::all().map(Mode::name).collect::<Vec<_>>().join(", "))]
pub struct UnknownMode(pub String);

impl Mode {
    /// Every mode, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        MODES.iter().map(|entry| entry.mode)
    }

    /// The mode's name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.entry().about
    }

    /// Packets a second when none are asked for.
    #[must_use]
    pub fn default_rate(self) -> f64 {
        self.entry().rate
    }

    pub(super) fn exchanges(self, scenario: &Scenario) -> Exchanges {
        (self.entry().exchanges)(scenario)
    }

    fn entry(self) -> &'static Entry {
        // The table has the order of the enum; a test keeps it so.
        &MODES[self as usize]
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        Self::all()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| UnknownMode(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{MODES, Mode};

    #[test]
    fn the_table_has_the_order_of_the_enum() {
        for (index, entry) in MODES.iter().enumerate() {
            assert_eq!(entry.mode as usize, index, "{}", entry.name);
        }
        assert_eq!(MODES.len(), Mode::Amplification as usize + 1);
    }

    #[test]
    fn every_name_reads_back() {
        for mode in Mode::all() {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_exist() {
        let error = "flood".parse::<Mode>().unwrap_err().to_string();
        assert!(
            error.starts_with("`flood` is no kind of traffic; there are normal, syn-flood, "),
            "{error}"
        );
    }
}
