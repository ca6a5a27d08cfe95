//! The kernel programs measured: for `cargo xtask bench kernel` alone, with programs that no sensor has.

use std::time::Duration;

use aya::maps::{Array, HashMap, MapData};
use aya::programs::{TestRun, TestRunAttrs, TestRunOptions, Xdp, XdpMode as AyaMode};
use netanom_common::flow::FlowKey;
use netanom_common::packet::TunnelSettings;

use super::load::{PacketOrigin, Room, XDP, chain, program, take};
use super::one_cpu::Staying;
use super::{KernelSource, map_error};
use crate::flow::Window;
use crate::source::SourceError;

/// Frames that the kernel sends before it lets the receiver run. The ring of a veth holds 256.
const BATCH: u32 = 64;

/// A program to run on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchProgram {
    /// Does nothing.
    Empty,
    /// Looks up one entry of a hash map with keys as long as ours, and adds one.
    Touch,
    /// Writes a random source address.
    Vary,
    /// Writes a random source address and counts.
    CountVaried,
    /// The sensor's own.
    Count,
}

/// What receives frames on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// Counts, and the frame goes no further.
    CountDrop,
    /// The sensor's own: the frame goes up the network stack.
    Count,
}

/// The programs, loaded, on one CPU.
pub struct Bench {
    source: KernelSource,
    mask: Array<MapData, u32>,
    interface: Array<MapData, u32>,
    _touched: HashMap<MapData, [u8; size_of::<FlowKey>()], u64>,
    _here: Staying,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Bench {
    /// Loads the programs with room for `flows` flows on this CPU.
    ///
    /// # Errors
    /// As [`KernelSource::open`].
    pub fn load(flows: u32) -> Result<Self, SourceError> {
        let here = Staying::here()?;
        let room = Room::On(here.on(), flows);
        let mut source =
            KernelSource::unattached(PacketOrigin::Wire, room, TunnelSettings::default())?;
        for name in [
            "bench_empty",
            "bench_touch",
            "bench_vary",
            "bench_count_varied",
            "bench_count_drop",
            "bench_send",
        ] {
            let xdp: &mut Xdp = program(&mut source.ebpf, name)?;
            xdp.load().map_err(|error| SourceError::Rejected {
                program: name.to_owned(),
                detail: chain(&error),
            })?;
        }
        let mut touched: HashMap<_, [u8; size_of::<FlowKey>()], u64> =
            take(&mut source.ebpf, "BENCH_TOUCHED")?;
        touched
            .insert([0; size_of::<FlowKey>()], 0, 0)
            .map_err(map_error)?;
        Ok(Self {
            mask: take(&mut source.ebpf, "BENCH_MASK")?,
            interface: take(&mut source.ebpf, "BENCH_INTERFACE")?,
            _touched: touched,
            source,
            _here: here,
        })
    }

    /// From now on varied frames have 2 to the power of `bits` source addresses.
    ///
    /// # Errors
    /// [`SourceError::Map`] when the map cannot be written.
    pub fn vary(&mut self, bits: u32) -> Result<(), SourceError> {
        let mask = u32::MAX.checked_shr(32 - bits).unwrap_or(0);
        self.mask.set(0, mask, 0).map_err(map_error)
    }

    /// Runs a program on a frame `repeat` times; returns the kernel's average.
    ///
    /// # Errors
    /// [`SourceError::Inject`] when the kernel does not run it.
    pub fn run(
        &mut self,
        which: BenchProgram,
        frame: &[u8],
        repeat: u32,
    ) -> Result<Duration, SourceError> {
        let name = match which {
            BenchProgram::Empty => "bench_empty",
            BenchProgram::Touch => "bench_touch",
            BenchProgram::Vary => "bench_vary",
            BenchProgram::CountVaried => "bench_count_varied",
            BenchProgram::Count => XDP,
        };
        let options = TestRunOptions {
            data_in: Some(frame),
            repeat,
            ..TestRunOptions::new()
        };
        Ok(self.test_run(name, frame, options)?.duration)
    }

    /// Attaches a receiver natively.
    ///
    /// # Errors
    /// [`SourceError::Attach`] when the interface refuses it.
    pub fn attach(&mut self, receiver: Receiver, interface: u32) -> Result<(), SourceError> {
        let name = match receiver {
            Receiver::CountDrop => "bench_count_drop",
            Receiver::Count => XDP,
        };
        let xdp: &mut Xdp = program(&mut self.source.ebpf, name)?;
        let attached = xdp.attach_to_if_index(interface, AyaMode::Driver);
        attached.map_err(|error| SourceError::Attach {
            interface: interface.to_string(),
            detail: chain(&error),
        })?;
        Ok(())
    }

    /// Sends `packets` varied frames on an interface, as fast as the kernel can.
    ///
    /// # Errors
    /// [`SourceError::Inject`] when the kernel does not send them.
    pub fn send(&mut self, interface: u32, frame: &[u8], packets: u32) -> Result<(), SourceError> {
        self.interface.set(0, interface, 0).map_err(map_error)?;
        let options = TestRunOptions {
            data_in: Some(frame),
            repeat: packets,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::new()
        };
        self.test_run("bench_send", frame, options)?;
        Ok(())
    }

    /// Takes what was counted, and how long that took.
    ///
    /// # Errors
    /// [`SourceError::Map`] when the counters cannot be read.
    pub fn drain(&mut self) -> Result<(Window, Duration), SourceError> {
        let window = self.source.drain()?;
        Ok((window, self.source.fill().drained_in))
    }

    fn test_run(
        &mut self,
        name: &str,
        frame: &[u8],
        options: TestRunOptions<'_>,
    ) -> Result<aya::programs::TestRunResult, SourceError> {
        let xdp: &mut Xdp = program(&mut self.source.ebpf, name)?;
        xdp.test_run(options).map_err(|error| SourceError::Inject {
            length: frame.len(),
            detail: chain(&error),
        })
    }
}
