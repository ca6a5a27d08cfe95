//! All maps. User space sizes them when it loads the programs; the sizes here only have to be valid.

use aya_ebpf::Global;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray};
use aya_ebpf::macros::btf_map;
use netanom_common::counter::{Tally, slot};
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::fragment::{FragmentFlow, FragmentKey, REMEMBERED};
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use netanom_common::replay::ReplayedPacket;

/// One CPU's flows of one generation.
pub(crate) type Shard = HashMap<FlowKey, FlowCounters, 1>;

/// Shards, two a CPU: `cpu * 2 + generation`. A CPU writes its own shard only, so no counter needs an atomic and
/// total memory does not grow with the number of CPUs.
#[btf_map]
pub(crate) static FLOWS: ArrayOfMaps<Shard, 2> = ArrayOfMaps::new();

/// Which generation (0 or 1) is written now; user space drains the other.
#[btf_map]
pub(crate) static GENERATION: Array<u32, 1> = Array::new();

/// Packets that are in no flow, by reason, and what the programs say of themselves ([`slot`]).
#[btf_map]
pub(crate) static IGNORED: PerCpuArray<Tally, { slot::COUNT }> = PerCpuArray::new();

/// All zeros: what a new flow starts from. On the stack it would take more than half of what a program has.
#[btf_map]
pub(crate) static EMPTY: Array<FlowCounters, 1> = Array::new();

/// What a replay says of the packet at hand; without one it stays zero.
#[btf_map]
pub(crate) static REPLAYED: Array<ReplayedPacket, 1> = Array::new();

/// Packets of one CPU and one generation that found no room in their shard.
pub(crate) type Overflow = HashMap<OverflowKey, OverflowCounters, 1>;

/// Overflow tables, one beside each shard.
#[btf_map]
pub(crate) static OVERFLOWS: ArrayOfMaps<Overflow, 2> = ArrayOfMaps::new();

/// Entries that unknown flows opened in this CPU's shard of each generation, and keys of each width in its overflow table;
/// user space sets it back when it has drained one.
#[btf_map]
pub(crate) static OCCUPANCY: PerCpuArray<[u32; 4], 2> = PerCpuArray::new();

/// Entries of a shard that unknown flows may take. User space sets it when it loads.
#[unsafe(no_mangle)]
pub(crate) static ROOM_FOR_UNKNOWN: Global<u32> = Global::new(1);

/// Entries of an overflow table. User space sets it when it loads.
#[unsafe(no_mangle)]
pub(crate) static OVERFLOW_ENTRIES: Global<u32> = Global::new(0);

/// What the sketches of sources are seeded with. User space sets it when it loads: nobody outside knows it.
#[unsafe(no_mangle)]
pub(crate) static SKETCH_SEED: Global<u64> = Global::new(0);

/// Twice the flows of the default capacity, so that few known flows displace each other: 1 MiB.
pub(crate) const KNOWN_SLOTS: usize = 1 << 18;

/// Known flows of every CPU, by their fingerprint: its low bits say where, its high half is what stands there.
#[btf_map]
pub(crate) static KNOWN: Array<u32, KNOWN_SLOTS> = Array::new();

/// First fragments, of which the oldest make room. Shared among the CPUs, as the fragments of a packet need not come in
/// on one of them.
#[btf_map]
pub(crate) static FRAGMENTS: LruHashMap<FragmentKey, FragmentFlow, REMEMBERED> = LruHashMap::new();
