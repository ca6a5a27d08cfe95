//! Live traffic: loads and attaches the kernel programs and drains their maps. The only module that names aya.
//!
//! The programs write one of two generations of shards. A tick swaps the generation, waits until every running
//! program has ended, and then empties the shards that nobody writes any more; so no packet is lost or counted twice.

mod attach;
#[cfg(feature = "bench")]
mod bench;
mod clock;
mod departed;
mod detach;
mod directory;
mod following;
mod frames;
mod inject;
mod inner;
mod leftover;
mod load;
mod observe;
mod one_cpu;
mod overflow;
mod pin;
mod replay;
mod settings;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::maps::{Array, ArrayOfMaps, MapData, PerCpuArray};
use netanom_common::counter::Tally;
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::packet::TunnelSettings;
use zerocopy::FromZeros;

use super::encapsulated::{Encapsulated, EncapsulatedPackets};
use super::{Direction, FlowSource, SourceError, Stop, Watchlist, XdpMode, batch};
use crate::flow::{IgnoredTallies, Timestamp, Window};

use clock::Clock;
use following::Following;
use load::{PacketOrigin, Room, SHARDS, missing};
use observe::Observer;
use overflow::OverflowTables;
use pin::{Folder, Found, Root};

pub use attach::Attachment;
#[cfg(feature = "bench")]
pub use bench::{Bench, BenchProgram, Receiver};
pub use departed::Gone;
pub use detach::{Remains, detach};
pub use following::Change;
pub use inject::{Injector, Wire};
pub use load::verified_instructions;
pub use observe::{RunStatistics, Runs, SelfObservation};
pub use replay::KernelCounting;
pub use settings::KernelSettings;

/// Entries of one batch call: 2.6 MB of buffers.
const BATCH: usize = 8192;

/// How full the flow map was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Flows in the generation that was drained last.
    pub entries: usize,
    /// Flows that a generation can hold.
    pub capacity: usize,
    /// How long the last swap and drain took.
    pub drained_in: Duration,
}

/// The kernel's flow counters as a source of windows. Dropping it detaches.
pub struct KernelSource {
    // Owns the programs and their links.
    ebpf: Ebpf,
    /// Every CPU's shard, of both generations.
    shards: [Vec<MapData>; 2],
    overflow: OverflowTables,
    generation: Array<MapData, u32>,
    ignored: PerCpuArray<MapData, [u64; 2]>,
    observer: Observer,
    encapsulated: Encapsulated,
    written: u32,
    ignored_before: IgnoredTallies,
    /// `ignored_before`, where a sensor that comes after a kill finds it.
    delivered: Array<MapData, [u64; 2]>,
    /// What killed sensors have left; the first window brings it.
    leftovers: Vec<Found>,
    // Before the folder: dropping it detaches.
    following: Following,
    /// Where all is pinned.
    folder: Option<Folder>,
    stop: Stop,
    clock: Clock,
    next_tick: Instant,
    tick: Duration,
    end: Timestamp,
    keys: Vec<FlowKey>,
    values: Vec<FlowCounters>,
    fill: Fill,
    /// What the programs' sketches of sources are seeded with.
    seed: u64,
    is_done: bool,
}

