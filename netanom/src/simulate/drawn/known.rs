//! The modes of `netanom simulate`, drawn: rates over orders of magnitude, few or many sources, and any distance.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use netanom_common::packet::protocol;
use rand::RngExt;

use super::super::Mode;
use super::super::chance;
use super::super::conversation::Path;
use super::super::host::Host;
use super::super::prefix::IpPrefix;
use super::super::scenario::Scenario;
use super::super::timeline::Exchange;
use super::rule::Rule;
use super::scene::{Cast, Scene};
use crate::alert::Class;

/// A mode, and what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    mode: Mode,
    class: Class,
    kind: Option<&'static str>,
    protocol: u8,
    /// Packets a second.
    rates: (f64, f64),
    /// Whether sources are forged now and then.
    forged: bool,
}

const fn scan(mode: Mode, kind: &'static str, protocol: u8, rates: (f64, f64)) -> Known {
    Known {
        mode,
        class: Class::PortScan,
        kind: Some(kind),
        protocol,
        rates,
        forged: false,
    }
}

const fn flood(mode: Mode, class: Class, protocol: u8, rates: (f64, f64)) -> Known {
    Known {
        mode,
        class,
        kind: None,
        protocol,
        rates,
        forged: true,
    }
}

const TCP: u8 = protocol::TCP;
const UDP: u8 = protocol::UDP;

#[rustfmt::skip]
const FLOODS: [Known; 8] = [
    flood(Mode::SynFlood, Class::SynFlood, TCP, (15.0, 20_000.0)),
    flood(Mode::SynFloodClosed, Class::SynFlood, TCP, (15.0, 20_000.0)),
    flood(Mode::SynFloodPorts, Class::SynFlood, TCP, (8000.0, 30_000.0)),
    flood(Mode::SynFloodReset, Class::SynFlood, TCP, (20.0, 8000.0)),
    flood(Mode::UdpFlood, Class::UdpFlood, UDP, (20.0, 20_000.0)),
    flood(Mode::UdpFloodEcho, Class::UdpFlood, UDP, (10.0, 20_000.0)),
    flood(Mode::IcmpFlood, Class::IcmpFlood, protocol::ICMP, (12.0, 20_000.0)),
    Known { kind: Some("amplification"), forged: false, ..flood(Mode::Amplification, Class::UdpFlood, UDP, (100.0, 20_000.0)) },
];

#[rustfmt::skip]
const SCANS: [Known; 7] = [
    scan(Mode::PortScan, "syn", TCP, (3.0, 6000.0)),
    scan(Mode::ConnectScan, "connect", TCP, (3.0, 6000.0)),
    scan(Mode::FinScan, "fin", TCP, (5.0, 8000.0)),
    scan(Mode::NullScan, "null", TCP, (5.0, 8000.0)),
    scan(Mode::XmasScan, "xmas", TCP, (5.0, 8000.0)),
    scan(Mode::UdpScan, "udp", UDP, (3.0, 2000.0)),
    scan(Mode::HostSweep, "host_sweep", TCP, (2.0, 3000.0)),
];

pub(super) fn floods(scene: &mut Scene, cast: Cast) {
    let known = *chance::pick(&mut scene.rng, &FLOODS);
    play(scene, cast, known);
}

pub(super) fn scans(scene: &mut Scene, cast: Cast) {
    let known = *chance::pick(&mut scene.rng, &SCANS);
    play(scene, cast, known);
}

fn play(scene: &mut Scene, cast: Cast, known: Known) {
    let whole = if scene.is_ipv4 { 32 } else { 128 };
    let many = known.mode == Mode::Amplification || scene.rng.random_bool(0.2);
    let length = if many {
        whole - scene.rng.random_range(3..=8)
    } else {
        whole
    };
    let is_forged = known.forged && scene.is_ipv4 && scene.rng.random_bool(0.25);
    let source = if is_forged {
        IpPrefix::new(Ipv4Addr::UNSPECIFIED.into(), 0)
    } else {
        IpPrefix::new(cast.client.ip, length)
    };
    let (low, high) = known.rates;
    let begin = scene.early();
    let most = scene.left / 2;
    let rate = chance::magnitude(&mut scene.rng, low, high);
    let mut seconds = (scene.seconds - begin).max(1.0);
    if known.class == Class::PortScan {
        // From a dozen of the best known ports on.
        let probes = chance::magnitude(&mut scene.rng, 12.0, 10_000.0);
        seconds = seconds.min((probes / rate).max(0.05));
    }
    let scenario = Scenario {
        rate: Some(rate),
        duration: Duration::from_secs_f64(seconds),
        seed: scene.rng.random(),
        start: scene.at(begin),
        ..Scenario::new(known.mode, source, cast.server.ip)
    };
    let path = scene.path;
    let target = cast.server.ip;
    let exchanges = known.mode.exchanges(&scenario);
    scene.add_all(exchanges.map(|exchange| far(exchange, target, path)), most);
    let rule = Rule::of(known.class).protocol(known.protocol);
    let rule = match known.kind {
        Some(kind) => rule.kind(kind),
        None => rule,
    };
    if is_forged {
        // Forged addresses are too many to list.
        scene.rules.push(rule.hosts(&[cast.server]));
        scene.rules.push(Rule::errors(&[cast.server]));
        return;
    }
    let sources: Vec<Host> = (0..source.hosts().min(256))
        .map(|number| Host::near(source.host(number)))
        .collect();
    scene.attackers.push(cast.client);
    scene.rules.push(rule.hosts(&sources));
    if known.protocol != protocol::ICMP {
        scene.rules.push(Rule::errors(&sources));
    }
}

/// What an office does, at any rate.
pub(super) fn office(scene: &mut Scene, cast: Cast) {
    let length = if scene.is_ipv4 { 26 } else { 122 };
    let scenario = Scenario {
        rate: Some(chance::magnitude(&mut scene.rng, 8.0, 800.0)),
        duration: Duration::from_secs_f64(scene.seconds),
        seed: scene.rng.random(),
        start: scene.start,
        ..Scenario::new(
            Mode::Normal,
            IpPrefix::new(cast.client.ip, length),
            cast.server.ip,
        )
    };
    let (path, most) = (scene.path, scene.left);
    let target = cast.server.ip;
    let exchanges = Mode::Normal.exchanges(&scenario);
    scene.add_all(exchanges.map(|exchange| far(exchange, target, path)), most);
}

/// The same packets with the target as far away as the path says: each answer comes so much later, and so does all that
/// waited for it. Exchanges of other hosts stay as they are.
fn far(exchange: Exchange, target: IpAddr, path: Path) -> Exchange {
    let start = exchange.start();
    let mut packets = exchange.into_packets();
    packets.sort_by_key(|planned| planned.at);
    let mut later = Duration::ZERO;
    let mut from_target = packets
        .first()
        .is_some_and(|planned| planned.packet.from.ip == target);
    for planned in &mut packets {
        let is = planned.packet.from.ip == target;
        let other = planned.packet.to.ip == target;
        if (is || other) && is != from_target {
            from_target = is;
            later += if is { path.round_trip } else { path.near };
        }
        planned.at = planned.at.plus(later);
    }
    Exchange::new(start, packets)
}
