//! Floods in few flows: what one host sends another at a rate and with an asymmetry that no conversation has.
//!
//! A forest judges flows, and such a flood is one flow or four. Plain rules, each with its reason:
//! - connection requests again and again in one flow: a host that gets no answer repeats them a few times a minute
//!   (RFC 6298), never twenty times in a tick; or from a host to itself (LAND);
//! - ICMP at a thousand messages a second that are not answered one by one: an operator's flood ping is answered, and
//!   hosts limit their errors to far fewer (RFC 1812, 4.3.2.8);
//! - UDP or another protocol without connections at thousands of packets a second, all but unanswered, between hosts that
//!   have no connection with each other: load tests (iperf3) and streams have one, tunnels and QUIC are acknowledged;
//! - echo replies at tens a second of a host that was not asked ([`unasked`]: smurf);
//! - TCP segments without payload at thousands a second that are reset, or that nothing answers where others are answered.
//!
//! Blind spot: floods below these rates, and answered ones.

mod unasked;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;
use netanom_common::flow::{DirectionCounters, Side};
use netanom_common::packet::{protocol, tcp};

use self::unasked::Unasked;
use super::{Detector, View};
use crate::alert::{Class, Finding, Subject};
use crate::flow::{Recent, Timestamp, Window};

/// Requests of one flow in a second that nobody repeats.
const REPEATED_SYNS: f64 = 80.0;
/// ICMP messages a second.
const ICMP_RATE: f64 = 1000.0;
/// Packets a second of UDP, of TCP without payload, and of what has no ports.
const RATE: f64 = 4000.0;
/// Answers for each packet below which nothing answers.
const ANSWERED: f64 = 0.01;
/// Answers for each ICMP message: fewer than half.
const ICMP_ANSWERED: f64 = 0.5;
/// A pair that had a connection with payload both ways within this time has something to talk about.
const ACQUAINTED: Duration = Duration::from_secs(60);
/// Evidence for each window: two of them raise an alert, one may be a burst.
const EVIDENCE: f32 = 5.0;
/// Pairs that are remembered as acquainted.
const MAX_PAIRS: usize = 16_384;
/// A window with fewer packets is no flood of a pair, whatever its length.
const MIN_PACKETS: u64 = 100;

type Pair = (u32, IpAddr, IpAddr);

/// Counts what each host sends each other in a window.
#[derive(Debug)]
pub(super) struct FloodDetector {
    /// When pairs had a connection with payload both ways, in the order of their addresses.
    acquainted: Recent<Pair, Timestamp>,
    /// When any TCP connection was answered: whoever sees one direction alone cannot tell what is unanswered.
    answered: Option<Timestamp>,
    unasked: Unasked,
}

impl Default for FloodDetector {
    fn default() -> Self {
        Self {
            acquainted: Recent::new(MAX_PAIRS),
            answered: None,
            unasked: Unasked::default(),
        }
    }
}

/// What one host sent another in a window by one protocol.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    flows: u64,
    packets: u64,
    bytes: u64,
    with_payload: u64,
    resets: u64,
    /// Requests in the flow that has most.
    syns: u64,
    times: Option<(u64, u64)>,
}

impl Sent {
    fn add(&mut self, sent: &DirectionCounters) {
        let packets = sent.total.packets;
        if packets == 0 {
            return;
        }
        self.flows += 1;
        self.packets += packets;
        self.bytes += sent.total.bytes;
        self.with_payload += u64::from(sent.payload_packets);
        self.resets += u64::from(sent.flag(tcp::RST));
        let requests =
            u64::from(sent.flag(tcp::SYN)).saturating_sub(u64::from(sent.flag(tcp::ACK)));
        self.syns = self.syns.max(requests);
        let (first, last) = self.times.unwrap_or((sent.first, sent.last));
        self.times = Some((first.min(sent.first), last.max(sent.last)));
    }
}

