//! netanom's kernel side: two programs that count every packet of every flow and let every packet pass.
//!
//! `netanom_xdp` sees what comes in, `netanom_egress` (TCX) what leaves. Both run the parser and the accounting of
//! netanom-common, so user space can run the very same on a capture.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod account;
mod apart;
#[cfg(feature = "bench")]
mod bench;
mod frame;
mod maps;
mod overflow;
mod replay;

use aya_ebpf::bindings::{tcx_action_base::TCX_NEXT, xdp_action::XDP_PASS};
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};

use crate::account::count;
use crate::frame::{BufferFrame, XdpFrame};

/// Counts a packet that an interface received.
#[xdp(frags)]
fn netanom_xdp(context: XdpContext) -> u32 {
    count(&context, &XdpFrame::new(&context));
    XDP_PASS
}

/// Counts a packet that an interface is about to send.
#[classifier]
fn netanom_egress(context: TcContext) -> i32 {
    count(&context, &BufferFrame::<true, true>::new(&context));
    TCX_NEXT
}

/// Counts a packet that an interface received which keeps VLAN tags beside the frame, where XDP does not see them.
#[classifier]
fn netanom_ingress(context: TcContext) -> i32 {
    count(&context, &BufferFrame::<false, true>::new(&context));
    TCX_NEXT
}

/// Counts a packet that an interface without Ethernet header is about to send.
#[classifier]
fn netanom_egress_ip(context: TcContext) -> i32 {
    count(&context, &BufferFrame::<true, false>::new(&context));
    TCX_NEXT
}

/// Counts a packet that an interface without Ethernet header received.
#[classifier]
fn netanom_ingress_ip(context: TcContext) -> i32 {
    count(&context, &BufferFrame::<false, false>::new(&context));
    TCX_NEXT
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel wants to see a licence that it may call GPL-only helpers from.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
