//! What traffic can be judged to be: the one table of classes, with the protocols that each is ever named for and by
//! whom its alerts are grouped.

use std::fmt;
use std::str::FromStr;

use netanom_common::packet::protocol;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UnknownName;

/// What a flow or a host is judged to be.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Ordinary traffic.
    Normal,
    /// TCP connection requests in a number that is meant to exhaust the target.
    SynFlood,
    /// UDP datagrams in a number that is meant to exhaust the target, reflected ones among them.
    UdpFlood,
    /// ICMP messages in a number that is meant to exhaust the target.
    IcmpFlood,
    /// Packets in a number that is meant to exhaust the target and that are none of these: ACKs, RSTs, reflected
    /// SYN-ACKs, fragments, GRE and the like.
    Flood,
    /// One source that tries many ports or many hosts.
    PortScan,
    /// Many log-in attempts.
    BruteForce,
    /// Requests that are never finished and keep the server's connections busy.
    SlowHttp,
    /// Complete requests in a number that is meant to exhaust the server.
    HttpFlood,
    /// Unusual without a name; only unsupervised detectors say so.
    Anomaly,
}

/// By whom the alerts of a class are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// Whom it hits: sources of floods are many or forged.
    Target,
    /// Who does it, over all targets and ports.
    Source,
    /// Who does it, at one port: guessing at SSH and at a web form are two things.
    SourceAndService,
}

/// How many classes there are.
pub const CLASSES: usize = Class::ALL.len();

/// TCP ports at which people log in, as IANA registers them: FTP, SSH, telnet, SMTP, POP3, IMAP, LDAP, SMB, submission,
/// SQL Server, MQTT, MySQL, RDP, PostgreSQL, VNC, Redis, and those over TLS. Such a port helps to name what was detected
/// without it; it never decides whether something is an attack.
const LOGIN_PORTS: [u16; 23] = [
    21, 22, 23, 25, 110, 143, 389, 445, 465, 587, 636, 990, 993, 995, 1433, 1883, 2222, 3306, 3389,
    5432, 5900, 6379, 8883,
];

impl Class {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Normal,
        Self::SynFlood,
        Self::UdpFlood,
        Self::IcmpFlood,
        Self::Flood,
        Self::PortScan,
        Self::BruteForce,
        Self::SlowHttp,
        Self::HttpFlood,
        Self::Anomaly,
    ];

    /// The name in labels, metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::SynFlood => "syn_flood",
            Self::UdpFlood => "udp_flood",
            Self::IcmpFlood => "icmp_flood",
            Self::Flood => "flood",
            Self::PortScan => "port_scan",
            Self::BruteForce => "brute_force",
            Self::SlowHttp => "slow_http",
            Self::HttpFlood => "http_flood",
            Self::Anomaly => "anomaly",
        }
    }

    /// Whether traffic of this IP protocol can be of the class at all.
    #[must_use]
    pub const fn is_possible(self, number: u8) -> bool {
        match self {
            Self::Normal | Self::Flood | Self::Anomaly => true,
            Self::SynFlood | Self::BruteForce | Self::SlowHttp => number == protocol::TCP,
            Self::UdpFlood => number == protocol::UDP,
            Self::IcmpFlood => matches!(number, protocol::ICMP | protocol::ICMPV6),
            Self::PortScan => matches!(
                number,
                protocol::TCP | protocol::UDP | protocol::SCTP | protocol::ICMP | protocol::ICMPV6
            ),
            // By QUIC, too (RFC 9114).
            Self::HttpFlood => matches!(number, protocol::TCP | protocol::UDP),
        }
    }

    pub(super) const fn grouping(self) -> Grouping {
        match self {
            Self::PortScan | Self::Anomaly => Grouping::Source,
            Self::BruteForce => Grouping::SourceAndService,
            _ => Grouping::Target,
        }
    }

    /// Whether one attack may look like either for a while: connection requests to many ports are a scan or a flood, and
    /// what is done to an application by many connections is told apart by their insides.
    pub(super) const fn is_near(self, other: Self) -> bool {
        use Class::{BruteForce, Flood, HttpFlood, PortScan, SlowHttp, SynFlood};
        matches!(
            (self, other),
            (SynFlood | Flood, PortScan | Flood | HttpFlood | SynFlood)
                | (PortScan | HttpFlood, SynFlood | Flood)
                | (
                    BruteForce | HttpFlood | SlowHttp,
                    BruteForce | HttpFlood | SlowHttp
                )
        )
    }
}

/// Whether web servers answer QUIC at this UDP port (RFC 9114).
pub(super) fn is_quic_port(port: u16) -> bool {
    matches!(port, 80 | 443 | 8443)
}

/// Whether people log in at this TCP port.
pub(super) fn is_login_port(port: u16) -> bool {
    LOGIN_PORTS.contains(&port)
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == name)
            .ok_or_else(|| UnknownName::new(name, &Self::ALL.map(Self::name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_order_of_the_enum() {
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place, "{class}");
        }
    }

    #[test]
    fn each_class_is_named_for_its_protocols_alone() {
        let possible = |class: Class| {
            let numbers = [
                protocol::TCP,
                protocol::UDP,
                protocol::ICMP,
                protocol::ICMPV6,
                protocol::SCTP,
                2,
            ];
            numbers.map(|number| class.is_possible(number))
        };
        assert_eq!(
            possible(Class::SynFlood),
            [true, false, false, false, false, false]
        );
        assert_eq!(
            possible(Class::UdpFlood),
            [false, true, false, false, false, false]
        );
        assert_eq!(
            possible(Class::IcmpFlood),
            [false, false, true, true, false, false]
        );
        assert_eq!(
            possible(Class::PortScan),
            [true, true, true, true, true, false]
        );
        assert_eq!(
            possible(Class::HttpFlood),
            [true, true, false, false, false, false]
        );
        assert_eq!(possible(Class::Flood), [true; 6]);
    }

    #[test]
    fn nearness_goes_both_ways() {
        for one in Class::ALL {
            for other in Class::ALL {
                assert_eq!(
                    one.is_near(other) && one != other,
                    other.is_near(one) && one != other
                );
            }
        }
    }
}