impl Detector for FloodDetector {
    fn name(&self) -> &'static str {
        "flood"
    }

    fn judge(&mut self, view: &View<'_>) -> Vec<Finding> {
        let window = view.window;
        let seconds = window.end.since(window.start).as_secs_f64().max(0.01);
        let sent = self.sent(window);
        let mut findings = Vec::new();
        for (&(pair, number), sent_now) in &sent {
            if sent_now.packets < MIN_PACKETS || is_group(pair.2) {
                continue;
            }
            let back = (pair.0, pair.2, pair.1);
            let answers = sent.get(&(back, number)).copied().unwrap_or_default();
            if let Some(what) = self.flood(pair, number, *sent_now, answers, seconds, window.end) {
                findings.push(finding(pair, number, *sent_now, what, seconds));
            }
        }
        let unasked = self.unasked.floods(window, seconds);
        // Whoever sees one direction alone cannot tell who asked.
        let sees_both = self
            .answered
            .is_some_and(|at| window.end.since(at) < ACQUAINTED);
        for (pair, number, sent) in unasked.into_iter().filter(|_| sees_both) {
            let what = (Class::IcmpFlood, "echo replies that it did not ask for");
            findings.push(finding(pair, number, sent, what, seconds));
        }
        // Their table has no order, and what is found must not depend on it.
        findings.sort_by_key(|finding: &Finding| match finding.subject {
            Subject::Pair(source, target) => (finding.interface, source, target, finding.protocol),
            _ => (finding.interface, NOBODY, NOBODY, finding.protocol),
        });
        findings
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

impl FloodDetector {
    /// What was sent in the window, by pair and protocol; remembers who has a connection with whom.
    fn sent(&mut self, window: &Window) -> HashMap<(Pair, u8), Sent, RandomState> {
        let mut sent: HashMap<(Pair, u8), Sent, RandomState> = HashMap::default();
        for (key, counters) in &window.flows {
            let interface = key.interface();
            let of = |side: Side| counters.sent_by(side);
            for side in [Side::Low, Side::High] {
                if of(side).total.packets > 0 {
                    let pair = (interface, key.address(side), key.address(side.other()));
                    sent.entry((pair, key.protocol()))
                        .or_default()
                        .add(of(side));
                }
            }
            let talks = |side: Side| of(side).payload_packets > 0;
            if key.protocol() == protocol::TCP && talks(Side::Low) && talks(Side::High) {
                let pair = (interface, key.address(Side::Low), key.address(Side::High));
                let place = self.acquainted.touch(&ordered(pair));
                *self.acquainted.at(place) = window.end;
                self.answered = Some(window.end);
            }
        }
        sent
    }

    /// What kind of flood it is, if it is one.
    fn flood(
        &mut self,
        pair: Pair,
        number: u8,
        sent: Sent,
        answers: Sent,
        seconds: f64,
        now: Timestamp,
    ) -> Option<(Class, &'static str)> {
        let rate = sent.packets as f64 / seconds;
        let answered = answers.packets as f64 / sent.packets as f64;
        match number {
            protocol::TCP if sent.syns as f64 / seconds >= REPEATED_SYNS => Some((
                Class::SynFlood,
                "the same connection request again and again",
            )),
            _ if pair.1 == pair.2 && !pair.1.is_loopback() && rate >= REPEATED_SYNS => {
                Some((Class::Flood, "packets that claim to come from itself"))
            }
            protocol::ICMP | protocol::ICMPV6 => (rate >= ICMP_RATE && answered < ICMP_ANSWERED)
                .then_some((Class::IcmpFlood, "ICMP messages")),
            protocol::TCP => {
                let is_empty = sent.with_payload == 0 && sent.resets == 0;
                let is_reset = answers.resets as f64 > 0.5 * sent.packets as f64;
                let is_ignored = answered < ANSWERED
                    && self.answered.is_some_and(|at| now.since(at) < ACQUAINTED)
                    && !self.is_acquainted(pair, now);
                (rate >= RATE && is_empty && sent.syns == 0 && (is_reset || is_ignored))
                    .then_some((Class::Flood, "segments of no connection"))
            }
            _ => {
                let is_ignored = answered < ANSWERED && !self.is_acquainted(pair, now);
                let class = if number == protocol::UDP {
                    Class::UdpFlood
                } else {
                    Class::Flood
                };
                (rate >= RATE && is_ignored).then_some((class, "packets without an answer"))
            }
        }
    }

    fn is_acquainted(&mut self, pair: Pair, now: Timestamp) -> bool {
        self.acquainted.find(&ordered(pair)).is_some_and(|place| {
            let at = *self.acquainted.at(place);
            now.since(at) < ACQUAINTED
        })
    }
}

fn ordered((interface, one, other): Pair) -> Pair {
    (interface, one.min(other), one.max(other))
}

/// Whether many hosts listen to it.
fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

fn finding(
    (interface, source, target): Pair,
    number: u8,
    sent: Sent,
    (class, what): (Class, &str),
    seconds: f64,
) -> Finding {
    let (first, last) = sent.times.unwrap_or_default();
    let rate = sent.packets as f64 / seconds;
    let flows = match sent.flows {
        1 => "1 flow".to_owned(),
        flows => format!("{flows} flows"),
    };
    Finding {
        detector: "flood",
        subject: Subject::Pair(source, target),
        interface,
        protocol: number,
        class,
        evidence: EVIDENCE,
        score: 0.95,
        sentence: format!("{class}: {source} sends {target} {what}, {rate:.0} a second in {flows}"),
        seen: (Timestamp::from_nanos(first), Timestamp::from_nanos(last)),
        flows: sent.flows,
        packets: sent.packets,
        bytes: sent.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Features;
    use crate::flow::test_support::{counters_of, packet};
    use netanom_common::packet::{Packet, icmp};

    const TICK: u64 = 250_000_000;

    /// `count` packets like `packet`, evenly over a tick that begins at `start`.
    fn many(packet: Packet, count: u64, start: u64) -> Vec<(u64, Packet)> {
        (0..count)
            .map(|n| (start + n * TICK / count.max(1), packet))
            .collect()
    }

    fn judge(
        detector: &mut FloodDetector,
        number: u64,
        flows: &[Vec<(u64, Packet)>],
    ) -> Vec<Class> {
        let window = Window {
            start: Timestamp::from_nanos(number * TICK),
            end: Timestamp::from_nanos((number + 1) * TICK),
            flows: flows.iter().map(|packets| counters_of(packets)).collect(),
            ..Window::default()
        };
        let view = View {
            window: &window,
            rows: &Features::default(),
            judgements: &[],
            ended: &[],
        };
        let findings = detector.judge(&view);
        findings.iter().map(|finding| finding.class).collect()
    }

    /// The other direction of a packet.
    fn back(packet: Packet, flags: u8) -> Packet {
        Packet {
            source: packet.destination,
            destination: packet.source,
            source_port: packet.destination_port,
            destination_port: packet.source_port,
            flags,
            ..packet
        }
    }

    fn found(packets: &[Vec<(u64, Packet)>]) -> Vec<Class> {
        judge(&mut FloodDetector::default(), 1, packets)
    }

    #[test]
    fn a_request_that_is_repeated_a_hundred_times_in_a_tick_is_a_syn_flood() {
        let syn = packet(protocol::TCP, 1000, 80, tcp::SYN);
        assert_eq!(found(&[many(syn, 400, TICK)]), [Class::SynFlood]);
        assert_eq!(found(&[many(syn, 4, TICK)]), []);
    }

    #[test]
    fn many_connections_are_no_repeated_request() {
        let flows: Vec<_> = (0..400)
            .map(|port| many(packet(protocol::TCP, 1000 + port, 80, tcp::SYN), 1, TICK))
            .collect();
        assert_eq!(found(&flows), []);
    }

    #[test]
    fn datagrams_that_nothing_answers_are_a_flood_and_answered_ones_are_not() {
        let datagram = packet(protocol::UDP, 1000, 5201, 0);
        assert_eq!(found(&[many(datagram, 2000, TICK)]), [Class::UdpFlood]);
        let mut both = many(datagram, 2000, TICK);
        both.extend(many(back(datagram, 0), 100, TICK));
        assert_eq!(found(&[both]), []);
        assert_eq!(found(&[many(datagram, 500, TICK)]), []);
    }

    #[test]
    fn a_load_test_has_a_connection_beside_its_datagrams() {
        let control = Packet {
            payload: 100,
            ..packet(protocol::TCP, 1000, 5201, tcp::ACK)
        };
        let connection = vec![(TICK, control), (TICK + 1, back(control, tcp::ACK))];
        let datagrams = many(packet(protocol::UDP, 1001, 5201, 0), 2000, TICK);
        let mut detector = FloodDetector::default();
        assert_eq!(
            judge(&mut detector, 1, &[connection, datagrams.clone()]),
            []
        );
        assert_eq!(
            judge(&mut detector, 2, std::slice::from_ref(&datagrams)),
            []
        );
        // A minute later nobody knows of it.
        assert_eq!(
            judge(&mut detector, 300, std::slice::from_ref(&datagrams)),
            [Class::UdpFlood]
        );
        detector.clear();
        assert_eq!(judge(&mut detector, 3, &[datagrams]), [Class::UdpFlood]);
    }

    #[test]
    fn pings_that_are_answered_are_none() {
        let ping = packet(protocol::ICMP, 0, 0, icmp::ECHO_REQUEST);
        assert_eq!(found(&[many(ping, 400, TICK)]), [Class::IcmpFlood]);
        let answers = many(back(ping, icmp::ECHO_REPLY), 400, TICK);
        assert_eq!(found(&[many(ping, 400, TICK), answers]), []);
    }

    #[test]
    fn replies_to_one_who_never_asked_are_a_flood() {
        let reply = packet(protocol::ICMP, 0, 0, icmp::ECHO_REPLY);
        let segment = Packet {
            payload: 100,
            ..packet(protocol::TCP, 1000, 80, tcp::ACK)
        };
        let talk = vec![(TICK, segment), (TICK + 1, back(segment, tcp::ACK))];
        let replies = many(reply, 25, TICK);
        assert_eq!(found(&[talk.clone(), replies.clone()]), [Class::IcmpFlood]);
        // Whoever sees one direction alone cannot tell.
        assert_eq!(found(std::slice::from_ref(&replies)), []);
        // Of a host that answers a broadcast once a second.
        assert_eq!(found(&[talk.clone(), many(reply, 2, TICK)]), []);
        let mut asked = vec![(TICK, back(reply, icmp::ECHO_REQUEST))];
        asked.extend(replies.clone());
        let mut detector = FloodDetector::default();
        assert_eq!(judge(&mut detector, 1, &[talk.clone(), asked]), []);
        // The question is remembered for a minute.
        assert_eq!(
            judge(&mut detector, 2, &[talk.clone(), replies.clone()]),
            []
        );
        assert_eq!(
            judge(&mut detector, 400, &[talk, replies]),
            [Class::IcmpFlood]
        );
    }

    #[test]
    fn segments_that_are_reset_are_a_flood_and_a_download_s_are_not() {
        let ack = Packet {
            payload: 0,
            ..packet(protocol::TCP, 1000, 80, tcp::ACK)
        };
        let mut reset = many(ack, 2000, TICK);
        reset.extend(many(back(ack, tcp::RST), 2000, TICK));
        assert_eq!(found(&[reset]), [Class::Flood]);
        let data = Packet {
            payload: 1400,
            ..back(ack, tcp::ACK)
        };
        let mut download = many(ack, 2000, TICK);
        download.extend(many(data, 4000, TICK));
        assert_eq!(found(&[download]), []);
        // Whoever sees one direction alone cannot tell.
        assert_eq!(found(&[many(ack, 2000, TICK)]), []);
    }
}
