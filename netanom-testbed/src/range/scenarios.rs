//! The captures of the range: who is there, and who attacks. One row is one capture, or several with other numbers.

use super::attack::Attack::{self, Flood, Guess, HttpFlood, Masscan, Scan, SlowHttp, Sweep};
use super::attack::Flood::{
    Icmp, IcmpForged, SynClosed, SynForged, SynOpen, SynPorts, UdpClosed, UdpForged, UdpOpen,
    UdpPorts,
};
use super::attack::Guess::{
    HydraBasic, HydraForm, HydraFtp, HydraSsh, MedusaFtp, MedusaSsh, NcrackFtp, NcrackSsh,
};
use super::crowd::Crowd;

/// One row.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) people: Crowd,
    pub(super) attacks: &'static [Attack],
    pub(super) seconds: f64,
    /// How many captures of the full set are made of it.
    pub(super) times: usize,
    /// Whether one of them is in the quick set, too.
    pub(super) quick: bool,
}

const fn row(
    name: &'static str,
    people: Crowd,
    attacks: &'static [Attack],
    seconds: f64,
    times: usize,
) -> Scenario {
    Scenario {
        name,
        people,
        attacks,
        seconds,
        times,
        quick: false,
    }
}

const fn quick(scenario: Scenario) -> Scenario {
    Scenario {
        quick: true,
        ..scenario
    }
}

use Crowd::{Backups, Behind, Devices, Load, Mail, Media, Nat, Nobody, Office, Peers};

