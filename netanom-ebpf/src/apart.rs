//! The parser's parts as functions that the verifier checks by themselves ("global functions",
//! Documentation/bpf/verifier.rst): once, for any context and any [`Walk`], and not on each way that leads to a call.
//!
//! Such a function takes a context, numbers and memory, but no pointer into a packet; so each finds the frame anew. Both
//! kinds of programs need functions of their own, as their contexts differ.

use aya_ebpf::bindings::{__sk_buff, xdp_md};
use netanom_common::parse::{Answer, Part, Walk};

use crate::frame::{BufferBytes, XdpBytes};

/// Makes a function of a part. What is exported is global to the verifier.
macro_rules! apart {
    ($($name:ident = $part:ident of $bytes:ident in $context:ident;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub(crate) extern "C" fn $name(context: *mut $context, walk: *mut Walk) -> Answer {
                // SAFETY: the parser's callers alone call it, with a walk of their own stack; the verifier wants to see
                // the comparison with null.
                let Some(walk) = (unsafe { walk.as_mut() }) else {
                    return 0;
                };
                Part::$part.run(&$bytes::of(context), walk)
            }
        )*
    };
}

apart! {
    xdp_link = Link of XdpBytes in xdp_md;
    xdp_extensions = Extensions of XdpBytes in xdp_md;
    xdp_tunnel = Tunnel of XdpBytes in xdp_md;
    xdp_encapsulation = Encapsulation of XdpBytes in xdp_md;
    buffer_link = Link of BufferBytes in __sk_buff;
    buffer_extensions = Extensions of BufferBytes in __sk_buff;
    buffer_tunnel = Tunnel of BufferBytes in __sk_buff;
    buffer_encapsulation = Encapsulation of BufferBytes in __sk_buff;
}
