//! Captures of every format, written as their specifications say and not as the reader reads.

use std::io::Write;

use netanom::simulate::{Mode, Scenario, frames};

/// A frame and when it was seen, in nanoseconds.
pub(crate) type Frame = (u64, Vec<u8>);

/// Two seconds of an office.
pub(crate) fn office() -> Vec<Frame> {
    let mut scenario = Scenario::new(
        Mode::Normal,
        "10.0.0.0/24".parse().unwrap(),
        "10.9.0.1".parse().unwrap(),
    );
    scenario.duration = std::time::Duration::from_secs(2);
    let frames = frames(&scenario).unwrap();
    // Whole microseconds, so that every format can hold them.
    let frames: Vec<_> = frames
        .map(|frame| (frame.at.as_nanos() / 1000 * 1000, frame.bytes))
        .collect();
    assert!(frames.len() > 100);
    frames
}

/// How a writer's machine orders bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u64(self, number: u64) -> [u8; 8] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// Classic pcap, little endian, microseconds, Ethernet.
pub(crate) fn pcap(frames: &[Frame]) -> Vec<u8> {
    pcap_of(Endian::Little, false, 1, frames)
}

pub(crate) fn pcap_of(endian: Endian, nanoseconds: bool, link: u32, frames: &[Frame]) -> Vec<u8> {
    let magic = if nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let mut bytes = endian.u32(magic).to_vec();
    bytes.extend(endian.u16(2));
    bytes.extend(endian.u16(4));
    for number in [0, 0, 262_144, link] {
        bytes.extend(endian.u32(number));
    }
    let unit = if nanoseconds { 1 } else { 1000 };
    for (time, frame) in frames {
        let fraction = time % 1_000_000_000 / unit;
        let length = frame.len() as u32;
        for number in [
            (time / 1_000_000_000) as u32,
            fraction as u32,
            length,
            length,
        ] {
            bytes.extend(endian.u32(number));
        }
        bytes.extend(frame);
    }
    bytes
}

/// A pcapng section's header.
pub(crate) fn section(endian: Endian) -> Vec<u8> {
    let mut body = endian.u32(0x1a2b_3c4d).to_vec();
    body.extend(endian.u16(1));
    body.extend(endian.u16(0));
    body.extend(endian.u64(u64::MAX));
    block(endian, 0x0a0d_0d0a, &body)
}

/// An interface description; options are codes with values.
pub(crate) fn interface(endian: Endian, link: u16, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = endian.u16(link).to_vec();
    body.extend(endian.u16(0));
    body.extend(endian.u32(0));
    for (code, value) in options {
        body.extend(endian.u16(*code));
        body.extend(endian.u16(value.len() as u16));
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    if !options.is_empty() {
        body.extend([0; 4]);
    }
    block(endian, 1, &body)
}

/// An enhanced packet block; the time is in the interface's unit.
pub(crate) fn enhanced(endian: Endian, interface: u32, time: u64, frame: &[u8]) -> Vec<u8> {
    let mut body = endian.u32(interface).to_vec();
    let length = frame.len() as u32;
    for number in [(time >> 32) as u32, time as u32, length, length] {
        body.extend(endian.u32(number));
    }
    body.extend(frame);
    // A comment after the packet.
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(endian.u16(1));
    body.extend(endian.u16(4));
    body.extend(b"noteAAAA");
    let end = body.len() - 4;
    body[end..].fill(0);
    block(endian, 6, &body)
}

/// A block of any type, padded.
pub(crate) fn block(endian: Endian, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = endian.u32(padded as u32 + 12);
    let mut bytes = endian.u32(kind).to_vec();
    bytes.extend(length);
    bytes.extend(body);
    bytes.resize(8 + padded, 0);
    bytes.extend(length);
    bytes
}

/// pcapng with one Ethernet interface that counts microseconds.
pub(crate) fn pcapng(endian: Endian, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = section(endian);
    bytes.extend(interface(endian, 1, &[]));
    for (time, frame) in frames {
        bytes.extend(enhanced(endian, 0, time / 1000, frame));
    }
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
