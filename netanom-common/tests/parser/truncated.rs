//! Every truncation of every crafted frame.

use netanom_common::counter::Ignored;
use netanom_common::packet::{Frame, Packet, error, protocol};
use netanom_common::parse::parse;

use crate::frames::crafted;

#[test]
fn a_cut_capture_gives_the_same_packet_as_soon_as_it_holds_the_headers() {
    for (name, frame) in crafted::all() {
        let wire_length = frame.len() as u32;
        let whole = parse(&Frame::whole(&frame));
        let mut holds_headers = false;
        for end in 0..=frame.len() {
            let cut = parse(&Frame::captured(&frame[..end], wire_length));
            holds_headers |= cut == whole;
            if !holds_headers && is_error_without_its_quote(whole, cut) {
                continue;
            }
            let expected = if holds_headers {
                whole
            } else {
                Err(Ignored::Truncated)
            };
            assert_eq!(cut, expected, "{name}, the first {end} bytes");
        }
        assert!(holds_headers, "{name}");
    }
}

/// An ICMP error whose quote is cut stays in the flow of ICMP.
fn is_error_without_its_quote(
    whole: Result<Packet, Ignored>,
    cut: Result<Packet, Ignored>,
) -> bool {
    whole.is_ok_and(|whole| whole.error != error::NONE)
        && cut.is_ok_and(|cut| {
            cut.error == error::NONE && matches!(cut.protocol, protocol::ICMP | protocol::ICMPV6)
        })
}

#[test]
fn a_frame_that_was_cut_on_the_wire_gives_the_same_packet_but_for_its_lengths() {
    for (name, frame) in crafted::all() {
        let whole = parse(&Frame::whole(&frame));
        for end in 0..frame.len() {
            let missing = (frame.len() - end) as u32;
            let cut = parse(&Frame::whole(&frame[..end]));
            match (whole, cut) {
                (_, Err(Ignored::Truncated)) => {}
                _ if is_error_without_its_quote(whole, cut) => {}
                (Ok(whole), Ok(cut)) => {
                    // Padding is cut first, so less than what is missing may be missing in the payload.
                    let least = whole.payload.saturating_sub(missing);
                    assert!(
                        (least..=whole.payload).contains(&cut.payload),
                        "{name}, the first {end} bytes: {cut:?}"
                    );
                    let length = whole.length - missing;
                    let expected = Packet {
                        length,
                        payload: cut.payload,
                        ..whole
                    };
                    assert_eq!(cut, expected, "{name}, the first {end} bytes");
                }
                (whole, cut) => assert_eq!(cut, whole, "{name}, the first {end} bytes"),
            }
        }
    }
}

#[test]
fn bytes_after_the_packet_change_its_length_alone() {
    let lengthless = [
        "total_of_zero",
        "total_of_zero_with_options",
        "payload_of_zero",
        "total_beyond_the_frame",
    ];
    for (name, mut frame) in crafted::all() {
        if lengthless.contains(&name) || name == "empty_ethernet" {
            continue;
        }
        let bare = parse(&Frame::whole(&frame));
        frame.extend([0; 4]);
        let trailed = parse(&Frame::whole(&frame));
        let expected = bare.map(|packet| Packet {
            length: packet.length + 4,
            ..packet
        });
        assert_eq!(trailed, expected, "{name}");
    }
}
