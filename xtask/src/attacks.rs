//! The attacks that `netanom simulate` plays, and what the sensor is to make of them.
//!
//! One table for the lab, which asks whether an alert is right, and for training, which labels captures with it.

use clap::builder::PossibleValuesParser;

/// A kind of attack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attack {
    /// Name of the mode of `netanom simulate`.
    pub(crate) mode: &'static str,
    /// The alert's class.
    pub(crate) class: &'static str,
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

#[rustfmt::skip]
const ATTACKS: [Attack; 21] = [
    Attack { mode: "syn-flood", class: "syn_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "syn-flood-closed", class: "syn_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "syn-flood-ports", class: "syn_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "syn-flood-reset", class: "syn_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "udp-flood", class: "udp_flood", kind: None, named: Party::Target, protocol: UDP },
    Attack { mode: "udp-flood-echo", class: "udp_flood", kind: None, named: Party::Target, protocol: UDP },
    Attack { mode: "icmp-flood", class: "icmp_flood", kind: None, named: Party::Target, protocol: ICMP },
    Attack { mode: "port-scan", class: "port_scan", kind: Some("syn"), named: Party::Source, protocol: TCP },
    Attack { mode: "connect-scan", class: "port_scan", kind: Some("connect"), named: Party::Source, protocol: TCP },
    Attack { mode: "fin-scan", class: "port_scan", kind: Some("fin"), named: Party::Source, protocol: TCP },
    Attack { mode: "null-scan", class: "port_scan", kind: Some("null"), named: Party::Source, protocol: TCP },
    Attack { mode: "xmas-scan", class: "port_scan", kind: Some("xmas"), named: Party::Source, protocol: TCP },
    Attack { mode: "udp-scan", class: "port_scan", kind: Some("udp"), named: Party::Source, protocol: UDP },
    Attack { mode: "host-sweep", class: "port_scan", kind: Some("host_sweep"), named: Party::Source, protocol: TCP },
    Attack { mode: "brute-force", class: "brute_force", kind: None, named: Party::Source, protocol: TCP },
    Attack { mode: "brute-force-ftp", class: "brute_force", kind: None, named: Party::Source, protocol: TCP },
    Attack { mode: "slow-http", class: "slow_http", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "http-flood", class: "http_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "http-flood-single", class: "http_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "http-flood-overwhelmed", class: "http_flood", kind: None, named: Party::Target, protocol: TCP },
    Attack { mode: "amplification", class: "udp_flood", kind: Some("amplification"), named: Party::Target, protocol: UDP },
];

/// Every attack.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    ATTACKS.iter()
}

/// The attack of a mode.
pub(crate) fn find(mode: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|attack| attack.mode == mode)
}

/// Takes the modes of attacks from the command line, and no others.
pub(crate) fn modes() -> PossibleValuesParser {
    ATTACKS
        .iter()
        .map(|attack| attack.mode)
        .collect::<Vec<_>>()
        .into()
}
