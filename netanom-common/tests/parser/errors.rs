//! What the parser makes of ICMP errors, which quote the packet that they are about (RFC 792, RFC 4443 2.4).

use expect_test::expect;

use crate::cases::check;
use crate::frames::crafted;

#[test]
fn an_error_is_an_answer_in_the_flow_that_it_quotes() {
    check(
        &crafted::port_unreachable(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:8080 tcp window 0 flags 00, payload 0 of 70, told unreachable"
        ],
    );
}

#[test]
fn a_packet_that_is_too_big_is_not_unreachable() {
    check(
        &crafted::fragmentation_needed(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:8080 tcp window 0 flags 00, payload 0 of 97, told another error"
        ],
    );
}

#[test]
fn options_in_the_quote_are_skipped_and_the_vlan_is_the_frames() {
    check(
        &crafted::time_exceeded_on_the_way(),
        expect![
            "10.0.0.2:3868 → 10.0.0.1:40000 vlan 5 sctp flags 00, payload 0 of 90, told time exceeded"
        ],
    );
}

#[test]
fn an_ipv6_error_is_found_behind_extension_headers() {
    check(
        &crafted::port_unreachable_v6(),
        expect![
            "[2001:db8::2]:8080 → [2001:db8::1]:40000 udp flags 00, payload 0 of 135, told unreachable"
        ],
    );
}

#[test]
fn extension_headers_in_the_quote_are_skipped_and_a_first_fragment_shows_its_ports() {
    check(
        &crafted::too_big_v6(),
        expect![
            "[2001:db8::2]:8080 → [2001:db8::1]:40000 tcp window 0 flags 00, payload 0 of 138, told another error"
        ],
    );
}

#[test]
fn a_quoted_ping_is_the_flow_of_its_messages() {
    check(
        &crafted::parameter_problem_v6(),
        expect!["2001:db8::2 → 2001:db8::1 icmpv6 flags 00, payload 0 of 110, told another error"],
    );
}

#[test]
fn an_unreachable_host_answers_the_ping() {
    check(
        &crafted::unreachable_ping(),
        expect!["10.0.0.2 → 10.0.0.1 icmp flags 00, payload 0 of 70, told unreachable"],
    );
}

#[test]
fn a_protocol_without_ports_is_its_flow_of_port_0() {
    check(
        &crafted::unreachable_protocol(),
        expect!["10.0.0.2 → 10.0.0.1 protocol 50 flags 00, payload 0 of 70, told unreachable"],
    );
}

#[test]
fn a_quoted_tunnel_is_the_flow_of_its_ends() {
    check(
        &crafted::unreachable_tunnel(),
        expect!["10.0.0.2 → 10.0.0.1 protocol 4 flags 00, payload 0 of 109, told unreachable"],
    );
}

#[test]
fn an_error_is_found_in_a_tunnel() {
    check(
        &crafted::error_in_a_tunnel(),
        expect![
            "10.0.0.1:40000 → 10.0.0.2:8080 tcp window 0 flags 00, payload 0 of 113, told unreachable"
        ],
    );
}

#[test]
fn an_error_in_two_tunnels_stays_in_its_own_flow() {
    check(
        &crafted::error_in_two_tunnels(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 04, payload 47 of 129"],
    );
}

#[test]
fn a_quote_without_eight_bytes_above_ip_stays_in_its_own_flow() {
    check(
        &crafted::short_quote(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 04, payload 27 of 69"],
    );
}

#[test]
fn a_quote_of_less_than_a_header_stays_in_its_own_flow() {
    check(
        &crafted::quote_without_a_header(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 04, payload 19 of 61"],
    );
}

#[test]
fn a_quote_without_ports_stays_in_its_own_flow() {
    check(
        &crafted::quote_of_a_later_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 08, payload 50 of 92"],
    );
}

#[test]
fn a_quote_of_another_version_stays_in_its_own_flow() {
    check(
        &crafted::quote_of_another_version(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 04, payload 65 of 107"],
    );
}

#[test]
fn an_error_that_is_fragmented_stays_in_its_own_flow() {
    check(
        &crafted::quote_in_a_first_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 04, payload 47 of 89"],
    );
}

#[test]
fn a_redirect_is_no_error() {
    check(
        &crafted::redirect_with_a_quote(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 80, payload 47 of 89"],
    );
}

#[test]
fn a_source_quench_is_no_error() {
    check(
        &crafted::source_quench_with_a_quote(),
        expect!["10.0.0.1 → 10.0.0.2 icmp flags 80, payload 47 of 89"],
    );
}
