//! What machines say without being asked: clocks, pings, who-has, discovery.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand::RngExt;

use super::office::Office;
use crate::flow::Timestamp;
use crate::simulate::chance;
use crate::simulate::host::{Host, Mac};
use crate::simulate::packet::{Body, Payload, Planned};
use crate::simulate::speech;

/// NTP: a question and its answer.
pub(super) fn clock(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (
        (office.any_client(), chance::client_port(&mut office.rng)),
        (office.any_far_host(), 123),
    );
    let answered = office.later(at, Duration::from_millis(22));
    vec![
        office.datagram(at, client, server, speech::ntp(false)),
        office.datagram(answered, server, client, speech::ntp(true)),
    ]
}

/// A few pings, a second apart, to the server or the Internet.
pub(super) fn ping(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let client = office.any_client();
    let server = if office.rng.random_bool(0.6) {
        office.server
    } else {
        office.any_far_host()
    };
    let (id, count) = (office.rng.random(), office.rng.random_range(1..=5));
    let mut packets = Vec::new();
    for sequence in 1..=count {
        let echo = |request| Body::Echo {
            request,
            id,
            sequence,
            payload: Payload::noise(56),
        };
        let asked = at.plus(Duration::from_secs(u64::from(sequence) - 1));
        packets.push(office.planned(asked, client, server, echo(true)));
        if office.rng.random_bool(0.98) {
            let answered = office.later(asked, Duration::from_millis(4));
            packets.push(office.planned(answered, server, client, echo(false)));
        }
    }
    packets
}

/// A client looks for the server's hardware address.
pub(super) fn neighbour(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.server);
    let everyone = match server.ip {
        IpAddr::V4(_) => Host {
            ip: server.ip,
            mac: [0xff; 6],
            ttl: 64,
        },
        // RFC 4291 2.7.1: the solicited-node address ends in the last 24 bits of the one that is looked for.
        IpAddr::V6(ip) => {
            let [.., a, b, c] = ip.octets();
            let group = Ipv6Addr::new(
                0xff02,
                0,
                0,
                0,
                0,
                1,
                0xff00 | u16::from(a),
                u16::from_be_bytes([b, c]),
            );
            Host {
                ip: group.into(),
                mac: [0x33, 0x33, 0xff, a, b, c],
                ttl: 255,
            }
        }
    };
    let answered = office.later(at, Duration::from_micros(150));
    vec![
        office.planned(at, client, everyone, Body::WhoHas { wanted: server.ip }),
        office.planned(answered, server, client, Body::IsAt),
    ]
}

/// Multicast DNS (RFC 6762): who offers printing.
pub(super) fn service_discovery(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let group = (multicast(office, Ipv4Addr::new(224, 0, 0, 251), 0xfb), 5353);
    let client = Host {
        ttl: 255,
        ..office.any_client()
    };
    let question = speech::dns_question(0, "_ipp._tcp.local", client.ip);
    let mut packets = vec![office.datagram(at, (client, 5353), group, question)];
    if office.rng.random_bool(0.5) {
        let printer = Host {
            ttl: 255,
            ..office.printer
        };
        let answered = office.later(at, Duration::from_millis(60));
        let answer = speech::dns_answer(0, "_ipp._tcp.local", printer.ip, 1);
        packets.push(office.datagram(answered, (printer, 5353), group, answer));
    }
    packets
}

/// SSDP: the same search, sent a few times as it may be lost.
pub(super) fn device_discovery(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let group = (
        multicast(office, Ipv4Addr::new(239, 255, 255, 250), 0x0c),
        1900,
    );
    let client = (
        Host {
            ttl: 4,
            ..office.any_client()
        },
        chance::client_port(&mut office.rng),
    );
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n";
    let mut now = at;
    let mut packets = Vec::new();
    for _ in 0..office.rng.random_range(1..=4) {
        packets.push(office.datagram(now, client, group, Payload::bytes(*search)));
        now = office.later(now, Duration::from_secs(1));
    }
    packets
}

/// A multicast group of the office's family; `last` ends the address ff02::… (RFC 1112 6.4, RFC 2464 7).
fn multicast(office: &Office, v4: Ipv4Addr, last: u8) -> Host {
    let (ip, mac): (IpAddr, Mac) = if office.server.ip.is_ipv4() {
        let [_, a, b, c] = v4.octets();
        (v4.into(), [0x01, 0, 0x5e, a & 0x7f, b, c])
    } else {
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, last.into());
        (group.into(), [0x33, 0x33, 0, 0, 0, last])
    };
    Host { ip, mac, ttl: 1 }
}
