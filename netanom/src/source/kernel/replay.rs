//! The packets of captures counted by the loaded XDP program, one by one, with their own time.
//!
//! The program takes time and length from the map `REPLAYED`, and runs on the frame by `BPF_PROG_TEST_RUN`.

use std::collections::HashMap;

use aya::maps::{Array, MapData};
use aya::programs::{TestRun, TestRunOptions, Xdp};
use foldhash::fast::RandomState;
use netanom_common::counter::Ignored;
use netanom_common::flow::FlowKey;
use netanom_common::fragment::join;
use netanom_common::packet::{Frame, TunnelSettings};
use netanom_common::parse::parse;

use super::load::{PacketOrigin, Room, XDP, chain, program, take};
use super::one_cpu::Staying;
use super::{KernelSource, map_error};
use crate::flow::IgnoredTallies;
use crate::source::capture::{CapturedPacket, Counted, LinkType, PacketCounter};
use crate::source::{FirstFragments, SourceError};

/// `ETH_HLEN` (include/uapi/linux/if_ether.h): the kernel runs no program on less.
const SHORTEST: usize = 14;

/// The program looks at no byte beyond, and the kernel would refuse a frame of more than 17 pages.
const LONGEST: usize = 4096;

/// The loaded program as what counts a capture's packets.
///
/// The calling thread stays on one CPU as long as this lives, so that the packets of a flow are counted in one shard.
pub struct KernelCounting {
    source: KernelSource,
    replayed: Array<MapData, [u64; 2]>,
    /// Place of each flow in the order of their first packets: the kernel's map has none, and what is told of flows
    /// that share hosts depends on it.
    order: HashMap<FlowKey, usize, RandomState>,
    fragments: FirstFragments,
    tunnels: TunnelSettings,
    /// What the kernel takes no frame of.
    short: IgnoredTallies,
    _here: Staying,
}

impl std::fmt::Debug for KernelCounting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KernelCounting")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl KernelCounting {
    /// Loads the programs, attached to nothing, with room for `flows` flows a window; `tunnels` says which packet of a
    /// tunnel is the flow's.
    ///
    /// # Errors
    /// [`SourceError::NoPrivilege`] and others of loading, as [`KernelSource::open`].
    pub fn load(flows: u32, tunnels: impl Into<TunnelSettings>) -> Result<Self, SourceError> {
        let tunnels = tunnels.into();
        // One CPU counts all of them.
        let here = Staying::here()?;
        let room = Room::On(here.on(), flows);
        let mut source = KernelSource::unattached(PacketOrigin::Capture, room, tunnels)?;
        let replayed = take(&mut source.ebpf, "REPLAYED")?;
        Ok(Self {
            source,
            replayed,
            order: HashMap::default(),
            fragments: FirstFragments::default(),
            tunnels,
            short: IgnoredTallies::default(),
            _here: here,
        })
    }
}

impl PacketCounter for KernelCounting {
    fn add(&mut self, packet: &CapturedPacket<'_>) -> Result<(), SourceError> {
        if matches!(packet.link, LinkType::Unread(_)) {
            self.short
                .add(Ignored::LinkType, u64::from(packet.wire_length));
            return Ok(());
        }
        if packet.link != LinkType::Ethernet {
            return Err(SourceError::NotEthernet { link: packet.link });
        }
        let frame = &packet.bytes[..packet.bytes.len().min(LONGEST)];
        if frame.len() < SHORTEST {
            self.short
                .add(Ignored::Truncated, u64::from(packet.wire_length));
            return Ok(());
        }
        let whole = Frame::captured(packet.bytes, packet.wire_length).with(self.tunnels);
        if let Ok(mut parsed) = parse(&whole) {
            join(&mut parsed, &mut self.fragments);
            let next = self.order.len();
            self.order.entry(FlowKey::of(&parsed, 0).0).or_insert(next);
        }
        let told = [packet.time, u64::from(packet.wire_length)];
        self.replayed.set(0, told, 0).map_err(map_error)?;
        let xdp: &mut Xdp = program(&mut self.source.ebpf, XDP)?;
        let options = TestRunOptions {
            data_in: Some(frame),
            ..TestRunOptions::new()
        };
        xdp.test_run(options).map_err(|error| SourceError::Inject {
            length: frame.len(),
            detail: chain(&error),
        })?;
        Ok(())
    }

    fn flows(&self) -> usize {
        self.order.len()
    }

    fn tunnels(&self) -> TunnelSettings {
        self.tunnels
    }

    fn take(&mut self) -> Result<Counted, SourceError> {
        // The program has ended when `add` returns, so nothing is waited for.
        let drained = self.source.swap()?;
        let mut window = self.source.empty(drained)?;
        let order = std::mem::take(&mut self.order);
        window
            .flows
            .sort_by_key(|(key, _)| (order.get(key).copied().unwrap_or(usize::MAX), *key));
        let short = std::mem::take(&mut self.short);
        for (tally, more) in window.ignored.0.iter_mut().zip(short.0) {
            tally.add(more.packets, more.bytes);
        }
        // A window is delivered before its flows fill the map, so this is a disagreement that has to be seen.
        for (_, overflown) in &window.overflow {
            window.ignored.0[Ignored::MapFull as usize]
                .add(overflown.total.packets, overflown.total.bytes);
        }
        self.source.observer.flush();
        Ok((window.flows, window.ignored))
    }
}
