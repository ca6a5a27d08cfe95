//! What the kernel side tells of itself: refused entries, lost messages, how often and how long its programs ran.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use aya::sys::{Stats, enable_stats};
use aya_log::EbpfLogger;
use log::{Level, LevelFilter, Log, Metadata, Record};
use netanom_common::counter::{Ignored, Refusal, slot};
use netanom_common::encapsulation::Encapsulation;

use super::load::{EGRESS, EGRESS_IP, INGRESS, INGRESS_IP, XDP, chain};
use super::{KernelSource, map_error};
use crate::source::SourceError;

/// All since the programs were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfObservation {
    /// Flows that the kernel gave no entry, in the order of [`Refusal::ALL`]. Their packets are in the overflow table.
    pub refused: [u64; Refusal::ALL.len()],
    /// Messages of the programs that found no room in the ring on their way to the log.
    pub messages_lost: u64,
    /// Runs of the XDP program, of the TCX programs for what comes in, and of those for what leaves; 0 while the kernel's
    /// BPF statistics are off.
    pub runs: [Runs; 3],
}

/// How often a program ran, and how long altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// How often.
    pub count: u64,
    /// With one reading of the kernel's clock a run.
    pub time: Duration,
}

/// Keeps the kernel's BPF statistics on as long as it lives, for every BPF program on the machine.
#[derive(Debug)]
pub struct RunStatistics {
    _switch: OwnedFd,
}

impl RunStatistics {
    /// Switches them on (Linux 5.8).
    ///
    /// # Errors
    /// [`SourceError::Statistics`] without `CAP_SYS_ADMIN`.
    pub fn on() -> Result<Self, SourceError> {
        let switch = enable_stats(Stats::RunTime);
        let switch = switch.map_err(|error| SourceError::Statistics {
            detail: chain(&error),
        })?;
        Ok(Self { _switch: switch })
    }
}

/// The process's log, with a count of the messages that reach it.
#[derive(Clone, Debug, Default)]
pub(super) struct CountingLog {
    received: Arc<AtomicU64>,
}

impl Log for CountingLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        log::logger().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.received.fetch_add(1, Ordering::Relaxed);
        log::logger().log(record);
    }

    fn flush(&self) {
        log::logger().flush();
    }
}

/// Follows the programs' own counters, and hands their messages to the log.
pub(super) struct Observer {
    messages: EbpfLogger<CountingLog>,
    received: Arc<AtomicU64>,
    level: LevelFilter,
    /// Messages of programs that have ended.
    sent: u64,
    seen: SelfObservation,
}

impl Observer {
    /// Of programs that send messages up to this level.
    pub(super) fn new(ebpf: &mut Ebpf, level: LevelFilter) -> Result<Self, SourceError> {
        let log = CountingLog::default();
        let received = Arc::clone(&log.received);
        let messages = EbpfLogger::init_with_logger(ebpf, log);
        let messages = messages.map_err(|error| SourceError::Load {
            detail: error.to_string(),
        })?;
        Ok(Self {
            messages,
            received,
            level,
            sent: 0,
            seen: SelfObservation::default(),
        })
    }

    /// Notes how many messages the programs have begun to send. Once those that run now have ended, all these are in the
    /// ring or lost.
    pub(super) fn note_sent(
        &mut self,
        tallies: &PerCpuArray<MapData, [u64; 2]>,
    ) -> Result<(), SourceError> {
        self.sent = 0;
        for reason in Ignored::ALL {
            if level_of(reason).is_some_and(|level| level <= self.level) {
                self.sent += events(tallies, slot::TOLD + reason as u32)?;
            }
        }
        Ok(())
    }

    /// Hands on the messages that wait.
    pub(super) fn flush(&mut self) {
        self.messages.flush();
    }

    /// Looks at everything, and hands on the messages that wait.
    pub(super) fn look(
        &mut self,
        tallies: &PerCpuArray<MapData, [u64; 2]>,
        ebpf: &Ebpf,
    ) -> Result<(), SourceError> {
        for (refused, reason) in self.seen.refused.iter_mut().zip(Refusal::ALL) {
            *refused = events(tallies, slot::REFUSED + reason as u32)?;
        }
        self.flush();
        // More may have come than had been sent then.
        let received = self.received.load(Ordering::Relaxed);
        let lost = self.sent.saturating_sub(received);
        self.seen.messages_lost = self.seen.messages_lost.max(lost);
        let programs: [&[&str]; 3] = [&[XDP], &[INGRESS, INGRESS_IP], &[EGRESS, EGRESS_IP]];
        for (runs, names) in self.seen.runs.iter_mut().zip(programs) {
            *runs = Runs::default();
            for info in names.iter().filter_map(|name| ebpf.program(name)) {
                let info = info.info().map_err(map_error)?;
                runs.count += info.run_count();
                runs.time += info.run_time();
            }
        }
        Ok(())
    }
}

impl KernelSource {
    /// What the kernel side told of itself at the last drain.
    #[must_use]
    pub fn self_observation(&self) -> &SelfObservation {
        &self.observer.seen
    }
}

/// At which level the programs tell of packets that they ignore; `report` in netanom-ebpf's `account.rs`.
fn level_of(reason: Ignored) -> Option<Level> {
    match reason {
        Ignored::MapFull | Ignored::MapError => Some(Level::Warn),
        Ignored::BadHeader => Some(Level::Debug),
        Ignored::NotIp | Ignored::Truncated | Ignored::TooDeep | Ignored::LinkType => None,
    }
}

/// Frames so far, by the encapsulation that nobody looks into.
pub(super) fn encapsulated_frames(
    tallies: &PerCpuArray<MapData, [u64; 2]>,
) -> Result<[u64; Encapsulation::OF_FRAMES], SourceError> {
    let mut frames = [0; Encapsulation::OF_FRAMES];
    for (frames, kind) in frames.iter_mut().zip(Encapsulation::ALL) {
        *frames = events(tallies, kind.slot())?;
    }
    Ok(frames)
}

/// What stands in a slot, over all CPUs.
fn events(tallies: &PerCpuArray<MapData, [u64; 2]>, slot: u32) -> Result<u64, SourceError> {
    let per_cpu = tallies.get(&slot, 0).map_err(map_error)?;
    Ok(per_cpu.iter().map(|[events, _]| events).sum())
}
