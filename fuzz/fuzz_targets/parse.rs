//! Any bytes as a frame: no panic, and what is said of the packet lies within the frame.
//!
//! `cargo +nightly fuzz run parse -- -max_len=512`
#![no_main]

use libfuzzer_sys::fuzz_target;
use netanom_common::packet::Frame;
use netanom_common::parse::parse;

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let frame = Frame::captured(bytes, bytes.len() as u32 + u32::from(cut));
    if let Ok(packet) = parse(&frame) {
        assert!(packet.payload <= packet.length);
        assert!(packet.outer_vlan < 4096 && packet.inner_vlan < 4096);
    }
});
