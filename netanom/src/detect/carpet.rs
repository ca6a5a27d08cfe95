//! Carpet bombing: a network of which each host gets a few packets from addresses that never come again.
//!
//! A forest judges flows by what their hosts did lately, and here no host did anything: 65,536 hosts at 20,000 requests a
//! second get one every three seconds. Together they are what no network gets: thousands of unanswered requests a second
//! (connection requests, datagrams, echo requests), to many hosts, and hardly any source twice.
//!
//! Blind spot: fewer than 2,000 requests a second to a network of this width, sources that come again and again (those are
//! judged one by one), and carpets over many networks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use netanom_common::flow::{FlowCounters, FlowKey, Side};
use netanom_common::overflow::{Kind, Sources};
use netanom_common::packet::{icmp, protocol, tcp};

use super::{Detector, View};
use crate::alert::{Class, Finding, Prefix, Subject};
use crate::flow::{Timestamp, Window, distinct};

/// Bits of a network: what one site or provider has in IPv4, and what a site mostly has at least in IPv6 (RFC 6177).
const LENGTH_V4: u8 = 16;
const LENGTH_V6: u8 = 48;
/// Unanswered requests a second.
const RATE: f64 = 2000.0;
/// A window with fewer is no carpet, whatever its length.
const MIN_REQUESTS: u64 = 200;
/// With fewer hosts each of them gets enough to be judged by itself.
const MIN_TARGETS: usize = 64;
/// Sources for each request: forged ones hardly come twice within a window, clients and servers do.
const SOURCES: f64 = 0.5;
/// Answered flows for each request. Networks that work have more of them than of what nobody answers.
const ANSWERED: f64 = 0.05;
/// Packets of one flow in a window: more are a conversation of which one direction is seen.
const MAX_PACKETS: u64 = 2;
/// Evidence for each window: two of them raise an alert, one may be a burst.
const EVIDENCE: f32 = 5.0;

/// The interface, the network, and what it is asked by.
type Carpet = (u32, Prefix, u8);

/// Counts what networks are asked in a window. It remembers nothing: what it takes is bounded by the window.
#[derive(Debug, Default)]
pub(super) struct CarpetDetector;

/// Requests to a network, with a protocol.
#[derive(Debug, Default)]
struct Asked {
    requests: u64,
    bytes: u64,
    targets: HashSet<IpAddr, RandomState>,
    sources: HashSet<IpAddr, RandomState>,
    /// Sources of what the kernel counted by destination.
    sketch: Sources,
    times: Option<(u64, u64)>,
}

impl Asked {
    fn seen(&mut self, first: u64, last: u64) {
        let times = self.times.unwrap_or((first, last));
        self.times = Some((times.0.min(first), times.1.max(last)));
    }

    fn sources(&self) -> u64 {
        self.sources.len() as u64 + distinct(&self.sketch)
    }
}

impl Detector for CarpetDetector {
    fn name(&self) -> &'static str {
        "carpet"
    }

    fn judge(&mut self, view: &View<'_>) -> Vec<Finding> {
        let window = view.window;
        let seconds = window.end.since(window.start).as_secs_f64().max(0.01);
        let (requests, answered) = count(window);
        let is_hot = |of: &Carpet, requests: u64| {
            let answered = answered.get(of).copied().unwrap_or_default();
            requests >= MIN_REQUESTS
                && requests as f64 / seconds >= RATE
                && answered as f64 <= ANSWERED * requests as f64
        };
        let hot: BTreeMap<Carpet, Asked> = requests
            .into_iter()
            .filter(|(of, requests)| is_hot(of, *requests))
            .map(|(of, _)| (of, Asked::default()))
            .collect();
        if hot.is_empty() {
            return Vec::new();
        }
        look(window, hot)
            .into_iter()
            .filter(|(_, asked)| {
                asked.targets.len() >= MIN_TARGETS
                    && asked.sources() as f64 >= SOURCES * asked.requests as f64
            })
            .map(|(of, asked)| finding(of, &asked, seconds))
            .collect()
    }
}

