//! What goes on beside an attack: an attacker that also works, and others on the attacked hosts. The traffic is that of
//! another capture, moved in time and given the addresses of this one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netanom_common::packet::protocol;
use rand::RngExt;

use super::capture::Packet;
use super::conversations::{Conversation, conversations};
use super::labels::CarriedRules;
use super::view::{End, rename};
use crate::alert::Class;
use crate::simulate::chance::{self, Rng};

/// Who attacks whom in a capture.
#[derive(Clone, Debug)]
pub(super) struct Attack {
    /// Those that began most of the attack's conversations, most first.
    pub(super) attackers: Vec<IpAddr>,
    pub(super) target: IpAddr,
    /// Packets of the attack.
    pub(super) packets: usize,
    /// When it began and ended.
    pub(super) span: (u64, u64),
}

impl Attack {
    /// None where there is no attack, or one whose sources are too many to be whom they say.
    pub(super) fn of(packets: &[Packet], all: &[Conversation], classes: &[Class]) -> Option<Self> {
        let mut sources: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let mut targets: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let (mut count, mut span) = (0, (u64::MAX, 0));
        for (one, class) in all.iter().zip(classes) {
            if *class == Class::Normal {
                continue;
            }
            *sources.entry(one.client.0).or_default() += 1;
            *targets.entry(one.server.0).or_default() += 1;
            count += one.packets.len();
            for &place in &one.packets {
                span = (span.0.min(packets[place].at), span.1.max(packets[place].at));
            }
        }
        let most = |of: &BTreeMap<IpAddr, usize>| {
            let mut hosts: Vec<_> = of.iter().map(|(ip, count)| (*count, *ip)).collect();
            hosts.sort_unstable_by(|a, b| b.cmp(a));
            hosts.into_iter().map(|(_, ip)| ip).collect::<Vec<_>>()
        };
        const KNOWN: usize = 64;
        (1..=KNOWN).contains(&sources.len()).then(|| Self {
            attackers: most(&sources),
            target: most(&targets)[0],
            packets: count,
            span,
        })
    }
}

/// Ports that the moved clients take: none that systems give out by themselves.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// The part of `benign` that the attacker does besides, with its address. None where nothing of it fits.
pub(super) fn attackers_work(
    packets: &mut Vec<Packet>,
    labels: &mut CarriedRules,
    attack: &Attack,
    benign: &[Packet],
    rng: &mut Rng,
) -> Option<String> {
    let attacker = attack.attackers[rng.random_range(0..attack.attackers.len().min(3))];
    let all = talks(benign, attacker.is_ipv4());
    let client = busiest(all.iter().map(|one| one.client.0))?;
    let own: Vec<&Conversation> = all.iter().filter(|one| one.client.0 == client).collect();
    let kept = chosen(benign, &own, attack, rng);
    let server = busiest(kept.iter().map(|one| one.server.0))?;
    let same_server = rng.random_bool(0.5);
    let taken: BTreeSet<u16> = packets
        .iter()
        .filter_map(|packet| packet.view)
        .flat_map(|view| [view.from, view.to])
        .filter(|end| end.0 == attacker)
        .map(|end| end.1)
        .collect();
    let free: Vec<u16> = PORTS.filter(|port| !taken.contains(port)).collect();
    let mut ports: BTreeMap<u16, u16> = BTreeMap::new();
    for one in &kept {
        let next = *free.get(ports.len())?;
        ports.entry(one.client.1).or_insert(next);
    }
    let new = |(ip, port): End| {
        if ip == client {
            (attacker, ports.get(&port).copied().unwrap_or(port))
        } else if ip == server && same_server {
            (attack.target, port)
        } else {
            (ip, port)
        }
    };
    let count = join(packets, benign, &kept, attack, &new, rng);
    let ports = ports.into_values().collect();
    labels.are_innocent(&BTreeSet::from([attacker]), &ports);
    Some(format!(
        "{attacker} also works: {count} packets, {}",
        if same_server {
            "some with the attacked server"
        } else {
            "with others"
        }
    ))
}

