//! `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, which aya lacks: empties a hash map in a few system calls.
//!
//! One call an entry costs 1 to 2.3 µs a flow, a batch 0.3 to 0.8 µs. This and `bpf.rs` are
//! the daemon's only `unsafe` code.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use zerocopy::{FromBytes, IntoBytes};

/// Of `enum bpf_cmd` (include/uapi/linux/bpf.h).
const OBJECT_GET_INFO: libc::c_long = 15;
const LOOKUP_AND_DELETE_BATCH: libc::c_long = 25;

/// `BPF_MAP_TYPE_HASH` of `enum bpf_map_type`. A map for each CPU has a value for each of them.
const HASH: u32 = 1;

/// The part for `BPF_OBJ_GET_INFO_BY_FD` of `union bpf_attr`.
#[repr(C)]
struct InfoAttributes {
    descriptor: u32,
    length: u32,
    info: u64,
}

/// The beginning of `struct bpf_map_info`; the kernel writes no more than it is told there is room for.
#[repr(C)]
#[derive(Default)]
struct MapInfo {
    kind: u32,
    _id: u32,
    key_size: u32,
    value_size: u32,
}

/// The `batch` part of `union bpf_attr` (include/uapi/linux/bpf.h).
#[repr(C)]
#[derive(Default)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// Takes every entry out of a hash map that nobody writes, and hands each to `each`. Returns how many there were.
///
/// `keys` and `values` are the buffers of one call; they must be equally long and longer than the map's fullest
/// bucket.
///
/// # Errors
/// `InvalidInput` when it is no hash map of such keys and values; nothing is taken then. Else what the kernel answers:
/// `EPERM` without access to the map, `ENOSPC` when a bucket does not fit the buffers.
pub(super) fn drain<K, V>(
    map: BorrowedFd<'_>,
    keys: &mut [K],
    values: &mut [V],
    mut each: impl FnMut(&K, &V),
) -> io::Result<usize>
where
    K: FromBytes + IntoBytes,
    V: FromBytes + IntoBytes,
{
    check(map, size_of::<K>(), size_of::<V>())?;
    let size = keys.len().min(values.len());
    let mut total = 0;
    let mut position = 0_u32;
    let mut next = 0_u32;
    let mut is_first = true;
    loop {
        let mut attributes = BatchAttributes {
            in_batch: if is_first {
                0
            } else {
                (&raw const position) as u64
            },
            out_batch: (&raw mut next) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: size as u32,
            map: map.as_raw_fd() as u32,
            ..BatchAttributes::default()
        };
        // SAFETY: every address in `attributes` is of a live local or of a buffer of `size` elements whose types any
        // bytes are valid for, and the kernel writes at most `count` elements of the map's sizes, which are those of
        // the types, as `check` has seen. A map's type and sizes never change.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                LOOKUP_AND_DELETE_BATCH,
                &raw mut attributes,
                size_of::<BatchAttributes>(),
            )
        };
        let outcome = if answer == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        };
        let is_last = matches!(&outcome, Err(error) if error.raw_os_error() == Some(libc::ENOENT));
        if !is_last {
            outcome?;
        }
        let count = size.min(attributes.count as usize);
        for (key, value) in keys[..count].iter().zip(&values[..count]) {
            each(key, value);
        }
        total += count;
        if is_last {
            return Ok(total);
        }
        position = next;
        is_first = false;
    }
}

/// Refuses what is no hash map with keys and values of these sizes.
fn check(map: BorrowedFd<'_>, key: usize, value: usize) -> io::Result<()> {
    let mut info = MapInfo::default();
    let mut attributes = InfoAttributes {
        descriptor: map.as_raw_fd() as u32,
        length: size_of::<MapInfo>() as u32,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the address is of a live local of `length` bytes that any bytes are valid for, and the kernel writes no
    // more than these.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            OBJECT_GET_INFO,
            &raw mut attributes,
            size_of::<InfoAttributes>(),
        )
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    let MapInfo {
        kind,
        key_size,
        value_size,
        ..
    } = info;
    if (kind, key_size as usize, value_size as usize) != (HASH, key, value) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "a map of type {kind} with keys of {key_size} and values of {value_size} bytes is not the hash map with \
                 keys of {key} and values of {value} bytes that it should be"
            ),
        ));
    }
    Ok(())
}
