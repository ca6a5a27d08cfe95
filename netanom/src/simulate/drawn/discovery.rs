//! Devices that look for each other: broadcasts, multicast, and membership of groups.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand::RngExt;

use super::super::chance;
use super::super::host::{Host, Mac};
use super::super::packet::{Body, Payload};
use super::machines::moments;
use super::raw;
use super::scene::{Cast, Scene};

/// A protocol by which devices look for each other.
struct Discovery {
    group: Ipv4Addr,
    /// End of the group's address in IPv6; none where only IPv4 has it.
    group_6: Option<u16>,
    port: u16,
    /// Whether the asker's port is the same.
    same_port: bool,
    /// Bytes of a question and of an answer.
    sizes: (u32, u32),
}

const BROADCAST: Ipv4Addr = Ipv4Addr::BROADCAST;

#[rustfmt::skip]
const DISCOVERIES: [Discovery; 12] = [
    // mDNS, SSDP, LLMNR, WS-Discovery.
    Discovery { group: Ipv4Addr::new(224, 0, 0, 251), group_6: Some(0xfb), port: 5353, same_port: true, sizes: (60, 300) },
    Discovery { group: Ipv4Addr::new(239, 255, 255, 250), group_6: Some(0x0c), port: 1900, same_port: false, sizes: (125, 350) },
    Discovery { group: Ipv4Addr::new(224, 0, 0, 252), group_6: Some(0x13), port: 5355, same_port: false, sizes: (28, 50) },
    Discovery { group: Ipv4Addr::new(239, 255, 255, 250), group_6: Some(0x0c), port: 3702, same_port: false, sizes: (650, 1200) },
    // NetBIOS names and datagrams, DHCP, Dropbox, Spotify.
    Discovery { group: BROADCAST, group_6: None, port: 137, same_port: true, sizes: (50, 62) },
    Discovery { group: BROADCAST, group_6: None, port: 138, same_port: true, sizes: (201, 220) },
    Discovery { group: BROADCAST, group_6: None, port: 67, same_port: false, sizes: (300, 320) },
    Discovery { group: BROADCAST, group_6: None, port: 17_500, same_port: true, sizes: (150, 180) },
    Discovery { group: BROADCAST, group_6: None, port: 57_621, same_port: true, sizes: (44, 44) },
    // Controllers: EtherNet/IP, Beckhoff, Melsoft.
    Discovery { group: BROADCAST, group_6: None, port: 44_818, same_port: false, sizes: (24, 90) },
    Discovery { group: BROADCAST, group_6: None, port: 48_899, same_port: false, sizes: (30, 370) },
    Discovery { group: BROADCAST, group_6: None, port: 5561, same_port: false, sizes: (60, 90) },
];

/// Searches by broadcast and multicast, from one host or many; answers come alone to who asked, or not at all.
pub(super) fn searches(scene: &mut Scene, cast: Cast) {
    for _ in 0..chance::count(&mut scene.rng, 1, 4) {
        let kind = chance::pick(&mut scene.rng, &DISCOVERIES);
        let Some(group) = group(scene, kind) else {
            continue;
        };
        let mut askers = vec![cast.client];
        for _ in 0..chance::count(&mut scene.rng, 1, 40) - 1 {
            askers.push(scene.near_host());
        }
        let answerers: Vec<Host> = (0..chance::count(&mut scene.rng, 1, 20))
            .map(|_| scene.near_host())
            .collect();
        let answers = *chance::pick(&mut scene.rng, &[0.0, 0.3, 1.0]);
        // A port of its own for each search.
        let new_port = scene.rng.random_bool(0.5);
        let repeats = chance::count(&mut scene.rng, 1, 6);
        let every = chance::span(&mut scene.rng, 0.01, 8.0);
        for at in moments(scene, every, 1.0) {
            let host = *chance::pick(&mut scene.rng, &askers);
            let own = if kind.same_port {
                kind.port
            } else {
                match scene.last_port(host) {
                    Some(port) if !new_port => port,
                    _ => scene.port(host),
                }
            };
            let mut at = at;
            for _ in 0..repeats {
                let rng = &mut scene.rng;
                let asked = Payload::noise(chance::size(rng, kind.sizes.0, 0.1, 1400));
                let question = raw::datagram(rng, at, (host, own), (group, kind.port), asked);
                let mut packets = vec![question];
                for from in &answerers {
                    if rng.random_bool(answers / answerers.len() as f64) {
                        let later = at.plus(chance::time(rng, Duration::from_millis(40), 1.0));
                        let told = Payload::noise(chance::size(rng, kind.sizes.1, 0.3, 1440));
                        let (from, to) = ((*from, kind.port), (host, own));
                        packets.push(raw::datagram(rng, later, from, to, told));
                    }
                }
                scene.add(packets);
                at = at.plus(chance::time(
                    &mut scene.rng,
                    Duration::from_millis(300),
                    0.8,
                ));
            }
        }
    }
}

