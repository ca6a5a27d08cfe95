//! A flood before the first packet: what a flood will need of memory is taken at the start, so that none is asked for
//! when one comes, and how much the sensor takes can be seen at once.

use std::num::NonZeroU32;

use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::{Fragment, Packet, error, protocol, tcp};

use super::Pipeline;
use crate::flow::{MOST_UNANSWERED, Timestamp, Window};

/// Windows of the rehearsed flood at least: each as large as one that the kernel lets through, and all of them more sources
/// than the context remembers. More where more unanswered flows are kept.
const WINDOWS: u32 = 2;
const TICK: u64 = 250_000_000;

impl Pipeline {
    /// Goes through a flood from spoofed sources and forgets it. Nothing that comes later is other than without it.
    pub fn rehearse(&mut self) {
        let kept = self.flows.most_unanswered().div_ceil(MOST_UNANSWERED);
        for number in 0..WINDOWS.max(kept as u32) {
            self.step(&window(number));
        }
        self.flows.clear();
        self.judge.clear();
        self.verdicts.clear();
        self.finished.clear();
    }
}

fn window(number: u32) -> Window {
    let start = u64::from(number + 1) * TICK;
    let flows = MOST_UNANSWERED as u32;
    let request = |n: u32| {
        let packet = syn(number, number * flows + n);
        let seen = Observation {
            now: start + u64::from(n),
            segments: NonZeroU32::MIN,
            egress: false,
        };
        let (key, side) = FlowKey::of(&packet, 0);
        let mut counters = FlowCounters::default();
        counters.account(side, &packet, seen);
        (key, counters)
    };
    Window {
        start: Timestamp::from_nanos(start),
        end: Timestamp::from_nanos(start + TICK),
        flows: (0..flows).map(request).collect(),
        ..Window::default()
    }
}

/// A connection request between addresses for documentation (2001:db8::/32, RFC 3849): in every second window to a host
/// of its own, as an attack that is made to be many cases.
fn syn(number: u32, source: u32) -> Packet {
    let target = if number.is_multiple_of(2) {
        1
    } else {
        u32::MAX - source
    };
    let address = |host: u32| [0x2001_0db8_u32.to_be(), 0, 0, host.to_be()];
    Packet {
        source: address(source + 2),
        destination: address(target),
        source_port: 1024 + (source % 60_000) as u16,
        destination_port: 80,
        protocol: protocol::TCP,
        flags: tcp::SYN,
        outer_vlan: 0,
        inner_vlan: 0,
        fragment: Fragment::default(),
        error: error::NONE,
        window: 64_240,
        payload: 0,
        length: 74,
    }
}