#[rustfmt::skip]
pub(super) const SCENARIOS: &[Scenario] = &[
    quick(row("office", Office, &[], 60.0, 4)),
    row("behind", Behind, &[], 40.0, 2),
    row("devices", Devices, &[], 50.0, 3),
    quick(row("peers", Peers, &[], 50.0, 3)),
    row("media", Media, &[], 30.0, 2),
    row("backups", Backups, &[], 30.0, 2),
    quick(row("load", Load, &[], 30.0, 4)),
    row("mail", Mail, &[], 40.0, 2),

    quick(row("syn-flood", Office, &[Flood(SynOpen, 20.0, 2000.0)], 15.0, 3)),
    row("syn-flood-fast", Nobody, &[Flood(SynOpen, 5000.0, 100_000.0)], 4.0, 1),
    row("syn-flood-closed", Devices, &[Flood(SynClosed, 10.0, 3000.0)], 15.0, 2),
    row("syn-flood-ports", Mail, &[Flood(SynPorts, 1000.0, 20_000.0)], 8.0, 2),
    row("syn-flood-forged", Office, &[Flood(SynForged, 200.0, 20_000.0)], 10.0, 2),
    row("syn-flood-two", Behind, &[Flood(SynOpen, 50.0, 1000.0), Flood(SynOpen, 50.0, 1000.0), Flood(SynOpen, 50.0, 1000.0)], 15.0, 1),

    quick(row("udp-flood", Office, &[Flood(UdpClosed, 20.0, 3000.0)], 15.0, 2)),
    row("udp-flood-open", Media, &[Flood(UdpOpen, 50.0, 3000.0)], 12.0, 2),
    row("udp-flood-ports", Peers, &[Flood(UdpPorts, 1000.0, 20_000.0)], 8.0, 2),
    row("udp-flood-forged", Devices, &[Flood(UdpForged, 300.0, 20_000.0)], 8.0, 2),

    quick(row("icmp-flood", Devices, &[Flood(Icmp, 10.0, 100.0)], 30.0, 2)),
    row("icmp-flood-fast", Office, &[Flood(Icmp, 300.0, 30_000.0)], 10.0, 2),
    row("icmp-flood-forged", Behind, &[Flood(IcmpForged, 300.0, 10_000.0)], 8.0, 1),

    quick(row("scan-syn", Office, &[Scan("-sS -T4 -p 1-1000")], 15.0, 1)),
    row("scan-syn-all", Nobody, &[Scan("-sS -T5 -p-")], 15.0, 1),
    row("scan-syn-slow", Devices, &[Scan("-sS -T2 -F")], 55.0, 2),
    row("scan-syn-slower", Office, &[Scan("-sS --scan-delay 2s --top-ports 50"), Scan("-sS -T1 --top-ports 30")], 60.0, 1),
    quick(row("scan-connect", Devices, &[Scan("-sT -T3 --top-ports 300")], 12.0, 2)),
    row("scan-connect-all", Mail, &[Scan("-sT -T4 -p 1-5000")], 12.0, 1),
    row("scan-15", Office, &[Scan("-sS --top-ports 15"), Scan("-sT --top-ports 15"), Scan("-sU -T4 --top-ports 15"), Scan("-sX --top-ports 15"), Scan("-sF --top-ports 15")], 25.0, 3),
    row("scan-15-alone", Nobody, &[Scan("-sU -p 20-34")], 25.0, 1),
    row("scan-15-xmas", Nobody, &[Scan("-sX -p 20-34")], 15.0, 1),
    row("scan-15-null", Nobody, &[Scan("-sN -p 70-84")], 15.0, 1),
    row("scan-15-connect", Nobody, &[Scan("-sT -p 75-89")], 15.0, 1),
    row("scan-fin", Office, &[Scan("-sF -F")], 20.0, 1),
    row("scan-null", Behind, &[Scan("-sN -T4 --top-ports 1000")], 20.0, 1),
    row("scan-xmas", Mail, &[Scan("-sX -T4 --top-ports 500")], 20.0, 1),
    row("scan-ack", Devices, &[Scan("-sA -T4 --top-ports 500")], 15.0, 1),
    quick(row("scan-udp", Office, &[Scan("-sU -T4 --top-ports 200")], 30.0, 2)),
    row("scan-udp-slow", Peers, &[Scan("-sU --top-ports 100")], 55.0, 1),
    row("scan-versions", Office, &[Scan("-sV -T4 --top-ports 200")], 40.0, 2),
    row("sweep-syn", Peers, &[Sweep("-sS -T4 -p 22,80,443")], 20.0, 2),
    row("sweep-connect", Office, &[Sweep("-sT -T4 -p 445 --max-rate 20")], 30.0, 1),
    quick(row("sweep-telnet", Devices, &[Sweep("-sS -p 23,2323 --max-rate 10 --max-retries 0")], 40.0, 2)),
    row("masscan", Office, &[Masscan("23", 3.0, 60.0)], 30.0, 2),
    row("masscan-ports", Media, &[Masscan("1-200", 500.0, 8000.0)], 10.0, 1),

    quick(row("guess-ssh", Office, &[Guess(HydraSsh, 20, 400)], 40.0, 3)),
    row("guess-ssh-few", Backups, &[Guess(HydraSsh, 6, 20), Guess(MedusaSsh, 5, 15)], 40.0, 1),
    row("guess-ssh-medusa", Devices, &[Guess(MedusaSsh, 20, 200)], 40.0, 1),
    row("guess-ssh-ncrack", Backups, &[Guess(NcrackSsh, 20, 300)], 40.0, 1),
    quick(row("guess-ftp", Mail, &[Guess(HydraFtp, 20, 300)], 30.0, 2)),
    row("guess-ftp-alone", Nobody, &[Guess(HydraFtp, 50, 1000)], 40.0, 1),
    row("guess-ftp-others", Office, &[Guess(MedusaFtp, 10, 100), Guess(NcrackFtp, 20, 200)], 40.0, 1),
    row("guess-basic", Office, &[Guess(HydraBasic, 30, 1000)], 25.0, 2),
    row("guess-form", Load, &[Guess(HydraForm, 30, 500)], 25.0, 2),

    quick(row("slow-headers", Office, &[SlowHttp("-H", 40, 500)], 35.0, 3)),
    row("slow-headers-alone", Nobody, &[SlowHttp("-H", 200, 900)], 30.0, 1),
    row("slow-body", Behind, &[SlowHttp("-B", 40, 400)], 35.0, 2),
    row("slow-read", Office, &[SlowHttp("-X -w 10 -y 200 -n 3 -z 32 -k 3", 30, 300)], 35.0, 2),
    row("slow-range", Load, &[SlowHttp("-R", 30, 200)], 20.0, 1),

    quick(row("flood-ab", Office, &[HttpFlood("ab", 30, 400)], 10.0, 2)),
    row("flood-ab-keep", Devices, &[HttpFlood("ab -k", 50, 400)], 10.0, 1),
    row("flood-siege", Behind, &[HttpFlood("siege", 40, 200)], 12.0, 2),
    row("flood-wrk", Office, &[HttpFlood("wrk", 50, 400)], 8.0, 2),
    row("flood-curl", Office, &[HttpFlood("curl", 2, 12)], 15.0, 2),
    row("flood-three", Mail, &[HttpFlood("ab", 20, 100), HttpFlood("siege", 20, 100), HttpFlood("curl", 3, 8)], 12.0, 1),

    row("several", Office, &[Scan("-sS -T4 --top-ports 200"), Guess(HydraSsh, 20, 100), Flood(SynClosed, 50.0, 500.0), SlowHttp("-H", 40, 150)], 50.0, 2),
    row("several-others", Peers, &[Sweep("-sS -p 23 --max-rate 15"), Flood(UdpClosed, 50.0, 500.0), Guess(HydraFtp, 20, 100)], 45.0, 1),

    // New rows come last, so that those before keep their numbers.
    row("nat", Nat, &[], 50.0, 3),
    row("nat-and-flood", Nat, &[Flood(SynOpen, 50.0, 2000.0)], 20.0, 1),
    row("nat-and-guesses", Nat, &[Guess(HydraSsh, 20, 200), Guess(HydraForm, 30, 200)], 30.0, 1),
];

/// Seconds of a capture in the quick set, at most.
pub(super) const QUICK_SECONDS: f64 = 12.0;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_do_for_a_file() {
        let names: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        for name in names {
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{name}"
            );
        }
    }

    #[test]
    fn no_capture_is_longer_than_a_minute() {
        assert!(SCENARIOS.iter().all(|scenario| scenario.seconds <= 60.0));
    }

    #[test]
    fn attacks_are_mostly_among_people() {
        let attacks = || {
            SCENARIOS
                .iter()
                .filter(|scenario| !scenario.attacks.is_empty())
        };
        let among = attacks()
            .filter(|scenario| scenario.people != Nobody)
            .count();
        assert!(among * 3 > attacks().count() * 2);
    }
}