/// Others beside the attack, some on the attacked host.
pub(super) fn others(
    packets: &mut Vec<Packet>,
    labels: &mut CarriedRules,
    attack: &Attack,
    benign: &[Packet],
    rng: &mut Rng,
) -> Option<String> {
    let is_ipv4 = attack.target.is_ipv4();
    let all = talks(benign, is_ipv4);
    let own: Vec<&Conversation> = all.iter().collect();
    let kept = chosen(benign, &own, attack, rng);
    let server = busiest(kept.iter().map(|one| one.server.0))?;
    let same_server = rng.random_bool(0.5);
    let hosts: BTreeSet<IpAddr> = kept
        .iter()
        .flat_map(|one| [one.client.0, one.server.0])
        .collect();
    // Addresses of their own, so that nobody is taken for somebody of the attack.
    let new_hosts: BTreeMap<IpAddr, IpAddr> = hosts
        .iter()
        .zip(1..)
        .map(|(host, number)| (*host, stranger(is_ipv4, number)))
        .collect();
    let clients: BTreeSet<IpAddr> = kept
        .iter()
        .filter_map(|one| new_hosts.get(&one.client.0))
        .copied()
        .collect();
    let new = |(ip, port): End| {
        if ip == server && same_server {
            return (attack.target, port);
        }
        (new_hosts.get(&ip).copied().unwrap_or(ip), port)
    };
    let count = join(packets, benign, &kept, attack, &new, rng);
    labels.are_innocent(&clients, &BTreeSet::new());
    Some(format!("{count} packets of others"))
}

/// An address that no capture has: of the range for tests between networks (RFC 2544), or its like of IPv6 (RFC 5180).
pub(super) fn stranger(is_ipv4: bool, number: u32) -> IpAddr {
    if is_ipv4 {
        Ipv4Addr::from_bits(0xc612_0000 | number & 0x1_ffff).into()
    } else {
        Ipv6Addr::from_bits((0x2001_0002_u128 << 96) | u128::from(number)).into()
    }
}

/// Conversations of one family whose ends have ports.
fn talks(packets: &[Packet], is_ipv4: bool) -> Vec<Conversation> {
    let mut all = conversations(packets);
    all.retain(|one| {
        one.client.0.is_ipv4() == is_ipv4
            && matches!(one.protocol, protocol::TCP | protocol::UDP)
            && is_one_host(one.client.0)
            && is_one_host(one.server.0)
    });
    all
}

fn is_one_host(ip: IpAddr) -> bool {
    !ip.is_multicast() && !ip.is_unspecified() && ip != IpAddr::from(Ipv4Addr::BROADCAST)
}

fn busiest(hosts: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let mut count: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for host in hosts {
        *count.entry(host).or_default() += 1;
    }
    count
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(ip, _)| ip)
}

/// Conversations for a hundredth to a hundred times the attack's packets, from anywhere on.
fn chosen<'a>(
    benign: &[Packet],
    all: &[&'a Conversation],
    attack: &Attack,
    rng: &mut Rng,
) -> Vec<&'a Conversation> {
    if all.is_empty() {
        return Vec::new();
    }
    let factor = chance::magnitude(rng, 0.01, 100.0);
    let wanted = (attack.packets as f64 * factor).max(20.0) as usize;
    let first = rng.random_range(0..all.len());
    let lasts = attack.span.1 - attack.span.0 + 5_000_000_000;
    let began = benign[all[first].packets[0]].at;
    let mut count = 0;
    let mut kept = Vec::new();
    for one in &all[first..] {
        if count > wanted || benign[one.packets[0]].at > began + lasts {
            break;
        }
        count += one.packets.len();
        kept.push(*one);
    }
    kept
}

/// Adds the packets of these conversations with new ends, from about the attack's beginning on. Returns how many.
fn join(
    packets: &mut Vec<Packet>,
    benign: &[Packet],
    kept: &[&Conversation],
    attack: &Attack,
    new: &impl Fn(End) -> End,
    rng: &mut Rng,
) -> usize {
    let began = benign[kept[0].packets[0]].at;
    let (start, end) = attack.span;
    // From a little before the attack to the middle of it.
    let begins = start.saturating_sub(2_000_000_000)
        + rng.random_range(0..=(end - start) / 2 + 2_000_000_000);
    let mut count = 0;
    for &place in kept.iter().flat_map(|one| &one.packets) {
        let mut packet = benign[place].clone();
        packet.at = begins + (packet.at - began);
        if let Some(view) = packet.view {
            rename(&mut packet.bytes, &view, new);
            packet.look_again();
        }
        packets.push(packet);
        count += 1;
    }
    packets.sort_by_key(|packet| packet.at);
    count
}
