//! The packets of a capture by who talks with whom: one connection, or what two ends exchange by datagrams.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use netanom_common::packet::{protocol, tcp};

use super::capture::Packet;
use super::view::{End, Tcp, View};

/// Packets of two ends, in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    /// Who began it.
    pub(super) client: End,
    pub(super) server: End,
    pub(super) protocol: u8,
    /// Places in the capture.
    pub(super) packets: Vec<usize>,
    /// Whether it is a connection whose handshake is there, so that its sides wait for each other.
    pub(super) is_connection: bool,
}

impl Conversation {
    /// Whether a packet of it comes from the client.
    pub(super) fn is_from_client(&self, view: &View) -> bool {
        view.from == self.client
    }
}

/// All conversations, in the order in which they begin. A port that is used again after an end is a new one.
pub(super) fn conversations(packets: &[Packet]) -> Vec<Conversation> {
    let mut all: Vec<Conversation> = Vec::new();
    // The latest of each pair of ends, and whether it has ended.
    let mut latest: HashMap<(End, End, u8), (usize, bool), FixedState> = HashMap::default();
    for (place, packet) in packets.iter().enumerate() {
        let Some(view) = packet.view.filter(|view| !view.is_error()) else {
            continue;
        };
        let (low, high) = if view.from <= view.to {
            (view.from, view.to)
        } else {
            (view.to, view.from)
        };
        let flags = view.tcp.map_or(0, |header| header.flags);
        let opens = flags & (tcp::SYN | tcp::ACK) == tcp::SYN;
        let key = (low, high, view.protocol);
        let known = latest.get(&key).copied();
        let number = match known {
            Some((number, ended)) if !(opens && ended) => number,
            _ => {
                all.push(begun(&view));
                all.len() - 1
            }
        };
        let ends = flags & (tcp::FIN | tcp::RST) != 0;
        let ended = known.is_some_and(|(old, ended)| old == number && ended) || ends;
        latest.insert(key, (number, ended));
        let one = &mut all[number];
        one.is_connection |= flags & (tcp::SYN | tcp::ACK) == tcp::SYN | tcp::ACK;
        one.packets.push(place);
    }
    all
}

/// A conversation by its first packet.
fn begun(view: &View) -> Conversation {
    let answers = match (view.protocol, view.tcp) {
        (_, Some(Tcp { flags, .. })) => {
            let opens = flags & (tcp::SYN | tcp::ACK) == tcp::SYN;
            let answers = flags & (tcp::SYN | tcp::ACK) == tcp::SYN | tcp::ACK;
            // Met in the middle: the service has the lower port.
            answers || !opens && view.from.1 < view.to.1
        }
        (protocol::ICMP, _) => view.kind == 0,
        (protocol::ICMPV6, _) => view.kind == 129,
        _ => view.from.1 < 1024 && view.to.1 >= 1024,
    };
    let (client, server) = if answers {
        (view.to, view.from)
    } else {
        (view.from, view.to)
    };
    Conversation {
        client,
        server,
        protocol: view.protocol,
        packets: Vec::new(),
        is_connection: false,
    }
}

/// Who is asked, and by which protocol and port.
pub(super) type Service = (IpAddr, IpAddr, u8, u16);

impl Conversation {
    pub(super) fn service(&self) -> Service {
        (self.client.0, self.server.0, self.protocol, self.server.1)
    }
}
