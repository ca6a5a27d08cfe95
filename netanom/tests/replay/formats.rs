//! The same frames in every format give the same windows.

use netanom::source::capture::Packets;
use pcap_parser::{Block, PcapBlockOwned, create_reader};

use crate::craft::{
    Endian, Frame, block, enhanced, gzip, interface, office, pcap, pcap_of, pcapng, section, zstd,
};
use crate::{replay, windows};

const BOTH: [Endian; 2] = [Endian::Little, Endian::Big];

/// The capture gives the windows of the office in classic pcap.
#[track_caller]
fn check_office(capture: Vec<u8>) {
    assert_eq!(windows(capture), windows(pcap(&office())));
}

#[test]
fn both_byte_orders_and_units_of_classic_pcap_are_read() {
    for endian in BOTH {
        check_office(pcap_of(endian, false, 1, &office()));
        check_office(pcap_of(endian, true, 1, &office()));
    }
}

#[test]
fn the_pcap_header_may_tell_of_a_frame_check_sequence() {
    check_office(pcap_of(Endian::Little, false, 0x1400_0001, &office()));
}

#[test]
fn both_byte_orders_of_pcapng_are_read() {
    for endian in BOTH {
        check_office(pcapng(endian, &office()));
    }
}

#[test]
fn pcapng_interfaces_have_their_own_clocks() {
    for endian in BOTH {
        let mut capture = section(endian);
        let begin = 1_000_000_000_i64.to_le_bytes();
        let begin: Vec<u8> = match endian {
            Endian::Little => begin.to_vec(),
            Endian::Big => begin.into_iter().rev().collect(),
        };
        let nanoseconds = [(2, b"eth0".to_vec()), (9, vec![9])];
        capture.extend(interface(endian, 1, &nanoseconds));
        capture.extend(interface(endian, 1, &[(9, vec![6]), (14, begin)]));
        capture.extend(interface(endian, 1, &[(9, vec![12])]));
        for (number, (time, frame)) in office().iter().enumerate() {
            // Picoseconds run over in 1970 plus 213 days.
            capture.extend(if number.is_multiple_of(2) {
                enhanced(endian, 0, *time, frame)
            } else {
                enhanced(endian, 1, time / 1000 - 1_000_000_000_000_000, frame)
            });
        }
        check_office(capture);
    }
}

#[test]
fn sections_of_different_byte_orders_may_follow_each_other() {
    let frames = office();
    let (first, second) = frames.split_at(frames.len() / 2);
    check_office([pcapng(Endian::Little, first), pcapng(Endian::Big, second)].concat());
}

#[test]
fn blocks_without_packets_are_stepped_over_however_long() {
    let endian = Endian::Little;
    let mut capture = section(endian);
    capture.extend(block(endian, 0x0bad_cafe, &vec![7; 6 << 20]));
    capture.extend(interface(endian, 1, &[]));
    for (time, frame) in office() {
        capture.extend(block(endian, 5, &[0; 12]));
        capture.extend(enhanced(endian, 0, time / 1000, &frame));
        capture.extend(block(endian, 0x4000_0bad, b"custom"));
    }
    check_office(capture);
}

#[test]
fn packet_blocks_of_the_first_pcapng_are_read() {
    let endian = Endian::Little;
    let mut capture = section(endian);
    capture.extend(interface(endian, 1, &[]));
    for (time, frame) in office() {
        let length = endian.u32(frame.len() as u32);
        let time = time / 1000;
        let mut body = endian.u16(0).to_vec();
        body.extend(endian.u16(0xffff));
        body.extend(endian.u32((time >> 32) as u32));
        body.extend(endian.u32(time as u32));
        body.extend([length, length].concat());
        body.extend(frame);
        capture.extend(block(endian, 2, &body));
    }
    check_office(capture);
}

