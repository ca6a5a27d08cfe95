//! What the parser makes of each crafted frame.

use expect_test::{Expect, expect};
use netanom_common::flow::FlowKey;
use netanom_common::packet::{Frame, PacketBytes, Tunnels, error, protocol};
use netanom_common::parse::parse;

use crate::frames::crafted;

/// What parsing yields, in a line.
pub(crate) fn described(frame: &impl PacketBytes) -> String {
    let packet = match parse(frame) {
        Ok(packet) => packet,
        Err(reason) => return reason.name().to_owned(),
    };
    let (key, source) = FlowKey::of(&packet, 0);
    let end = |side| match key.port(side) {
        0 => key.address(side).to_string(),
        port => std::net::SocketAddr::new(key.address(side), port).to_string(),
    };
    let vlans = match key.vlans() {
        (0, 0) => String::new(),
        (outer, 0) => format!(" vlan {outer}"),
        (outer, inner) => format!(" vlan {outer}.{inner}"),
    };
    let protocol = match key.protocol() {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => format!("tcp window {}", packet.window),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        other => format!("protocol {other}"),
    };
    let (from, to) = (end(source), end(source.other()));
    let (payload, length, flags) = (packet.payload, packet.length, packet.flags);
    let error = match packet.error {
        error::NONE => "",
        error::UNREACHABLE => ", told unreachable",
        error::TIME_EXCEEDED => ", told time exceeded",
        _ => ", told another error",
    };
    format!(
        "{from} → {to}{vlans} {protocol} flags {flags:02x}, payload {payload} of {length}{error}"
    )
}

pub(crate) fn check(frame: &[u8], expected: Expect) {
    expected.assert_eq(&described(&Frame::whole(frame)));
}

pub(crate) fn check_outer(frame: &[u8], expected: Expect) {
    expected.assert_eq(&described(&Frame::whole(frame).with(Tunnels::Outer)));
}

/// A frame whose outer tag the interface took out.
struct Offloaded<'a>(u16, Frame<'a>);

impl PacketBytes for Offloaded<'_> {
    type Header<'a, const N: usize>
        = &'a [u8; N]
    where
        Self: 'a;

    fn header<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.1.header(offset)
    }

    fn wire_length(&self) -> u32 {
        self.1.wire_length() + 4
    }

    fn offloaded_vlan(&self) -> Option<u16> {
        Some(self.0)
    }
}

fn check_offloaded(tag: u16, frame: &[u8], expected: Expect) {
    expected.assert_eq(&described(&Offloaded(tag, Frame::whole(frame))));
}

// Ethernet and VLAN.

