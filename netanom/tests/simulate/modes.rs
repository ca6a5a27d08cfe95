//! What makes each mode the traffic that it is named after.

use std::collections::{HashMap, HashSet};

use netanom::simulate::{Mode, Scenario};
use netanom_common::packet::{error, icmp, protocol, tcp};

use crate::{Seen, TARGET, between, lasting, scenario, watch};

fn to_target(seen: &Seen) -> bool {
    seen.to.to_string() == TARGET
}

/// Packets to and from the target by their TCP flags or kind of ICMP message.
fn by_flags(packets: &[Seen]) -> HashMap<(bool, u8), usize> {
    let mut counts = HashMap::new();
    for seen in packets {
        *counts
            .entry((to_target(seen), seen.packet.flags))
            .or_default() += 1;
    }
    counts
}

fn protocols(packets: &[Seen]) -> HashSet<u8> {
    packets.iter().map(|seen| seen.packet.protocol).collect()
}

#[test]
fn a_syn_flood_is_of_syns_to_one_port_that_fill_the_backlog() {
    let packets = watch(&Scenario {
        rate: Some(1000.0),
        ..between(Mode::SynFlood, "172.16.0.0/12", TARGET)
    });
    let counts = by_flags(&packets);
    let (syns, answers) = (
        counts[&(true, tcp::SYN)],
        counts[&(false, tcp::SYN | tcp::ACK)],
    );
    assert_eq!(syns + answers, packets.len(), "{counts:?}");
    assert!((256..3000).contains(&answers), "{answers}");
    let attacks = || packets.iter().filter(|seen| to_target(seen));
    assert_eq!(
        attacks()
            .map(|seen| seen.packet.destination_port)
            .collect::<HashSet<_>>(),
        HashSet::from([80])
    );
    let (sources, ports): (HashSet<_>, HashSet<_>) = attacks()
        .map(|seen| (seen.from, seen.packet.source_port))
        .unzip();
    assert!(
        sources.len() > 9000 && ports.len() > 5000,
        "{} sources, {} ports",
        sources.len(),
        ports.len()
    );
}

#[test]
fn a_flood_of_a_closed_port_is_refused_syn_by_syn() {
    let packets = watch(&between(Mode::SynFloodClosed, "10.0.0.7", TARGET));
    let counts = by_flags(&packets);
    let syns = counts[&(true, tcp::SYN)];
    assert_eq!(counts[&(false, tcp::RST | tcp::ACK)], syns, "{counts:?}");
    assert_eq!(2 * syns, packets.len());
}

#[test]
fn a_flood_from_an_address_that_is_not_forged_resets_its_answers() {
    let packets = watch(&between(Mode::SynFloodReset, "10.0.0.7", TARGET));
    let counts = by_flags(&packets);
    let syns = counts[&(true, tcp::SYN)];
    for flags in [(false, tcp::SYN | tcp::ACK), (true, tcp::RST)] {
        // The end cuts off what would come after it.
        assert!((syns - 5..=syns).contains(&counts[&flags]), "{counts:?}");
    }
}

#[test]
fn a_flood_of_a_service_is_of_small_datagrams_to_one_port_and_mostly_answered() {
    let packets = watch(&between(Mode::UdpFloodEcho, "10.0.0.7", TARGET));
    assert_eq!(protocols(&packets), HashSet::from([protocol::UDP]));
    let (asked, answered): (Vec<&Seen>, Vec<&Seen>) =
        packets.iter().partition(|seen| to_target(seen));
    let ports: HashSet<_> = asked
        .iter()
        .map(|seen| seen.packet.destination_port)
        .collect();
    assert_eq!(ports.len(), 1);
    assert!(asked.iter().all(|seen| seen.packet.payload <= 200));
    let share = answered.len() as f64 / asked.len() as f64;
    assert!((0.75..0.85).contains(&share), "{share}");
}

#[test]
fn a_syn_flood_of_one_address_has_one_source() {
    let packets = watch(&between(Mode::SynFlood, "10.0.0.7", TARGET));
    let sources: HashSet<_> = packets
        .iter()
        .filter(|seen| to_target(seen))
        .map(|seen| seen.from.to_string())
        .collect();
    assert_eq!(sources, HashSet::from(["10.0.0.7".to_owned()]));
}

#[test]
fn a_port_scan_probes_a_thousand_ports_once_and_finds_three_open() {
    let packets = watch(&Scenario {
        rate: Some(100.0),
        ..between(Mode::PortScan, "10.0.0.7", TARGET)
    });
    let probes: Vec<_> = packets
        .iter()
        .filter(|seen| seen.packet.flags == tcp::SYN)
        .map(|seen| seen.packet.destination_port)
        .collect();
    assert_eq!(probes.len(), 1000);
    assert_eq!(
        probes.iter().copied().collect::<HashSet<_>>(),
        (1..=1000).collect::<HashSet<u16>>()
    );
    assert!(!probes.is_sorted());
    let counts = by_flags(&packets);
    // The last answers may come after the end.
    assert!(
        (990..=997).contains(&counts[&(false, tcp::RST | tcp::ACK)]),
        "{counts:?}"
    );
    assert_eq!(counts[&(false, tcp::SYN | tcp::ACK)], 3);
    assert_eq!(counts[&(true, tcp::RST)], 3);
}

