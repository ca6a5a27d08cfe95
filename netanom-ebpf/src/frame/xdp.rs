//! Frames that XDP hands over.

use core::mem::offset_of;
use core::num::NonZeroU32;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::programs::XdpContext;
use netanom_common::packet::{PacketBytes, Tunnels, VxlanPorts};
use netanom_common::parse::{Answer, Part, Walk};

use super::{Bounds, Checked, hidden, in_one_register};
use crate::account::ObservedFrame;
use crate::{apart, replay};

/// The bytes of a frame.
pub(crate) struct XdpBytes {
    context: *mut xdp_md,
    bounds: Bounds,
    length: u32,
}

impl XdpBytes {
    /// Those of a context, for a part of the parser: the frame's length is not asked for there.
    #[inline(always)]
    pub(crate) fn of(context: *mut xdp_md) -> Self {
        let bounds = Bounds::read::<{ offset_of!(xdp_md, data) }, { offset_of!(xdp_md, data_end) }>(
            context.cast(),
        );
        let length = (bounds.end - bounds.data) as u32;
        Self {
            context,
            bounds,
            length,
        }
    }
}

impl PacketBytes for XdpBytes {
    type Header<'a, const N: usize>
        = Checked<'a, N>
    where
        Self: 'a;

    #[inline(always)]
    fn header<const N: usize>(&self, offset: u32) -> Option<Checked<'_, N>> {
        Checked::within(&self.bounds, offset)
    }

    #[inline(always)]
    fn wire_length(&self) -> u32 {
        self.length
    }

    #[inline(always)]
    fn tunnels(&self) -> Tunnels {
        super::tunnels()
    }

    #[inline(always)]
    fn vxlan_ports(&self) -> VxlanPorts {
        super::vxlan_ports()
    }

    #[inline(always)]
    fn apart(&self, part: Part, walk: &mut Walk) -> Answer {
        // The compiler knows what the functions answer, the verifier does not.
        let answer = match part {
            Part::Link => apart::xdp_link(self.context, walk),
            Part::Extensions => apart::xdp_extensions(self.context, walk),
            Part::Tunnel => apart::xdp_tunnel(self.context, walk),
            Part::Encapsulation => apart::xdp_encapsulation(self.context, walk),
        };
        in_one_register(u64::from(answer)) as Answer
    }

    #[inline(always)]
    fn forget(&self, value: u64) -> u64 {
        hidden(value, self.length)
    }
}

/// A frame that comes in.
pub(crate) struct XdpFrame<'a> {
    context: &'a XdpContext,
    bytes: XdpBytes,
    is_replayed: bool,
    /// Time of a replayed packet, else 0. No `Option`: one without a value would be half unwritten, which the verifier
    /// does not let pass to a function.
    time: u64,
}

impl<'a> XdpFrame<'a> {
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
            bytes: XdpBytes {
                length,
                ..XdpBytes::of(context.as_ptr().cast())
            },
            is_replayed: replayed.is_some(),
            time: replayed.map_or(0, |packet| packet.time),
        }
    }
}

impl ObservedFrame for XdpFrame<'_> {
    type Bytes = XdpBytes;
    const EGRESS: bool = false;

    #[inline(always)]
    fn bytes(&self) -> &XdpBytes {
        &self.bytes
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        if self.is_replayed {
            // As for captures: which interface saw the packet is not known.
            return 0;
        }
        self.context.ingress_ifindex() as u32
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        if self.is_replayed {
            return self.time;
        }
        // SAFETY: a helper without arguments.
        unsafe { bpf_ktime_get_ns() }
    }

    #[inline(always)]
    fn segments(&self) -> NonZeroU32 {
        NonZeroU32::MIN
    }
}
