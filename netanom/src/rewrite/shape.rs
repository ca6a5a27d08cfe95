//! What a capture shows of the same traffic: fewer tries, one direction, a later beginning, merged segments, other
//! addresses, another family.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use foldhash::fast::FixedState;
use netanom_common::packet::{protocol, tcp};
use rand::RngExt;

use super::capture::Packet;
use super::company::stranger;
use super::conversations::{Conversation, Service};
use super::labels::CarriedRules;
use super::view::{ETHERNET, End, rename, set_ipv4_length};
use crate::alert::Class;
use crate::simulate::chance::{self, Rng};

/// Keeps 10 to 100 conversations of each client's guessing, in a row from anywhere on.
pub(super) fn fewer_tries(
    packets: &mut Vec<Packet>,
    all: &[Conversation],
    classes: &[Class],
    rng: &mut Rng,
) -> Option<String> {
    let mut groups: BTreeMap<Service, Vec<usize>> = BTreeMap::new();
    for (number, one) in all.iter().enumerate() {
        if classes[number] == Class::BruteForce {
            groups.entry(one.service()).or_default().push(number);
        }
    }
    let mut dropped = BTreeSet::new();
    let mut kept_of = Vec::new();
    for group in groups.values() {
        let kept = chance::count(rng, 10, 100);
        if group.len() > kept {
            let first = rng.random_range(0..=group.len() - kept);
            let outside = group[..first].iter().chain(&group[first + kept..]);
            dropped.extend(outside.flat_map(|number| &all[*number].packets));
            kept_of.push(format!("{kept} of {}", group.len()));
        }
    }
    remove(packets, &dropped);
    (!kept_of.is_empty()).then(|| format!("tries kept: {}", kept_of.join(", ")))
}

/// Leaves out what one side says: of all conversations the same one.
pub(super) fn one_direction(
    packets: &mut Vec<Packet>,
    all: &[Conversation],
    rng: &mut Rng,
) -> String {
    let keeps_client = rng.random_bool(0.5);
    let mut dropped = BTreeSet::new();
    for one in all {
        dropped.extend(one.packets.iter().filter(|place| {
            let view = packets[**place].view;
            view.is_some_and(|view| one.is_from_client(&view) != keeps_client)
        }));
    }
    remove(packets, &dropped);
    let side = if keeps_client { "clients" } else { "servers" };
    format!("{side} alone")
}

fn remove(packets: &mut Vec<Packet>, dropped: &BTreeSet<usize>) {
    let mut place = 0;
    packets.retain(|_| {
        place += 1;
        !dropped.contains(&(place - 1))
    });
}

/// Begins somewhere in the first two thirds.
pub(super) fn begun_in_the_middle(packets: &mut Vec<Packet>, rng: &mut Rng) -> Option<String> {
    let share = rng.random_range(0.05..0.66);
    let (first, last) = (packets.first()?.at, packets.last()?.at);
    let begins = first + ((last - first) as f64 * share) as u64;
    packets.retain(|packet| packet.at >= begins);
    Some(format!("begun {:.0} % later", share * 100.0))
}

/// Segments of a row as one, as a receiving interface merges them: the same connection, number after number, no more
/// apart than an interrupt's time.
pub(super) fn merged(packets: &mut Vec<Packet>, rng: &mut Rng) -> Option<String> {
    let most = chance::count(rng, 2, 44) as u32;
    let within = chance::magnitude(rng, 20_000.0, 1_000_000.0) as u64;
    // The last data segment of each direction: its place and how many it holds.
    let mut open: HashMap<(End, End), (usize, u32), FixedState> = HashMap::default();
    let mut dropped = BTreeSet::new();
    for place in 0..packets.len() {
        let Some((view, header)) = packets[place].view.and_then(|view| Some((view, view.tcp?)))
        else {
            continue;
        };
        // What the other side says in between ends the row.
        open.remove(&(view.to, view.from));
        let key = (view.from, view.to);
        // What is sent again fills a gap, and is no part of a row.
        let plain =
            header.flags & !tcp::PSH == tcp::ACK && view.payload > 0 && !packets[place].is_again;
        let row = open.get(&key).copied();
        if let Some((held, count)) = row
            && plain
            && count < most
            && packets[place].at - packets[held].at <= within
            && grows(&mut packets[held..=place])
        {
            dropped.insert(place);
            open.insert(key, (held, count + 1));
        } else if plain {
            open.insert(key, (place, 1));
        } else {
            open.remove(&key);
        }
    }
    remove(packets, &dropped);
    (!dropped.is_empty()).then(|| format!("{} segments merged", dropped.len()))
}

/// Adds the payload of the last packet to the first one when it continues it and both fit one IP packet.
fn grows(row: &mut [Packet]) -> bool {
    let [held, .., next] = row else { return false };
    let (Some(view), Some(after)) = (held.view, next.view) else {
        return false;
    };
    let (Some(header), Some(follows)) = (view.tcp, after.tcp) else {
        return false;
    };
    let ip_length = held.wire as usize - view.ip + after.payload as usize;
    if header.sequence.wrapping_add(view.payload) != follows.sequence || ip_length > 65_000 {
        return false;
    }
    let ip = view.ip;
    if view.is_ipv4() {
        let whole = u16::from_be_bytes([held.bytes[ip + 2], held.bytes[ip + 3]]);
        set_ipv4_length(&mut held.bytes, ip, whole + after.payload as u16);
    } else {
        let rest = u16::from_be_bytes([held.bytes[ip + 4], held.bytes[ip + 5]]);
        let rest = (rest + after.payload as u16).to_be_bytes();
        held.bytes[ip + 4..ip + 6].copy_from_slice(&rest);
    }
    // The acknowledgment and PSH are those of the latest.
    let at = view.transport;
    let pushes = next.bytes[after.transport + 13];
    held.bytes[at + 8..at + 12].copy_from_slice(&follows.acknowledgment.to_be_bytes());
    held.bytes[at + 13] |= pushes;
    held.wire += after.payload;
    held.look_again();
    true
}

