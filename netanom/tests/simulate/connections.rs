//! Connections obey TCP: what is acknowledged was sent before, and numbers go up only.

use std::collections::{HashMap, HashSet};

use etherparse::{SlicedPacket, TransportSlice};
use netanom::simulate::{Mode, frames};

use crate::{lasting, scenario};

/// The sender's address and port, then the receiver's.
type Direction = [(Vec<u8>, u16); 2];

/// One segment, as far as its numbers go.
struct Numbers {
    direction: Direction,
    sequence: u32,
    /// The sequence number after it.
    next: u32,
    acknowledgment: Option<u32>,
    has_syn: bool,
    has_rst: bool,
}

fn numbers(frame: &[u8]) -> Option<Numbers> {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        return None;
    };
    let length = tcp.payload().len() as u32 + u32::from(tcp.syn()) + u32::from(tcp.fin());
    let direction = [
        (frame[26..30].to_vec(), tcp.source_port()),
        (frame[30..34].to_vec(), tcp.destination_port()),
    ];
    Some(Numbers {
        direction,
        sequence: tcp.sequence_number(),
        next: tcp.sequence_number().wrapping_add(length),
        acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
        has_syn: tcp.syn(),
        has_rst: tcp.rst(),
    })
}

/// Whether `a` is not after `b`, counted round.
fn not_after(a: u32, b: u32) -> bool {
    b.wrapping_sub(a) < 1 << 31
}

#[test]
fn numbers_follow_each_other_and_only_what_was_sent_is_acknowledged() {
    for mode in [
        Mode::Normal,
        Mode::BruteForce,
        Mode::HttpFlood,
        Mode::HttpFloodSingle,
        Mode::SlowHttp,
    ] {
        let mut sent: HashMap<Direction, u32> = HashMap::new();
        let mut acknowledged: HashMap<Direction, u32> = HashMap::new();
        let mut again = HashSet::new();
        let scenario = lasting(scenario(mode), 120);
        let segments = frames(&scenario)
            .unwrap()
            .filter_map(|frame| numbers(&frame.bytes));
        for segment in segments {
            let back = [segment.direction[1].clone(), segment.direction[0].clone()];
            if segment.has_syn {
                acknowledged.remove(&segment.direction);
            } else {
                let expected = sent[&segment.direction];
                assert!(
                    not_after(segment.sequence, expected),
                    "{mode}: a gap before {}",
                    segment.sequence
                );
                if segment.sequence != expected {
                    again.insert(segment.direction.clone());
                }
            }
            if let Some(number) = segment.acknowledgment {
                let before = acknowledged
                    .insert(segment.direction.clone(), number)
                    .unwrap_or(number);
                assert!(
                    not_after(before, number),
                    "{mode}: {number} is acknowledged after {before}"
                );
                assert!(
                    segment.has_rst || not_after(number, sent[&back]),
                    "{mode}: {number} was never sent"
                );
            }
            let highest = sent.entry(segment.direction).or_insert(segment.next);
            if segment.has_syn || not_after(*highest, segment.next) {
                *highest = segment.next;
            }
        }
        // Losses are seen on the Internet, never in the attacks.
        assert_eq!(
            again.is_empty(),
            mode != Mode::Normal,
            "{mode}: {} directions",
            again.len()
        );
    }
}
