//! What holds for every frame, whatever is in it.

use netanom_common::flow::FlowKey;
use netanom_common::packet::{Frame, Packet, icmp, protocol};
use netanom_common::parse::parse;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::test_runner::TestCaseResult;
use proptest::{prop_assert, prop_assert_eq, prop_assert_ne};

use crate::mutated::mutated;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_within_bounds(bytes in vec(any::<u8>(), 0..200), more in 0..2000_u32) {
        holds(&Frame::captured(&bytes, bytes.len() as u32 + more))?;
    }

    #[test]
    fn changed_frames_are_read_within_bounds(frame in mutated()) {
        holds(&Frame::whole(&frame))?;
    }

    #[test]
    fn a_wire_length_that_contradicts_the_frame_does_no_harm(frame in mutated(), wire_length in any::<u32>()) {
        holds(&Frame::captured(&frame, wire_length))?;
    }
}

fn holds(frame: &Frame<'_>) -> TestCaseResult {
    let Ok(packet) = parse(frame) else {
        return Ok(());
    };
    prop_assert!(packet.payload <= packet.length, "{:?}", packet);
    let answer = Packet {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        flags: match (packet.protocol, packet.flags) {
            (protocol::ICMP | protocol::ICMPV6, icmp::ECHO_REQUEST) => icmp::ECHO_REPLY,
            (protocol::ICMP | protocol::ICMPV6, icmp::ECHO_REPLY) => icmp::ECHO_REQUEST,
            // Errors of each direction are a flow.
            (protocol::ICMP | protocol::ICMPV6, icmp::UNREACHABLE | icmp::TIME_EXCEEDED) => {
                return Ok(());
            }
            (_, flags) => flags,
        },
        ..packet
    };
    let (asked, answered) = (FlowKey::of(&packet, 3), FlowKey::of(&answer, 3));
    prop_assert_eq!(asked.0, answered.0);
    // A packet from an endpoint to itself has one side.
    if packet != answer {
        prop_assert_ne!(asked.1, answered.1);
    }
    Ok(())
}
