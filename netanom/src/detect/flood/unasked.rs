//! Echo replies to one who never asked: smurf, where an attacker pings a network in the target's name.
//!
//! Whoever pings a host is known to ask it; a ping of a whole network names none of its hosts, and brings each host's
//! reply once a second. So forty replies a second of one host that was not asked are of somebody else's doing, and so are
//! a thousand of many.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use netanom_common::flow::Side;
use netanom_common::packet::{icmp, protocol};

use super::{ACQUAINTED, MAX_PAIRS, Pair, Sent};
use crate::flow::{Recent, Timestamp, Window};

/// Replies a second of one host that was not asked.
const OF_ONE: f64 = 40.0;
/// The same of all together.
const OF_ALL: f64 = 1000.0;
/// Fewer in a window are a burst.
const MIN_REPLIES: u64 = 10;

/// Who asked whom.
#[derive(Debug)]
pub(super) struct Unasked(Recent<Pair, Timestamp>);

impl Default for Unasked {
    fn default() -> Self {
        Self(Recent::new(MAX_PAIRS))
    }
}

/// What a target got in a window from those that it did not ask.
#[derive(Clone, Copy, Debug, Default)]
struct Replies {
    all: Sent,
    /// The source that sent most.
    most: Option<(u64, IpAddr)>,
}

impl Unasked {
    /// Each target with the source that sent it most, and what all sent it.
    pub(super) fn floods(&mut self, window: &Window, seconds: f64) -> Vec<(Pair, u8, Sent)> {
        let mut targets: HashMap<(u32, IpAddr, u8), Replies, RandomState> = HashMap::default();
        let echoes = || {
            let flows = window.flows.iter();
            let icmp = [protocol::ICMP, protocol::ICMPV6];
            let flows = flows.filter(move |(key, _)| icmp.contains(&key.protocol()));
            flows.flat_map(|(key, counters)| {
                [Side::Low, Side::High].map(|side| {
                    let pair = (
                        key.interface(),
                        key.address(side),
                        key.address(side.other()),
                    );
                    (pair, key.protocol(), counters.sent_by(side))
                })
            })
        };
        // All requests first: a window does not tell which came before which reply.
        for (pair, _, sent) in echoes() {
            if sent.flag(icmp::ECHO_REQUEST) > 0 {
                let place = self.0.touch(&pair);
                *self.0.at(place) = window.end;
            }
        }
        for ((interface, source, target), number, sent) in echoes() {
            let replies = u64::from(sent.flag(icmp::ECHO_REPLY));
            if replies == 0 || self.has_asked((interface, target, source), window.end) {
                continue;
            }
            let of_target = targets.entry((interface, target, number)).or_default();
            of_target.all.add(sent);
            of_target.most = of_target.most.max(Some((replies, source)));
        }
        let floods = targets.into_iter().filter_map(|(target, replies)| {
            let (interface, target, number) = target;
            let (most, source) = replies.most?;
            let is_flood =
                most as f64 / seconds >= OF_ONE || replies.all.packets as f64 / seconds >= OF_ALL;
            let pair = (interface, source, target);
            (is_flood && replies.all.packets >= MIN_REPLIES).then_some((pair, number, replies.all))
        });
        floods.collect()
    }

    fn has_asked(&mut self, pair: Pair, now: Timestamp) -> bool {
        self.0
            .find(&pair)
            .is_some_and(|place| now.since(*self.0.at(place)) < ACQUAINTED)
    }
}
