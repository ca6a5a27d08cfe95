//! The attacks that `netanom simulate` plays, and what the sensor is to make of them.
//!
//! One table for the lab, which asks whether an alert is right, and for training, which labels captures with it.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use netanom::alert::Class;
use netanom::simulate::Mode;

/// A kind of attack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attack {
    /// What `netanom simulate` plays.
    pub(crate) mode: Mode,
    /// The alert's class.
    pub(crate) class: Class,
    /// A finer kind, as labels name it.
    pub(crate) kind: Option<&'static str>,
    /// Whom the alert must name.
    pub(crate) named: Party,
    /// IP protocol number of the attack's flows.
    pub(crate) protocol: u8,
}

/// One side of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// Who attacks: known of scans and log-in attempts.
    Source,
    /// Who is attacked: what counts in a flood, whose senders are many or forged.
    Target,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// What closed ports say to datagrams, too.
pub(crate) const ICMP: u8 = 1;

/// Every attack.
#[rustfmt::skip]
pub(crate) const ATTACKS: [Attack; 21] = [
    Attack { mode: Mode::SynFlood, class: Class::SynFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::SynFloodClosed, class: Class::SynFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::SynFloodPorts, class: Class::SynFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::SynFloodReset, class: Class::SynFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::UdpFlood, class: Class::UdpFlood, kind: None, named: Party::Target, protocol: UDP },
    Attack { mode: Mode::UdpFloodEcho, class: Class::UdpFlood, kind: None, named: Party::Target, protocol: UDP },
    Attack { mode: Mode::IcmpFlood, class: Class::IcmpFlood, kind: None, named: Party::Target, protocol: ICMP },
    Attack { mode: Mode::PortScan, class: Class::PortScan, kind: Some("syn"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::ConnectScan, class: Class::PortScan, kind: Some("connect"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::FinScan, class: Class::PortScan, kind: Some("fin"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::NullScan, class: Class::PortScan, kind: Some("null"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::XmasScan, class: Class::PortScan, kind: Some("xmas"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::UdpScan, class: Class::PortScan, kind: Some("udp"), named: Party::Source, protocol: UDP },
    Attack { mode: Mode::HostSweep, class: Class::PortScan, kind: Some("host_sweep"), named: Party::Source, protocol: TCP },
    Attack { mode: Mode::BruteForce, class: Class::BruteForce, kind: None, named: Party::Source, protocol: TCP },
    Attack { mode: Mode::BruteForceFtp, class: Class::BruteForce, kind: None, named: Party::Source, protocol: TCP },
    Attack { mode: Mode::SlowHttp, class: Class::SlowHttp, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::HttpFlood, class: Class::HttpFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::HttpFloodSingle, class: Class::HttpFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::HttpFloodOverwhelmed, class: Class::HttpFlood, kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: Mode::Amplification, class: Class::UdpFlood, kind: Some("amplification"), named: Party::Target, protocol: UDP },
];

/// Every attack.
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    ATTACKS.iter()
}

/// The attack of a mode; none for normal traffic.
pub(crate) fn find(mode: Mode) -> Option<&'static Attack> {
    all().find(|attack| attack.mode == mode)
}

/// Takes the modes of attacks from the command line, and no others.
pub(crate) fn modes() -> impl TypedValueParser<Value = Mode> {
    let names =
        all().map(|attack| PossibleValue::new(attack.mode.name()).help(attack.mode.about()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Mode>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_but_normal_traffic_is_an_attack() {
        for mode in Mode::all() {
            assert_eq!(find(mode).is_some(), mode != Mode::Normal, "{mode}");
        }
    }
}
