//! Counts the packets of one window, as the kernel's maps do.

use std::collections::HashMap;
use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::Frame;

use super::CapturedPacket;
use crate::flow::IgnoredTallies;

/// The flows of a window, and what is in none.
#[derive(Debug, Default)]
pub(super) struct Counting {
    index: HashMap<FlowKey, usize, RandomState>,
    flows: Vec<(FlowKey, FlowCounters)>,
    ignored: IgnoredTallies,
}

impl Counting {
    #[inline]
    pub(super) fn add(&mut self, packet: &CapturedPacket<'_>) {
        let frame = Frame::captured(packet.bytes, packet.wire_length);
        match packet.link.parse(&frame) {
            Ok(parsed) => {
                let (key, side) = FlowKey::of(&parsed, 0);
                let slot = *self.index.entry(key).or_insert_with(|| {
                    self.flows.push((key, FlowCounters::default()));
                    self.flows.len() - 1
                });
                let seen = Observation {
                    now: packet.time,
                    segments: NonZeroU32::MIN,
                    egress: false,
                };
                self.flows[slot].1.account(side, &parsed, seen);
            }
            Err(reason) => self.ignored.add(reason, u64::from(packet.wire_length)),
        }
    }

    /// How many flows there are.
    #[inline]
    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// Everything counted, and begins anew.
    pub(super) fn take(&mut self) -> (Vec<(FlowKey, FlowCounters)>, IgnoredTallies) {
        self.index.clear();
        (
            std::mem::take(&mut self.flows),
            std::mem::take(&mut self.ignored),
        )
    }
}
