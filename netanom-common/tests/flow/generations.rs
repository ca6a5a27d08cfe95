//! Generations of the kernel's maps: wherever the swaps fall between packets, the merged counters are the same.

use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, Observation};
use netanom_common::packet::Packet;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq};

use crate::packets::{HIGH, LOW, MICROSECOND, SECOND, at, counted, tcp};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merged_generations_equal_one(packets in conversation(0), swaps in vec(any::<Index>(), 0..6)) {
        let mut swaps: Vec<usize> = swaps.iter().map(|swap| swap.index(packets.len() + 1)).collect();
        swaps.sort_unstable();
        let mut merged = FlowCounters::default();
        let mut begin = 0;
        for end in swaps.into_iter().chain([packets.len()]) {
            merged.merge(&counted(&packets[begin..end]));
            begin = end;
        }
        prop_assert_eq!(merged, counted(&packets));
    }

    #[test]
    fn the_order_of_merging_does_not_matter(packets in conversation(1), swap in any::<Index>()) {
        // As when a flow moves to another CPU: the shards are read in the order of their CPUs.
        let (before, after) = packets.split_at(swap.index(packets.len() + 1));
        let mut merged = counted(after);
        merged.merge(&counted(before));
        prop_assert_eq!(merged, counted(&packets));
    }

    #[test]
    fn counters_are_the_sums_of_the_packets(packets in conversation(0)) {
        let counters = counted(&packets);
        let segments = |seen: &Observation| u64::from(seen.segments.get());
        prop_assert_eq!(counters.packets(), packets.iter().map(|(_, seen)| segments(seen)).sum::<u64>());
        prop_assert_eq!(counters.bytes(), packets.iter().map(|(packet, _)| u64::from(packet.length)).sum::<u64>());
        let left = packets.iter().filter(|(_, seen)| seen.egress);
        prop_assert_eq!(counters.egress.packets, left.map(|(_, seen)| segments(seen)).sum::<u64>());
        for sent in [counters.low, counters.high] {
            prop_assert!(sent.length_min <= sent.length_max && sent.gap_min <= sent.gap_max);
            prop_assert!(sent.payload_bytes <= sent.total.bytes);
        }
    }
}

/// Packets of both endpoints in the order of their times, at least `pause` nanoseconds apart, now and then far more.
fn conversation(pause: u64) -> impl Strategy<Value = Vec<(Packet, Observation)>> {
    let packet = (
        select(vec![LOW, HIGH]),
        any::<u8>(),
        0..9000_u32,
        any::<u16>(),
    )
        .prop_map(|(from, flags, payload, window)| Packet {
            payload,
            length: 54 + payload,
            window,
            ..tcp(from, flags)
        });
    let pause = select(vec![
        pause,
        700,
        3 * MICROSECOND,
        SECOND,
        100 * SECOND,
        5000 * SECOND,
    ]);
    let segments = select(vec![1, 1, 1, 2, 45]);
    vec((packet, pause, segments, any::<bool>()), 0..40).prop_map(|steps| {
        let mut now = SECOND;
        let each = steps.into_iter().map(|(packet, pause, segments, egress)| {
            now += pause;
            let segments = NonZeroU32::new(segments).unwrap();
            (
                packet,
                Observation {
                    segments,
                    egress,
                    ..at(now)
                },
            )
        });
        each.collect()
    })
}
