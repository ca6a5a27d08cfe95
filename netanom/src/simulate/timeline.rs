//! From exchanges that overlap to one line of frames in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use super::packet::{Packet, Planned};
use crate::flow::Timestamp;

/// A frame and when it passes the tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedFrame {
    /// When.
    pub at: Timestamp,
    /// The Ethernet frame, without padding and frame check sequence.
    pub bytes: Vec<u8>,
}

/// Packets that belong together, at least one.
pub(super) struct Exchange {
    start: Timestamp,
    packets: Vec<Planned>,
}

/// Exchanges in the order in which they start; may never end.
pub(super) type Exchanges = Box<dyn Iterator<Item = Exchange> + Send>;

impl Exchange {
    /// An exchange that begins with the earliest of `packets`, or at `start` when that is earlier.
    pub(super) fn new(start: Timestamp, packets: Vec<Planned>) -> Self {
        let first = packets.iter().map(|planned| planned.at).min();
        Self {
            start: first.map_or(start, |first| first.min(start)),
            packets,
        }
    }

    /// When its first packet is.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// How many packets it has.
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Its packets.
    pub(super) fn into_packets(self) -> Vec<Planned> {
        self.packets
    }
}

/// The frames of a scenario in the order of time. Those of equal time keep the order of their planning.
pub struct Frames {
    exchanges: Peekable<Exchanges>,
    queue: BinaryHeap<Reverse<Due>>,
    planned: u64,
    end: Timestamp,
}

impl Frames {
    pub(super) fn new(exchanges: Exchanges, end: Timestamp) -> Self {
        Self {
            exchanges: exchanges.peekable(),
            queue: BinaryHeap::new(),
            planned: 0,
            end,
        }
    }

    /// Whether the next exchange may have a packet before all that are queued.
    fn must_look_ahead(&mut self) -> bool {
        let Some(exchange) = self.exchanges.peek() else {
            return false;
        };
        exchange.start < self.end
            && self
                .queue
                .peek()
                .is_none_or(|Reverse(due)| exchange.start <= due.at)
    }
}

impl Iterator for Frames {
    type Item = TimedFrame;

    fn next(&mut self) -> Option<TimedFrame> {
        while self.must_look_ahead() {
            let exchange = self.exchanges.next()?;
            for Planned { at, packet } in exchange.packets {
                // What comes after the end is never shown, so it is not kept either.
                if at < self.end {
                    self.queue.push(Reverse(Due {
                        at,
                        order: self.planned,
                        packet,
                    }));
                    self.planned += 1;
                }
            }
        }
        let Reverse(due) = self.queue.pop()?;
        Some(TimedFrame {
            at: due.at,
            bytes: due.packet.frame(),
        })
    }
}

struct Due {
    at: Timestamp,
    order: u64,
    packet: Packet,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::simulate::{Mode, Scenario, frames};

    #[test]
    fn what_waits_does_not_grow_with_the_duration() {
        // A minute of each: floods that kept their packets would have 60,000.
        for mode in Mode::all() {
            let (source, target) = ("10.0.0.0/24".parse().unwrap(), "10.9.0.1".parse().unwrap());
            let scenario = Scenario {
                duration: Duration::from_secs(60),
                ..Scenario::new(mode, source, target)
            };
            let mut frames = frames(&scenario).unwrap();
            let mut most = 0;
            while frames.next().is_some() {
                most = frames.queue.len().max(most);
            }
            assert!(most < 20_000, "{mode}: {most} frames waited");
        }
    }
}
