//! What holds for every mode.

use std::collections::HashSet;
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use netanom::simulate::{Mode, Scenario, ScenarioError, frames};
use netanom_common::counter::Ignored;
use netanom_common::packet::Frame;
use netanom_common::parse::parse;

use crate::{TARGET, between, lasting, play, scenario, watch};

/// Four seconds of every mode, in both address families.
fn all_scenarios() -> impl Iterator<Item = Scenario> {
    let pairs = |mode| {
        [
            scenario(mode),
            between(mode, "2001:db8:7::/64", "2001:db8:9::1"),
        ]
    };
    Mode::all()
        .flat_map(pairs)
        .map(|scenario| lasting(scenario, 4))
}

#[test]
fn every_frame_is_in_a_flow_or_is_arp() {
    for scenario in all_scenarios() {
        let mut count = 0;
        for frame in frames(&scenario).unwrap() {
            let is_arp = frame.bytes[12..14] == [0x08, 0x06];
            let parsed = parse(&Frame::whole(&frame.bytes));
            let expected = if is_arp { Some(Ignored::NotIp) } else { None };
            assert_eq!(
                parsed.err(),
                expected,
                "{}: {:02x?}",
                scenario.mode,
                frame.bytes
            );
            count += 1;
        }
        assert!(count > 50, "{}: {count} frames", scenario.mode);
    }
}

#[test]
fn every_checksum_is_right() {
    for scenario in all_scenarios() {
        for frame in frames(&scenario).unwrap() {
            assert!(
                checksums_hold(&frame.bytes),
                "{}: {:02x?}",
                scenario.mode,
                frame.bytes
            );
        }
    }
}

/// By etherparse's own second way: reading, and computing anew.
fn checksums_hold(frame: &[u8]) -> bool {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    match packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header().to_header();
            let whole = header.header_checksum == header.calc_header_checksum();
            whole
                && match packet.transport.unwrap() {
                    TransportSlice::Tcp(tcp) => {
                        Ok(tcp.checksum())
                            == tcp.calc_checksum_ipv4(header.source, header.destination)
                    }
                    TransportSlice::Udp(udp) => {
                        Ok(udp.checksum())
                            == udp.to_header().calc_checksum_ipv4(&header, udp.payload())
                    }
                    TransportSlice::Icmpv4(icmp) => {
                        icmp.checksum() == icmp.icmp_type().calc_checksum(icmp.payload())
                    }
                    other => panic!("{other:?}"),
                }
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header().to_header();
            match packet.transport.unwrap() {
                TransportSlice::Tcp(tcp) => {
                    Ok(tcp.checksum()) == tcp.to_header().calc_checksum_ipv6(&header, tcp.payload())
                }
                TransportSlice::Udp(udp) => {
                    Ok(udp.checksum()) == udp.to_header().calc_checksum_ipv6(&header, udp.payload())
                }
                TransportSlice::Icmpv6(icmp) => {
                    icmp.is_checksum_valid(header.source, header.destination)
                }
                other => panic!("{other:?}"),
            }
        }
        Some(NetSlice::Arp(_)) => true,
        None => false,
    }
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    for scenario in all_scenarios() {
        assert_eq!(play(&scenario), play(&scenario), "{}", scenario.mode);
    }
}

#[test]
fn another_seed_gives_other_frames() {
    for scenario in all_scenarios() {
        let other = Scenario {
            seed: 2,
            ..scenario.clone()
        };
        assert_ne!(play(&scenario), play(&other), "{}", scenario.mode);
    }
}

#[test]
fn time_never_goes_back_and_ends_with_the_duration() {
    for scenario in all_scenarios() {
        let times: Vec<_> = frames(&scenario).unwrap().map(|frame| frame.at).collect();
        assert!(times.is_sorted(), "{}", scenario.mode);
        assert!(
            times[0] >= scenario.start && times[times.len() - 1] < scenario.end(),
            "{}",
            scenario.mode
        );
    }
}

#[test]
fn frames_fit_an_ethernet_of_1500_bytes() {
    for scenario in all_scenarios() {
        let longest = frames(&scenario)
            .unwrap()
            .map(|frame| frame.bytes.len())
            .max();
        assert!(longest <= Some(1514), "{}: {longest:?}", scenario.mode);
    }
}

