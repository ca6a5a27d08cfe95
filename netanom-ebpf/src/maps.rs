//! All maps. User space sizes them when it loads the programs; the sizes here only have to be valid.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, PerCpuArray};
use aya_ebpf::macros::btf_map;
use netanom_common::counter::{Ignored, Tally};
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::replay::ReplayedPacket;

/// One CPU's flows of one generation.
pub(crate) type Shard = HashMap<FlowKey, FlowCounters, 1, { BPF_F_NO_PREALLOC as usize }>;

/// Shards, two a CPU: `cpu * 2 + generation`. A CPU writes its own shard only, so no counter needs an atomic and
/// total memory does not grow with the number of CPUs.
#[btf_map]
pub(crate) static FLOWS: ArrayOfMaps<Shard, 2> = ArrayOfMaps::new();

/// Which generation (0 or 1) is written now; user space drains the other.
#[btf_map]
pub(crate) static GENERATION: Array<u32, 1> = Array::new();

/// Packets that are in no flow, by reason ([`Ignored`]).
#[btf_map]
pub(crate) static IGNORED: PerCpuArray<Tally, { Ignored::ALL.len() }> = PerCpuArray::new();

/// All zeros: what a new flow starts from. On the stack it would take more than half of what a program has.
#[btf_map]
pub(crate) static EMPTY: Array<FlowCounters, 1> = Array::new();

/// What a replay says of the packet at hand; without one it stays zero.
#[btf_map]
pub(crate) static REPLAYED: Array<ReplayedPacket, 1> = Array::new();
