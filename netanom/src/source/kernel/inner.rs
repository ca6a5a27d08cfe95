//! Maps of their own for each CPU and generation, in an array of maps where the programs look for them.

use aya::Ebpf;
use aya::maps::{ArrayOfMaps, MapData};

use super::load::{create_error, missing};
use super::map_error;
use crate::source::SourceError;

/// `BPF_MAP_TYPE_HASH` (include/uapi/linux/bpf.h).
const HASH: u32 = 1;

/// What the inner maps of an array of maps look like.
pub(super) struct Inner<'a> {
    pub(super) name: &'static str,
    pub(super) key: usize,
    pub(super) value: usize,
    /// By the number of the CPU.
    pub(super) entries: &'a dyn Fn(u32) -> u32,
}

/// Makes a hash map for each CPU and generation. The kernel side looks for it in slot `cpu * 2 + generation`.
pub(super) fn make_inner(
    ebpf: &mut Ebpf,
    outer: &str,
    cpus: u32,
    inner: &Inner<'_>,
) -> Result<[Vec<MapData>; 2], SourceError> {
    let outer = ebpf.map_mut(outer).ok_or_else(|| missing(outer))?;
    let mut outer: ArrayOfMaps<&mut MapData, MapData> =
        ArrayOfMaps::try_from(outer).map_err(map_error)?;
    let mut made = [Vec::new(), Vec::new()];
    for cpu in 0..cpus {
        let entries = (inner.entries)(cpu);
        for (generation, made) in made.iter_mut().enumerate() {
            let (key, value) = (inner.key as u32, inner.value as u32);
            // Entries are made beforehand: under a flood there is no time for it, and giving them back to the kernel's
            // allocator takes more than half of a drain.
            let definition = aya_obj::Map::new_from_params(HASH, key, value, entries, 0);
            let map = MapData::create(definition, inner.name, None).map_err(create_error)?;
            outer
                .set(cpu * 2 + generation as u32, &map, 0)
                .map_err(map_error)?;
            made.push(map);
        }
    }
    Ok(made)
}
