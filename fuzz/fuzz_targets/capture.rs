//! Any bytes as a capture: no panic, no endless loop, windows go forward, every packet is counted once.
//!
//! `cargo +nightly fuzz run capture fuzz/corpus/capture fuzz/seeds/capture -- -max_len=65536`
#![no_main]

use std::io::Cursor;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use netanom::source::FlowSource;
use netanom::source::capture::{CaptureSource, Packets};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut packets) = Packets::read(Box::new(Cursor::new(bytes.to_vec()))) else {
        return;
    };
    let mut sent = 0_u64;
    while let Ok(Some(packet)) = packets.peek() {
        assert!(packet.bytes.len() <= packet.wire_length as usize);
        sent += 1;
        if packets.consume().is_err() {
            break;
        }
    }

    let tick = Duration::from_millis(250);
    let mut source = CaptureSource::read(Box::new(Cursor::new(bytes.to_vec())), tick)
        .expect("it was opened before");
    let mut counted = 0;
    let mut end = None;
    while let Ok(Some(window)) = source.next_window() {
        assert!(window.start <= window.end && end <= Some(window.start));
        end = Some(window.end);
        let flows = window.flows.iter().map(|(_, counters)| counters.packets());
        counted += flows.sum::<u64>() + window.ignored.packets();
    }
    // A packet of a link type that is not read ends the reading within a window, which is then not delivered.
    assert!(counted <= sent);
    if source.next_window().is_ok() {
        assert_eq!(counted, sent);
    }
});
