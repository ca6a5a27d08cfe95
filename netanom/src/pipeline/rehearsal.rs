//! A flood before the first packet: what a flood will need of memory is taken at the start, so that none is asked for
//! when one comes, and how much the sensor takes can be seen at once.

use netanom_common::packet::Packet;

use super::Pipeline;
use crate::flow::{MOST_UNANSWERED, Timestamp, Window, request};

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
        self.flows.take_memory();
        self.flows.clear();
        self.judge.clear();
        self.verdicts.clear();
        self.finished.clear();
    }
}

fn window(number: u32) -> Window {
    let start = u64::from(number + 1) * TICK;
    let flows = MOST_UNANSWERED as u32;
    let packet = |n: u32| syn(number, number * flows + n);
    let [start, end] = [start, start + TICK].map(Timestamp::from_nanos);
    Window::of_lone(start, end, (0..flows).map(packet))
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
    let port = 1024 + (source % 60_000) as u16;
    request(address(source + 2), address(target), port)
}