/// Requests and answered flows of each network. Most windows end here.
fn count(
    window: &Window,
) -> (
    HashMap<Carpet, u64, RandomState>,
    HashMap<Carpet, u64, RandomState>,
) {
    let mut requests: HashMap<Carpet, u64, RandomState> = HashMap::default();
    let mut answered: HashMap<Carpet, u64, RandomState> = HashMap::default();
    for (key, counters) in &window.flows {
        match lone_sender(key, counters) {
            Some(sender) => *requests.entry(carpet(key, sender.other())).or_default() += 1,
            // Who was asked is not told apart: an answered flow speaks for both its networks.
            None => {
                for side in [Side::Low, Side::High] {
                    *answered.entry(carpet(key, side)).or_default() += 1;
                }
            }
        }
    }
    for (key, counters) in &window.overflow {
        if is_request(key.kind()) && key.prefix_length() >= length(key.destination()) {
            let of = (key.interface(), network(key.destination()), key.protocol());
            *requests.entry(of).or_default() += counters.total.packets;
        }
    }
    (requests, answered)
}

/// Who is asked by whom, of the networks that are asked enough.
fn look(window: &Window, mut hot: BTreeMap<Carpet, Asked>) -> BTreeMap<Carpet, Asked> {
    for (key, counters) in &window.flows {
        let Some(sender) = lone_sender(key, counters) else {
            continue;
        };
        let Some(asked) = hot.get_mut(&carpet(key, sender.other())) else {
            continue;
        };
        let sent = counters.sent_by(sender);
        asked.requests += 1;
        asked.bytes += sent.total.bytes;
        asked.targets.insert(key.address(sender.other()));
        asked.sources.insert(key.address(sender));
        asked.seen(sent.first, sent.last);
    }
    for (key, counters) in &window.overflow {
        let of = (key.interface(), network(key.destination()), key.protocol());
        let Some(asked) = hot.get_mut(&of).filter(|_| is_request(key.kind())) else {
            continue;
        };
        if key.prefix_length() < length(key.destination()) {
            continue;
        }
        asked.requests += counters.total.packets;
        asked.bytes += counters.total.bytes;
        // A network without a place for its hosts is one of them at least.
        asked.targets.insert(key.destination());
        asked.sketch.merge(&counters.sources);
        asked.seen(counters.first, counters.last);
    }
    hot
}

/// Who sent all that a flow had in this window, if it is a request that nobody has answered.
fn lone_sender(key: &FlowKey, counters: &FlowCounters) -> Option<Side> {
    let packets = |side: Side| counters.sent_by(side).total.packets;
    let sender = match (packets(Side::Low), packets(Side::High)) {
        (1..=MAX_PACKETS, 0) => Side::Low,
        (0, 1..=MAX_PACKETS) => Side::High,
        _ => return None,
    };
    let sent = counters.sent_by(sender);
    let all = |flag: u8| u64::from(sent.flag(flag)) == sent.total.packets;
    let is_request = match key.protocol() {
        protocol::TCP => all(tcp::SYN) && sent.flag(tcp::ACK) == 0,
        protocol::ICMP | protocol::ICMPV6 => all(icmp::ECHO_REQUEST),
        protocol::UDP => true,
        _ => false,
    };
    is_request.then_some(sender)
}

fn is_request(kind: Kind) -> bool {
    matches!(kind, Kind::Syn | Kind::Datagram | Kind::Echo)
}

fn carpet(key: &FlowKey, asked: Side) -> Carpet {
    (key.interface(), network(key.address(asked)), key.protocol())
}

fn length(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { LENGTH_V4 } else { LENGTH_V6 }
}

fn network(ip: IpAddr) -> Prefix {
    Prefix::new(ip, length(ip))
}

fn finding((interface, network, number): Carpet, asked: &Asked, seconds: f64) -> Finding {
    let (class, what) = match number {
        protocol::TCP => (Class::SynFlood, "connection requests"),
        protocol::UDP => (Class::UdpFlood, "datagrams"),
        _ => (Class::IcmpFlood, "echo requests"),
    };
    let rate = asked.requests as f64 / seconds;
    let (targets, sources) = (asked.targets.len(), asked.sources());
    let (first, last) = asked.times.unwrap_or_default();
    Finding {
        detector: "carpet",
        subject: Subject::Targets(network),
        interface,
        protocol: number,
        class,
        evidence: EVIDENCE,
        score: 0.95,
        sentence: format!(
            "{class}: {sources} sources send at least {targets} hosts of {network} {what} that nobody answers, \
             {rate:.0} a second"
        ),
        seen: (Timestamp::from_nanos(first), Timestamp::from_nanos(last)),
        flows: asked.requests,
        packets: asked.requests,
        bytes: asked.bytes,
    }
}

