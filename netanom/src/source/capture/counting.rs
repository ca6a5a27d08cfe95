//! Counts the packets of one window, as the kernel's maps do.

use std::collections::HashMap;
use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use netanom_common::counter::Ignored;
use netanom_common::encapsulation::Encapsulation;
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::fragment::join;
use netanom_common::packet::{Frame, TunnelSettings};

use super::{CapturedPacket, LinkType};
use crate::flow::IgnoredTallies;
use crate::source::{FirstFragments, SourceError};

/// What was counted: the flows of a window, in the order of their first packets, and what is in none.
pub type Counted = (Vec<(FlowKey, FlowCounters)>, IgnoredTallies);

/// Counts the packets of a window: in user space ([`Counting`]), or by the kernel's programs.
pub trait PacketCounter {
    /// Counts a packet.
    ///
    /// # Errors
    /// When it cannot be counted.
    fn add(&mut self, packet: &CapturedPacket<'_>) -> Result<(), SourceError>;

    /// How many flows there are.
    fn flows(&self) -> usize;

    /// Frames so far, by the encapsulation that nobody looks into.
    fn encapsulated_frames(&self) -> [u64; Encapsulation::OF_FRAMES] {
        [0; Encapsulation::OF_FRAMES]
    }

    /// What is wanted of tunnels.
    fn tunnels(&self) -> TunnelSettings;

    /// Everything counted, and begins anew.
    ///
    /// # Errors
    /// When the counters cannot be read.
    fn take(&mut self) -> Result<Counted, SourceError>;
}

/// Counts in user space, as the kernel's maps do.
#[derive(Debug, Default)]
pub struct Counting {
    index: HashMap<FlowKey, usize, RandomState>,
    flows: Vec<(FlowKey, FlowCounters)>,
    ignored: IgnoredTallies,
    /// Of the windows before, too.
    fragments: FirstFragments,
    tunnels: TunnelSettings,
    encapsulated: [u64; Encapsulation::OF_FRAMES],
}

impl Counting {
    /// Counts this packet of a tunnel.
    #[must_use]
    pub fn of(tunnels: impl Into<TunnelSettings>) -> Self {
        Self {
            tunnels: tunnels.into(),
            ..Self::default()
        }
    }
}

impl PacketCounter for Counting {
    #[inline]
    fn add(&mut self, packet: &CapturedPacket<'_>) -> Result<(), SourceError> {
        let frame = Frame::captured(packet.bytes, packet.wire_length).with(self.tunnels);
        match packet.link.parse(&frame) {
            Ok(mut parsed) => {
                join(&mut parsed, &mut self.fragments);
                let (key, side) = FlowKey::of(&parsed, 0);
                let slot = *self.index.entry(key).or_insert_with(|| {
                    self.flows.push((key, FlowCounters::default()));
                    self.flows.len() - 1
                });
                let seen = Observation {
                    now: packet.time,
                    segments: NonZeroU32::MIN,
                    egress: false,
                };
                self.flows[slot].1.account(side, &parsed, seen);
            }
            Err(reason) => {
                self.ignored.add(reason, u64::from(packet.wire_length));
                if reason == Ignored::NotIp
                    && packet.link == LinkType::Ethernet
                    && let Some(kind) = Encapsulation::of_frame(&frame)
                {
                    self.encapsulated[kind as usize] += 1;
                }
            }
        }
        Ok(())
    }

    fn encapsulated_frames(&self) -> [u64; Encapsulation::OF_FRAMES] {
        self.encapsulated
    }

    fn tunnels(&self) -> TunnelSettings {
        self.tunnels
    }

    #[inline]
    fn flows(&self) -> usize {
        self.flows.len()
    }

    fn take(&mut self) -> Result<Counted, SourceError> {
        self.index.clear();
        Ok((
            std::mem::take(&mut self.flows),
            std::mem::take(&mut self.ignored),
        ))
    }
}
