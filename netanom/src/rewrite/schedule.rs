//! When each packet would have been, had the hosts been farther apart, the client faster or slower, the line worse.
//!
//! What one side says in a connection waits for what it acknowledges, so a farther server slows its clients down. And a
//! client that began its next connection when the last one was over does so still (a closed loop); where several went on
//! at once, each goes on with its own next one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use netanom_common::packet::tcp;
use rand::RngExt;

use super::capture::Packet;
use super::conversations::{Conversation, Service};
use super::view::Tcp;
use crate::simulate::chance::{self, Rng};

/// A client that begins within this time of its last conversation's end with the same service waited for it.
const SAME_SERVICE: u64 = 1_500_000_000;
/// The same, with any other service: a lookup and the connection to what was looked up.
const ANY_SERVICE: u64 = 30_000_000;
/// Gaps of a client that are its own choice and no matter of its system.
const CHOSEN: u64 = 20_000_000;
/// When a lost segment is sent again, beyond the round trip, and a lost request for a connection (RFC 6298).
const AGAIN: u64 = 200_000_000;
const AGAIN_OPENING: u64 = 1_000_000_000;

/// How the hosts are placed, and what the line and the clients are like.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// Nanoseconds that an answer of each host takes longer.
    pub(super) distance: BTreeMap<IpAddr, u64>,
    /// Deviation of the logarithm of that.
    pub(super) jitter: f64,
    /// How many times longer the clients wait before they go on.
    pub(super) stretch: f64,
    /// Share of segments that are lost behind the tap and sent again.
    pub(super) loss: f64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            distance: BTreeMap::new(),
            jitter: 0.0,
            stretch: 1.0,
            loss: 0.0,
        }
    }
}

/// The unfinished business of clients: what ended when, and when it will have.
#[derive(Default)]
struct Ended {
    of_service: HashMap<Service, BTreeSet<(u64, u64)>, FixedState>,
    of_client: HashMap<IpAddr, BTreeSet<(u64, u64)>, FixedState>,
}

impl Ended {
    /// The end that a conversation waited for: when it was, and when it is now. Each end lets one go on.
    fn before(&mut self, one: &Conversation, began: u64) -> Option<(u64, u64)> {
        let service = one.service();
        let latest = |ends: &BTreeSet<(u64, u64)>, within: u64| {
            let last = ends.range(..=(began, u64::MAX)).next_back().copied();
            last.filter(|(was, _)| began - was <= within)
        };
        let same = self
            .of_service
            .get(&service)
            .and_then(|ends| latest(ends, SAME_SERVICE));
        if let (Some(end), Some(ends)) = (same, self.of_service.get_mut(&service)) {
            ends.remove(&end);
            return Some(end);
        }
        let ends = self.of_client.get(&one.client.0)?;
        latest(ends, ANY_SERVICE)
    }

    fn add(&mut self, one: &Conversation, was: u64, is: u64) {
        let ends = self.of_service.entry(one.service()).or_default();
        ends.insert((was, is));
        let ends = self.of_client.entry(one.client.0).or_default();
        ends.insert((was, is));
        // Only the latest are ever asked for.
        while ends.len() > 64 {
            ends.pop_first();
        }
    }
}

/// Moves every packet to when it would have been, and sends again what was lost.
pub(super) fn schedule(
    packets: &mut Vec<Packet>,
    conversations: &[Conversation],
    conditions: &Conditions,
    rng: &mut Rng,
) {
    let Some(start) = packets.first().map(|packet| packet.at) else {
        return;
    };
    let stretched = |at: u64| start + scaled(at - start, conditions.stretch);
    let mut times: Vec<u64> = packets.iter().map(|packet| stretched(packet.at)).collect();
    let mut again = Vec::new();
    let mut ended = Ended::default();
    for one in conversations {
        let began = packets[one.packets[0]].at;
        let begins = match ended.before(one, began) {
            Some((was, is)) => is + scaled(began - was, conditions.stretch),
            None => stretched(began),
        };
        if one.is_connection {
            connection(
                packets, one, begins, conditions, rng, &mut times, &mut again,
            );
        } else {
            datagrams(packets, one, begins, conditions, rng, &mut times);
        }
        // Nobody waits for what is not answered, or refused.
        if one.is_connection || is_answered(packets, one) {
            let last = last_word(packets, one);
            ended.add(one, packets[last].at, times[last]);
        }
    }
    for (packet, at) in packets.iter_mut().zip(times) {
        packet.at = at;
    }
    packets.extend(again);
    // Stable: what is sent at one time keeps its order.
    packets.sort_by_key(|packet| packet.at);
}

fn scaled(time: u64, factor: f64) -> u64 {
    (time as f64 * factor) as u64
}