#[cfg(test)]
mod tests {
    use netanom_common::packet::Packet;

    use super::*;
    use crate::feature::Features;
    use crate::flow::request;

    const TICK: u64 = 250_000_000;

    fn address(ip: u32) -> [u32; 4] {
        [0, 0, 0xffff_u32.to_be(), ip.to_be()]
    }

    /// A request to one of `hosts` hosts of 10.7.0.0/16 from one of as many sources.
    fn syn(n: u32, hosts: u32, sources: u32) -> Packet {
        let source = (n % sources).wrapping_mul(0x9e37_79b1);
        request(address(source), address(0x0a07_0000 + n % hosts), 1024)
    }

    fn judged(packets: Vec<Packet>) -> Vec<Finding> {
        let window = Window::of_lone(
            Timestamp::from_nanos(TICK),
            Timestamp::from_nanos(2 * TICK),
            packets.into_iter(),
        );
        CarpetDetector.judge(&View {
            window: &window,
            rows: &Features::default(),
            judgements: &[],
            ended: &[],
        })
    }

    #[test]
    fn a_request_to_each_host_of_a_network_from_another_source_each_is_a_carpet() {
        let found = judged((0..1000).map(|n| syn(n, 65_536, u32::MAX)).collect());
        let [finding] = &found[..] else {
            panic!("{found:?}");
        };
        let network: Prefix = "10.7.0.0/16".parse().unwrap();
        assert_eq!(finding.subject, Subject::Targets(network));
        assert_eq!((finding.class, finding.packets), (Class::SynFlood, 1000));
    }

    #[test]
    fn few_requests_few_hosts_and_few_sources_are_none() {
        assert_eq!(
            judged((0..400).map(|n| syn(n, 65_536, u32::MAX)).collect()),
            []
        );
        assert_eq!(
            judged((0..1000).map(|n| syn(n, 32, u32::MAX)).collect()),
            []
        );
        assert_eq!(judged((0..1000).map(|n| syn(n, 65_536, 100)).collect()), []);
    }

    #[test]
    fn a_network_that_answers_is_busy_and_no_carpet() {
        let mut packets: Vec<Packet> = (0..1000).map(|n| syn(n, 65_536, u32::MAX)).collect();
        let window = |packets: Vec<Packet>| {
            let mut window = Window::of_lone(
                Timestamp::from_nanos(TICK),
                Timestamp::from_nanos(2 * TICK),
                packets.clone().into_iter(),
            );
            // Every tenth is answered within the window.
            for ((_, counters), packet) in window.flows.iter_mut().zip(packets).step_by(10) {
                let sender = match counters.low.total.packets {
                    0 => Side::High,
                    _ => Side::Low,
                };
                let answer = Packet {
                    flags: tcp::SYN | tcp::ACK,
                    ..packet
                };
                let seen = netanom_common::flow::Observation {
                    now: 2 * TICK - 1,
                    segments: std::num::NonZeroU32::MIN,
                    egress: true,
                };
                counters.account(sender.other(), &answer, seen);
            }
            window
        };
        let window = window(std::mem::take(&mut packets));
        let found = CarpetDetector.judge(&View {
            window: &window,
            rows: &Features::default(),
            judgements: &[],
            ended: &[],
        });
        assert_eq!(found, []);
    }

    #[test]
    fn what_the_kernel_counted_by_destination_is_part_of_it() {
        use netanom_common::flow::Observation;
        use netanom_common::overflow::{OverflowCounters, OverflowKey};
        let overflow = (0..256).map(|host| {
            let mut counters = OverflowCounters::default();
            let packet = |n: u32| syn(host + n * 65_536, 65_536, u32::MAX);
            for n in 0..4 {
                let seen = Observation {
                    now: TICK + u64::from(host),
                    segments: std::num::NonZeroU32::MIN,
                    egress: false,
                };
                counters.account(&packet(n), seen);
            }
            (OverflowKey::of(&packet(0), 0), counters)
        });
        let window = Window {
            start: Timestamp::from_nanos(TICK),
            end: Timestamp::from_nanos(2 * TICK),
            overflow: overflow.collect(),
            ..Window::default()
        };
        let found = CarpetDetector.judge(&View {
            window: &window,
            rows: &Features::default(),
            judgements: &[],
            ended: &[],
        });
        let packets: Vec<u64> = found.iter().map(|finding| finding.packets).collect();
        assert_eq!(packets, [1024]);
    }
}
