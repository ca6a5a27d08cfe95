//! What killed sensors have left: their programs go on counting, and the next sensor takes over links and counts.
//!
//! The new sensor's programs replace the old ones link by link, each between two packets, and count in maps of their
//! own. So it does not matter what the old ones were: other settings, other programs, other maps. Then nobody writes
//! the old maps any more, and what they hold comes with the first window.

use std::io;
use std::os::fd::AsFd;

use aya::maps::{Array, Map, MapData, MapType, PerCpuArray};
use netanom_common::counter::Tally;
use netanom_common::flow::{FlowCounters, FlowKey, LAYOUT_VERSION};
use netanom_common::overflow::{OverflowCounters, OverflowKey};

use super::load::{DELIVERED, IGNORED, OVERFLOW, SHARD};
use super::pin::{Found, Root, network_namespace};
use super::{KernelSource, map_error, since, total};
use crate::flow::{IgnoredTallies, Window};
use crate::source::{Interface, SourceError, batch};

/// Bytes of a tally of ignored packets.
const TALLY: usize = size_of::<Tally>();

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
    for name in leftover.entries().map_err(|error| looking(&error))? {
        let open = |kind, key, value| open(leftover, &name, kind, key, value);
        match name.as_str() {
            IGNORED => {
                let map = open(MapType::PerCpuArray, size_of::<u32>(), TALLY)?;
                let map = map.map(|map| PerCpuArray::try_from(Map::PerCpuArray(map)));
                total_ignored = map.transpose().map_err(map_error)?;
            }
            DELIVERED => {
                let map = open(MapType::Array, size_of::<u32>(), TALLY)?;
                let map = map.map(|map| Array::<MapData, [u64; 2]>::try_from(Map::Array(map)));
                delivered = map.transpose().map_err(map_error)?;
            }
            shard if shard.starts_with(SHARD) => {
                let (key, value) = (size_of::<FlowKey>(), size_of::<FlowCounters>());
                let Some(shard) = open(MapType::Hash, key, value)? else {
                    continue;
                };
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
                let (key, value) = (size_of::<OverflowKey>(), size_of::<OverflowCounters>());
                let Some(table) = open(MapType::Hash, key, value)? else {
                    continue;
                };
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

/// What is pinned under a name, if it is a map of this kind. Anything else is given up, as reading it would write
/// beyond what we have room for.
fn open(
    leftover: &Found,
    name: &str,
    kind: MapType,
    key: usize,
    value: usize,
) -> Result<Option<MapData>, SourceError> {
    let map = MapData::from_pin(leftover.join(name)).map_err(map_error)?;
    let info = map.info().map_err(map_error)?;
    let is_ours = info.map_type().is_ok_and(|found| found == kind)
        && (info.key_size() as usize, info.value_size() as usize) == (key, value);
    if !is_ours {
        log::warn!(
            "`{name}`, which the netanom with process id {} left, is no such map as this one makes: what it had not \
             handed on is not counted",
            leftover.owner
        );
    }
    Ok(is_ours.then_some(map))
}

fn looking(error: &io::Error) -> SourceError {
    SourceError::Pin {
        what: "look at what a killed netanom has left, or remove it,".to_owned(),
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_map_with_longer_values_than_there_is_room_for_is_not_drained() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let key = size_of::<FlowKey>() as u32;
        let value = 4 * size_of::<FlowCounters>() as u32;
        // BPF_MAP_TYPE_HASH, and BPF_MAP_TYPE_PERCPU_HASH, which has a value for each CPU.
        for (kind, value) in [(1, value), (5, size_of::<FlowCounters>() as u32)] {
            let definition = aya_obj::Map::new_from_params(kind, key, value, 16, 0);
            let map = MapData::create(definition, "netanom_test", None).unwrap();
            let mut keys = vec![FlowKey::new_zeroed(); 16];
            let mut values = vec![FlowCounters::default(); 16];
            let none = |_: &FlowKey, _: &FlowCounters| unreachable!();
            let refused = batch::drain(map.fd().as_fd(), &mut keys, &mut values, none).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{refused}");
        }
    }
}
