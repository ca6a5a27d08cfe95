//! A flood from spoofed sources that fills the kernel's table: nothing is lost, memory stays, and the alert comes.

use std::fs;
use std::io::Write;

use etherparse::PacketBuilder;
use serde_json::Value;

use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

const FRAMES: u32 = 60_000;
/// What resident memory may grow by, in KiB.
const FLAT: u64 = 5 * 1024;

#[test]
fn a_spoofed_flood_is_counted_whole_in_the_memory_that_was_there_before() {
    let test = "a_spoofed_flood_is_counted_whole_in_the_memory_that_was_there_before";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let mut config = tempfile::NamedTempFile::new().unwrap();
    // 1,024 places a CPU for flows that are not known.
    config.write_all(b"kernel_flows = 4096\n").unwrap();
    let config = config.path().to_str().unwrap();
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0", "--config", config]);
    let ticks = "netanom_poll_duration_seconds_count";
    wait_until("some ticks are over", || sensor.metrics()[ticks] >= 4.0);
    let before = resident(&sensor);

    let frames: Vec<_> = (0..FRAMES).map(spoofed).collect();
    pair.sender
        .inside(|| PacketSocket::open("v1").send(frames.iter().map(Vec::as_slice)));
    let sent = u64::from(FRAMES);
    // What overflowed is among the packets of the interface.
    let ingress = "netanom_packets_total{direction=\"ingress\",interface=\"v0\"}";
    wait_until("all is counted", || {
        sensor.metrics()[ingress] as u64 >= sent
    });

    let metrics = sensor.metrics();
    assert_eq!(metrics[ingress] as u64, sent);
    assert!(
        metrics["netanom_packets_overflowed_total"] > 0.0,
        "{metrics:?}"
    );
    let grown = resident(&sensor).saturating_sub(before);
    assert!(grown <= FLAT, "{grown} KiB more than the {before} before");
    wait_until("the flood's alert is there", || {
        let (_, alerts) = sensor.get("/alerts?class=syn_flood").unwrap();
        let alerts: Value = serde_json::from_str(&alerts).unwrap();
        alerts.to_string().contains("10.0.0.2")
    });
}

/// The sensor's resident memory in KiB.
fn resident(sensor: &Sensor<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", sensor.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}

/// A connection request of one of as many sources as wanted.
pub(crate) fn spoofed(number: u32) -> Vec<u8> {
    spoofed_to(2, number)
}

/// The same to 10.0.0.`host`.
pub(crate) fn spoofed_to(host: u8, number: u32) -> Vec<u8> {
    // An odd factor: every source once, in no order.
    let source = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4(source, [10, 0, 0, host], 64)
        .tcp(1024 + (number % 60_000) as u16, 80, number, 64_240)
        .syn()
        .write(&mut frame, &[])
        .unwrap();
    frame
}