impl std::fmt::Debug for KernelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KernelSource")
            .field("attached", &self.following.attached().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl KernelSource {
    /// Loads the programs and attaches them to every interface.
    ///
    /// # Errors
    /// [`SourceError`] with the cause and the remedy; nothing stays attached then.
    pub fn open(settings: &KernelSettings, stop: Stop) -> Result<Self, SourceError> {
        let room = Room::Shared(settings.capacity);
        Self::open_for(PacketOrigin::Wire, room, settings, stop)
    }

    /// Loads the programs and attaches them to nothing: whoever has it hands them their packets.
    fn unattached(
        origin: PacketOrigin,
        room: Room,
        tunnels: TunnelSettings,
    ) -> Result<Self, SourceError> {
        let settings = KernelSettings {
            interfaces: Watchlist::default(),
            mode: XdpMode::Auto,
            direction: Direction::Both,
            tunnels,
            capacity: 0,
            tick: Duration::ZERO,
        };
        Self::open_for(origin, room, &settings, Stop::default())
    }

    fn open_for(
        origin: PacketOrigin,
        room: Room,
        settings: &KernelSettings,
        stop: Stop,
    ) -> Result<Self, SourceError> {
        let root = root(settings, &stop)?;
        let present = settings.interfaces.present();
        let mut leftovers = match &root {
            Some(root) => leftover::find(root, &present)?,
            None => Vec::new(),
        };
        let folder = root.as_ref().map(Root::create).transpose();
        let folder = folder.map_err(|error| SourceError::Pin {
            what: "make a folder".to_owned(),
            detail: error.to_string(),
        })?;
        let mut loaded = load::load(room, origin, settings.tunnels, folder.as_ref())?;
        let following = Following::start(
            settings,
            &present,
            &mut loaded.ebpf,
            folder.as_ref(),
            &mut leftovers,
        )?;
        for old in &leftovers {
            log::info!(
                "took over from the netanom with process id {}, which was killed",
                old.owner
            );
            old.detach();
        }
        let clock = match origin {
            PacketOrigin::Wire | PacketOrigin::Test(_) => Clock::now(),
            // A capture's packets have the time of the wall.
            PacketOrigin::Capture => Clock::default(),
        };
        Ok(Self {
            ebpf: loaded.ebpf,
            generation: loaded.generation,
            ignored: loaded.ignored,
            observer: loaded.observer,
            encapsulated: Encapsulated::new(settings.tunnels),
            fill: Fill {
                capacity: loaded.capacity,
                ..Fill::default()
            },
            shards: loaded.shards,
            overflow: loaded.overflow,
            seed: loaded.seed,
            written: 0,
            ignored_before: IgnoredTallies::default(),
            delivered: loaded.delivered,
            leftovers,
            following,
            folder,
            stop,
            end: clock.wall_time(),
            clock,
            next_tick: now() + settings.tick,
            tick: settings.tick,
            keys: vec![FlowKey::new_zeroed(); BATCH],
            values: vec![FlowCounters::default(); BATCH],
            is_done: false,
        })
    }

    /// Which interfaces came and went since the last call; the first one brings those that were there at the start.
    pub fn changes(&mut self) -> Vec<Change> {
        self.following.changes()
    }

    /// How full the flow map was at the last drain.
    #[must_use]
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// What was not looked into so far.
    #[must_use]
    pub fn encapsulated(&self) -> EncapsulatedPackets {
        self.encapsulated.packets()
    }

    fn drain(&mut self) -> Result<Window, SourceError> {
        let begun = now();
        self.observer.note_sent(&self.ignored)?;
        let drained = self.swap()?;
        self.wait_for_programs()?;
        let mut window = self.empty(drained)?;
        self.fill.entries = window.flows.len();
        self.collect_leftovers(&mut window)?;
        self.observer.look(&self.ignored, &self.ebpf)?;
        self.encapsulated
            .add(&window.flows, observe::encapsulated_frames(&self.ignored)?);
        self.fill.drained_in = now().duration_since(begun);
        Ok(window)
    }

    /// Adds what killed sensors had not handed on. Their programs have ended.
    fn collect_leftovers(&mut self, window: &mut Window) -> Result<(), SourceError> {
        for leftover in std::mem::take(&mut self.leftovers) {
            leftover::collect(leftover, self, window)?;
        }
        Ok(())
    }

    /// Lets the programs write the other generation, and returns the one that they wrote.
    fn swap(&mut self) -> Result<u32, SourceError> {
        let drained = self.written;
        self.written = 1 - drained;
        self.generation.set(0, self.written, 0).map_err(map_error)?;
        Ok(drained)
    }

    /// Waits until each program that may have seen the old generation has ended: programs run inside an RCU read section,
    /// and the kernel answers to a change of a map of maps when all that were open then are over
    /// (kernel/bpf/syscall.c, `maybe_wait_bpf_programs`). So a shard is put where it is already.
    fn wait_for_programs(&mut self) -> Result<(), SourceError> {
        let outer = self.ebpf.map_mut(SHARDS).ok_or_else(|| missing(SHARDS))?;
        let mut outer: ArrayOfMaps<&mut MapData, MapData> =
            ArrayOfMaps::try_from(outer).map_err(map_error)?;
        // CPU 0, generation 0.
        outer.set(0, &self.shards[0][0], 0).map_err(map_error)
    }

    /// Takes everything out of a generation that no program writes.
    fn empty(&mut self, drained: u32) -> Result<Window, SourceError> {
        let start = self.end;
        self.end = self.clock.wall_time();
        let mut flows = Vec::new();
        let clock = self.clock;
        for shard in &self.shards[drained as usize] {
            let each = |key: &FlowKey, counters: &FlowCounters| {
                flows.push((*key, clock.to_wall(counters)));
            };
            batch::drain(shard.fd().as_fd(), &mut self.keys, &mut self.values, each)
                .map_err(map_error)?;
        }
        let overflow = self.overflow.drain(drained, clock)?;
        let ignored = self.newly_ignored()?;
        Ok(Window {
            start,
            end: self.end,
            flows,
            overflow,
            ignored,
        })
    }

    /// The counters of ignored packets only grow; a window carries the difference.
    fn newly_ignored(&mut self) -> Result<IgnoredTallies, SourceError> {
        let total = total(&self.ignored)?;
        let new = since(&total, &self.ignored_before);
        for (slot, tally) in total.0.iter().enumerate() {
            if *tally != self.ignored_before.0[slot] {
                let tally = [tally.packets, tally.bytes];
                self.delivered
                    .set(slot as u32, tally, 0)
                    .map_err(map_error)?;
            }
        }
        self.ignored_before = total;
        Ok(new)
    }
}

/// netanom's place on the BPF file system. Without one the sensor runs, and says what it loses.
fn root(settings: &KernelSettings, stop: &Stop) -> Result<Option<Root>, SourceError> {
    if settings.interfaces.is_empty() {
        return Ok(None);
    }
    match Root::open(stop) {
        Ok(root) => Ok(Some(root)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(SourceError::Stopped),
        // Another sensor that starts at the same moment would take over what this one leaves.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(SourceError::Pin {
            what: "lock netanom's folder".to_owned(),
            detail: format!("{error}; `fuser -v /sys/fs/bpf/netanom` says which"),
        }),
        Err(error) => {
            log::warn!(
                "cannot use the BPF file system at /sys/fs/bpf ({error}): if this sensor is killed, nothing is counted \
                 until the next start; let its user write there, or run as root"
            );
            Ok(None)
        }
    }
}

