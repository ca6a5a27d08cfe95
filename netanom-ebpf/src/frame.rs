//! Frames in the kernel: the only pointer arithmetic of the programs.
//!
//! The verifier wants to see each access compared with the packet's end, with an offset that it knows a bound of.

use core::arch::asm;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::num::NonZeroU32;

use aya_ebpf::bindings::{__sk_buff, xdp_md};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::programs::{TcContext, XdpContext};
use aya_ebpf::{EbpfContext, Global};
use netanom_common::packet::{HeaderBytes, PacketBytes, Tunnels};

use crate::account::ObservedFrame;
use crate::replay;

/// Headers end before this offset in any frame that is followed; a bound for the verifier (its own is 65,535).
const MAX_OFFSET: usize = 4096;

/// Headers of a long kind: IPv6, VXLAN, Ethernet, IPv6, TCP with options.
const LINEAR_HEADERS: u32 = 192;

/// `VLAN_HLEN` (include/linux/if_vlan.h).
const VLAN_TAG: u32 = 4;

/// Which packet of a tunnel counts: a number of [`Tunnels`] that user space sets before it loads the programs. The
/// verifier then removes what is never done.
#[unsafe(no_mangle)]
static TUNNELS: Global<u8> = Global::new(Tunnels::Inner as u8);

#[inline(always)]
fn tunnels() -> Tunnels {
    if TUNNELS.load() == Tunnels::Outer as u8 {
        Tunnels::Outer
    } else {
        Tunnels::Inner
    }
}

/// A header whose presence was checked against the packet's end.
pub(crate) struct Checked<'a, const N: usize> {
    start: *const u8,
    frame: PhantomData<&'a ()>,
}

impl<'a, const N: usize> Checked<'a, N> {
    #[inline(always)]
    fn within(bounds: &Bounds, offset: u32) -> Option<Self> {
        let offset = in_one_register(u64::from(offset)) as usize;
        if offset > MAX_OFFSET {
            return None;
        }
        let start = bounds.data + offset;
        if start + N > bounds.end {
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

/// Where a packet begins and ends.
#[derive(Clone, Copy)]
struct Bounds {
    data: usize,
    end: usize,
}

impl Bounds {
    /// Reads both from a context that has them at the offsets `DATA` and `END`.
    ///
    /// They are 32-bit fields that the kernel replaces by pointers. The compiler would clear their upper half where it
    /// keeps them for later, and so make numbers of them, for which the verifier allows no access.
    #[inline(always)]
    fn read<const DATA: usize, const END: usize>(context: *mut core::ffi::c_void) -> Self {
        let (data, end);
        // SAFETY: reads two fields of the context that the kernel gave.
        unsafe {
            asm!(
                "{data} = *(u32 *)({context} + {at_data})",
                "{end} = *(u32 *)({context} + {at_end})",
                context = in(reg) context,
                data = out(reg) data,
                end = lateout(reg) end,
                at_data = const DATA,
                at_end = const END,
                options(pure, readonly, nostack),
            );
        }
        Self { data, end }
    }
}

/// `value`, which the compiler cannot keep a second time: it would check the one and use the other, and the verifier
/// takes the two for different numbers.
#[inline(always)]
fn in_one_register(value: u64) -> u64 {
    let held;
    // SAFETY: a move from a register to a register. Without an instruction, two lines would share one, which the kernel
    // refuses in the line table.
    unsafe {
        asm!("{0} = {1}", lateout(reg) held, in(reg) value, options(pure, nomem, nostack));
    }
    held
}

/// `value` by two operations that the compiler cannot take out and that the verifier cannot see through, as it does
/// not know `any`.
#[inline(always)]
fn hidden(value: u64, any: u32) -> u64 {
    let mut hidden = value;
    // SAFETY: two exclusive ors with the same number, in a register.
    unsafe {
        asm!(
            "{0} ^= {1}",
            "{0} ^= {1}",
            inout(reg) hidden,
            in(reg) u64::from(any),
            options(pure, nomem, nostack),
        );
    }
    hidden
}

/// A frame that XDP hands over.
pub(crate) struct IngressFrame<'a> {
    context: &'a XdpContext,
    bounds: Bounds,
    length: u32,
    is_replayed: bool,
    /// Time of a replayed packet, else 0. No `Option`: one without a value would be half unwritten, which the verifier
    /// does not let pass to a function.
    time: u64,
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
        let bounds = Bounds::read::<{ offset_of!(xdp_md, data) }, { offset_of!(xdp_md, data_end) }>(
            context.as_ptr(),
        );
        Self {
            context,
            bounds,
            length,
            is_replayed: replayed.is_some(),
            time: replayed.map_or(0, |packet| packet.time),
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
        Checked::within(&self.bounds, offset)
    }

    #[inline(always)]
    fn wire_length(&self) -> u32 {
        self.length
    }

    #[inline(always)]
    fn tunnels(&self) -> Tunnels {
        tunnels()
    }

    #[inline(always)]
    fn forget(&self, value: u64) -> u64 {
        hidden(value, self.length)
    }
}

impl ObservedFrame for IngressFrame<'_> {
    const EGRESS: bool = false;

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

/// A frame that TCX hands over; it may stand for several packets under segmentation offload.
pub(crate) struct EgressFrame<'a> {
    context: &'a TcContext,
    bounds: Bounds,
    length: u32,
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
        let bounds = Bounds::read::<
            { offset_of!(__sk_buff, data) },
            { offset_of!(__sk_buff, data_end) },
        >(context.as_ptr());
        let mut frame = Self {
            context,
            bounds,
            length: 0,
        };
        // The kernel's `wire_len` counts the headers of every segment (qdisc_pkt_len_init in net/core/dev.c), without the
        // tag that each gets when it leaves.
        let tags = frame.buffer().vlan_present * frame.segments().get();
        let length = frame.buffer().wire_len + VLAN_TAG * tags;
        frame.length = hidden(u64::from(length), frame.buffer().len) as u32;
        frame
    }

    #[inline(always)]
    fn buffer(&self) -> &__sk_buff {
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
        tunnels()
    }

    #[inline(always)]
    fn forget(&self, value: u64) -> u64 {
        hidden(value, self.buffer().len)
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
