//! Any bytes as a frame: no panic, and what is said of the packet lies within the frame.
//!
//! `cargo +nightly fuzz run parse -- -max_len=512`
#![no_main]

use libfuzzer_sys::fuzz_target;
use netanom_common::packet::{Frame, Tunnels, error};
use netanom_common::parse::parse;

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let frame = Frame::captured(bytes, bytes.len() as u32 + u32::from(cut));
    for tunnels in [Tunnels::Inner, Tunnels::Outer] {
        if let Ok(packet) = parse(&frame.with(tunnels)) {
            assert!(packet.payload <= packet.length);
            assert!(packet.outer_vlan < 4096 && packet.inner_vlan < 4096);
            assert!(packet.error == error::NONE || packet.flags == 0);
        }
    }
});
