//! Frames that TCX hands over, in the network stack's own buffers. One may stand for several packets: those that it will
//! be cut into, or those that it was put together of.

use core::mem::offset_of;
use core::num::NonZeroU32;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::programs::TcContext;
use netanom_common::counter::Ignored;
use netanom_common::packet::{Packet, PacketBytes, Tunnels, VxlanPorts};
use netanom_common::parse::{Answer, Part, Walk, parse, parse_network};

use super::{Bounds, Checked, hidden, in_one_register};
use crate::account::ObservedFrame;
use crate::apart;

/// Headers of a long kind: IPv6, VXLAN, Ethernet, IPv6, TCP with options.
const LINEAR_HEADERS: u32 = 192;

/// `VLAN_HLEN` (include/uapi/linux/if_vlan.h).
const VLAN_TAG: u32 = 4;

/// The bytes of a frame.
pub(crate) struct BufferBytes {
    context: *mut __sk_buff,
    bounds: Bounds,
    length: u32,
}

impl BufferBytes {
    /// Those of a context, for a part of the parser: the frame's length is not asked for there.
    #[inline(always)]
    pub(crate) fn of(context: *mut __sk_buff) -> Self {
        let bounds = Bounds::read::<
            { offset_of!(__sk_buff, data) },
            { offset_of!(__sk_buff, data_end) },
        >(context.cast());
        let length = (bounds.end - bounds.data) as u32;
        Self {
            context,
            bounds,
            length,
        }
    }

    #[inline(always)]
    fn buffer(&self) -> &__sk_buff {
        // SAFETY: the kernel's own context, valid as long as the program runs.
        unsafe { &*self.context }
    }
}

impl PacketBytes for BufferBytes {
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
    fn offloaded_vlan(&self) -> Option<u16> {
        let buffer = self.buffer();
        if buffer.vlan_present != 0 {
            Some(buffer.vlan_tci as u16)
        } else {
            None
        }
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
            Part::Link => apart::buffer_link(self.context, walk),
            Part::Extensions => apart::buffer_extensions(self.context, walk),
            Part::Tunnel => apart::buffer_tunnel(self.context, walk),
            Part::Encapsulation => apart::buffer_encapsulation(self.context, walk),
        };
        in_one_register(u64::from(answer)) as Answer
    }

    #[inline(always)]
    fn forget(&self, value: u64) -> u64 {
        hidden(value, self.buffer().len)
    }
}

/// A frame that leaves (`EGRESS`) or comes in, through an interface whose frames begin with an Ethernet header
/// (`ETHERNET`) or with IP.
pub(crate) struct BufferFrame<const EGRESS: bool, const ETHERNET: bool> {
    bytes: BufferBytes,
}

impl<const EGRESS: bool, const ETHERNET: bool> BufferFrame<EGRESS, ETHERNET> {
    #[inline(always)]
    pub(crate) fn new(context: &TcContext) -> Self {
        let linear = context.data_end() - context.data();
        // Headers are nearly always in the linear part; pulling is for packets that user space sent without a copy, and
        // for drivers that leave a packet in pages.
        if linear < LINEAR_HEADERS as usize && (linear as u32) < context.len() {
            let wanted = if context.len() < LINEAR_HEADERS {
                context.len()
            } else {
                LINEAR_HEADERS
            };
            // A refused pull leaves the frame as it is: it is then counted as truncated.
            let _ = context.pull_data(wanted);
        }
        let mut bytes = BufferBytes::of(context.as_ptr().cast());
        let buffer = bytes.buffer();
        let length = if EGRESS {
            // The kernel's `wire_len` counts the headers of every segment that leaves (qdisc_pkt_len_init in
            // net/core/dev.c).
            buffer.wire_len
        } else {
            buffer.len
        };
        // Each segment has the tag that the frame carries beside it.
        let tags = buffer.vlan_present * segments(buffer).get();
        bytes.length = hidden(u64::from(length + VLAN_TAG * tags), buffer.len) as u32;
        Self { bytes }
    }
}

/// Bytes before the network header of a frame that comes in: the kernel has taken them off `wire_len`
/// (sch_handle_ingress in net/core/dev.c). Where there is no Ethernet header they are what a tunnel's packet had around
/// it (skb_pop_mac_header in net/ipv4/ip_gre.c), and do not count.
#[inline(always)]
fn before_network(buffer: &__sk_buff) -> u32 {
    buffer.len.saturating_sub(buffer.wire_len)
}

#[inline(always)]
fn segments(buffer: &__sk_buff) -> NonZeroU32 {
    NonZeroU32::new(buffer.gso_segs).unwrap_or(NonZeroU32::MIN)
}

impl<const EGRESS: bool, const ETHERNET: bool> ObservedFrame for BufferFrame<EGRESS, ETHERNET> {
    type Bytes = BufferBytes;
    const EGRESS: bool = EGRESS;
    const ETHERNET: bool = ETHERNET;

    #[inline(always)]
    fn bytes(&self) -> &BufferBytes {
        &self.bytes
    }

    #[inline(always)]
    fn parse(&self) -> Result<Packet, Ignored> {
        if EGRESS && ETHERNET {
            // Without a copy of what comes of it.
            return parse(&self.bytes);
        }
        let buffer = self.bytes.buffer();
        let mut packet = if ETHERNET {
            parse(&self.bytes)
        } else {
            let before = if EGRESS { 0 } else { before_network(buffer) };
            parse_network(&self.bytes, (buffer.protocol as u16).to_be(), before)
        }?;
        if !EGRESS {
            if !ETHERNET {
                packet.length = packet.length.saturating_sub(before_network(buffer));
            }
            // What was put together had headers each.
            let headers = packet.length.saturating_sub(packet.payload);
            packet.length += (segments(buffer).get() - 1) * headers;
        }
        Ok(packet)
    }

    #[inline(always)]
    fn wire_length(&self) -> u32 {
        let length = self.bytes.wire_length();
        if EGRESS || ETHERNET {
            return length;
        }
        length.saturating_sub(before_network(self.bytes.buffer()))
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        self.bytes.buffer().ifindex
    }

    #[inline(always)]
    fn segments(&self) -> NonZeroU32 {
        segments(self.bytes.buffer())
    }
}