/// Each reason's tally over all CPUs.
fn total(ignored: &PerCpuArray<MapData, [u64; 2]>) -> Result<IgnoredTallies, SourceError> {
    let mut total = IgnoredTallies::default();
    for (slot, tally) in total.0.iter_mut().enumerate() {
        let per_cpu = ignored.get(&(slot as u32), 0).map_err(map_error)?;
        for [packets, bytes] in per_cpu.iter() {
            tally.add(*packets, *bytes);
        }
    }
    Ok(total)
}

fn since(total: &IgnoredTallies, before: &IgnoredTallies) -> IgnoredTallies {
    let mut new = IgnoredTallies::default();
    for (slot, tally) in new.0.iter_mut().enumerate() {
        let (now, before) = (total.0[slot], before.0[slot]);
        *tally = Tally {
            packets: now.packets.wrapping_sub(before.packets),
            bytes: now.bytes.wrapping_sub(before.bytes),
        };
    }
    new
}

impl FlowSource for KernelSource {
    /// Waits for the next tick. After a stop one last window brings what was counted until then. The thread must be in
    /// the network namespace in which the source was opened, or interfaces are not followed.
    fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
        if self.is_done {
            return Ok(None);
        }
        let wait = self.next_tick.saturating_duration_since(now());
        self.is_done = self.stop.wait(wait);
        // Ticks that were missed are not made up for: the window is longer instead.
        self.next_tick = (self.next_tick + self.tick).max(now());
        self.clock.follow();
        let time = self.clock.wall_time();
        self.following
            .follow(&mut self.ebpf, self.folder.as_ref(), time);
        self.drain().map(Some)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel source keeps the tick; packets carry their own time"
)]
fn now() -> Instant {
    Instant::now()
}

fn map_error(error: impl std::fmt::Display) -> SourceError {
    SourceError::Map {
        detail: error.to_string(),
    }
}
