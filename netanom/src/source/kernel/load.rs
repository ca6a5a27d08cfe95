//! Loads the programs and makes their maps.

use std::path::Path;

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray};
use aya::pin::PinError;
use aya::programs::{ProgramError, SchedClassifier, Xdp};
use aya::util::nr_cpus;
use aya::{Ebpf, EbpfError, EbpfLoader, include_bytes_aligned};
use netanom_common::counter::{Ignored, Tally};
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::overflow::FIXED_SEED;
use netanom_common::packet::TunnelSettings;

use super::inner::{Inner, make_inner};
use super::map_error;
use super::observe::Observer;
use super::one_cpu::OneCpu;
use super::overflow::{OverflowTables, entries};
use super::pin::Folder;
use crate::source::{SourceError, random};

pub(super) const XDP: &str = "netanom_xdp";
pub(super) const EGRESS: &str = "netanom_egress";
pub(super) const INGRESS: &str = "netanom_ingress";
/// The same for interfaces whose frames begin with IP.
pub(super) const EGRESS_IP: &str = "netanom_egress_ip";
pub(super) const INGRESS_IP: &str = "netanom_ingress_ip";

/// The array of every CPU's shards.
pub(super) const SHARDS: &str = "FLOWS";

/// Names of pinned maps: the array of [`Ignored`] tallies, what of it was handed on, each shard and overflow table.
pub(super) const IGNORED: &str = "IGNORED";
pub(super) const DELIVERED: &str = "DELIVERED";
pub(super) const SHARD: &str = "shard-";
pub(super) const OVERFLOW: &str = "overflow-";

/// `BPF_MAP_TYPE_ARRAY` (include/uapi/linux/bpf.h).
const ARRAY: u32 = 2;

/// A shard with fewer places, for flows that are not known and for known ones, would be full after a burst.
const MIN_UNKNOWN: u32 = 1024;
const MIN_KNOWN: u32 = 256;

static OBJECT: &[u8] = include_bytes_aligned!(env!("NETANOM_EBPF_OBJECT"));

/// The programs in the kernel, not yet attached, and their maps.
pub(super) struct Loaded {
    pub(super) ebpf: Ebpf,
    pub(super) shards: [Vec<MapData>; 2],
    pub(super) overflow: OverflowTables,
    pub(super) generation: Array<MapData, u32>,
    pub(super) ignored: PerCpuArray<MapData, [u64; 2]>,
    /// What of `ignored` windows have brought already; the programs do not know it.
    pub(super) delivered: Array<MapData, [u64; 2]>,
    pub(super) observer: Observer,
    pub(super) capacity: usize,
    /// What the programs' sketches of sources are seeded with.
    pub(super) seed: u64,
}

/// Where the programs take time, length and interface of a packet from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketOrigin {
    /// The kernel, which sees the packet now.
    Wire,
    /// The map `REPLAYED`.
    Capture,
    /// The kernel, with so many bytes for messages to the log: few, so that a test can fill them.
    Test(u32),
}

impl PacketOrigin {
    /// What sketches are seeded with: of a capture they come out alike every time, and nobody knows a sensor's.
    fn seed(self) -> u64 {
        match self {
            Self::Capture => FIXED_SEED,
            Self::Wire | Self::Test(_) => random(),
        }
    }

    /// Bytes of the ring in which the programs' messages wait: a power of two, and a page at least.
    const fn ring(self) -> u32 {
        match self {
            // aya-log's own.
            Self::Wire | Self::Capture => 1 << 17,
            Self::Test(bytes) => bytes,
        }
    }
}

/// How many flows a generation holds, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// So many over all CPUs, each with the same part.
    Shared(u32),
    /// So many on this CPU, as no other runs the programs.
    On(OneCpu, u32),
}

impl Room {
    /// Places of a shard for flows that are not known: a quarter.
    fn for_unknown(self, cpus: u32) -> u32 {
        match self {
            Self::Shared(flows) => (flows / 4 / cpus).max(MIN_UNKNOWN),
            Self::On(_, flows) => flows,
        }
    }

    /// Places of a CPU's shard.
    fn entries(self, cpu: u32, cpus: u32) -> u32 {
        match self {
            Self::Shared(flows) => {
                let for_known = flows.saturating_sub(flows / 4) / cpus;
                self.for_unknown(cpus) + for_known.max(MIN_KNOWN)
            }
            Self::On(only, flows) if only.number() == cpu => flows,
            // No place at all is not to be had.
            Self::On(..) => 1,
        }
    }
}

