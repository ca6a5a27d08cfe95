//! From a frame to its counter: in the shard of this CPU, or under a reason.

use core::num::NonZeroU32;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use aya_log_ebpf::{debug, warn};
use netanom_common::counter::{Ignored, Refusal, slot};
use netanom_common::flow::{FlowKey, Observation};
use netanom_common::fragment::{FragmentFlow, FragmentKey, FragmentTable, join};
use netanom_common::packet::{Packet, PacketBytes};
use netanom_common::parse::{encapsulation_slot, parse};

use crate::maps::{EMPTY, FLOWS, FRAGMENTS, GENERATION, IGNORED};
use crate::overflow;

/// What the counting needs to know of a frame beside its bytes.
pub(crate) trait ObservedFrame {
    /// How its bytes are read.
    type Bytes: PacketBytes;
    /// Its bytes.
    fn bytes(&self) -> &Self::Bytes;
    /// Its length on the wire.
    #[inline(always)]
    fn wire_length(&self) -> u32 {
        self.bytes().wire_length()
    }
    /// What the parser says of it.
    #[inline(always)]
    fn parse(&self) -> Result<Packet, Ignored> {
        parse(self.bytes())
    }
    /// Index of the interface.
    fn interface(&self) -> u32;
    /// Packets that the frame becomes on the wire.
    fn segments(&self) -> NonZeroU32;
    /// Nanoseconds of the kernel's monotonic clock; those of the capture in a replay.
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: a helper without arguments.
        unsafe { bpf_ktime_get_ns() }
    }
    /// Whether it leaves through the interface.
    const EGRESS: bool;
    /// Whether it begins with an Ethernet header.
    const ETHERNET: bool = true;
}

/// Counts a frame exactly once: in its flow or under the reason why it is in none.
#[inline(always)]
pub(crate) fn count<C: EbpfContext, F: ObservedFrame>(context: &C, frame: &F) {
    if let Err(reason) = count_in_flow(frame) {
        let length = u64::from(frame.wire_length());
        if let Some(tally) = IGNORED.get_ptr_mut(reason as u32) {
            // SAFETY: the slot belongs to this CPU, and a program is not interrupted by another of ours on its CPU:
            // both run with bottom halves disabled.
            let tally = unsafe { &mut *tally };
            tally.add(u64::from(frame.segments().get()), length);
            report(context, reason, tally.packets);
        }
        if F::ETHERNET
            && reason == Ignored::NotIp
            && let Some(slot) = encapsulation_slot(frame.bytes())
        {
            note(slot);
        }
    }
}

/// Tells user space of rare events. Each reason is told at its 1st, 2nd, 4th, 8th, … packet on a CPU.
#[inline(always)]
fn report<C: EbpfContext>(context: &C, reason: Ignored, packets: u64) {
    if packets & packets.wrapping_sub(1) != 0 {
        return;
    }
    note(slot::TOLD + reason as u32);
    match reason {
        Ignored::MapFull => warn!(
            context,
            "overflow table full: {} packets counted nowhere else", packets
        ),
        Ignored::MapError => warn!(
            context,
            "overflow table refused an entry: {} packets", packets
        ),
        Ignored::BadHeader => debug!(context, "malformed headers: {} packets", packets),
        Ignored::NotIp | Ignored::Truncated | Ignored::TooDeep | Ignored::LinkType => {}
    }
}

/// Counts what is no packet: an event of the programs themselves.
#[inline(always)]
fn note(slot: u32) {
    if let Some(tally) = IGNORED.get_ptr_mut(slot) {
        // SAFETY: as in `count`, the slot belongs to this CPU alone.
        unsafe { (*tally).packets += 1 };
    }
}

#[inline(always)]
#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a key passed by value is copied on the program's small stack"
)]
fn count_in_flow<F: ObservedFrame>(frame: &F) -> Result<(), Ignored> {
    let mut packet = frame.parse()?;
    join(&mut packet, &mut FirstFragments);
    // What is known of these from the parser's ways would part the ways that follow: a tenth of all that is verified.
    packet.protocol = frame.bytes().forget(u64::from(packet.protocol)) as u8;
    packet.flags = frame.bytes().forget(u64::from(packet.flags)) as u8;
    let (key, side) = FlowKey::of(&packet, frame.interface());
    // SAFETY: only reads a number that user space writes whole.
    let generation = unsafe { GENERATION.get_ptr(0).map_or(0, |generation| *generation) };
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let seen = Observation {
        now: frame.now(),
        segments: frame.segments(),
        egress: F::EGRESS,
    };
    let index = cpu * 2 + (generation & 1);
    let shard = FLOWS.get(index).ok_or(Ignored::MapError)?;
    let mut counters = shard.get_ptr_mut(&key);
    if counters.is_none() && overflow::has_room(&key, generation & 1) {
        let empty = EMPTY.get(0).ok_or(Ignored::MapError)?;
        match shard.insert(&key, empty, u64::from(BPF_NOEXIST)) {
            Ok(()) => counters = shard.get_ptr_mut(&key),
            Err(answer) => note(slot::REFUSED + Refusal::of(answer) as u32),
        }
    }
    // In one place, which the verifier walks to once.
    let Some(counters) = counters else {
        return overflow::count(index, &packet, frame.interface(), seen);
    };
    // SAFETY: the entry is in this CPU's shard, which no other CPU writes and which user space reads only after the
    // generation was swapped and every running program has ended.
    let counters = unsafe { &mut *counters };
    counters.account(side, &packet, seen);
    if counters.noted == 0 && counters.is_known() {
        counters.noted = 1;
        overflow::note_known(&key);
    }
    Ok(())
}

/// The kernel's table of first fragments.
struct FirstFragments;

impl FragmentTable for FirstFragments {
    #[inline(always)]
    fn remember(&mut self, key: &FragmentKey, flow: &FragmentFlow) {
        // Refused only when every entry is being written: later fragments then count under port 0.
        let _ = FRAGMENTS.insert(key, flow, u64::from(BPF_ANY));
    }

    #[inline(always)]
    fn recall(&self, key: &FragmentKey) -> Option<FragmentFlow> {
        // SAFETY: an entry that another CPU replaces while it is read may give a mixture of two packets' ports, as
        // eight bytes are copied in two words; nothing else depends on it.
        unsafe { FRAGMENTS.get(key).copied() }
    }
}
