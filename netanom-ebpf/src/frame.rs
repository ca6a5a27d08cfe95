//! Frames in the kernel: the only pointer arithmetic of the programs.
//!
//! The verifier wants to see each access compared with the packet's end, with an offset that it knows a bound of.

mod buffer;
mod xdp;

use core::arch::asm;
use core::marker::PhantomData;

use aya_ebpf::Global;
use netanom_common::packet::{HeaderBytes, Tunnels, VxlanPorts};

pub(crate) use buffer::{BufferBytes, BufferFrame};
pub(crate) use xdp::{XdpBytes, XdpFrame};

/// Headers end before this offset in any frame that is followed; a bound for the verifier (its own is 65,535).
const MAX_OFFSET: usize = 4096;

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

/// Where VXLAN is found; user space sets it, too.
#[unsafe(no_mangle)]
static VXLAN_PORTS: Global<[u16; VxlanPorts::MOST]> = Global::new(VxlanPorts::DEFAULT.raw());

#[inline(always)]
fn vxlan_ports() -> VxlanPorts {
    VxlanPorts::of(VXLAN_PORTS.load())
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