/// Loads all programs, as an interface that comes later may need any of them. The maps that hold what nobody has looked at yet are pinned in `folder`.
pub(super) fn load(
    room: Room,
    origin: PacketOrigin,
    tunnels: TunnelSettings,
    folder: Option<&Folder>,
) -> Result<Loaded, SourceError> {
    let cpus = nr_cpus().map_err(|(what, error)| SourceError::Load {
        detail: format!("{what}: {error}"),
    })? as u32;
    let level = log::max_level();
    let room_for_unknown = room.for_unknown(cpus);
    let replay = u8::from(origin == PacketOrigin::Capture);
    let (seed, overflow_entries) = (origin.seed(), entries(cpus));
    let mut ebpf = EbpfLoader::new()
        .map_max_entries(SHARDS, 2 * cpus)
        .map_max_entries("OVERFLOWS", 2 * cpus)
        .override_global("REPLAY", &replay, true)
        .override_global("TUNNELS", &(tunnels.follow as u8), true)
        .override_global("VXLAN_PORTS", &tunnels.vxlan_ports.raw(), true)
        .map_max_entries("AYA_LOGS", origin.ring())
        .override_global(aya_log::LEVEL, &(level as u8), false)
        .override_global("ROOM_FOR_UNKNOWN", &room_for_unknown, true)
        .override_global("OVERFLOW_ENTRIES", &overflow_entries, true)
        .override_global("SKETCH_SEED", &seed, true)
        .load(OBJECT)
        .map_err(load_error)?;
    let observer = Observer::new(&mut ebpf, level)?;
    let shard = Inner {
        name: "netanom_flows",
        key: size_of::<FlowKey>(),
        value: size_of::<FlowCounters>(),
        entries: &|cpu| room.entries(cpu, cpus),
    };
    let shards = make_inner(&mut ebpf, SHARDS, cpus, &shard)?;
    let overflow = OverflowTables::make(&mut ebpf, cpus)?;
    let delivered = make_delivered()?;
    if let Some(folder) = folder {
        pin_maps(folder, &ebpf, &shards, &overflow, &delivered)?;
    }
    let delivered = Array::try_from(Map::Array(delivered)).map_err(map_error)?;
    let generation = take(&mut ebpf, "GENERATION")?;
    let ignored = take(&mut ebpf, IGNORED)?;
    let xdp: &mut Xdp = program(&mut ebpf, XDP)?;
    uninterrupted(|| xdp.load()).map_err(|error| program_error(XDP, error))?;
    for name in [EGRESS, INGRESS, EGRESS_IP, INGRESS_IP] {
        let classifier: &mut SchedClassifier = program(&mut ebpf, name)?;
        uninterrupted(|| classifier.load()).map_err(|error| program_error(name, error))?;
    }
    Ok(Loaded {
        ebpf,
        shards,
        overflow,
        generation,
        ignored,
        delivered,
        observer,
        seed,
        capacity: (0..cpus).map(|cpu| room.entries(cpu, cpus) as usize).sum(),
    })
}

fn make_delivered() -> Result<MapData, SourceError> {
    let (key, value) = (size_of::<u32>() as u32, size_of::<Tally>() as u32);
    let definition = aya_obj::Map::new_from_params(ARRAY, key, value, Ignored::ALL.len() as u32, 0);
    MapData::create(definition, "netanom_done", None).map_err(create_error)
}

fn pin_maps(
    folder: &Folder,
    ebpf: &Ebpf,
    shards: &[Vec<MapData>; 2],
    overflow: &OverflowTables,
    delivered: &MapData,
) -> Result<(), SourceError> {
    for (number, shard) in shards.iter().flatten().enumerate() {
        let path = folder.join(&format!("{SHARD}{number}"));
        shard.pin(&path).map_err(|error| pin_error(&path, &error))?;
    }
    for (number, table) in overflow.tables().enumerate() {
        let path = folder.join(&format!("{OVERFLOW}{number}"));
        table.pin(&path).map_err(|error| pin_error(&path, &error))?;
    }
    let path = folder.join(DELIVERED);
    delivered
        .pin(&path)
        .map_err(|error| pin_error(&path, &error))?;
    let path = folder.join(IGNORED);
    let ignored = ebpf.map(IGNORED).ok_or_else(|| missing(IGNORED))?;
    ignored.pin(&path).map_err(|error| pin_error(&path, &error))
}

pub(super) fn pin_error(path: &Path, error: &PinError) -> SourceError {
    SourceError::Pin {
        // The folder's path is one by its descriptor.
        what: format!(
            "pin `{}`",
            Path::new(path.file_name().unwrap_or_default()).display()
        ),
        detail: chain(error),
    }
}

