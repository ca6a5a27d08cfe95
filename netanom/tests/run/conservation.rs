//! Every frame that is sent to a running sensor is counted exactly once.

use std::collections::BTreeMap;

use netanom_common::packet::Frame;
use netanom_common::parse::parse;

use crate::frames::crafted;
use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

/// How often each crafted frame is sent.
const ROUNDS: usize = 60;

#[test]
fn every_frame_is_counted_once_with_native_xdp() {
    check("every_frame_is_counted_once_with_native_xdp", "native");
}

#[test]
fn every_frame_is_counted_once_with_generic_xdp() {
    check("every_frame_is_counted_once_with_generic_xdp", "generic");
}

fn check(test: &str, mode: &str) {
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["--interface", "v0", "--xdp-mode", mode]);
    let frames = crafted::all();
    let sent: Vec<&[u8]> = frames.iter().map(|(_, frame)| frame.as_slice()).collect();
    let sent = sent.repeat(ROUNDS);
    pair.sender
        .inside(|| PacketSocket::open("v1").send(sent.iter().copied()));

    let expected = expected(&sent);
    wait_until("all frames are counted", || {
        let counted = counted(&sensor.metrics());
        counted.values().map(|(packets, _)| packets).sum::<u64>() >= sent.len() as u64
    });
    assert_eq!(counted(&sensor.metrics()), expected);
    let attached = format!("netanom_xdp_attached{{interface=\"v0\",mode=\"{mode}\"}}");
    assert_eq!(sensor.metrics()[&attached], 1.0);
}

/// Packets and bytes by where they are counted: `ingress` for those in flows, or a reason.
type Tallies = BTreeMap<String, (u64, u64)>;

fn expected(frames: &[&[u8]]) -> Tallies {
    let mut tallies = Tallies::new();
    for frame in frames {
        let place = parse(&Frame::whole(frame)).map_or_else(|reason| reason.name(), |_| "ingress");
        let tally = tallies.entry(place.to_owned()).or_default();
        *tally = (tally.0 + 1, tally.1 + frame.len() as u64);
    }
    tallies
}

fn counted(metrics: &BTreeMap<String, f64>) -> Tallies {
    let mut tallies = Tallies::new();
    for (sample, value) in metrics {
        let value = *value as u64;
        let label = |name| {
            let (_, rest) = sample.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        // What is encapsulated is counted elsewhere, too.
        let is_packets = sample.starts_with("netanom_packets_")
            && !sample.starts_with("netanom_packets_encapsulated_");
        let is_bytes = sample.starts_with("netanom_bytes_");
        if value == 0 || !(is_packets || is_bytes) {
            continue;
        }
        let place = label("direction").or_else(|| label("reason")).unwrap();
        let tally = tallies.entry(place).or_default();
        *(if is_packets {
            &mut tally.0
        } else {
            &mut tally.1
        }) += value;
    }
    tallies
}
