//! What the parser makes of PPPoE, 802.2, VXLAN-GPE, ERSPAN and GTP-U, and of VXLAN on other ports.

use expect_test::expect;
use netanom_common::packet::{Frame, TunnelSettings, VxlanPorts};

use crate::cases::{check, described};
use crate::frames::crafted;

#[test]
fn pppoe_is_the_packet_inside() {
    check(
        &crafted::pppoe_ipv4(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 69"],
    );
}

#[test]
fn pppoe_on_a_vlan_is_the_ipv6_packet_inside() {
    check(
        &crafted::pppoe_ipv6(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 vlan 5 udp flags 00, payload 9 of 91"],
    );
}

#[test]
fn labels_in_pppoe_are_skipped() {
    check(
        &crafted::pppoe_mpls(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 77"],
    );
}

#[test]
fn control_of_ppp_is_not_ip() {
    check(&crafted::pppoe_link_control(), expect!["not_ip"]);
}

#[test]
fn compressed_ppp_and_encrypted_ethernet_are_not_ip() {
    check(&crafted::pppoe_compressed(), expect!["not_ip"]);
    check(&crafted::macsec(), expect!["not_ip"]);
    check(&crafted::tagged_macsec(), expect!["not_ip"]);
}

#[test]
fn another_code_of_pppoe_is_not_ip() {
    check(&crafted::pppoe_other_code(), expect!["not_ip"]);
}

#[test]
fn pppoe_discovery_is_not_ip() {
    check(&crafted::pppoe_discovery(), expect!["not_ip"]);
}

#[test]
fn snap_is_the_packet_inside() {
    check(
        &crafted::snap_ipv4(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 69"],
    );
}

#[test]
fn snap_on_a_vlan_is_the_packet_inside() {
    check(
        &crafted::snap_ipv6_on_a_vlan(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 vlan 5 udp flags 00, payload 9 of 91"],
    );
}

#[test]
fn snap_of_a_bridge_is_the_packet_inside() {
    check(
        &crafted::snap_of_a_bridge(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 69"],
    );
}

#[test]
fn snap_of_another_organisation_is_not_ip() {
    check(&crafted::snap_of_another_organisation(), expect!["not_ip"]);
}

#[test]
fn arp_in_snap_is_not_ip() {
    check(&crafted::snap_arp(), expect!["not_ip"]);
}

#[test]
fn an_802_2_frame_without_snap_is_not_ip() {
    check(&crafted::short_802_2(), expect!["not_ip"]);
}

#[test]
fn vxlan_on_the_port_of_linux_is_the_packet_inside() {
    check(
        &crafted::vxlan_on_linux_port(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 108"],
    );
}

#[test]
fn vxlan_gpe_is_the_ipv4_packet_inside() {
    check(
        &crafted::vxlan_gpe_ipv4(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 97"],
    );
}

#[test]
fn vxlan_gpe_is_the_ipv6_packet_inside() {
    check(
        &crafted::vxlan_gpe_ipv6(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 udp flags 00, payload 9 of 135"],
    );
}

#[test]
fn vxlan_gpe_is_the_frame_inside() {
    check(
        &crafted::vxlan_gpe_ethernet(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 108"],
    );
}

#[test]
fn another_protocol_in_vxlan_gpe_is_udp() {
    check(
        &crafted::vxlan_gpe_service_header(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4790 udp flags 00, payload 32 of 74"],
    );
}

#[test]
fn a_reserved_bit_of_vxlan_is_ignored() {
    check(
        &crafted::vxlan_with_a_reserved_bit(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 108"],
    );
}

#[test]
fn erspan_1_is_the_mirrored_packet() {
    check(
        &crafted::erspan_1(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 96"],
    );
}

#[test]
fn erspan_2_is_the_mirrored_packet() {
    check(
        &crafted::erspan_2(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 108"],
    );
}

#[test]
fn another_version_of_erspan_2_is_not_followed() {
    check(
        &crafted::erspan_2_of_another_version(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 74 of 108"],
    );
}

#[test]
fn erspan_3_is_the_mirrored_packet() {
    check(
        &crafted::erspan_3(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 132"],
    );
}

#[test]
fn a_subheader_of_erspan_3_is_skipped() {
    check(
        &crafted::erspan_3_with_a_subheader(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 120"],
    );
}

#[test]
fn erspan_3_of_ip_is_the_mirrored_packet() {
    check(
        &crafted::erspan_3_of_ip(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 udp flags 00, payload 9 of 119"],
    );
}

#[test]
fn another_kind_of_frame_in_erspan_3_is_not_followed() {
    check(
        &crafted::erspan_3_of_another_kind(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 78 of 112"],
    );
}

#[test]
fn gtp_u_is_the_packet_inside() {
    check(
        &crafted::gtp_u(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 97"],
    );
}

#[test]
fn gtp_u_sequence_numbers_are_skipped() {
    check(
        &crafted::gtp_u_with_a_sequence_number(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 101"],
    );
}

#[test]
fn gtp_u_extensions_are_skipped() {
    check(
        &crafted::gtp_u_extensions(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 udp flags 00, payload 9 of 151"],
    );
}

#[test]
fn an_empty_gtp_u_extension_is_not_followed() {
    check(
        &crafted::gtp_u_empty_extension(),
        expect!["10.0.0.1:49152 → 10.0.0.2:2152 udp flags 00, payload 63 of 105"],
    );
}

#[test]
fn four_gtp_u_extensions_are_not_followed() {
    check(
        &crafted::gtp_u_four_extensions(),
        expect!["10.0.0.1:49152 → 10.0.0.2:2152 udp flags 00, payload 75 of 117"],
    );
}

#[test]
fn a_gtp_u_message_without_a_packet_is_udp() {
    check(
        &crafted::gtp_u_echo(),
        expect!["10.0.0.1:49152 → 10.0.0.2:2152 udp flags 00, payload 14 of 56"],
    );
}

#[test]
fn ethernet_in_gtp_u_is_udp() {
    check(
        &crafted::gtp_u_ethernet(),
        expect!["10.0.0.1:49152 → 10.0.0.2:2152 udp flags 00, payload 66 of 108"],
    );
}

#[test]
fn vxlan_is_found_where_the_settings_say() {
    let with = |ports: &[u16]| TunnelSettings {
        vxlan_ports: VxlanPorts::new(ports).unwrap(),
        ..TunnelSettings::default()
    };
    let frame = crafted::vxlan_on_linux_port();
    let told = |ports| described(&Frame::whole(&frame).with(with(ports)));
    assert_eq!(told(&[1, 2, 3, 8472]), described(&Frame::whole(&frame)));
    expect!["10.0.0.1:49152 → 10.0.0.2:8472 udp flags 00, payload 66 of 108"]
        .assert_eq(&told(&[4789]));
}

#[test]
fn no_port_too_many_ports_and_port_0_are_no_setting() {
    for ports in [&[][..], &[1, 2, 3, 4, 5], &[4789, 0]] {
        assert_eq!(VxlanPorts::new(ports), None, "{ports:?}");
    }
}
