//! How much an incident matters, from its class and its size.

use super::{Class, Severity};

/// The size of an incident.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Packets a second, over at least a second.
    pub(super) packet_rate: f64,
    /// Flows.
    pub(super) flows: u64,
    /// Distinct ports times distinct hosts, as far as they were told apart.
    pub(super) targets: u64,
}

/// Grades an incident. The bounds are what a small server feels: 100 packets a second are noticed, 1,000 hurt a
/// service that keeps state for each; a scan of a hundred ports looks for something, of a thousand for everything.
pub(super) fn grade(class: Class, size: Size) -> Severity {
    let (amount, medium, high) = match class {
        Class::SynFlood | Class::UdpFlood | Class::IcmpFlood | Class::Flood => {
            (size.packet_rate, 100.0, 1000.0)
        }
        Class::PortScan => (size.targets as f64, 100.0, 1000.0),
        // Client-minutes of an access log; requests grade it further, in `pipeline/access_words.rs`.
        Class::WebScan => (size.flows as f64, 10.0, 100.0),
        Class::BruteForce => (size.flows as f64, 20.0, 200.0),
        Class::SlowHttp => (size.flows as f64, 50.0, 200.0),
        Class::HttpFlood => (size.packet_rate, 100.0, 1000.0),
        Class::Normal | Class::Anomaly => (size.flows as f64, 100.0, f64::INFINITY),
    };
    if amount >= high {
        Severity::High
    } else if amount >= medium {
        Severity::Medium
    } else {
        Severity::Low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_graded_by_its_rate() {
        let at = |packet_rate| {
            grade(
                Class::SynFlood,
                Size {
                    packet_rate,
                    ..Size::default()
                },
            )
        };
        assert_eq!([at(20.0), at(100.0), at(5000.0)], Severity::ALL);
    }

    #[test]
    fn a_scan_is_graded_by_what_it_touches() {
        let of = |targets| {
            grade(
                Class::PortScan,
                Size {
                    targets,
                    ..Size::default()
                },
            )
        };
        assert_eq!([of(15), of(254), of(10_000)], Severity::ALL);
    }
}
