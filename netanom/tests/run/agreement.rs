//! One capture, three ways to count it: in user space, by the kernel's program packet by packet, and on a wire.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use netanom::flow::Window;
use netanom::source::capture::{CaptureSource, MAX_FLOWS, PacketCounter, Packets};
use netanom::source::kernel::{KernelCounting, KernelSettings, KernelSource};
use netanom::source::{Direction, FlowSource, Interface, SourceError, Stop, Watchlist, XdpMode};
use netanom_common::flow::{DirectionCounters, FlowCounters, FlowKey, Side};
use netanom_common::packet::Tunnels;
use tempfile::TempDir;

use crate::common::skip;
use crate::namespace::Pair;
use crate::packet_socket::{PacketSocket, Tap};

const TICK: Duration = Duration::from_millis(250);

/// The longest capture that is tried, and how many are: loading the programs for each takes the most time.
const LONGEST: u64 = 256 << 10;
const MOST: usize = 32;
/// Nanoseconds by which the wall's clock and what the sensor makes of the kernel's may differ: several times what it
/// takes to read the two, which is what the sensor cannot know better.
const CLOCKS: u64 = 1000;

#[test]
fn simulated_traffic_is_counted_alike_by_the_kernel_and_in_user_space() {
    if !may_load("simulated_traffic_is_counted_alike_by_the_kernel_and_in_user_space") {
        return;
    }
    let folder = TempDir::new().unwrap();
    for mode in ["normal", "syn-flood", "port-scan", "udp-flood", "slow-http"] {
        check_windows(&simulated(&folder, mode));
    }
}

#[test]
fn a_frame_that_the_kernel_takes_none_of_is_counted_alike() {
    if !may_load("a_frame_that_the_kernel_takes_none_of_is_counted_alike") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.pcap");
    let whole = fs::read(simulated(&folder, "normal")).unwrap();
    // Every capture length from nothing to beyond all headers, and the length on the wire stays.
    let lengths = (0..100).cycle();
    fs::write(&path, cut(&whole, lengths)).unwrap();
    check_windows(&path);
}

#[test]
fn recorded_traffic_is_counted_alike_by_the_kernel_and_in_user_space() {
    let test = "recorded_traffic_is_counted_alike_by_the_kernel_and_in_user_space";
    let Some(captures) = recorded(test).filter(|_| may_load(test)) else {
        return;
    };
    let mut checked = 0;
    for capture in captures.iter().step_by(captures.len().div_ceil(MOST)) {
        if is_ethernet(capture) {
            check_windows(capture);
            checked += 1;
        }
    }
    assert!(checked > 0, "no capture of Ethernet frames");
}

#[test]
fn a_report_is_the_same_whoever_counted() {
    let test = "a_report_is_the_same_whoever_counted";
    if !may_load(test) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut captures = vec![
        simulated(&folder, "normal"),
        simulated(&folder, "syn-flood"),
    ];
    if let Some(recorded) = recorded(test) {
        // The first of each kind of traffic.
        let mut kinds = BTreeMap::new();
        for capture in recorded.into_iter().filter(|capture| is_ethernet(capture)) {
            kinds
                .entry(capture.parent().unwrap().to_owned())
                .or_insert(capture);
        }
        captures.extend(kinds.into_values());
    }
    for capture in captures {
        let (user, kernel) = (report(&capture, &[]), report(&capture, &["--kernel"]));
        assert!(user.contains("\"counted\""), "{user}");
        assert_eq!(user, kernel, "{}", capture.display());
    }
}

