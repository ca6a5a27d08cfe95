//! What happens to a packet whose flow is not in the shard: who may still open one, and where the others are counted.

use core::mem::size_of;

use aya_ebpf::bindings::BPF_NOEXIST;
use netanom_common::counter::Ignored;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use netanom_common::packet::Packet;

use crate::maps::{EMPTY, KNOWN, KNOWN_SLOTS, OCCUPANCY, OVERFLOWS, ROOM_FOR_UNKNOWN};

/// Whether the flow may open an entry in this CPU's shard. A shard begins empty each tick, and a flood would otherwise
/// take the places of flows that were there before; so those that are not known have a part of it only.
#[inline(always)]
pub(crate) fn has_room(key: &FlowKey, generation: u32) -> bool {
    if is_known(key) {
        return true;
    }
    let Some(unknown) = OCCUPANCY.get_ptr_mut(generation) else {
        return false;
    };
    // SAFETY: the number is this CPU's own, and user space resets it only while the other generation is written.
    let unknown = unsafe { &mut *unknown };
    if *unknown >= ROOM_FOR_UNKNOWN.load() {
        return false;
    }
    *unknown += 1;
    true
}

/// Notes a flow as known. A colliding one displaces it, so the note is a hint: it costs a place, never a count.
#[inline(always)]
pub(crate) fn note_known(key: &FlowKey) {
    let (slot, tag) = place(key);
    if let Some(known) = KNOWN.get_ptr_mut(slot) {
        // SAFETY: several CPUs may write at once, each a whole aligned word.
        unsafe { known.write_volatile(tag) };
    }
}

#[inline(always)]
fn is_known(key: &FlowKey) -> bool {
    let (slot, tag) = place(key);
    // SAFETY: a whole aligned word is read.
    KNOWN
        .get_ptr(slot)
        .is_some_and(|known| unsafe { known.read_volatile() } == tag)
}

#[inline(always)]
fn place(key: &FlowKey) -> (u32, u32) {
    let hash = key.fingerprint();
    // A tag of 0 would match an empty slot.
    (
        hash as u32 & (KNOWN_SLOTS as u32 - 1),
        (hash >> 32) as u32 | 1,
    )
}

/// Counts a packet in the overflow table of a shard.
#[inline(always)]
#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a key passed by value is copied on the program's small stack"
)]
pub(crate) fn count(
    shard: u32,
    packet: &Packet,
    interface: u32,
    seen: Observation,
) -> Result<(), Ignored> {
    let table = OVERFLOWS.get(shard).ok_or(Ignored::MapError)?;
    let key = OverflowKey::of(packet, interface);
    let counters = match table.get_ptr_mut(&key) {
        Some(counters) => counters,
        None => {
            const { assert!(size_of::<OverflowCounters>() <= size_of::<FlowCounters>()) };
            let empty = EMPTY.get_ptr(0).ok_or(Ignored::MapError)?;
            // SAFETY: the value is all zeros, which is an empty counter of either type, and the longer of the two.
            let empty = unsafe { &*empty.cast::<OverflowCounters>() };
            table
                .insert(&key, empty, u64::from(BPF_NOEXIST))
                .map_err(crate::account::refusal)?;
            table.get_ptr_mut(&key).ok_or(Ignored::MapError)?
        }
    };
    // SAFETY: as with flows, only this CPU writes the table of its shard.
    let counters = unsafe { &mut *counters };
    counters.account(packet, seen);
    Ok(())
}
