//! Frames in the kernel: the only pointer arithmetic of the programs.
//!
//! The verifier wants to see each access compared with the packet's end, with an offset that it knows a bound of.

use core::marker::PhantomData;
use core::num::NonZeroU32;

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::programs::{TcContext, XdpContext};
use netanom_common::packet::{HeaderBytes, PacketBytes};
use netanom_common::replay::ReplayedPacket;

use crate::account::ObservedFrame;
use crate::replay;

/// Headers end before this offset in any frame that is followed; a bound for the verifier (its own is 65,535).
const MAX_OFFSET: u32 = 4096;

/// Headers of the longest kind: two VLAN tags, IPv6 with a few extension headers, TCP.
const LINEAR_HEADERS: u32 = 128;

/// A header whose presence was checked against the packet's end.
pub(crate) struct Checked<'a, const N: usize> {
    start: *const u8,
    frame: PhantomData<&'a ()>,
}

impl<'a, const N: usize> Checked<'a, N> {
    #[inline(always)]
    fn within(data: usize, data_end: usize, offset: u32) -> Option<Self> {
        if offset > MAX_OFFSET {
            return None;
        }
        let start = data + offset as usize;
        if start + N > data_end {
            return None;
        }
        Some(Self {
            start: start as *const u8,
            frame: PhantomData,
        })
    }

    #[inline(always)]
    fn read<T: Copy>(&self, at: usize) -> T {
        // SAFETY: `within` saw N bytes before the packet's end, callers pass constants with `at + size_of::<T>() <= N`
        // (the verifier refuses the program otherwise), and an unaligned read needs no alignment.
        unsafe { self.start.add(at).cast::<T>().read_unaligned() }
    }
}

impl<const N: usize> HeaderBytes for Checked<'_, N> {
    #[inline(always)]
    fn u8(&self, at: usize) -> u8 {
        self.read(at)
    }

    #[inline(always)]
    fn u16(&self, at: usize) -> u16 {
        u16::from_be(self.read(at))
    }

    #[inline(always)]
    fn u32(&self, at: usize) -> u32 {
        u32::from_be(self.read(at))
    }
}

/// A frame that XDP hands over.
pub(crate) struct IngressFrame<'a> {
    context: &'a XdpContext,
    length: u32,
    replayed: Option<ReplayedPacket>,
}

impl<'a> IngressFrame<'a> {
    #[inline(always)]
    pub(crate) fn new(context: &'a XdpContext) -> Self {
        let replayed = replay::packet();
        let length = match &replayed {
            Some(packet) => packet.wire_length as u32,
            // SAFETY: the context is the one that the kernel gave; the length includes fragments of large frames.
            None => unsafe { bpf_xdp_get_buff_len(context.ctx) as u32 },
        };
        Self {
            context,
            length,
            replayed,
        }
    }
}

impl PacketBytes for IngressFrame<'_> {
    type Header<'a, const N: usize>
        = Checked<'a, N>
    where
        Self: 'a;

    #[inline(always)]
    fn header<const N: usize>(&self, offset: u32) -> Option<Checked<'_, N>> {
        Checked::within(self.context.data(), self.context.data_end(), offset)
    }

    #[inline(always)]
    fn wire_length(&self) -> u32 {
        self.length
    }
}

impl ObservedFrame for IngressFrame<'_> {
    const EGRESS: bool = false;

    #[inline(always)]
    fn interface(&self) -> u32 {
        match self.replayed {
            // As for captures: which interface saw the packet is not known.
            Some(_) => 0,
            None => self.context.ingress_ifindex() as u32,
        }
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        match &self.replayed {
            Some(packet) => packet.time,
            // SAFETY: a helper without arguments.
            None => unsafe { bpf_ktime_get_ns() },
        }
    }

    #[inline(always)]
    fn segments(&self) -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

/// A frame that TCX hands over; it may stand for several packets under segmentation offload.
pub(crate) struct EgressFrame<'a> {
    context: &'a TcContext,
}

impl<'a> EgressFrame<'a> {
    #[inline(always)]
    pub(crate) fn new(context: &'a TcContext) -> Self {
        let linear = context.data_end() - context.data();
        // Headers are nearly always in the linear part; pulling is for packets that user space sent without a copy.
        if linear < LINEAR_HEADERS as usize && (linear as u32) < context.len() {
            let wanted = if context.len() < LINEAR_HEADERS {
                context.len()
            } else {
                LINEAR_HEADERS
            };
            // A refused pull leaves the frame as it is: it is then counted as truncated.
            let _ = context.pull_data(wanted);
        }
        Self { context }
    }

    #[inline(always)]
    fn buffer(&self) -> &aya_ebpf::bindings::__sk_buff {
        // SAFETY: the kernel's own context, valid as long as the program runs.
        unsafe { &*self.context.as_ptr().cast() }
    }
}

impl PacketBytes for EgressFrame<'_> {
    type Header<'a, const N: usize>
        = Checked<'a, N>
    where
        Self: 'a;

    #[inline(always)]
    fn header<const N: usize>(&self, offset: u32) -> Option<Checked<'_, N>> {
        Checked::within(self.context.data(), self.context.data_end(), offset)
    }

    /// The kernel's `wire_len` counts the headers of every segment (qdisc_pkt_len_init in net/core/dev.c).
    #[inline(always)]
    fn wire_length(&self) -> u32 {
        let tag = if self.buffer().vlan_present != 0 {
            4
        } else {
            0
        };
        self.buffer().wire_len + tag
    }

    #[inline(always)]
    fn offloaded_vlan(&self) -> Option<u16> {
        let buffer = self.buffer();
        if buffer.vlan_present != 0 {
            Some(buffer.vlan_tci as u16)
        } else {
            None
        }
    }
}

impl ObservedFrame for EgressFrame<'_> {
    const EGRESS: bool = true;

    #[inline(always)]
    fn interface(&self) -> u32 {
        self.buffer().ifindex
    }

    #[inline(always)]
    fn segments(&self) -> NonZeroU32 {
        NonZeroU32::new(self.buffer().gso_segs).unwrap_or(NonZeroU32::MIN)
    }
}
