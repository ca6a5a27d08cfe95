//! Capture files, read back by a reader that we did not write.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use netanom::flow::Timestamp;
use netanom::simulate::{CaptureError, CaptureWriter, Mode, Scenario, TimedFrame};
use pcap_parser::{Linktype, parse_pcap};

use crate::{play, scenario};

fn capture(frames: &[TimedFrame]) -> Vec<u8> {
    let mut writer = CaptureWriter::new("test".to_owned(), Vec::new()).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn what_is_written_reads_back_with_its_times_and_lengths() {
    let frames = play(&scenario(Mode::Normal));
    let bytes = capture(&frames);
    let (rest, read) = parse_pcap(&bytes).unwrap();
    assert_eq!(
        (rest.len(), read.header.network, read.blocks.len()),
        (0, Linktype::ETHERNET, frames.len())
    );
    assert!(!read.header.is_nanosecond_precision());
    for (block, frame) in read.blocks.iter().zip(&frames) {
        let micros = u64::from(block.ts_sec) * 1_000_000 + u64::from(block.ts_usec);
        assert_eq!(micros, frame.at.as_nanos() / 1000);
        assert_eq!(
            (block.caplen, block.origlen),
            (frame.bytes.len() as u32, frame.bytes.len() as u32)
        );
        assert_eq!(block.data, frame.bytes);
    }
}

#[test]
fn a_capture_without_frames_is_a_capture() {
    let bytes = capture(&[]);
    assert_eq!(bytes.len(), 24);
    assert!(parse_pcap(&bytes).unwrap().1.blocks.is_empty());
}

#[test]
fn a_file_has_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pcap");
    let frames = play(&Scenario {
        rate: Some(50.0),
        ..scenario(Mode::SynFlood)
    });
    let mut writer = CaptureWriter::create(&path).unwrap();
    for frame in &frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), capture(&frames));
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let error = CaptureWriter::create(Path::new("/no/such/folder/a.pcap"))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "cannot create capture `/no/such/folder/a.pcap`"
    );
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let mut room = [0; 24];
    let mut writer = CaptureWriter::new("a.pcap".to_owned(), Cursor::new(&mut room[..])).unwrap();
    let frame = TimedFrame {
        at: Timestamp::from_nanos(0),
        bytes: vec![0; 60],
    };
    assert_eq!(
        writer.write(&frame).unwrap_err().to_string(),
        "cannot write to capture `a.pcap`"
    );
}

#[test]
fn a_time_beyond_the_format_is_refused() {
    let mut writer = CaptureWriter::new("a.pcap".to_owned(), Vec::new()).unwrap();
    let at = Timestamp::from_nanos((1 << 32) * 1_000_000_000);
    let error = writer
        .write(&TimedFrame {
            at,
            bytes: vec![0; 60],
        })
        .unwrap_err();
    assert!(matches!(error, CaptureError::TooLate { .. }), "{error}");
}
