//! Accounting packet by packet, by values computed by hand.

use std::num::NonZeroU32;

use netanom_common::counter::Tally;
use netanom_common::flow::{FlowCounters, MAX_GAP, Observation, Side};
use netanom_common::packet::{Packet, error, icmp, protocol, tcp as bit};

use crate::packets::{HIGH, LOW, MICROSECOND, SECOND, at, counted, tcp, tcp_with};

#[test]
fn packets_bytes_and_squares_add_up_per_direction() {
    let counters = counted(&[
        (tcp_with(LOW, 46), at(0)),
        (tcp_with(LOW, 146), at(1)),
        (tcp_with(HIGH, 1446), at(2)),
    ]);
    assert_eq!(
        counters.low.total,
        Tally {
            packets: 2,
            bytes: 300
        }
    );
    assert_eq!(counters.low.length_squares, 100 * 100 + 200 * 200);
    assert_eq!(
        (counters.low.length_min, counters.low.length_max),
        (100, 200)
    );
    assert_eq!(
        (counters.low.payload_packets, counters.low.payload_bytes),
        (2, 192)
    );
    assert_eq!(
        counters.high.total,
        Tally {
            packets: 1,
            bytes: 1500
        }
    );
    assert_eq!(counters.high.length_squares, 1500 * 1500);
    assert_eq!(
        (counters.high.length_min, counters.high.length_max),
        (1500, 1500)
    );
    assert_eq!((counters.packets(), counters.bytes()), (3, 1800));
}

#[test]
fn gaps_are_microseconds_between_packets_of_one_direction() {
    let counters = counted(&[
        (tcp(LOW, 0), at(SECOND)),
        (tcp(HIGH, 0), at(SECOND + 5 * MICROSECOND)),
        (tcp(LOW, 0), at(SECOND + 10 * MICROSECOND)),
        (tcp(LOW, 0), at(SECOND + 13 * MICROSECOND + 999)),
        (tcp(LOW, 0), at(SECOND + 33 * MICROSECOND + 999)),
    ]);
    assert_eq!(counters.low.gap_sum, 10 + 3 + 20);
    assert_eq!(counters.low.gap_squares, 100 + 9 + 400);
    assert_eq!((counters.low.gap_min, counters.low.gap_max), (3, 20));
    assert_eq!(
        (counters.low.first, counters.low.last),
        (SECOND, SECOND + 33_999)
    );
    assert_eq!((counters.high.gap_sum, counters.high.gap_max), (0, 0));
}

#[test]
fn a_packet_that_is_older_than_the_last_has_a_gap_of_zero() {
    let counters = counted(&[
        (tcp(LOW, 0), at(50 * MICROSECOND)),
        (tcp(LOW, 0), at(90 * MICROSECOND)),
        (tcp(LOW, 0), at(60 * MICROSECOND)),
        (tcp(LOW, 0), at(100 * MICROSECOND)),
    ]);
    assert_eq!(
        (
            counters.low.gap_sum,
            counters.low.gap_min,
            counters.low.gap_max
        ),
        (50, 0, 40)
    );
    assert_eq!((counters.low.first, counters.low.last), (50_000, 100_000));
}

#[test]
fn a_gap_above_a_minute_enters_the_squares_as_a_minute() {
    let counters = counted(&[(tcp(LOW, 0), at(0)), (tcp(LOW, 0), at(7200 * SECOND))]);
    assert_eq!(counters.low.gap_sum, 7_200_000_000);
    assert_eq!(counters.low.gap_squares, MAX_GAP * MAX_GAP);
    assert_eq!(
        (counters.low.gap_min, counters.low.gap_max),
        (u32::MAX, u32::MAX)
    );
}

#[test]
fn each_tcp_flag_is_counted() {
    let counters = counted(&[
        (tcp(LOW, bit::SYN), at(0)),
        (tcp(LOW, bit::ACK), at(1)),
        (tcp(LOW, bit::ACK | bit::PSH), at(2)),
        (tcp(LOW, 0xff), at(3)),
    ]);
    let flags = [
        bit::FIN,
        bit::SYN,
        bit::RST,
        bit::PSH,
        bit::ACK,
        bit::URG,
        bit::ECE,
        0x80,
    ];
    assert_eq!(
        flags.map(|flag| counters.low.flag(flag)),
        [1, 2, 1, 2, 3, 1, 1, 1]
    );
    assert_eq!(counters.high.flags, [0; 8]);
}

#[test]
fn icmp_kinds_share_the_flag_counters() {
    let ping = Packet {
        protocol: protocol::ICMP,
        ..tcp(LOW, icmp::ECHO_REPLY)
    };
    let counters = counted(&[(ping, at(0))]);
    assert_eq!(counters.low.flag(icmp::ECHO_REPLY), 1);
}

/// An ICMP error of 90 bytes in place of an answer of `side`.
fn error(side: u8, kind: u8) -> Packet {
    Packet {
        error: kind,
        length: 90,
        protocol: protocol::UDP,
        ..tcp(side, 0)
    }
}

#[test]
fn errors_are_counted_apart_from_what_the_endpoints_send() {
    let out = Observation {
        egress: true,
        ..at(7)
    };
    let counters = counted(&[
        (tcp_with(LOW, 46), at(5)),
        (error(HIGH, error::UNREACHABLE), at(6)),
        (error(HIGH, error::OTHER), out),
        (error(LOW, error::TIME_EXCEEDED), at(8)),
    ]);
    let (low, high) = (counters.low_errors, counters.high_errors);
    assert_eq!((high.packets, high.unreachable, high.bytes), (2, 1, 180));
    assert_eq!((low.packets, low.unreachable, low.bytes), (1, 0, 90));
    assert_eq!(counters.low, counted(&[(tcp_with(LOW, 46), at(5))]).low);
    assert_eq!(counters.high.total.packets, 0);
    assert_eq!((counters.packets(), counters.bytes()), (4, 370));
    let egress = counters.egress;
    assert_eq!((egress.packets, egress.bytes), (1, 90));
}

