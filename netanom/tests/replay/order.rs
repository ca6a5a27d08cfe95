//! Several captures, and packets out of order.

use std::fs;

use netanom::source::FlowSource;

use crate::craft::{Endian, Frame, office, pcap, pcapng};
use crate::{report_on, source, windows};

#[test]
fn parts_of_a_capture_give_what_the_whole_gives() {
    let folder = tempfile::tempdir().unwrap();
    let frames = office();
    let path = |name: &str| folder.path().join(name);
    // In turns, so that three files overlap all the time; and the rest, which comes after them, named first.
    let (mixed, rest) = frames.split_at(frames.len() / 2);
    let every_third =
        |first: usize| -> Vec<Frame> { mixed.iter().skip(first).step_by(3).cloned().collect() };
    fs::write(path("a"), pcap(rest)).unwrap();
    fs::write(path("b"), pcap(&every_third(0))).unwrap();
    fs::write(path("c"), pcapng(Endian::Big, &every_third(1))).unwrap();
    fs::write(path("d"), pcap(&every_third(2))).unwrap();
    fs::write(path("whole"), pcap(&frames)).unwrap();

    let [b, c, d] = ["b", "c", "d"].map(|name| path(name).to_str().unwrap().to_owned());
    let parts = report_on(&path("a"), &[&b, &c, &d]);
    assert_eq!(parts, report_on(&path("whole"), &[]));
    assert_eq!(parts["out_of_order"], 0);
}

#[test]
fn a_packet_that_comes_late_is_counted_and_said_to_be_late() {
    let mut frames = office();
    let late = frames.len() / 2;
    frames[late].0 -= 1_000_000_000;
    let mut source = source(pcap(&frames));
    let mut packets = 0;
    let mut end = Default::default();
    while let Some(window) = source.next_window().unwrap() {
        assert!(window.start >= end, "windows go backwards");
        end = window.end;
        let counted: u64 = window.flows.iter().map(|(_, flow)| flow.packets()).sum();
        packets += counted + window.ignored.packets();
    }
    assert_eq!((packets, source.out_of_order()), (frames.len() as u64, 1));
}

#[test]
fn a_flow_that_is_never_judged_is_exported_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut frames = office();
    // An hour late, and so over before the window is: nothing judges these flows.
    for (time, _) in frames.iter_mut().skip(50) {
        *time -= 3_600_000_000_000;
    }
    fs::write(path("late.pcap"), pcap(&frames)).unwrap();
    for name in ["flows.csv", "flows.jsonl"] {
        let flows = path(name);
        let report = report_on(&path("late.pcap"), &["--flows", flows.to_str().unwrap()]);
        let lines = fs::read_to_string(flows).unwrap().lines().count();
        let header = usize::from(name == "flows.csv");
        assert_eq!(report["flows"], lines - header);
    }
}

#[test]
fn a_capture_in_reverse_is_one_window() {
    let mut frames = office();
    frames.reverse();
    assert_eq!(windows(pcap(&frames)).len(), 1);
}

#[test]
fn a_window_with_more_flows_than_fit_comes_in_parts() {
    let flows = 200_000_u32;
    let frames: Vec<Frame> = (0..flows)
        .map(|number| {
            let mut frame = Vec::new();
            let source = (0x0a00_0000 + number).to_be_bytes();
            etherparse::PacketBuilder::ethernet2([1; 6], [2; 6])
                .ipv4(source, [192, 0, 2, 1], 64)
                .udp(1000, 53)
                .write(&mut frame, &[])
                .unwrap();
            (1_700_000_000_000_000_000 + u64::from(number) * 1000, frame)
        })
        .collect();
    let windows = windows(pcap(&frames));
    let sizes: Vec<_> = windows.iter().map(|window| window.flows.len()).collect();
    assert_eq!(sizes, [131_072, 200_000 - 131_072]);
    assert!(windows[0].end <= windows[1].start && windows[1].end > windows[1].start);
}
