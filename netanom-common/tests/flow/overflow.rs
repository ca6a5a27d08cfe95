//! Keys of the overflow table: ever wider ones, and room for each width.

use std::collections::HashSet;
use std::net::IpAddr;

use netanom_common::overflow::{FIXED_SEED, Kind, OverflowKey, Sources, Width};
use netanom_common::packet::{Packet, RawAddress, icmp, protocol, tcp as bit};

use crate::packets::{LOW, tcp};

fn raw(address: &str) -> RawAddress {
    let bytes = match address.parse().unwrap() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    std::array::from_fn(|word| u32::from_ne_bytes(bytes[4 * word..][..4].try_into().unwrap()))
}

fn to(address: &str, protocol: u8, flags: u8) -> OverflowKey {
    let packet = Packet {
        destination: raw(address),
        protocol,
        ..tcp(LOW, flags)
    };
    OverflowKey::of(&packet, 9)
}

#[test]
fn a_destination_widens_to_its_network_and_to_all() {
    let cases = [
        ("198.51.100.77", 32, "198.51.100.0", 24, "0.0.0.0"),
        ("2001:db8:77:88::9", 128, "2001:db8:77::", 48, "::"),
    ];
    for (host, bits, network, network_bits, all) in cases {
        let key = to(host, protocol::TCP, bit::SYN);
        let [prefix, anywhere] = [key.prefix(), key.anywhere()];
        let told =
            [key, prefix, anywhere].map(|key| (key.destination().to_string(), key.prefix_length()));
        let expected = [(host, bits), (network, network_bits), (all, 0)];
        assert_eq!(
            told,
            expected.map(|(address, bits)| (address.to_owned(), bits))
        );
        assert_eq!(prefix.anywhere(), anywhere);
        for wider in [prefix, anywhere] {
            assert_eq!(
                (wider.kind(), wider.protocol(), wider.interface()),
                (Kind::Syn, protocol::TCP, 9)
            );
        }
    }
    // The first address of a network is a host as well.
    let first = to("198.51.100.0", protocol::TCP, bit::SYN);
    assert_ne!(first, first.prefix());
    assert_eq!(
        [first, first.prefix()].map(|key| key.width()),
        [Width::Host, Width::Prefix]
    );
}

#[test]
fn there_are_few_keys_of_all_destinations() {
    let mut keys = HashSet::new();
    for number in 0..=255 {
        for flags in 0..=255 {
            for host in ["192.0.2.1", "2001:db8::1"] {
                keys.insert(to(host, number, flags).anywhere());
            }
        }
    }
    // And one more for errors about each protocol that is told apart: four, and all others.
    let most = keys.len() as u32 + 2 * 5;
    assert!(2 * most <= Width::Anywhere.room(256), "{most}");
    assert!(
        keys.iter()
            .any(|key| key.kind() == Kind::Echo && key.protocol() == protocol::ICMPV6)
    );
    assert_eq!(
        to("192.0.2.1", protocol::ICMP, icmp::ECHO_REQUEST)
            .anywhere()
            .kind(),
        Kind::Echo
    );
}

#[test]
fn the_widths_share_a_table() {
    for entries in [256, 4096] {
        let all: u32 = Width::ALL.iter().map(|width| width.room(entries)).sum();
        assert_eq!(all, entries);
    }
}

#[test]
fn sources_that_count_as_one_by_one_seed_are_many_by_another() {
    let noted = |seed, address: u32| {
        let mut sketch = Sources::default();
        sketch.note_by(seed, &[0, 0, 0xffff_u32.to_be(), address.to_be()]);
        sketch
    };
    let first = noted(FIXED_SEED, 0x0a00_0000);
    let alike: Vec<u32> = (0x0a00_0000..)
        .filter(|&one| noted(FIXED_SEED, one) == first)
        .take(300)
        .collect();
    let sketch = |seed| {
        let mut sketch = Sources::default();
        for &one in &alike {
            sketch.merge(&noted(seed, one));
        }
        sketch
    };
    let used = |sketch: Sources| sketch.registers.iter().filter(|&&rank| rank > 0).count();
    assert_eq!(used(sketch(FIXED_SEED)), 1);
    assert!(used(sketch(0x0123_4567_89ab_cdef)) > 90);
}
