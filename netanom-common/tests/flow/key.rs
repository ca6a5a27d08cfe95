//! The key of a flow: which endpoint is which, and what is in it.

use std::net::IpAddr;

use netanom_common::flow::{FlowCounters, FlowKey, LAYOUT_VERSION, Side};
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use netanom_common::packet::{Packet, protocol};

use crate::packets::{HIGH, LOW, address, tcp};

#[test]
fn both_directions_have_one_key_and_two_sides() {
    let (asked, asking) = FlowKey::of(&tcp(LOW, 0), 2);
    let (answered, answering) = FlowKey::of(&tcp(HIGH, 0), 2);
    assert_eq!(asked, answered);
    assert_eq!((asking, answering), (Side::Low, Side::High));
}

#[test]
fn a_key_gives_back_what_it_was_made_of() {
    let packet = Packet {
        destination_port: 80,
        outer_vlan: 4095,
        inner_vlan: 1,
        ..tcp(HIGH, 0)
    };
    let (key, source) = FlowKey::of(&packet, 7);
    assert_eq!(key.address(source), IpAddr::from([10, 0, 0, 2]));
    assert_eq!(key.address(source.other()), IpAddr::from([10, 0, 0, 1]));
    assert_eq!((key.port(source), key.port(source.other())), (443, 80));
    assert_eq!(key.protocol(), protocol::TCP);
    assert_eq!(key.vlans(), (4095, 1));
    assert_eq!(key.interface(), 7);
}

#[test]
fn ports_decide_when_addresses_do_not() {
    let own = |source_port, destination_port| {
        let packet = Packet {
            destination: address(LOW),
            source_port,
            destination_port,
            ..tcp(LOW, 0)
        };
        FlowKey::of(&packet, 0)
    };
    assert_eq!(own(1, 2).0, own(2, 1).0);
    assert_eq!((own(1, 2).1, own(2, 1).1), (Side::Low, Side::High));
}

#[test]
fn interface_vlan_protocol_and_ports_each_make_another_flow() {
    let packet = tcp(LOW, 0);
    let others = [
        FlowKey::of(&packet, 1),
        FlowKey::of(
            &Packet {
                outer_vlan: 5,
                ..packet
            },
            0,
        ),
        FlowKey::of(
            &Packet {
                inner_vlan: 5,
                ..packet
            },
            0,
        ),
        FlowKey::of(
            &Packet {
                protocol: protocol::UDP,
                ..packet
            },
            0,
        ),
        FlowKey::of(
            &Packet {
                source_port: 444,
                ..packet
            },
            0,
        ),
        FlowKey::of(
            &Packet {
                destination_port: 444,
                ..packet
            },
            0,
        ),
        FlowKey::of(
            &Packet {
                source: address(3),
                ..packet
            },
            0,
        ),
    ];
    let key = FlowKey::of(&packet, 0).0;
    assert!(others.iter().all(|(other, _)| *other != key));
}

#[test]
fn the_layout_has_its_version() {
    // Whoever changes one of the sizes changes the layout, and with it the version.
    let flows = (size_of::<FlowKey>(), size_of::<FlowCounters>());
    let overflow = (size_of::<OverflowKey>(), size_of::<OverflowCounters>());
    assert_eq!((LAYOUT_VERSION, flows, overflow), (4, (44, 312), (24, 184)));
}