/// All clients that are no attackers behind one address, and all attackers behind another.
pub(super) fn behind_one_address(
    packets: &mut [Packet],
    all: &[Conversation],
    classes: &[Class],
    labels: &mut CarriedRules,
) -> Option<String> {
    let servers: BTreeSet<IpAddr> = all.iter().map(|one| one.server.0).collect();
    let attack = |number: usize| classes[number] != Class::Normal;
    let clients = |wanted: bool| -> BTreeSet<IpAddr> {
        let of = all.iter().enumerate();
        let of = of.filter(|(number, _)| attack(*number) == wanted);
        of.map(|(_, one)| one.client.0).collect()
    };
    let attackers: BTreeSet<IpAddr> = clients(true).difference(&servers).copied().collect();
    let others: BTreeSet<IpAddr> = clients(false)
        .difference(&servers)
        .filter(|ip| !attackers.contains(ip))
        .copied()
        .collect();
    let mut new_hosts: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    for (hosts, number) in [(&others, 60_001), (&attackers, 60_002)] {
        for is_ipv4 in [true, false] {
            let own: Vec<_> = hosts.iter().filter(|ip| ip.is_ipv4() == is_ipv4).collect();
            // One host has its own address already; very many are forged ones.
            if (2..=2000).contains(&own.len()) {
                let gateway = stranger(is_ipv4, number);
                new_hosts.extend(own.into_iter().map(|ip| (*ip, gateway)));
            }
        }
    }
    if new_hosts.is_empty() {
        return None;
    }
    let new = translated(all, &new_hosts);
    for packet in packets.iter_mut() {
        if let Some(view) = packet.view {
            rename(&mut packet.bytes, &view, &new);
            packet.look_again();
        }
    }
    labels.rename(&|ip| new_hosts.get(&ip).copied().unwrap_or(ip));
    Some(format!("{} clients behind one address", new_hosts.len()))
}

/// New ends: where two clients had the same port, the later one gets another, as translation does it.
fn translated(all: &[Conversation], new_hosts: &BTreeMap<IpAddr, IpAddr>) -> impl Fn(End) -> End {
    let mut ends: BTreeMap<End, End> = BTreeMap::new();
    let mut taken: BTreeSet<End> = BTreeSet::new();
    let mut next = 1024_u16;
    for one in all {
        let Some(&gateway) = new_hosts.get(&one.client.0) else {
            continue;
        };
        if ends.contains_key(&one.client) {
            continue;
        }
        let mut end = (gateway, one.client.1);
        let mut tried = 0;
        while taken.contains(&end) && tried < u16::MAX {
            next = next.checked_add(1).unwrap_or(1024);
            end.1 = next;
            tried += 1;
        }
        taken.insert(end);
        ends.insert(one.client, end);
    }
    let hosts = new_hosts.clone();
    move |end: End| {
        let known = ends.get(&end).copied();
        known.unwrap_or_else(|| (hosts.get(&end.0).copied().unwrap_or(end.0), end.1))
    }
}

/// The same over IPv6: each IPv4 address within a prefix for translation (RFC 6052).
pub(super) fn over_ipv6(packets: &mut Vec<Packet>, labels: &mut CarriedRules) -> String {
    packets.retain_mut(|packet| match packet.view {
        Some(view) if view.is_ipv4() => is_translated(packet),
        // ARP has no place there.
        None => packet.bytes.get(12..14) != Some(&[0x08, 0x06]),
        Some(_) => true,
    });
    labels.rename(&within_prefix);
    labels.widen_to_ipv6();
    "over IPv6".to_owned()
}

fn within_prefix(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let prefix = 0x2001_0db8_0064_0000_u128 << 64;
            Ipv6Addr::from_bits(prefix | u128::from(ip.to_bits())).into()
        }
        IpAddr::V6(_) => ip,
    }
}

/// False for what has no like in IPv6, which is left out.
fn is_translated(packet: &mut Packet) -> bool {
    let Some(view) = packet.view else {
        return false;
    };
    if view.is_error() {
        return false;
    }
    let (IpAddr::V6(from), IpAddr::V6(to)) = (within_prefix(view.from.0), within_prefix(view.to.0))
    else {
        return false;
    };
    let old = &packet.bytes;
    let whole = usize::from(u16::from_be_bytes([old[view.ip + 2], old[view.ip + 3]]));
    let header = view.transport - view.ip;
    let Some(rest) = whole.checked_sub(header) else {
        return false;
    };
    let mut bytes = old[..view.ip].to_vec();
    let kind = bytes.len() - ETHERNET + 12;
    bytes[kind..kind + 2].copy_from_slice(&[0x86, 0xdd]);
    let next = if view.protocol == protocol::ICMP {
        protocol::ICMPV6
    } else {
        view.protocol
    };
    bytes.extend([0x60, 0, 0, 0]);
    bytes.extend((rest as u16).to_be_bytes());
    bytes.extend([next, old[view.ip + 8]]);
    bytes.extend(from.octets());
    bytes.extend(to.octets());
    let transport = bytes.len();
    bytes.extend(&old[view.transport..]);
    if view.protocol == protocol::ICMP {
        match view.kind {
            8 => bytes[transport] = 128,
            0 => bytes[transport] = 129,
            _ => return false,
        }
    }
    packet.wire = packet.wire + 40 - header as u32;
    packet.bytes = bytes;
    packet.look_again();
    true
}
