//! What the parser makes of fragments that cut a transport header (RFC 1858, `nmap -f`).

use expect_test::expect;

use crate::cases::check;
use crate::frames::crafted;

#[test]
fn eight_bytes_of_tcp_have_the_ports() {
    check(
        &crafted::tiny_first_fragment(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 0 flags 00, payload 0 of 42"],
    );
}

#[test]
fn the_fragment_behind_eight_bytes_has_the_flags() {
    check(
        &crafted::tiny_second_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 64240 flags 02, payload 0 of 42"],
    );
}

#[test]
fn options_in_a_third_fragment_are_no_payload() {
    check(
        &crafted::tiny_third_fragment(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 0 flags 00, payload 0 of 42"],
    );
}

#[test]
fn sixteen_bytes_of_tcp_have_the_flags() {
    check(
        &crafted::first_fragment_of_sixteen_bytes(),
        expect!["10.0.0.1:40000 → 10.0.0.2:443 tcp window 64240 flags 02, payload 0 of 50"],
    );
}

#[test]
fn what_comes_behind_a_header_in_two_fragments_is_payload() {
    check(
        &crafted::rest_behind_eight_bytes(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 64240 flags 02, payload 100 of 150"],
    );
}

#[test]
fn a_later_fragment_within_the_longest_header_has_payload_behind_it() {
    check(
        &crafted::last_within_the_longest_header(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 0 flags 00, payload 20 of 58"],
    );
}

#[test]
fn less_than_eight_bytes_of_a_fragmented_header_are_a_bad_one() {
    check(
        &crafted::first_fragment_of_four_bytes(),
        expect!["bad_header"],
    );
}

#[test]
fn a_second_fragment_without_the_flags_is_a_later_one() {
    check(
        &crafted::second_fragment_of_four_bytes(),
        expect!["10.0.0.1 → 10.0.0.2 tcp window 0 flags 00, payload 0 of 38"],
    );
}

#[test]
fn eight_bytes_of_sctp_have_the_ports() {
    check(
        &crafted::tiny_first_fragment_of_sctp(),
        expect!["10.0.0.1:40000 → 10.0.0.2:3868 sctp flags 00, payload 0 of 42"],
    );
}

#[test]
fn eight_bytes_of_tcp_in_ipv6_have_the_ports() {
    check(
        &crafted::ipv6_tiny_first_fragment(),
        expect!["[2001:db8::1]:40000 → [2001:db8::2]:443 tcp window 0 flags 00, payload 0 of 70"],
    );
}

#[test]
fn the_fragment_behind_eight_bytes_has_the_flags_in_ipv6() {
    check(
        &crafted::ipv6_tiny_second_fragment(),
        expect!["2001:db8::1 → 2001:db8::2 tcp window 64240 flags 02, payload 0 of 70"],
    );
}