#[test]
fn frames_that_are_not_ethernet_are_refused_with_the_remedy() {
    if !may_load("frames_that_are_not_ethernet_are_refused_with_the_remedy") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("raw.pcap");
    let mut bytes = fs::read(simulated(&folder, "normal")).unwrap();
    // LINKTYPE_RAW, in the file's own byte order.
    bytes[20..24].copy_from_slice(&101_u32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = windows(kernel(), &path).unwrap_err();
    assert!(
        error.to_string().contains("replay it without --kernel"),
        "{error}"
    );
}

#[test]
fn a_live_run_counts_what_the_replays_count() {
    let test = "a_live_run_counts_what_the_replays_count";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let path = simulated(&folder, "normal");
    let mut frames = Vec::new();
    let mut packets = Packets::open(&[&path]).unwrap();
    while let Some(packet) = packets.peek().unwrap() {
        frames.push(packet.bytes.to_vec());
        packets.consume().unwrap();
    }
    let stop = Stop::default();
    let mut source = pair.sensor.inside(|| {
        let settings = KernelSettings {
            interfaces: Watchlist::of(&Interface {
                name: "v0".to_owned(),
                index: nix::net::if_::if_nametoindex("v0").unwrap(),
            }),
            mode: XdpMode::Native,
            direction: Direction::Ingress,
            tunnels: Tunnels::Inner.into(),
            capacity: 1 << 17,
            tick: TICK,
        };
        KernelSource::open(&settings, stop.clone()).unwrap()
    });
    // The program counts a frame after it was sent and before a tap sees it. One is sent when the one before is there,
    // so the two times are close to each other, and nothing is on its way when the sensor stops.
    let tap = pair.sensor.inside(|| Tap::open("v0"));
    let (mut sent_at, mut seen_at) = (Vec::new(), Vec::new());
    pair.sender.inside(|| {
        let socket = PacketSocket::open("v1");
        for frame in &frames {
            sent_at.push(wall());
            socket.send([frame.as_slice()]);
            let (seen, time) = tap.receive();
            assert_eq!(&seen, frame);
            seen_at.push(time);
        }
    });
    stop.raise();
    let live = flows(std::iter::from_fn(|| source.next_window().unwrap()));

    // The same packets, at the times at which they were sent and at which they were there.
    let original = fs::read(&path).unwrap();
    let at = |name: &str, times: &[u64]| {
        let path = folder.path().join(name);
        fs::write(&path, at_times(&original, times)).unwrap();
        path
    };
    let (sent, seen) = (at("sent.pcap", &sent_at), at("seen.pcap", &seen_at));
    for count in [
        |path: &Path| flows(windows(user(), path).unwrap()),
        |path: &Path| flows(windows(kernel(), path).unwrap()),
    ] {
        let (sent, seen) = (count(&sent), count(&seen));
        assert_eq!(counts(&live), counts(&sent));
        assert_eq!(counts(&live), counts(&seen));
        for (flow, live) in &live {
            for ((live, sent), seen) in live.iter().zip(sent[flow]).zip(seen[flow]) {
                for time in [
                    |sent: &DirectionCounters| sent.first,
                    |sent: &DirectionCounters| sent.last,
                    |sent: &DirectionCounters| sent.first_payload,
                ] {
                    let (live, sent, seen) = (time(live), time(&sent), time(&seen));
                    let range = sent.saturating_sub(CLOCKS)..=seen + CLOCKS;
                    assert!(range.contains(&live), "{flow:?}: {live} not in {range:?}");
                }
            }
        }
    }
}

fn user() -> netanom::source::capture::Counting {
    netanom::source::capture::Counting::default()
}

fn kernel() -> KernelCounting {
    KernelCounting::load(MAX_FLOWS as u32, Tunnels::Inner).unwrap()
}

#[track_caller]
fn check_windows(capture: &Path) {
    let (user, kernel) = (windows(user(), capture), windows(kernel(), capture));
    let (user, kernel) = (user.unwrap(), kernel.unwrap());
    assert_eq!(user.len(), kernel.len(), "{}", capture.display());
    for (user, kernel) in user.iter().zip(&kernel) {
        assert_eq!(user, kernel, "{}", capture.display());
    }
}

fn windows(counting: impl PacketCounter, capture: &Path) -> Result<Vec<Window>, SourceError> {
    let mut source = CaptureSource::counted_by(counting, Packets::open(&[capture])?, TICK);
    std::iter::from_fn(|| source.next_window().transpose()).collect()
}

/// Both ends of a flow, without the interface that saw it.
type Ends = (IpAddr, u16, IpAddr, u16, u8, (u16, u16));
type Flows = BTreeMap<Ends, [DirectionCounters; 2]>;

fn flows(windows: impl IntoIterator<Item = Window>) -> Flows {
    let mut flows: BTreeMap<Ends, FlowCounters> = BTreeMap::new();
    for (key, counters) in windows.into_iter().flat_map(|window| window.flows) {
        flows.entry(ends(&key)).or_default().merge(&counters);
    }
    flows
        .into_iter()
        .map(|(ends, counters)| (ends, [counters.low, counters.high]))
        .collect()
}

fn ends(key: &FlowKey) -> Ends {
    (
        key.address(Side::Low),
        key.port(Side::Low),
        key.address(Side::High),
        key.port(Side::High),
        key.protocol(),
        key.vlans(),
    )
}

/// All that does not depend on time.
fn counts(flows: &Flows) -> BTreeMap<Ends, [DirectionCounters; 2]> {
    let timeless = |sent: &DirectionCounters| DirectionCounters {
        gap_sum: 0,
        gap_squares: 0,
        gap_min: 0,
        gap_max: 0,
        first: 0,
        last: 0,
        first_payload: 0,
        ..*sent
    };
    flows
        .iter()
        .map(|(ends, [low, high])| (*ends, [timeless(low), timeless(high)]))
        .collect()
}

fn simulated(folder: &TempDir, mode: &str) -> PathBuf {
    let path = folder.path().join(mode).with_extension("pcap");
    let output = Command::new(env!("CARGO_BIN_EXE_netanom"))
        .args(["simulate", mode, "--write"])
        .arg(&path)
        .args([
            "--source",
            "10.9.0.0/27",
            "--target",
            "10.9.0.100",
            "--duration",
            "3",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    path
}

fn report(capture: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netanom"))
        .args(["replay", "--format", "json"])
        .arg(capture)
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    let is_timeless = |line: &&str| !line.contains("\"elapsed_seconds\"");
    report
        .lines()
        .filter(is_timeless)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Captures that were recorded elsewhere, up to [`LONGEST`]; `None`, and a line in the skip log, where there are none.
fn recorded(test: &str) -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("NETANOM_DATA").map_or(beside, PathBuf::from);
    let mut captures = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "pcap")
                && path.metadata().unwrap().len() <= LONGEST
            {
                captures.push(path);
            }
        }
    }
    if captures.is_empty() {
        skip(
            test,
            "needs recorded captures: name their folder in NETANOM_DATA",
        );
        return None;
    }
    captures.sort();
    Some(captures)
}