#[test]
fn the_other_scans_send_what_their_names_say() {
    let probes = |mode| {
        let packets = watch(&between(mode, "10.0.0.7", TARGET));
        let flags: HashSet<_> = packets
            .iter()
            .filter(|seen| to_target(seen))
            .map(|seen| seen.packet.flags)
            .collect();
        let ports: HashSet<_> = packets
            .iter()
            .filter(|seen| to_target(seen))
            .map(|seen| seen.packet.destination_port)
            .collect();
        assert!(ports.len() >= 999, "{mode}: {} ports", ports.len());
        (protocols(&packets), flags)
    };
    let tcp_only = HashSet::from([protocol::TCP]);
    assert_eq!(
        probes(Mode::FinScan),
        (tcp_only.clone(), HashSet::from([tcp::FIN]))
    );
    assert_eq!(
        probes(Mode::NullScan),
        (tcp_only.clone(), HashSet::from([0]))
    );
    assert_eq!(
        probes(Mode::XmasScan),
        (
            tcp_only.clone(),
            HashSet::from([tcp::FIN | tcp::PSH | tcp::URG])
        )
    );
    assert_eq!(
        probes(Mode::ConnectScan),
        (
            tcp_only,
            HashSet::from([tcp::SYN, tcp::ACK, tcp::RST | tcp::ACK])
        )
    );
    assert_eq!(
        probes(Mode::UdpScan),
        (HashSet::from([protocol::UDP]), HashSet::from([0]))
    );
    let answers = watch(&between(Mode::UdpScan, "10.0.0.7", TARGET));
    let answers = || answers.iter().filter(|seen| !to_target(seen));
    assert!(answers().count() > 6);
    assert!(answers().all(|seen| seen.packet.error == error::UNREACHABLE));
}

#[test]
fn an_open_port_is_silent_to_a_fin() {
    let packets = watch(&between(Mode::FinScan, "10.0.0.7", TARGET));
    let refused: HashSet<_> = packets
        .iter()
        .filter(|seen| !to_target(seen))
        .map(|seen| seen.packet.source_port)
        .collect();
    assert!(refused.contains(&21) && [22, 80, 443].iter().all(|open| !refused.contains(open)));
}

#[test]
fn a_udp_flood_is_of_large_datagrams_that_are_rarely_refused() {
    let packets = watch(&between(Mode::UdpFlood, "10.0.0.7", TARGET));
    let (attack, answers): (Vec<_>, Vec<_>) = packets.iter().partition(|seen| to_target(seen));
    assert!(
        attack
            .iter()
            .all(|seen| seen.packet.protocol == protocol::UDP && seen.packet.payload >= 512)
    );
    assert!(
        answers
            .iter()
            .all(|seen| seen.packet.error == error::UNREACHABLE)
    );
    // A burst of six, then one a second.
    assert!((14..=16).contains(&answers.len()), "{}", answers.len());
}

#[test]
fn a_host_sweep_asks_one_port_of_many_hosts() {
    let packets = watch(&Scenario {
        rate: Some(50.0),
        ..between(Mode::HostSweep, "10.0.0.7", TARGET)
    });
    let source = "10.0.0.7".parse::<std::net::IpAddr>().unwrap();
    let asked: Vec<&Seen> = packets.iter().filter(|seen| seen.from == source).collect();
    let ports: HashSet<_> = asked
        .iter()
        .map(|seen| seen.packet.destination_port)
        .collect();
    let hosts: HashSet<_> = asked.iter().map(|seen| seen.packet.destination).collect();
    assert_eq!(ports.len(), 1);
    assert!(hosts.len() > 100, "{}", hosts.len());
}

#[test]
fn icmp_floods_are_answered_in_part_wholly_or_not_at_all() {
    let share = |seed| {
        let counts = by_flags(&watch(&Scenario {
            seed,
            ..lasting(scenario(Mode::IcmpFlood), 2)
        }));
        let of = |key| counts.get(&key).copied().unwrap_or_default() as f64;
        of((false, icmp::ECHO_REPLY)) / of((true, icmp::ECHO_REQUEST))
    };
    let shares: Vec<f64> = (1..20).map(share).collect();
    assert!(shares.contains(&0.0), "{shares:?}");
    assert!(shares.iter().any(|share| *share > 0.99), "{shares:?}");
    assert!(
        shares.iter().any(|share| (0.05..0.8).contains(share)),
        "{shares:?}"
    );
}

#[test]
fn an_amplification_is_of_large_answers_from_one_port() {
    let packets = watch(&between(Mode::Amplification, "203.0.113.0/24", TARGET));
    let attack: Vec<_> = packets.iter().filter(|seen| to_target(seen)).collect();
    let ports: HashSet<_> = attack
        .iter()
        .map(|seen| (seen.packet.source_port, seen.packet.destination_port))
        .collect();
    assert_eq!(ports.len(), 1);
    assert!(attack.iter().all(|seen| seen.packet.payload >= 260));
    let servers: HashSet<_> = attack.iter().map(|seen| seen.from).collect();
    assert!(servers.len() > 100, "{}", servers.len());
}