#[test]
fn a_tag_is_skipped() {
    check(
        &crafted::one_tag(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 vlan 5 tcp window 64240 flags 02, payload 0 of 58"],
    );
}

#[test]
fn a_priority_tag_is_no_vlan() {
    check(
        &crafted::priority_tag(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 02, payload 0 of 58"],
    );
}

#[test]
fn only_the_identifier_of_a_tag_counts() {
    check(
        &crafted::tag_with_priority_bits(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 vlan 5 tcp window 64240 flags 02, payload 0 of 58"],
    );
}

#[test]
fn two_tags_are_skipped() {
    check(
        &crafted::qinq(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:53 vlan 7.5 udp flags 00, payload 20 of 90"],
    );
}

#[test]
fn the_older_stacked_tag_is_known() {
    check(
        &crafted::old_qinq(),
        expect!["10.0.0.1:40000 → 10.0.0.2:53 vlan 7.5 udp flags 00, payload 20 of 70"],
    );
}

#[test]
fn a_third_tag_is_too_deep() {
    check(&crafted::three_tags(), expect!["too_deep"]);
}

#[test]
fn arp_is_not_ip() {
    check(&crafted::arp(), expect!["not_ip"]);
}

#[test]
fn tagged_arp_is_not_ip() {
    check(&crafted::tagged_arp(), expect!["not_ip"]);
}

#[test]
fn a_frame_with_a_length_in_place_of_a_type_is_not_ip() {
    check(&crafted::spanning_tree(), expect!["not_ip"]);
}

#[test]
fn an_ethernet_header_alone_is_truncated() {
    check(&crafted::empty_ethernet(), expect!["truncated"]);
}

// IPv4.

#[test]
fn tcp_over_ipv4_has_its_ports_flags_and_window() {
    check(
        &crafted::ipv4_tcp(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 100 of 154"],
    );
}

#[test]
fn an_answer_comes_from_the_server() {
    check(
        &crafted::ipv4_tcp_answer(),
        expect!["10.0.0.2:443 → 10.0.0.1:40000 tcp window 64240 flags 10, payload 1000 of 1054"],
    );
}

#[test]
fn ipv4_options_are_skipped() {
    check(
        &crafted::ipv4_options(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 10 of 76"],
    );
}

#[test]
fn the_most_ipv4_options_are_skipped() {
    check(
        &crafted::most_ipv4_options(),
        expect!["10.0.0.1:40000 → 10.0.0.2:53 udp flags 00, payload 10 of 92"],
    );
}

#[test]
fn a_first_fragment_has_its_ports() {
    check(
        &crafted::first_fragment(),
        expect!["10.0.0.1:40000 → 10.0.0.2:53 udp flags 00, payload 72 of 114"],
    );
}

#[test]
fn a_later_fragment_has_no_ports() {
    check(
        &crafted::later_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 udp flags 00, payload 30 of 64"],
    );
}

#[test]
fn a_later_fragment_may_be_empty() {
    check(
        &crafted::last_empty_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 0 flags 00, payload 0 of 34"],
    );
}

#[test]
fn a_wrong_version_under_the_type_of_ipv4_is_a_bad_header() {
    check(&crafted::ipv6_in_an_ipv4_frame(), expect!["bad_header"]);
}

#[test]
fn an_ipv4_header_below_20_bytes_is_bad() {
    check(&crafted::ipv4_header_of_16_bytes(), expect!["bad_header"]);
}

#[test]
fn a_total_length_below_the_header_is_bad() {
    check(
        &crafted::total_shorter_than_the_header(),
        expect!["bad_header"],
    );
}

#[test]
fn a_total_length_that_ends_within_tcp_is_bad() {
    check(
        &crafted::total_shorter_than_the_tcp_header(),
        expect!["bad_header"],
    );
}

#[test]
fn a_total_length_that_ends_within_udp_is_bad() {
    check(
        &crafted::total_shorter_than_the_udp_header(),
        expect!["bad_header"],
    );
}

#[test]
fn the_frame_bounds_a_total_length_beyond_it() {
    check(
        &crafted::total_beyond_the_frame(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 100 of 154"],
    );
}

#[test]
fn a_total_length_of_zero_means_the_rest_of_the_frame() {
    check(
        &crafted::total_of_zero(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 1400 of 1454"],
    );
}

#[test]
fn a_total_length_of_zero_leaves_options_out_of_the_payload() {
    check(
        &crafted::total_of_zero_with_options(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 0 of 62"],
    );
}

#[test]
fn ethernet_padding_is_no_payload() {
    check(
        &crafted::padded_acknowledgment(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 0 of 60"],
    );
}

// IPv6.

#[test]
fn tcp_over_ipv6_has_its_ports_flags_and_window() {
    check(
        &crafted::ipv6_tcp(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 64240 flags 10, payload 100 of 174"
        ],
    );
}

#[test]
fn an_answer_over_ipv6_comes_from_the_server() {
    check(
        &crafted::ipv6_tcp_answer(),
        expect![
            "[2001:db8::2]:443 → [2001:db8::1]:40000 tcp window 64240 flags 10, payload 1000 of 1074"
        ],
    );
}

#[test]
fn hop_by_hop_options_are_skipped() {
    check(
        &crafted::hop_by_hop(),
        expect!["2001:db8::1 → 2001:db8::2 icmpv6 flags 10, payload 20 of 90"],
    );
}

#[test]
fn a_routing_header_is_skipped() {
    check(
        &crafted::routing(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 64240 flags 02, payload 0 of 98"
        ],
    );
}

#[test]
fn destination_options_are_skipped() {
    check(
        &crafted::destination_options(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:53 udp flags 00, payload 9 of 87"],
    );
}

#[test]
fn a_mobility_header_is_skipped() {
    check(
        &crafted::mobility(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:53 udp flags 00, payload 9 of 79"],
    );
}

#[test]
fn an_authentication_header_is_skipped() {
    check(
        &crafted::authentication(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 64240 flags 02, payload 0 of 98"
        ],
    );
}

#[test]
fn an_ipv6_first_fragment_has_its_ports() {
    check(
        &crafted::ipv6_first_fragment(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:53 udp flags 00, payload 72 of 142"],
    );
}

#[test]
fn an_ipv6_later_fragment_has_no_ports() {
    check(
        &crafted::ipv6_later_fragment(),
        expect!["2001:db8::1 → 2001:db8::2 udp flags 00, payload 30 of 92"],
    );
}

#[test]
fn all_extension_headers_in_a_row_are_skipped() {
    check(
        &crafted::all_extensions(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 64240 flags 02, payload 0 of 138"
        ],
    );
}

#[test]
fn an_eighth_extension_header_is_too_deep() {
    check(&crafted::eight_extensions(), expect!["too_deep"]);
}

#[test]
fn an_extension_header_beyond_the_packet_is_bad() {
    check(
        &crafted::extension_beyond_the_packet(),
        expect!["bad_header"],
    );
}

#[test]
fn no_next_header_is_a_protocol_of_its_own() {
    check(
        &crafted::no_next_header(),
        expect!["2001:db8::1 → 2001:db8::2 protocol 59 flags 00, payload 8 of 62"],
    );
}

#[test]
fn a_wrong_version_under_the_type_of_ipv6_is_a_bad_header() {
    check(&crafted::ipv4_in_an_ipv6_frame(), expect!["bad_header"]);
}

#[test]
fn an_ipv6_length_that_ends_within_tcp_is_bad() {
    check(
        &crafted::payload_shorter_than_the_tcp_header(),
        expect!["bad_header"],
    );
}

#[test]
fn an_ipv6_length_of_zero_means_the_rest_of_the_frame() {
    check(
        &crafted::payload_of_zero(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 64240 flags 10, payload 1400 of 1474"
        ],
    );
}

// Transport.

#[test]
fn tcp_options_are_no_payload() {
    check(
        &crafted::tcp_options(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 02, payload 0 of 74"],
    );
}

#[test]
fn the_most_tcp_options_are_no_payload() {
    check(
        &crafted::most_tcp_options(),
        expect![
            "[2001:db8::1]:40000 → [2001:db8::2]:443 vlan 5 tcp window 64240 flags 02, payload 5 of 123"
        ],
    );
}

#[test]
fn every_tcp_flag_is_kept() {
    check(
        &crafted::every_tcp_flag(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags ff, payload 0 of 54"],
    );
}

#[test]
fn a_tcp_header_below_20_bytes_is_bad() {
    check(&crafted::tcp_header_of_16_bytes(), expect!["bad_header"]);
}

#[test]
fn a_tcp_header_beyond_the_packet_is_bad() {
    check(
        &crafted::tcp_header_beyond_the_packet(),
        expect!["bad_header"],
    );
}

#[test]
fn udp_may_be_empty() {
    check(
        &crafted::udp_without_payload(),
        expect!["10.0.0.1:40000 → 10.0.0.2:9 udp flags 00, payload 0 of 42"],
    );
}

#[test]
fn an_echo_request_is_told() {
    check(
        &crafted::ping(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 01, payload 56 of 98"],
    );
}

#[test]
fn an_echo_reply_is_told() {
    check(
        &crafted::pong(),
        expect!["10.0.0.2 → 10.0.0.1 icmp flags 02, payload 56 of 98"],
    );
}

#[test]
fn an_unreachable_destination_is_told() {
    check(
        &crafted::unreachable(),
        expect!["10.0.0.2 → 10.0.0.1 icmp flags 04, payload 28 of 70"],
    );
}

#[test]
fn an_exceeded_time_is_told() {
    check(
        &crafted::time_exceeded(),
        expect!["10.0.0.2 → 10.0.0.1 icmp flags 08, payload 28 of 70"],
    );
}

#[test]
fn a_router_advertisement_is_discovery() {
    check(
        &crafted::router_advertisement(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 10, payload 0 of 42"],
    );
}

#[test]
fn a_redirect_is_another_message() {
    check(
        &crafted::redirect(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 80, payload 0 of 42"],
    );
}

#[test]
fn an_ipv6_echo_request_is_told() {
    check(
        &crafted::ping_v6(),
        expect!["2001:db8::1 → 2001:db8::2 icmpv6 flags 01, payload 56 of 118"],
    );
}

#[test]
fn an_ipv6_echo_reply_is_told() {
    check(
        &crafted::pong_v6(),
        expect!["2001:db8::2 → 2001:db8::1 icmpv6 flags 02, payload 56 of 118"],
    );
}

#[test]
fn an_ipv6_unreachable_destination_is_told() {
    check(
        &crafted::unreachable_v6(),
        expect!["2001:db8::2 → 2001:db8::1 icmpv6 flags 04, payload 48 of 110"],
    );
}

#[test]
fn an_ipv6_exceeded_time_is_told() {
    check(
        &crafted::time_exceeded_v6(),
        expect!["2001:db8::2 → 2001:db8::1 icmpv6 flags 08, payload 48 of 110"],
    );
}

#[test]
fn a_neighbour_solicitation_is_discovery() {
    check(
        &crafted::neighbour_solicitation(),
        expect!["2001:db8::1 → 2001:db8::2 icmpv6 flags 10, payload 24 of 86"],
    );
}

#[test]
fn a_packet_too_big_is_another_message() {
    check(
        &crafted::packet_too_big(),
        expect!["2001:db8::1 → 2001:db8::2 icmpv6 flags 80, payload 24 of 86"],
    );
}

#[test]
fn sctp_has_ports() {
    check(
        &crafted::sctp(),
        expect!["10.0.0.1:40000 → 10.0.0.2:3868 sctp flags 00, payload 16 of 62"],
    );
}

#[test]
fn an_sctp_answer_comes_from_the_server() {
    check(
        &crafted::sctp_answer(),
        expect!["[2001:db8::2]:3868 → [2001:db8::1]:40000 sctp flags 00, payload 16 of 82"],
    );
}

#[test]
fn esp_is_a_flow_without_ports() {
    check(
        &crafted::esp(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 50 flags 00, payload 72 of 106"],
    );
}

#[test]
fn gre_is_a_flow_without_ports() {
    check(
        &crafted::gre(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 47 flags 00, payload 24 of 58"],
    );
}

#[test]
fn an_authentication_header_in_ipv4_is_a_flow_without_ports() {
    check(
        &crafted::authentication_in_ipv4(),
        expect!["10.0.0.1 → 10.0.0.2 protocol 51 flags 00, payload 24 of 58"],
    );
}

// Tags that the interface took out of the frame.

#[test]
fn an_offloaded_tag_is_the_outer_one() {
    check_offloaded(
        0x2007,
        &crafted::ipv4_tcp(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:443 vlan 7 tcp window 64240 flags 10, payload 100 of 158"
        ],
    );
}

#[test]
fn a_tag_in_the_frame_is_inside_an_offloaded_one() {
    check_offloaded(
        7,
        &crafted::one_tag(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:443 vlan 7.5 tcp window 64240 flags 02, payload 0 of 62"
        ],
    );
}

#[test]
fn an_offloaded_tag_is_no_payload() {
    check_offloaded(
        7,
        &crafted::total_of_zero(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:443 vlan 7 tcp window 64240 flags 10, payload 1400 of 1458"
        ],
    );
}

#[test]
fn an_offloaded_tag_before_two_in_the_frame_is_too_deep() {
    check_offloaded(7, &crafted::qinq(), expect!["too_deep"]);
}

// Captures that hold less than the wire.

#[test]
fn a_cut_capture_has_the_length_on_the_wire() {
    let frame = crafted::ipv4_tcp();
    let cut = Frame::captured(&frame[..54], frame.len() as u32);
    expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 10, payload 100 of 154"]
        .assert_eq(&described(&cut));
}

#[test]
fn a_capture_that_is_cut_within_tcp_is_truncated() {
    let frame = crafted::ipv4_tcp();
    let cut = Frame::captured(&frame[..53], frame.len() as u32);
    expect!["truncated"].assert_eq(&described(&cut));
}
