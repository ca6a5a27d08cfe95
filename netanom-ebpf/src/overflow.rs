//! What happens to a packet whose flow is not in the shard: who may still open one, and where the others are counted.

use core::mem::size_of;

use aya_ebpf::bindings::BPF_NOEXIST;
use netanom_common::counter::Ignored;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::overflow::{OverflowCounters, OverflowKey, Width};
use netanom_common::packet::Packet;

use crate::maps::{
    EMPTY, KNOWN, KNOWN_SLOTS, OCCUPANCY, OVERFLOW_ENTRIES, OVERFLOWS, Overflow, ROOM_FOR_UNKNOWN,
    SKETCH_SEED,
};

/// Whether the flow may open an entry in this CPU's shard. A shard begins empty each tick, and a flood would otherwise
/// take the places of flows that were there before; so those that are not known have a part of it only.
#[inline(always)]
pub(crate) fn has_room(key: &FlowKey, generation: u32) -> bool {
    is_known(key) || take_place(generation, 0, ROOM_FOR_UNKNOWN.load())
}

/// Takes one of the places that this CPU has in a generation for entries of one sort, if one is left.
#[inline(always)]
fn take_place(generation: u32, sort: usize, room: u32) -> bool {
    let Some(taken) = OCCUPANCY.get_ptr_mut(generation) else {
        return false;
    };
    // SAFETY: the numbers are this CPU's own, and user space resets them only while the other generation is written.
    let taken = unsafe { &mut (*taken)[sort] };
    if *taken >= room {
        return false;
    }
    *taken += 1;
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

/// Counts a packet in the overflow table of a shard: under its destination, or where there are too many of those, under
/// the destination's network, or under all of them.
#[inline(always)]
pub(crate) fn count(
    shard: u32,
    packet: &Packet,
    interface: u32,
    seen: Observation,
) -> Result<(), Ignored> {
    let table = OVERFLOWS.get(shard).ok_or(Ignored::MapError)?;
    let mut key = OverflowKey::of(packet, interface);
    let mut entry = counters_of(table, &key, Width::Host, shard & 1);
    if entry.is_err() {
        key = key.prefix();
        entry = counters_of(table, &key, Width::Prefix, shard & 1);
    }
    if entry.is_err() {
        key = key.anywhere();
        entry = counters_of(table, &key, Width::Anywhere, shard & 1);
    }
    // SAFETY: as with flows, only this CPU writes the table of its shard.
    let counters = unsafe { &mut *entry? };
    counters.account_by(SKETCH_SEED.load(), packet, seen);
    Ok(())
}

/// The entry of a key, a new one if there is room for a key of this width.
#[inline(always)]
fn counters_of(
    table: &Overflow,
    key: &OverflowKey,
    width: Width,
    generation: u32,
) -> Result<*mut OverflowCounters, Ignored> {
    if let Some(counters) = table.get_ptr_mut(key) {
        return Ok(counters);
    }
    if !take_place(
        generation,
        1 + width as usize,
        width.room(OVERFLOW_ENTRIES.load()),
    ) {
        return Err(Ignored::MapFull);
    }
    const { assert!(size_of::<OverflowCounters>() <= size_of::<FlowCounters>()) };
    let empty = EMPTY.get_ptr(0).ok_or(Ignored::MapError)?;
    // SAFETY: the value is all zeros, which is an empty counter of either type, and the longer of the two.
    let empty = unsafe { &*empty.cast::<OverflowCounters>() };
    table
        .insert(key, empty, u64::from(BPF_NOEXIST))
        .map_err(refusal)?;
    table.get_ptr_mut(key).ok_or(Ignored::MapError)
}

/// The kernel answers E2BIG, and nothing else, when a hash map is full.
#[inline(always)]
fn refusal(errno: i32) -> Ignored {
    const E2BIG: i32 = 7;
    if errno == -E2BIG {
        Ignored::MapFull
    } else {
        Ignored::MapError
    }
}
