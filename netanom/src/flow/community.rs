//! Community ID v1: the same text for a flow in every tool that has it (Zeek, Suricata, Arkime, Elastic), so that what one of
//! them has seen of an alert's flows is found by a search.
//!
//! After <https://github.com/corelight/community-id-spec>, seed 0. Of ICMP only echoes have one: the other messages of a flow are
//! not told apart by type and code here, and the text depends on these.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use netanom_common::flow::{FlowKey, Side};
use netanom_common::packet::protocol;
use sha1::{Digest, Sha1};

/// The Community ID of a flow; `None` where it depends on what is not known of the flow.
#[must_use]
pub fn community_id(key: &FlowKey) -> Option<String> {
    let number = key.protocol();
    let [low, high] = [Side::Low, Side::High].map(|side| key.address(side));
    let ports = match number {
        protocol::TCP | protocol::UDP | protocol::SCTP => {
            Some((key.port(Side::Low), key.port(Side::High)))
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let (request, reply) = if number == protocol::ICMP {
                (8, 0)
            } else {
                (128, 129)
            };
            Some(match key.echo_asker()? {
                Side::Low => (request, reply),
                Side::High => (reply, request),
            })
        }
        _ => None,
    };
    Some(text(number, (low, high), ports))
}

fn text(number: u8, (one, other): (IpAddr, IpAddr), ports: Option<(u16, u16)>) -> String {
    let (one_port, other_port) = ports.unwrap_or_default();
    let ((from, from_port), (to, to_port)) = if (one, one_port) <= (other, other_port) {
        ((one, one_port), (other, other_port))
    } else {
        ((other, other_port), (one, one_port))
    };
    let mut hash = Sha1::new();
    // The seed.
    hash.update([0, 0]);
    for ip in [from, to] {
        match ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
    }
    hash.update([number, 0]);
    if ports.is_some() {
        hash.update(from_port.to_be_bytes());
        hash.update(to_port.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use netanom_common::packet::{Packet, RawAddress, icmp};

    use super::*;
    use crate::flow::request;

    fn raw(ip: &str) -> RawAddress {
        let ip: IpAddr = ip.parse().unwrap();
        let bytes = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let mut words = [0; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_ne_bytes(*chunk);
        }
        words
    }

    fn id(number: u8, from: (&str, u16), to: (&str, u16), flags: u8) -> Option<String> {
        let packet = Packet {
            destination_port: to.1,
            protocol: number,
            flags,
            ..request(raw(from.0), raw(to.0), from.1)
        };
        community_id(&FlowKey::of(&packet, 3).0)
    }

    /// What `communityid` 1.5.0 of PyPI says of the same flows.
    #[test]
    fn flows_have_the_text_that_other_tools_give_them_in_both_directions() {
        let (a, b) = ("192.0.2.1", "198.51.100.7");
        let (c, d) = ("2001:db8::1", "2001:db8::2");
        for (number, from, to, expected) in [
            (6, (a, 40_000), (b, 443), "1:lWOTJwBjzASkHgo+w0kukpG9z0M="),
            (17, (a, 5353), (b, 53), "1:5615i5H/0OxJeBIRD7EHdytj7/M="),
            (132, (a, 7), (b, 80), "1:hvc3G6HtfwjuZVT0xoWxpV8YSV4="),
            (6, (c, 50_000), (d, 22), "1:aUOeQPSeMVBzrAA6FouROQPBXVo="),
            (
                6,
                ("10.0.0.1", 80),
                ("10.0.0.1", 70),
                "1:fcklRZQFKvSQDhD2sakUOPmZRoQ=",
            ),
            (47, (a, 0), (b, 0), "1:RgkLaSviQYJ7OVkhn/T3l+5nv8A="),
        ] {
            assert_eq!(
                id(number, from, to, 0).as_deref(),
                Some(expected),
                "{from:?}"
            );
            assert_eq!(id(number, to, from, 0).as_deref(), Some(expected), "{to:?}");
        }
    }

    #[test]
    fn echoes_have_one_by_who_asked_and_other_messages_of_icmp_have_none() {
        let (a, b) = (("192.0.2.1", 0), ("198.51.100.7", 0));
        let (c, d) = (("2001:db8::1", 0), ("2001:db8::2", 0));
        let (v4, v6) = (
            "1:gWq+zk/5wiECNk6+x16LEy0O2tI=",
            "1:u2vMS3HiWth2lIMKHB1fjELshpQ=",
        );
        let (ask, answer) = (icmp::ECHO_REQUEST, icmp::ECHO_REPLY);
        assert_eq!(id(protocol::ICMP, a, b, ask).as_deref(), Some(v4));
        assert_eq!(id(protocol::ICMP, b, a, answer).as_deref(), Some(v4));
        assert_eq!(id(protocol::ICMPV6, c, d, ask).as_deref(), Some(v6));
        assert_eq!(id(protocol::ICMPV6, d, c, answer).as_deref(), Some(v6));
        assert_ne!(id(protocol::ICMP, b, a, ask).as_deref(), Some(v4));
        for other in [icmp::UNREACHABLE, icmp::DISCOVERY, icmp::OTHER] {
            assert_eq!(id(protocol::ICMP, a, b, other), None);
        }
    }
}
