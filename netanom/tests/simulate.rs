//! Simulated traffic, judged from outside: by the sensor's parser, by other readers, and by a real interface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

#[path = "simulate/capture.rs"]
mod capture;
#[path = "simulate/connections.rs"]
mod connections;
#[path = "simulate/interface.rs"]
mod interface;
#[path = "simulate/modes.rs"]
mod modes;
#[path = "simulate/traffic.rs"]
mod traffic;

use std::net::IpAddr;
use std::time::Duration;

use netanom::simulate::{Mode, Scenario, TimedFrame, frames};
use netanom_common::flow::{FlowKey, Side};
use netanom_common::packet::{Frame, Packet};
use netanom_common::parse::parse;

const TARGET: &str = "10.9.0.1";

/// Ten seconds of a mode from 10.0.0.0/24 to the target.
fn scenario(mode: Mode) -> Scenario {
    between(mode, "10.0.0.0/24", TARGET)
}

fn between(mode: Mode, source: &str, target: &str) -> Scenario {
    Scenario::new(mode, source.parse().unwrap(), target.parse().unwrap())
}

fn lasting(scenario: Scenario, seconds: u64) -> Scenario {
    Scenario {
        duration: Duration::from_secs(seconds),
        ..scenario
    }
}

fn play(scenario: &Scenario) -> Vec<TimedFrame> {
    frames(scenario).unwrap().collect()
}

/// A parsed packet with its addresses.
struct Seen {
    from: IpAddr,
    to: IpAddr,
    packet: Packet,
}

/// All packets of a scenario that are in a flow.
fn watch(scenario: &Scenario) -> Vec<Seen> {
    let parsed = frames(scenario)
        .unwrap()
        .filter_map(|frame| parse(&Frame::whole(&frame.bytes)).ok());
    parsed.map(seen).collect()
}

fn seen(packet: Packet) -> Seen {
    let (key, sender) = FlowKey::of(&packet, 0);
    let [low, high] = [key.address(Side::Low), key.address(Side::High)];
    let (from, to) = if sender == Side::Low {
        (low, high)
    } else {
        (high, low)
    };
    Seen { from, to, packet }
}
