//! What killed sensors have left: their programs go on counting, and the next sensor takes over links and counts.
//!
//! The new sensor's programs replace the old ones link by link, each between two packets, and count in maps of their
//! own. So it does not matter what the old ones were: other settings, other programs, other maps. Then nobody writes
//! the old maps any more, and what they hold comes with the first window.

use std::io;
use std::os::fd::AsFd;

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray};
use netanom_common::flow::{FlowCounters, FlowKey, LAYOUT_VERSION};

use super::load::{DELIVERED, IGNORED, OVERFLOW, SHARD};
use super::pin::{Found, Root, entries, name, network_namespace};
use super::{KernelSource, map_error, since, total};
use crate::flow::{IgnoredTallies, Window};
use crate::source::{Interface, SourceError, batch};

/// What was left in this network namespace by sensors of these interfaces.
pub(super) fn find(root: &Root, interfaces: &[Interface]) -> Result<Vec<Found>, SourceError> {
    let namespace = network_namespace().map_err(|error| looking(&error))?;
    let mut leftovers = Vec::new();
    let present = Interface::all();
    for found in root.folders().map_err(|error| looking(&error))? {
        if found.namespace != namespace {
            continue;
        }
        match interfaces.iter().find(|one| found.is_on(one)) {
            Some(interface) if found.is_in_use() => {
                return Err(SourceError::Watched {
                    interface: interface.name.clone(),
                    owner: found.owner,
                });
            }
            Some(_) => leftovers.push(found),
            None if found.is_in_use() => {}
            None if !present.iter().any(|one| found.is_on(one)) => leftovers.push(found),
            None => log::warn!(
                "a netanom that was killed left programs on other interfaces, which go on counting: start it there \
                 again, or remove them with `netanom detach`"
            ),
        }
    }
    Ok(leftovers)
}

/// Adds what a leftover's maps hold to a window, and removes it. No program may write its maps any more.
pub(super) fn collect(
    leftover: Found,
    source: &mut KernelSource,
    window: &mut Window,
) -> Result<(), SourceError> {
    if leftover.version == LAYOUT_VERSION {
        drain(&leftover, source, window)?;
    } else {
        log::warn!(
            "the netanom that was killed kept its counters in layout {}, and this one reads layout {LAYOUT_VERSION}: \
             what it had not handed on is not counted",
            leftover.version
        );
    }
    leftover.remove().map_err(|error| looking(&error))
}

fn drain(
    leftover: &Found,
    source: &mut KernelSource,
    window: &mut Window,
) -> Result<(), SourceError> {
    let (mut total_ignored, mut delivered) = (None, None);
    let clock = source.clock;
    for path in entries(&leftover.path).map_err(|error| looking(&error))? {
        match name(&path) {
            IGNORED => {
                let map = PerCpuArray::try_from(Map::PerCpuArray(open(&path)?));
                total_ignored = Some(map.map_err(map_error)?);
            }
            DELIVERED => {
                let map: Array<MapData, [u64; 2]> =
                    Array::try_from(Map::Array(open(&path)?)).map_err(map_error)?;
                delivered = Some(map);
            }
            shard if shard.starts_with(SHARD) => {
                let shard = open(&path)?;
                let each = |key: &FlowKey, counters: &FlowCounters| {
                    window.flows.push((*key, clock.to_wall(counters)));
                };
                batch::drain(
                    shard.fd().as_fd(),
                    &mut source.keys,
                    &mut source.values,
                    each,
                )
                .map_err(map_error)?;
            }
            table if table.starts_with(OVERFLOW) => {
                let table = open(&path)?;
                source
                    .overflow
                    .drain_leftover(&table, clock, &mut window.overflow)?;
            }
            _ => {}
        }
    }
    // It was killed before it had pinned all: nothing was attached then.
    let (Some(total_ignored), Some(delivered)) = (total_ignored, delivered) else {
        return Ok(());
    };
    let mut before = IgnoredTallies::default();
    for (slot, tally) in before.0.iter_mut().enumerate() {
        let [packets, bytes] = delivered.get(&(slot as u32), 0).map_err(map_error)?;
        tally.add(packets, bytes);
    }
    let new = since(&total(&total_ignored)?, &before);
    for (sum, tally) in window.ignored.0.iter_mut().zip(&new.0) {
        sum.add(tally.packets, tally.bytes);
    }
    Ok(())
}

fn open(path: &std::path::Path) -> Result<MapData, SourceError> {
    MapData::from_pin(path).map_err(|error: MapError| map_error(error))
}

fn looking(error: &io::Error) -> SourceError {
    SourceError::Pin {
        what: "look at what a killed netanom has left, or remove it,".to_owned(),
        detail: error.to_string(),
    }
}
