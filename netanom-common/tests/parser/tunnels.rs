//! What the parser makes of MPLS labels and tunnels.

use expect_test::expect;

use crate::cases::{check, check_outer};
use crate::frames::crafted;

#[test]
fn a_label_is_skipped() {
    check(
        &crafted::one_label(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 65"],
    );
}

#[test]
fn six_labels_behind_a_tag_are_skipped() {
    check(
        &crafted::six_labels(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 vlan 5 udp flags 00, payload 9 of 107"],
    );
}

#[test]
fn a_seventh_label_is_too_deep() {
    check(&crafted::seven_labels(), expect!["too_deep"]);
}

#[test]
fn what_is_not_ip_under_labels_is_not_ip() {
    check(&crafted::pseudowire(), expect!["not_ip"]);
}

#[test]
fn ipv4_in_ipv4_is_the_packet_inside() {
    check(
        &crafted::ipv4_in_ipv4(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 81"],
    );
}

#[test]
fn ipv6_in_ipv4_is_the_packet_inside_on_the_vlan_outside() {
    check(
        &crafted::ipv6_in_ipv4(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 vlan 5 udp flags 00, payload 9 of 103"],
    );
}

#[test]
fn ipv4_in_ipv6_is_found_behind_extension_headers() {
    check(
        &crafted::ipv4_in_ipv6(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 109"],
    );
}

#[test]
fn gre_is_the_packet_inside() {
    check(
        &crafted::gre_plain(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 85"],
    );
}

#[test]
fn gre_checksum_key_and_sequence_are_skipped() {
    check(
        &crafted::gre_all_fields(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 udp flags 00, payload 9 of 135"],
    );
}

#[test]
fn gre_with_routing_is_not_followed() {
    check(
        &crafted::gre_routing(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 51 of 85"],
    );
}

#[test]
fn pptp_is_not_followed() {
    check(
        &crafted::gre_version_1(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 55 of 89"],
    );
}

#[test]
fn ethernet_in_gre_is_the_packet_inside_without_its_tag() {
    check(
        &crafted::gre_ethernet(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 100"],
    );
}

#[test]
fn labels_in_gre_are_skipped() {
    check(
        &crafted::gre_mpls(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 93"],
    );
}

#[test]
fn vxlan_is_the_packet_inside() {
    check(
        &crafted::vxlan(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 108"],
    );
}

#[test]
fn vxlan_without_its_flag_is_udp() {
    check(
        &crafted::vxlan_without_its_flag(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4789 udp flags 00, payload 66 of 108"],
    );
}

#[test]
fn a_tunnel_with_arp_inside_is_the_flow_of_its_ends() {
    check(
        &crafted::vxlan_arp(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4789 udp flags 00, payload 68 of 110"],
    );
}

#[test]
fn a_tunnel_with_nonsense_inside_is_the_flow_of_its_ends() {
    check(
        &crafted::vxlan_nonsense(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4789 udp flags 00, payload 38 of 80"],
    );
}

#[test]
fn an_empty_tunnel_is_the_flow_of_its_ends() {
    check(
        &crafted::vxlan_empty(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4789 udp flags 00, payload 8 of 50"],
    );
}

#[test]
fn geneve_options_are_skipped() {
    check(
        &crafted::geneve_options(),
        expect!["10.0.0.1:40000 → 10.0.0.2:8080 tcp window 64240 flags 02, payload 0 of 136"],
    );
}

#[test]
fn geneve_without_ethernet_is_the_packet_inside() {
    check(
        &crafted::geneve_ipv6(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:8080 udp flags 00, payload 9 of 115"],
    );
}

#[test]
fn another_version_of_geneve_is_udp() {
    check(
        &crafted::geneve_version_1(),
        expect!["10.0.0.1:49152 → 10.0.0.2:6081 udp flags 00, payload 55 of 97"],
    );
}

#[test]
fn a_tunnel_in_a_tunnel_is_the_innermost_packet() {
    check(
        &crafted::two_tunnels(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 125"],
    );
}

#[test]
fn a_third_tunnel_is_too_deep() {
    check(&crafted::three_tunnels(), expect!["too_deep"]);
}

#[test]
fn a_first_fragment_of_a_tunnel_is_the_packet_inside() {
    check(
        &crafted::first_fragment_of_a_tunnel(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 81"],
    );
}

#[test]
fn a_later_fragment_of_a_tunnel_is_the_flow_of_its_ends() {
    check(
        &crafted::later_fragment_of_a_tunnel(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 4 flags 00, payload 47 of 81"],
    );
}

#[test]
fn a_fragment_in_a_tunnel_has_its_ports() {
    check(
        &crafted::fragment_in_a_tunnel(),
        expect!["10.0.0.1:40000 → 10.0.0.2:53 udp flags 00, payload 72 of 134"],
    );
}

#[test]
fn the_ends_of_a_tunnel_are_the_flow_where_that_is_wanted() {
    check_outer(
        &crafted::ipv4_in_ipv6(),
        expect!["2001:db8::1 → 2001:db8::2 protocol 4 flags 00, payload 47 of 109"],
    );
    check_outer(
        &crafted::gre_ethernet(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 66 of 100"],
    );
    check_outer(
        &crafted::vxlan(),
        expect!["10.0.0.1:49152 → 10.0.0.2:4789 udp flags 00, payload 66 of 108"],
    );
    check_outer(
        &crafted::geneve_ipv6(),
        expect!["10.0.0.1:49152 → 10.0.0.2:6081 udp flags 00, payload 73 of 115"],
    );
    check_outer(
        &crafted::three_tunnels(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 4 flags 00, payload 87 of 121"],
    );
}

#[test]
fn labels_and_quotes_are_read_whatever_is_wanted_of_tunnels() {
    check_outer(
        &crafted::one_label(),
        expect!["10.0.0.2:8080 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 7 of 65"],
    );
    check_outer(
        &crafted::port_unreachable(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:8080 tcp window 0 flags 00, payload 0 of 70, told unreachable"
        ],
    );
    check_outer(
        &crafted::error_in_a_tunnel(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 79 of 113"],
    );
}