/// How connections to one port of the target begin and end.
fn connections(packets: &[Seen], port: u16) -> HashMap<&'static str, usize> {
    let mut counts = HashMap::from([
        ("opened", 0),
        ("accepted", 0),
        ("finished", 0),
        ("reset", 0),
    ]);
    for seen in packets
        .iter()
        .filter(|seen| [seen.packet.source_port, seen.packet.destination_port].contains(&port))
    {
        let flags = seen.packet.flags;
        let what = if flags == tcp::SYN {
            "opened"
        } else if flags == tcp::SYN | tcp::ACK {
            "accepted"
        } else if flags & tcp::FIN != 0 && !to_target(seen) {
            "finished"
        } else if flags & tcp::RST != 0 {
            "reset"
        } else {
            continue;
        };
        *counts.get_mut(what).unwrap() += 1;
    }
    counts
}

#[test]
fn brute_force_is_of_many_short_logins() {
    let counts = connections(
        &watch(&lasting(between(Mode::BruteForce, "10.0.0.7", TARGET), 60)),
        22,
    );
    assert!(
        counts["opened"] > 100 && counts["finished"] > 100,
        "{counts:?}"
    );
    assert_eq!(counts["reset"], 0, "{counts:?}");
}

#[test]
fn slow_http_holds_connections_open() {
    let packets = watch(&lasting(between(Mode::SlowHttp, "10.0.0.7", TARGET), 60));
    let counts = connections(&packets, 80);
    assert!(counts["opened"] >= 400, "{counts:?}");
    assert!(counts["reset"] < counts["opened"] / 2, "{counts:?}");
    // After the first lines, 9 s pass from line to line.
    let said = packets
        .iter()
        .filter(|seen| to_target(seen) && seen.packet.payload > 0)
        .count();
    assert!(said < counts["opened"] * 8, "{said}");
    assert!(
        packets
            .iter()
            .all(|seen| to_target(seen) || seen.packet.payload == 0)
    );
}

#[test]
fn an_http_flood_is_of_requests_that_are_answered() {
    let counts = connections(&watch(&scenario(Mode::HttpFlood)), 80);
    assert!(
        counts["opened"] > 100 && counts["finished"] * 2 > counts["opened"],
        "{counts:?}"
    );
}

#[test]
fn a_server_that_is_overwhelmed_answers_fewer_and_fewer_requests() {
    let answers = |mode, begin: usize, end: usize| {
        let packets = watch(&scenario(mode));
        let part = &packets[packets.len() * begin / 4..packets.len() * end / 4];
        let payloads = |is_answer: bool| {
            let said = part.iter().filter(|seen| seen.packet.payload > 0);
            said.filter(|seen| (seen.packet.source_port == 80) == is_answer)
                .count() as f64
        };
        payloads(true) / payloads(false)
    };
    assert!(answers(Mode::HttpFloodSingle, 3, 4) > 0.9);
    let (early, late) = (
        answers(Mode::HttpFloodOverwhelmed, 0, 1),
        answers(Mode::HttpFloodOverwhelmed, 3, 4),
    );
    assert!(late < 0.5 * early && early > 0.2, "{early} {late}");
}

#[test]
fn an_office_does_all_that_an_office_does() {
    let packets = watch(&lasting(scenario(Mode::Normal), 600));
    let services: HashSet<_> = packets
        .iter()
        .map(|seen| (seen.packet.protocol, seen.packet.destination_port))
        .collect();
    for port in [22, 80, 443, 9100] {
        assert!(services.contains(&(protocol::TCP, port)), "{port}");
    }
    for port in [53, 123, 1900, 5353] {
        assert!(services.contains(&(protocol::UDP, port)), "{port}");
    }
    assert!(services.contains(&(protocol::ICMP, 0)));
    assert!(packets.iter().any(|seen| seen.packet.length == 1514));
}

#[test]
fn connections_of_an_office_are_answered_and_finished() {
    let packets = watch(&lasting(scenario(Mode::Normal), 600));
    for port in [80, 443] {
        let counts = connections(&packets, port);
        assert!(
            counts["opened"].abs_diff(counts["accepted"]) < 5,
            "{counts:?}"
        );
        assert!(
            (counts["finished"] + counts["reset"]) * 10 > counts["opened"] * 8,
            "{counts:?}"
        );
    }
}

#[test]
fn an_office_is_never_regular() {
    let scenario = lasting(scenario(Mode::Normal), 600);
    let times: Vec<_> = netanom::simulate::frames(&scenario)
        .unwrap()
        .map(|frame| frame.at)
        .collect();
    let gaps: Vec<_> = times
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_secs_f64())
        .collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    // A clockwork has 0, independent packets have 1, bursts have more.
    assert!(variance.sqrt() / mean > 2.0, "{}", variance.sqrt() / mean);
}