pub(super) fn take<T: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &str,
) -> Result<T, SourceError> {
    let map = ebpf.take_map(name).ok_or_else(|| missing(name))?;
    T::try_from(map).map_err(map_error)
}

pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, SourceError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    let program = ebpf.program_mut(name).ok_or_else(|| missing(name))?;
    program
        .try_into()
        .map_err(|error: ProgramError| SourceError::Load {
            detail: error.to_string(),
        })
}

pub(super) fn missing(what: &str) -> SourceError {
    SourceError::Load {
        detail: format!("the object has no `{what}`; NETANOM_EBPF_OBJECT named a foreign one"),
    }
}

fn load_error(error: EbpfError) -> SourceError {
    match error {
        EbpfError::MapError(error) => create_error(error),
        other if is_out_of_descriptors(&other) => no_descriptors("load the programs"),
        other => SourceError::Load {
            detail: chain(&other),
        },
    }
}

pub(super) fn create_error(error: MapError) -> SourceError {
    match &error {
        MapError::CreateError { io_error, .. } if is_refusal(io_error) => {
            SourceError::NoPrivilege {
                what: "create BPF maps".to_owned(),
            }
        }
        MapError::CreateError { io_error, .. } if io_error.raw_os_error() == Some(libc::ENOMEM) => {
            SourceError::NoMemory
        }
        error if is_out_of_descriptors(error) => no_descriptors("make the flow maps"),
        _ => SourceError::Load {
            detail: chain(&error),
        },
    }
}

/// Loads again when a signal interrupted the verifier, which then answers EAGAIN (kernel/bpf/verifier.c, `do_check`).
/// A rejection is never tried again.
fn uninterrupted(mut load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    const MOST: usize = 10;
    for _ in 1..MOST {
        match load() {
            Err(ProgramError::LoadError { io_error, .. })
                if io_error.kind() == std::io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
    load()
}

fn program_error(name: &str, error: ProgramError) -> SourceError {
    match error {
        error if is_out_of_descriptors(&error) => no_descriptors("load the programs"),
        // The verifier also answers "permission denied" (EACCES) to an access out of bounds, but says why.
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } if is_refusal(&io_error) && verifier_log.to_string().trim().is_empty() => {
            SourceError::NoPrivilege {
                what: "load BPF programs".to_owned(),
            }
        }
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let lines: Vec<&str> = log.lines().rev().take(12).collect();
            let end: Vec<&str> = lines.into_iter().rev().collect();
            SourceError::Rejected {
                program: name.to_owned(),
                detail: format!("{io_error}\n{}", end.join("\n")),
            }
        }
        other => SourceError::Load {
            detail: chain(&other),
        },
    }
}

fn no_descriptors(what: &str) -> SourceError {
    SourceError::NoDescriptors {
        what: what.to_owned(),
    }
}

/// Whether the process may open no more files, from whichever depth of the error.
fn is_out_of_descriptors(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(current) = next {
        let errno = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::raw_os_error);
        if errno == Some(libc::EMFILE) {
            return true;
        }
        next = current.source();
    }
    false
}

pub(super) fn is_refusal(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Loads the programs and tells how many instructions the verifier walked through for each; for the budget's test.
///
/// # Errors
/// As [`super::KernelSource::open`].
pub fn verified_instructions() -> Result<Vec<(String, u32)>, SourceError> {
    let loaded = load(
        Room::Shared(MIN_UNKNOWN),
        PacketOrigin::Wire,
        TunnelSettings::default(),
        None,
    )?;
    let mut counts = Vec::new();
    for (name, program) in loaded.ebpf.programs() {
        let info = program.info().map_err(|error| SourceError::Load {
            detail: chain(&error),
        })?;
        counts.push((
            name.to_owned(),
            info.verified_instruction_count().unwrap_or_default(),
        ));
    }
    counts.sort();
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn of_errno(errno: i32) -> String {
        let error = MapError::CreateError {
            name: "netanom_flows".to_owned(),
            io_error: io::Error::from_raw_os_error(errno),
        };
        create_error(error).to_string()
    }

    #[test]
    fn a_map_that_is_refused_names_what_helps() {
        let helps = [
            (libc::EPERM, "setcap"),
            (libc::ENOMEM, "lower `kernel_flows`"),
            (libc::EMFILE, "ulimit -n"),
            (libc::EINVAL, "Invalid argument"),
        ];
        for (errno, help) in helps {
            let said = of_errno(errno);
            assert!(said.contains(help), "{said}");
        }
    }
}