/// The group, or everybody on the network.
fn group(scene: &mut Scene, kind: &Discovery) -> Option<Host> {
    if scene.is_ipv4 {
        let [_, a, b, c] = kind.group.octets();
        let mac: Mac = if kind.group == BROADCAST {
            [0xff; 6]
        } else {
            // RFC 1112 6.4.
            [0x01, 0, 0x5e, a & 0x7f, b, c]
        };
        let own = scene.near_host().ip;
        let ip = match own {
            // Broadcasts go to the network's last address as often as to all.
            IpAddr::V4(own) if kind.group == BROADCAST && scene.rng.random() => {
                Ipv4Addr::from_bits(own.to_bits() | 0xff).into()
            }
            _ => kind.group.into(),
        };
        return Some(Host { ip, mac, ttl: 4 });
    }
    let last = kind.group_6?;
    let ip = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, last).into();
    let [high, low] = last.to_be_bytes();
    let mac = [0x33, 0x33, 0, 0, high, low];
    Some(Host { ip, mac, ttl: 4 })
}

/// IGMP: who is in which group (RFC 3376); in IPv6 the hosts ping each other instead.
pub(super) fn membership(scene: &mut Scene, cast: Cast) {
    let groups = chance::count(&mut scene.rng, 1, 60) as u8;
    let mut hosts = vec![cast.client];
    for _ in 0..chance::count(&mut scene.rng, 1, 40) {
        hosts.push(scene.near_host());
    }
    let every = chance::span(&mut scene.rng, 0.005, 3.0);
    let version_3 = scene.rng.random::<bool>();
    for at in moments(scene, every, 1.2) {
        let from = *chance::pick(&mut scene.rng, &hosts);
        if !scene.is_ipv4 {
            let to = *chance::pick(&mut scene.rng, &hosts);
            let packet = raw::echo(&mut scene.rng, at, (from, to), true, (1, 1), 56);
            scene.add(vec![packet]);
            continue;
        }
        let last = scene.rng.random_range(1..=groups);
        let group = if version_3 {
            Ipv4Addr::new(224, 0, 0, 22)
        } else {
            Ipv4Addr::new(239, 192, 0, last)
        };
        let [_, a, b, c] = group.octets();
        let to = Host {
            ip: group.into(),
            mac: [0x01, 0, 0x5e, a & 0x7f, b, c],
            ttl: 1,
        };
        let head: &[u8] = if version_3 {
            &[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 192, 0, last]
        } else {
            &[0x16, 0, 0, 0, 239, 192, 0, last]
        };
        let body = Body::Other {
            protocol: IGMP,
            payload: Payload::bytes(head),
        };
        let packet = raw::planned(&mut scene.rng, at, from, to, body);
        scene.add(vec![packet]);
    }
}

/// IANA's protocol number.
const IGMP: u8 = 2;
