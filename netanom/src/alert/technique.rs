//! Which technique of MITRE ATT&CK an alert is (<https://attack.mitre.org>, Enterprise).

use std::net::IpAddr;

use super::Class;

/// The techniques of a class, as done by `source` where one stands out.
#[must_use]
pub(super) fn techniques(class: Class, source: Option<IpAddr>) -> &'static [&'static str] {
    match class {
        // Endpoint Denial of Service: OS Exhaustion Flood.
        Class::SynFlood => &["T1499.001"],
        // Network Denial of Service: Direct Network Flood.
        Class::UdpFlood | Class::IcmpFlood | Class::Flood => &["T1498.001"],
        // Endpoint Denial of Service: Service Exhaustion Flood.
        Class::HttpFlood | Class::SlowHttp => &["T1499.002"],
        // Network Service Discovery by who is inside, Active Scanning: Scanning IP Blocks by who is not.
        Class::PortScan if source.is_some_and(is_inside) => &["T1046"],
        Class::PortScan => &["T1595.001"],
        // Active Scanning: Vulnerability Scanning.
        Class::WebScan => &["T1595.002"],
        // Brute Force.
        Class::BruteForce => &["T1110"],
        Class::Normal | Class::Anomaly => &[],
    }
}

/// Whether the address is of a network that no route leads to from outside (RFC 1918, 3927, 4193, 4291).
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_discovery_from_inside_and_reconnaissance_from_outside() {
        let of = |ip: &str| techniques(Class::PortScan, ip.parse().ok());
        assert_eq!(of("10.1.2.3"), ["T1046"]);
        assert_eq!(of("fd00::1"), ["T1046"]);
        assert_eq!(of("203.0.113.9"), ["T1595.001"]);
        assert_eq!(of("many"), ["T1595.001"]);
    }

    #[test]
    fn every_named_attack_has_a_technique() {
        let without = |class: &Class| techniques(*class, None).is_empty();
        let classes: Vec<Class> = Class::ALL.into_iter().filter(without).collect();
        assert_eq!(classes, [Class::Normal, Class::Anomaly]);
    }
}