/// Whether both sides say something in datagrams.
fn is_answered(packets: &[Packet], one: &Conversation) -> bool {
    let from_server = |place: &usize| {
        let view = packets[*place].view;
        view.is_some_and(|view| view.tcp.is_none() && !one.is_from_client(&view))
    };
    one.packets.iter().any(from_server)
}

/// The last packet that carries something, or the last one.
fn last_word(packets: &[Packet], one: &Conversation) -> usize {
    let says = |place: &&usize| packets[**place].view.is_some_and(|view| view.payload > 0);
    let last = one.packets.iter().rev().find(says);
    *last.or(one.packets.last()).unwrap_or(&0)
}

/// What one side of a connection did so far.
#[derive(Default)]
struct Side {
    /// Its latest packet: when it was, and is.
    latest: Option<(u64, u64)>,
    /// Each packet that another may wait for: the number after its last byte, when it was, and is.
    said: Vec<(u32, u64, u64)>,
    has_acknowledged: bool,
}

fn connection(
    packets: &[Packet],
    one: &Conversation,
    begins: u64,
    conditions: &Conditions,
    rng: &mut Rng,
    times: &mut [u64],
    again: &mut Vec<Packet>,
) {
    let mut sides = [Side::default(), Side::default()];
    for &place in &one.packets {
        let packet = &packets[place];
        let Some((view, header)) = packet.view.and_then(|view| Some((view, view.tcp?))) else {
            continue;
        };
        let own = usize::from(!one.is_from_client(&view));
        let mut at = begins;
        if let Some((was, is)) = sides[own].latest {
            at = at.max(is + chosen(packet.at - was, own == 0, conditions));
        }
        if let Some((was, is)) = heard(&sides[1 - own], header) {
            let gap = chosen(packet.at - was, own == 0, conditions);
            at = at.max(is + gap + delay(view.from.0, conditions, rng));
        }
        let opens = header.flags & tcp::SYN != 0;
        let may_be_lost = view.payload > 0 || opens;
        times[place] = at;
        if may_be_lost && conditions.loss > 0.0 && rng.random_bool(conditions.loss) {
            let far = delay(view.to.0, conditions, rng);
            at += far + if opens { AGAIN_OPENING } else { AGAIN };
            again.push(Packet {
                at,
                is_again: true,
                ..packet.clone()
            });
        }
        let side = &mut sides[own];
        side.latest = Some((packet.at, at));
        let first_ack = !side.has_acknowledged && !opens && header.flags & tcp::ACK != 0;
        side.has_acknowledged |= first_ack;
        let counted = view.payload + u32::from(opens) + u32::from(header.flags & tcp::FIN != 0);
        if counted > 0 || first_ack {
            let next = header.sequence.wrapping_add(counted);
            side.said.push((next, packet.at, at));
        }
    }
}

/// The latest of what the other side said that this segment acknowledges.
fn heard(other: &Side, header: Tcp) -> Option<(u64, u64)> {
    let mut said = other.said.iter().rev();
    if header.flags & tcp::ACK == 0 {
        // A reset that acknowledges nothing is the answer to what was said last.
        let last = said.next().filter(|_| header.flags & tcp::RST != 0);
        return last.map(|(_, was, is)| (*was, *is));
    }
    // RFC 1982: later or equal, on a circle.
    let covers = |next: u32| header.acknowledgment.wrapping_sub(next) < 1 << 31;
    let (_, was, is) = said.find(|(next, ..)| covers(*next))?;
    Some((*was, *is))
}

/// A gap as it is now: what a client chose to wait is stretched, what its system or the server took is not.
fn chosen(gap: u64, is_client: bool, conditions: &Conditions) -> u64 {
    if is_client && gap > CHOSEN {
        scaled(gap, conditions.stretch)
    } else {
        gap
    }
}

fn delay(host: IpAddr, conditions: &Conditions, rng: &mut Rng) -> u64 {
    let Some(&distance) = conditions.distance.get(&host) else {
        return 0;
    };
    let time = Duration::from_nanos(distance);
    if conditions.jitter == 0.0 {
        return distance;
    }
    chance::time(rng, time, conditions.jitter).as_nanos() as u64
}

/// No side is known to wait for the other, so the answering one is later by its distance and nothing adds up.
fn datagrams(
    packets: &[Packet],
    one: &Conversation,
    begins: u64,
    conditions: &Conditions,
    rng: &mut Rng,
    times: &mut [u64],
) {
    let began = packets[one.packets[0]].at;
    let mut latest = [0, 0];
    for &place in &one.packets {
        let Some(view) = packets[place].view else {
            continue;
        };
        let own = usize::from(!one.is_from_client(&view));
        let mut at = begins + scaled(packets[place].at - began, conditions.stretch);
        if own == 1 {
            at += delay(view.from.0, conditions, rng);
        }
        at = at.max(latest[own]);
        latest[own] = at;
        times[place] = at;
    }
}