#[test]
fn simple_packets_have_the_time_before_and_are_cut_at_the_snap_length() {
    let endian = Endian::Little;
    let (time, frame) = office()
        .into_iter()
        .find(|(_, frame)| frame.len() > 100)
        .unwrap();
    let mut capture = section(endian);
    // Of each frame 60 bytes.
    capture.extend(block(endian, 1, &[1, 0, 0, 0, 60, 0, 0, 0]));
    capture.extend(enhanced(endian, 0, time / 1000, &frame));
    let mut body = endian.u32(frame.len() as u32).to_vec();
    body.extend(&frame[..60]);
    capture.extend(block(endian, 3, &body));
    let twice: [Frame; 2] = [(time, frame.clone()), (time, frame)];
    assert_eq!(windows(capture), windows(pcap(&twice)));
}

#[test]
fn compressed_captures_are_read() {
    for capture in [pcap(&office()), pcapng(Endian::Big, &office())] {
        check_office(gzip(&capture));
        check_office(zstd(&capture));
        let (first, second) = capture.split_at(1000);
        check_office([gzip(first), gzip(second)].concat());
        check_office([zstd(first), zstd(second)].concat());
    }
}

#[test]
fn a_reader_that_we_did_not_write_finds_the_same_packets() {
    for capture in [pcap(&office()), pcapng(Endian::Little, &office())] {
        let mut theirs = create_reader(1 << 20, std::io::Cursor::new(capture.clone())).unwrap();
        let mut ours = Packets::read(Box::new(std::io::Cursor::new(capture))).unwrap();
        let mut count = 0;
        while let Ok((length, found)) = theirs.next() {
            let found = match found {
                PcapBlockOwned::Legacy(packet) => Some((packet.data.to_vec(), packet.origlen)),
                PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                    // Its data are padded.
                    Some((
                        packet.data[..packet.caplen as usize].to_vec(),
                        packet.origlen,
                    ))
                }
                _ => None,
            };
            if let Some((bytes, wire_length)) = found {
                let packet = ours.peek().unwrap().unwrap();
                assert_eq!(
                    (packet.bytes, packet.wire_length),
                    (&bytes[..], wire_length)
                );
                ours.consume().unwrap();
                count += 1;
            }
            theirs.consume(length);
        }
        assert_eq!(count, office().len());
        assert_eq!(ours.peek().unwrap(), None);
    }
}

#[test]
fn standard_input_is_read() {
    let mut command = replay(&["-", "--no-verdicts", "--format", "json"]);
    let output = command
        .write_stdin(zstd(&pcap(&office())))
        .assert()
        .success();
    let report: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(report["packets"], office().len());
}

#[test]
fn every_link_type_gives_the_same_flows() {
    let keys = |capture: Vec<u8>| {
        let windows = windows(capture);
        let flows = windows.iter().flat_map(|window| &window.flows);
        let mut keys: Vec<_> = flows
            .map(|(key, counters)| {
                let [low, high] = [counters.low, counters.high].map(|sent| sent.payload_bytes);
                (*key, counters.packets(), low, high)
            })
            .collect();
        keys.sort_unstable();
        keys
    };
    let only_ip: Vec<_> = office()
        .into_iter()
        .filter(|(_, frame)| matches!(frame[12..14], [8, 0] | [0x86, 0xdd]))
        .collect();
    let expected = keys(pcap(&only_ip));
    let as_link = |link: u32, header: &dyn Fn(&[u8]) -> Vec<u8>| {
        let frames: Vec<Frame> = only_ip
            .iter()
            .map(|(time, frame)| (*time, [&header(&frame[12..14]), &frame[14..]].concat()))
            .collect();
        keys(pcap_of(Endian::Little, false, link, &frames))
    };
    assert_eq!(as_link(101, &|_| Vec::new()), expected);
    assert_eq!(as_link(113, &|kind| [&[0; 14], kind].concat()), expected);
    assert_eq!(as_link(276, &|kind| [kind, &[0; 18]].concat()), expected);
    let family = |kind: &[u8]| if kind[0] == 8 { 2 } else { 30 };
    assert_eq!(as_link(0, &|kind| vec![family(kind), 0, 0, 0]), expected);
    assert_eq!(as_link(108, &|kind| vec![0, 0, 0, family(kind)]), expected);
}

#[test]
fn every_seed_of_the_fuzz_target_is_a_capture() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/capture");
    let mut seeds = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(seed.unwrap().path()).unwrap();
        assert!(!windows(bytes).is_empty());
        seeds += 1;
    }
    assert!(seeds > 5);
}
