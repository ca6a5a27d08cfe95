//! Frames handed to the kernel programs one by one, with no interface: how tests and benches reach them.
//!
//! The kernel runs a program on a frame by `BPF_PROG_TEST_RUN`, as if the loopback interface of the caller's network
//! namespace (index 1) had received or sent it. It refuses frames that are shorter than an Ethernet header.

use aya::maps::HashMap;
use aya::programs::{SchedClassifier, TestRun, TestRunOptions, Xdp};
use netanom_common::fragment::{FragmentFlow, FragmentKey};
use netanom_common::packet::{TunnelSettings, Tunnels};

use super::load::{EGRESS, INGRESS, PacketOrigin, Room, XDP, chain, program};
use super::{KernelSource, SelfObservation, map_error};
use crate::flow::Window;
use crate::source::{EncapsulatedPackets, SourceError};

/// The kernel programs, loaded and attached to nothing.
///
/// The program runs on the CPU of the calling thread and counts in that CPU's shard. A thread that moves to another
/// CPU therefore leaves two parts of a flow in one window, as a live flow does whose packets arrive on two queues.
#[derive(Debug)]
pub struct Injector {
    source: KernelSource,
}

/// What becomes of a frame that leaves, beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Bytes on the wire, with the headers of every segment: from the frame's length to 65,536.
    pub length: u32,
    /// Packets that the frame becomes; 0 without segmentation offload.
    pub segments: u32,
}

/// `struct __sk_buff` and two of its fields (include/uapi/linux/bpf.h); all others are zero.
const SK_BUFF: usize = 192;
const WIRE_LENGTH: usize = 160;
const SEGMENTS: usize = 164;

/// Key and value of the table of first fragments, as words.
type FragmentWords = [u32; size_of::<FragmentKey>() / 4];
type FlowWords = [u32; size_of::<FragmentFlow>() / 4];

impl Injector {
    /// Loads the programs with room for `capacity` flows a window, over all CPUs.
    ///
    /// # Errors
    /// As [`KernelSource::open`].
    pub fn load(capacity: u32) -> Result<Self, SourceError> {
        Self::load_for(capacity, Tunnels::Inner)
    }

    /// The same, of which this is wanted of tunnels.
    ///
    /// # Errors
    /// As [`KernelSource::open`].
    pub fn load_for(
        capacity: u32,
        tunnels: impl Into<TunnelSettings>,
    ) -> Result<Self, SourceError> {
        Self::open(PacketOrigin::Wire, capacity, tunnels.into())
    }

    /// The same, with only so many bytes for messages to the log: a power of two, a page at least.
    ///
    /// # Errors
    /// As [`KernelSource::open`].
    pub fn load_with_ring(capacity: u32, bytes: u32) -> Result<Self, SourceError> {
        Self::open(
            PacketOrigin::Test(bytes),
            capacity,
            TunnelSettings::default(),
        )
    }

    fn open(
        origin: PacketOrigin,
        capacity: u32,
        tunnels: TunnelSettings,
    ) -> Result<Self, SourceError> {
        let source = KernelSource::unattached(origin, Room::Shared(capacity), tunnels)?;
        Ok(Self { source })
    }

    /// Runs the XDP program on a frame as if it came in; returns the program's verdict (`enum xdp_action`).
    ///
    /// # Errors
    /// [`SourceError::Inject`] when the kernel does not take the frame.
    pub fn receive(&mut self, frame: &[u8]) -> Result<u32, SourceError> {
        let xdp: &mut Xdp = program(&mut self.source.ebpf, XDP)?;
        let options = TestRunOptions {
            data_in: Some(frame),
            ..TestRunOptions::new()
        };
        let outcome = xdp.test_run(options);
        let outcome = outcome.map_err(|error| refused(frame, &error))?;
        Ok(outcome.return_value)
    }

    /// Runs the TCX program on a frame as if it was about to leave; returns its verdict (`enum tcx_action_base`).
    ///
    /// # Errors
    /// [`SourceError::Inject`] when the kernel does not take the frame, or not with this `wire`.
    pub fn send(&mut self, frame: &[u8], wire: Wire) -> Result<i32, SourceError> {
        self.by_tcx(EGRESS, frame, wire)
    }

    /// Runs the TCX program for what comes in on a frame; returns its verdict. The kernel takes no length for such a frame: that follows from its segments.
    ///
    /// # Errors
    /// [`SourceError::Inject`] when the kernel does not take the frame.
    pub fn arrive(&mut self, frame: &[u8], segments: u32) -> Result<i32, SourceError> {
        let wire = Wire {
            length: frame.len() as u32,
            segments,
        };
        self.by_tcx(INGRESS, frame, wire)
    }

    fn by_tcx(&mut self, name: &str, frame: &[u8], wire: Wire) -> Result<i32, SourceError> {
        let classifier: &mut SchedClassifier = program(&mut self.source.ebpf, name)?;
        // Without a context the kernel leaves the length on the wire at 0.
        let mut context = [0; SK_BUFF];
        context[WIRE_LENGTH..][..4].copy_from_slice(&wire.length.to_ne_bytes());
        context[SEGMENTS..][..4].copy_from_slice(&wire.segments.to_ne_bytes());
        let options = TestRunOptions {
            data_in: Some(frame),
            ctx_in: Some(&context),
            ..TestRunOptions::new()
        };
        let outcome = classifier.test_run(options);
        let outcome = outcome.map_err(|error| refused(frame, &error))?;
        Ok(outcome.return_value.cast_signed())
    }

    /// Forgets the first fragments that the programs have seen.
    ///
    /// # Errors
    /// [`SourceError::Map`] when their table cannot be read or changed.
    pub fn forget_fragments(&mut self) -> Result<(), SourceError> {
        let table = self.source.ebpf.map_mut("FRAGMENTS");
        let table = table.ok_or_else(|| map_error("there is no table of first fragments"))?;
        let mut table: HashMap<_, FragmentWords, FlowWords> =
            HashMap::try_from(table).map_err(map_error)?;
        let keys: Result<Vec<_>, _> = table.keys().collect();
        for key in keys.map_err(map_error)? {
            table.remove(&key).map_err(map_error)?;
        }
        Ok(())
    }

    /// What the programs' sketches of sources are seeded with.
    #[must_use]
    pub fn sketch_seed(&self) -> u64 {
        self.source.seed
    }

    /// What was not looked into up to the last drain.
    #[must_use]
    pub fn encapsulated(&self) -> EncapsulatedPackets {
        self.source.encapsulated()
    }

    /// What the programs told of themselves at the last drain.
    #[must_use]
    pub fn self_observation(&self) -> &SelfObservation {
        self.source.self_observation()
    }

    /// Takes what was counted since the last time. Packets have the time of their injection.
    ///
    /// # Errors
    /// [`SourceError::Map`] when the counters cannot be read.
    pub fn drain(&mut self) -> Result<Window, SourceError> {
        self.source.drain()
    }
}

impl Wire {
    /// A frame that leaves as it is.
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        Self {
            length: frame.len() as u32,
            segments: 0,
        }
    }
}

fn refused(frame: &[u8], error: &dyn std::error::Error) -> SourceError {
    SourceError::Inject {
        length: frame.len(),
        detail: chain(error),
    }
}