/// The rate at which the sources sent, against the one that was asked for.
fn deviation(scenario: &Scenario) -> f64 {
    let sent = watch(scenario)
        .iter()
        .filter(|seen| scenario.source.contains(seen.from))
        .count();
    sent as f64 / scenario.duration.as_secs_f64() / scenario.rate() - 1.0
}

#[test]
fn floods_and_scans_hold_their_rate_within_one_percent() {
    use Mode::{
        Amplification, FinScan, IcmpFlood, NullScan, PortScan, SynFlood, UdpFlood, UdpScan,
        XmasScan,
    };
    for mode in [
        SynFlood,
        UdpFlood,
        IcmpFlood,
        PortScan,
        FinScan,
        NullScan,
        XmasScan,
        UdpScan,
        Amplification,
    ] {
        for (rate, seconds) in [(317.0, 10), (4000.0, 2)] {
            let deviation = deviation(&Scenario {
                rate: Some(rate),
                ..lasting(scenario(mode), seconds)
            });
            assert!(deviation.abs() < 0.01, "{mode} at {rate}: {deviation}");
        }
    }
}

#[test]
fn attacks_by_whole_connections_hold_their_rate_in_the_mean() {
    for mode in [Mode::ConnectScan, Mode::BruteForce, Mode::HttpFlood] {
        let deviation = deviation(&lasting(scenario(mode), 120));
        assert!(deviation.abs() < 0.05, "{mode}: {deviation}");
    }
}

#[test]
fn an_office_holds_its_rate_in_the_long_run() {
    for (rate, minutes) in [(20.0, 120), (200.0, 15)] {
        let office = Scenario {
            rate: Some(rate),
            ..lasting(scenario(Mode::Normal), minutes * 60)
        };
        let mean = frames(&office).unwrap().count() as f64 / office.duration.as_secs_f64();
        assert!((mean / rate - 1.0).abs() < 0.1, "{mean} for {rate}");
    }
}

#[test]
fn given_hardware_addresses_are_those_of_source_and_target() {
    let (source, target) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    for mode in Mode::all().filter(|mode| *mode != Mode::Normal) {
        let scenario = Scenario {
            source_mac: Some(source),
            target_mac: Some(target),
            ..scenario(mode)
        };
        let pairs: HashSet<_> = play(&scenario)
            .iter()
            .map(|frame| (frame.bytes[..6].to_vec(), frame.bytes[6..12].to_vec()))
            .collect();
        for (to, from) in pairs {
            assert!(
                (to == target && from == source) || (to == source && from == target),
                "{mode}: {from:?} {to:?}"
            );
        }
    }
}

#[test]
fn every_source_of_a_prefix_is_inside_it() {
    for mode in Mode::all().filter(|mode| *mode != Mode::Normal) {
        let scenario = between(mode, "198.18.0.0/15", TARGET);
        for seen in watch(&scenario) {
            let other = if seen.from == scenario.target {
                seen.to
            } else {
                seen.from
            };
            // A sweep asks the hosts around the target.
            if mode == Mode::HostSweep {
                let ends = [seen.from, seen.to].map(|end| scenario.source.contains(end));
                assert_eq!(ends.iter().filter(|inside| **inside).count(), 1, "{mode}");
                continue;
            }
            assert!(
                scenario.source.contains(other) && [seen.from, seen.to].contains(&scenario.target),
                "{mode}: {other}"
            );
        }
    }
}

#[test]
fn contradictions_are_refused() {
    let refused = |scenario: Scenario| frames(&scenario).err().unwrap();
    let good = || scenario(Mode::SynFlood);
    let families = refused(between(Mode::SynFlood, "2001:db8::1", TARGET));
    assert!(
        matches!(families, ScenarioError::Families { .. }),
        "{families}"
    );
    assert_eq!(
        refused(between(Mode::Normal, TARGET, TARGET)),
        ScenarioError::SameHost(TARGET.parse().unwrap())
    );
    assert!(matches!(
        refused(between(Mode::Normal, "10.0.0.1", "224.0.0.1")),
        ScenarioError::NoHost(_)
    ));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            matches!(
                refused(Scenario {
                    rate: Some(rate),
                    ..good()
                }),
                ScenarioError::Rate(_)
            ),
            "{rate}"
        );
    }
    let endless = Scenario {
        duration: Duration::MAX,
        ..good()
    };
    assert_eq!(refused(endless), ScenarioError::Duration(Duration::MAX));
}
