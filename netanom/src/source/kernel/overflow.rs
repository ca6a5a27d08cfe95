//! The overflow tables beside the shards: made, drained, and the shards' occupancy set back.

use std::os::fd::AsFd;

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray, PerCpuValues};
use aya::util::nr_cpus;
use netanom_common::overflow::{OverflowCounters, OverflowKey};
use zerocopy::FromZeros;

use super::clock::Clock;
use super::inner::{Inner, make_inner};
use super::load::take;
use super::map_error;
use crate::source::{SourceError, batch};

/// Entries of a generation's overflow tables over all CPUs: 1 MiB with the kernel's overhead.
const ENTRIES: u32 = 4096;
/// A table this small would be full after a burst.
const MIN_ENTRIES: u32 = 256;

/// Entries of each CPU's table.
pub(super) fn entries(cpus: u32) -> u32 {
    (ENTRIES / cpus).max(MIN_ENTRIES)
}

/// Every CPU's overflow table, of both generations.
pub(super) struct OverflowTables {
    tables: [Vec<MapData>; 2],
    occupancy: PerCpuArray<MapData, [u32; 4]>,
    keys: Vec<OverflowKey>,
    values: Vec<OverflowCounters>,
}

impl OverflowTables {
    /// Makes the tables and puts them where the programs look for them.
    pub(super) fn make(ebpf: &mut Ebpf, cpus: u32) -> Result<Self, SourceError> {
        let entries = entries(cpus);
        let inner = Inner {
            name: "netanom_over",
            key: size_of::<OverflowKey>(),
            value: size_of::<OverflowCounters>(),
            entries: &|_| entries,
        };
        Ok(Self {
            tables: make_inner(ebpf, "OVERFLOWS", cpus, &inner)?,
            occupancy: take(ebpf, "OCCUPANCY")?,
            keys: vec![OverflowKey::new_zeroed(); entries as usize],
            values: vec![OverflowCounters::default(); entries as usize],
        })
    }

    /// The tables of all CPUs and both generations.
    pub(super) fn tables(&self) -> impl Iterator<Item = &MapData> {
        self.tables.iter().flatten()
    }

    /// Empties a table that nobody writes, which a killed sensor made.
    pub(super) fn drain_leftover(
        &mut self,
        table: &MapData,
        clock: Clock,
        drained: &mut Vec<(OverflowKey, OverflowCounters)>,
    ) -> Result<(), SourceError> {
        drain_table(table, clock, &mut self.keys, &mut self.values, drained)
    }

    /// Empties the tables of a generation that nobody writes, and sets the occupancy of its shards and of them back.
    pub(super) fn drain(
        &mut self,
        generation: u32,
        clock: Clock,
    ) -> Result<Vec<(OverflowKey, OverflowCounters)>, SourceError> {
        let mut drained = Vec::new();
        for table in &self.tables[generation as usize] {
            drain_table(table, clock, &mut self.keys, &mut self.values, &mut drained)?;
        }
        let cpus = nr_cpus().map_err(|(what, error)| map_error(format!("{what}: {error}")))?;
        let empty = PerCpuValues::try_from(vec![[0; 4]; cpus]).map_err(map_error)?;
        self.occupancy
            .set(generation, empty, 0)
            .map_err(map_error)?;
        Ok(drained)
    }
}

fn drain_table(
    table: &MapData,
    clock: Clock,
    keys: &mut [OverflowKey],
    values: &mut [OverflowCounters],
    drained: &mut Vec<(OverflowKey, OverflowCounters)>,
) -> Result<(), SourceError> {
    let each = |key: &OverflowKey, counters: &OverflowCounters| {
        let moved = OverflowCounters {
            first: clock.to_wall_time(counters.first),
            last: clock.to_wall_time(counters.last),
            ..*counters
        };
        drained.push((*key, moved));
    };
    batch::drain(table.fd().as_fd(), keys, values, each).map_err(map_error)?;
    Ok(())
}
