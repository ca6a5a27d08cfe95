//! Replay: time, length and interface of the packet at hand come from user space in place of the kernel.
//!
//! The flag is a constant when the programs are loaded: the verifier follows one side of each branch on it and removes
//! the other, so live packets pay a load and no lookup.

use aya_ebpf::Global;
use netanom_common::replay::ReplayedPacket;

use crate::maps::REPLAYED;

/// Whether packets are replayed; user space sets it before it loads the programs.
#[unsafe(no_mangle)]
static REPLAY: Global<u8> = Global::new(0);

/// What user space said of the packet that it hands over now; `None` for live packets.
#[inline(always)]
pub(crate) fn packet() -> Option<ReplayedPacket> {
    if REPLAY.load() == 0 {
        return None;
    }
    // SAFETY: user space writes the entry before it hands the packet over, and waits for the program's end.
    REPLAYED.get_ptr(0).map(|packet| unsafe { *packet })
}