fn is_ethernet(capture: &Path) -> bool {
    use netanom::source::capture::LinkType;
    let mut packets = Packets::open(&[capture]).unwrap();
    let first = packets.peek().unwrap();
    first.is_some_and(|packet| packet.link == LinkType::Ethernet)
}

fn may_load(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip(test, "needs root to load the kernel programs");
    }
    is_root
}

fn wall() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is sent gets the time at which it was sent"
    )]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
}

/// The records of a little-endian pcap file: header and data of each.
fn records(file: &[u8]) -> Vec<([u32; 4], &[u8])> {
    let mut rest = &file[24..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut header = [0; 4];
        for (field, bytes) in header.iter_mut().zip(rest.chunks_exact(4)) {
            *field = u32::from_le_bytes(bytes.try_into().unwrap());
        }
        let end = 16 + header[2] as usize;
        records.push((header, &rest[16..end]));
        rest = &rest[end..];
    }
    records
}

fn file(header: &[u8], records: impl IntoIterator<Item = ([u32; 4], Vec<u8>)>) -> Vec<u8> {
    let mut file = header.to_vec();
    for (fields, data) in records {
        file.extend(fields.into_iter().flat_map(u32::to_le_bytes));
        file.extend(data);
    }
    file
}

/// The same capture with frames cut to these lengths.
fn cut(whole: &[u8], lengths: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let cut =
        |(([seconds, fraction, captured, wire], data), length): (([u32; 4], &[u8]), usize)| {
            let kept = length.min(captured as usize);
            (
                [seconds, fraction, kept as u32, wire],
                data[..kept].to_vec(),
            )
        };
    file(
        &whole[..24],
        records(whole).into_iter().zip(lengths).map(cut),
    )
}

/// The same capture with these times, in nanoseconds.
fn at_times(whole: &[u8], times: &[u64]) -> Vec<u8> {
    // The magic number of files with nanoseconds.
    let header = [&0xa1b2_3c4d_u32.to_le_bytes(), &whole[4..24]].concat();
    let timed = |(([_, _, captured, wire], data), time): (([u32; 4], &[u8]), &u64)| {
        let fields = [
            (time / 1_000_000_000) as u32,
            (time % 1_000_000_000) as u32,
            captured,
            wire,
        ];
        (fields, data.to_vec())
    };
    file(&header, records(whole).into_iter().zip(times).map(timed))
}
