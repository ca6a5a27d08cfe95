//! Programs that only `cargo xtask bench kernel` loads: what ours is compared with, and traffic of many flows.
//!
//! `BPF_PROG_TEST_RUN` runs a program on one frame again and again and does not restore it in between. So a program
//! that writes a random source address into the frame, and then counts it as ours does, sees as many flows as wanted.

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS};
use aya_ebpf::btf_maps::{Array, HashMap};
use aya_ebpf::helpers::{bpf_get_prandom_u32, bpf_redirect};
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use netanom_common::flow::FlowKey;

use crate::account::count;
use crate::frame::XdpFrame;

/// Where an Ethernet frame without tags has the IPv4 source address.
const SOURCE: usize = 26;

/// The entry that `bench_touch` counts in, under a key as long as ours.
#[btf_map]
static BENCH_TOUCHED: HashMap<[u8; size_of::<FlowKey>()], u64, 1> = HashMap::new();

/// Which bits of the source address are random. None: the address stays as it is.
#[btf_map]
static BENCH_MASK: Array<u32, 1> = Array::new();

/// Interface that `bench_send` sends on.
#[btf_map]
static BENCH_INTERFACE: Array<u32, 1> = Array::new();

/// What a program costs that does nothing.
#[xdp(frags)]
fn bench_empty(_context: XdpContext) -> u32 {
    XDP_PASS
}

/// What it costs to look up an entry and add one.
#[xdp(frags)]
fn bench_touch(_context: XdpContext) -> u32 {
    if let Some(count) = BENCH_TOUCHED.get_ptr_mut([0; size_of::<FlowKey>()]) {
        // SAFETY: the bench runs on one CPU, and nobody reads the entry meanwhile.
        unsafe { *count += 1 };
        return XDP_PASS;
    }
    XDP_ABORTED
}

/// What the random address costs.
#[xdp(frags)]
fn bench_vary(context: XdpContext) -> u32 {
    vary(&context);
    XDP_PASS
}

/// The counting, of as many flows as wanted.
#[xdp(frags)]
fn bench_count_varied(context: XdpContext) -> u32 {
    vary(&context);
    count(&context, &XdpFrame::new(&context));
    XDP_PASS
}

/// The counting without the network stack behind it.
#[xdp(frags)]
fn bench_count_drop(context: XdpContext) -> u32 {
    count(&context, &XdpFrame::new(&context));
    XDP_DROP
}

/// Sends a frame of one of as many flows as wanted.
#[xdp(frags)]
fn bench_send(context: XdpContext) -> u32 {
    vary(&context);
    let Some(interface) = BENCH_INTERFACE.get(0) else {
        return XDP_ABORTED;
    };
    // SAFETY: a helper that only notes where the frame goes.
    unsafe { bpf_redirect(*interface, 0) as u32 }
}

/// Writes a random source address into the frame.
#[inline(always)]
fn vary(context: &XdpContext) {
    let Some(mask) = BENCH_MASK.get(0) else {
        return;
    };
    if *mask == 0 {
        return;
    }
    let source = context.data() + SOURCE;
    if source + size_of::<u32>() <= context.data_end() {
        // SAFETY: a helper without arguments, and four bytes that were seen before the packet's end.
        unsafe { (source as *mut u32).write_unaligned(bpf_get_prandom_u32() & *mask) };
    }
}