#[test]
fn errors_of_generations_add_up_and_say_nothing_of_who_began() {
    let mut counters = counted(&[(error(LOW, error::UNREACHABLE), at(5))]);
    assert!(!counters.has_packets());
    assert_eq!(counters.quoted_sender(), Side::High);
    counters.merge(&counted(&[(error(LOW, error::UNREACHABLE), at(6))]));
    let errors = counters.errors_for(Side::Low);
    assert_eq!(
        (errors.packets, errors.unreachable, errors.bytes),
        (2, 2, 180)
    );
    counters.merge(&counted(&[(tcp(LOW, bit::SYN), at(7))]));
    assert_eq!(
        counters.opener,
        counted(&[(tcp(LOW, bit::SYN), at(7))]).opener
    );
    let many: Vec<_> = (0..20).map(|n| (error(LOW, error::OTHER), at(n))).collect();
    assert!(!counted(&many).is_known(), "anybody can forge them");
}

#[test]
fn the_first_window_and_the_first_payload_are_kept() {
    let opening = Packet {
        window: 1024,
        ..tcp(LOW, bit::SYN)
    };
    let later = Packet {
        window: 65_535,
        ..tcp_with(LOW, 10)
    };
    let counters = counted(&[
        (opening, at(5)),
        (later, at(6)),
        (later, at(7)),
        (tcp(HIGH, 0), at(8)),
    ]);
    assert_eq!(
        (counters.low.first_window, counters.low.first_payload),
        (1024, 6)
    );
    assert_eq!(
        (counters.high.first_window, counters.high.first_payload),
        (0, 0)
    );
}

#[test]
fn a_segmented_frame_counts_as_its_segments() {
    // Three segments of 1448 bytes and 54 of headers each, as `wire_len` gives them.
    let packet = Packet {
        payload: 3 * 1448,
        length: 3 * 1502,
        ..tcp(LOW, bit::ACK)
    };
    let seen = Observation {
        now: SECOND,
        segments: NonZeroU32::new(3).unwrap(),
        egress: true,
    };
    let counters = counted(&[(packet, seen)]);
    assert_eq!(
        counters.low.total,
        Tally {
            packets: 3,
            bytes: 4506
        }
    );
    assert_eq!(counters.low.length_squares, 3 * 1502 * 1502);
    assert_eq!(
        (counters.low.length_min, counters.low.length_max),
        (1502, 1502)
    );
    assert_eq!(
        (counters.low.payload_packets, counters.low.payload_bytes),
        (3, 4344)
    );
    assert_eq!(counters.egress, counters.low.total);
}

#[test]
fn each_segment_acknowledges_and_one_of_them_pushes_or_ends() {
    let seen = Observation {
        segments: NonZeroU32::new(3).unwrap(),
        ..at(0)
    };
    let counters = counted(&[(tcp(LOW, bit::ACK | bit::PSH | bit::FIN), seen)]);
    let flags = [bit::ACK, bit::PSH, bit::FIN, bit::SYN];
    assert_eq!(flags.map(|flag| counters.low.flag(flag)), [3, 1, 1, 0]);
}

#[test]
fn segments_of_one_frame_have_no_gap_between_them() {
    let seen = |now, segments| Observation {
        segments: NonZeroU32::new(segments).unwrap(),
        ..at(now)
    };
    for segments in [[1, 2], [2, 1], [2, 2]] {
        let counters = counted(&[
            (tcp_with(LOW, 2000), seen(SECOND, segments[0])),
            (
                tcp_with(LOW, 2000),
                seen(SECOND + 9 * MICROSECOND, segments[1]),
            ),
        ]);
        assert_eq!(
            (counters.low.gap_min, counters.low.gap_max),
            (0, 9),
            "{segments:?}"
        );
    }
}

#[test]
fn only_what_left_is_egress() {
    let left = |now| Observation {
        egress: true,
        ..at(now)
    };
    let counters = counted(&[
        (tcp_with(LOW, 46), left(0)),
        (tcp_with(HIGH, 946), at(1)),
        (tcp_with(LOW, 446), left(2)),
    ]);
    assert_eq!(
        counters.egress,
        Tally {
            packets: 2,
            bytes: 600
        }
    );
}

#[test]
fn sums_wrap_without_a_panic() {
    // A damaged capture may claim any length.
    let packet = Packet {
        payload: u32::MAX,
        length: u32::MAX,
        ..tcp(LOW, 0)
    };
    let counters = counted(&[(packet, at(0)), (packet, at(u64::MAX)), (packet, at(1))]);
    let square = u64::from(u32::MAX) * u64::from(u32::MAX);
    assert_eq!(counters.low.length_squares, square.wrapping_mul(3));
    let mut twice = counters;
    twice.merge(&counters);
    assert_eq!(twice.low.length_squares, square.wrapping_mul(6));
}

#[test]
fn nothing_counted_is_all_zeros() {
    // The kernel starts a flow from a value of zeros.
    let zeros: FlowCounters = zerocopy::FromZeros::new_zeroed();
    assert_eq!(zeros, FlowCounters::default());
    assert_eq!((zeros.packets(), zeros.bytes()), (0, 0));
}
