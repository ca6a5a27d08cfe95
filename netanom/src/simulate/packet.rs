//! One packet as a mode plans it, and the Ethernet frame that it becomes.
//!
//! Plans are small and frames are built when they are due, so a long download waiting in the queue costs little.

use std::net::IpAddr;

use etherparse::{
    ArpHardwareId, ArpOperation, ArpPacket, EtherType, IpHeaders, IpNumber, Ipv4Header, Ipv6Header,
    PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement, TcpOptions,
};
use netanom_common::packet::tcp;

use super::host::Host;
use super::icmp::{self, Cause};
use crate::flow::Timestamp;

/// A packet and when it passes the tap.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) at: Timestamp,
    pub(super) packet: Packet,
}

/// A packet between two hosts.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) from: Host,
    pub(super) to: Host,
    pub(super) body: Body,
    /// Varies what nobody compares: the bytes of noise, the IPv4 identifier.
    pub(super) salt: u64,
}

/// What is in a packet above IP, or in place of it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A TCP segment.
    Tcp { segment: Segment, payload: Payload },
    /// A UDP datagram.
    Udp {
        source_port: u16,
        destination_port: u16,
        payload: Payload,
    },
    /// An echo request or its reply.
    Echo {
        request: bool,
        id: u16,
        sequence: u16,
        payload: Payload,
    },
    /// What a host or a router says of a packet that it could not serve; quotes that packet from its IP header on.
    Error { cause: Cause, quoted: Box<[u8]> },
    /// Any other protocol above IP.
    Other { protocol: u8, payload: Payload },
    /// Asks for the hardware address of an IP address: ARP, or neighbour solicitation in IPv6.
    WhoHas { wanted: IpAddr },
    /// Tells the sender's hardware address: ARP reply, or neighbour advertisement in IPv6.
    IsAt,
}

/// A TCP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    /// Control bits as in [`netanom_common::packet::tcp`].
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) options: Options,
}

/// TCP options, in the sets that systems and tools send.
#[derive(Clone, Copy, Debug)]
pub(super) enum Options {
    /// None, as raw-packet tools send.
    None,
    /// The largest segment size alone, as nmap's SYN scan sends.
    SegmentSize,
    /// What Linux puts in a SYN; the numbers are the sender's clock and the one that it heard last (RFC 7323 3).
    Opening { clock: u32, echo: u32 },
    /// What Linux puts in all other segments.
    Clock { clock: u32, echo: u32 },
}

/// Bytes that are spelled out, followed by noise as ciphertext looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload {
    pub(super) head: Box<[u8]>,
    pub(super) noise: u32,
}

impl Payload {
    /// `length` bytes of noise.
    pub(super) fn noise(length: u32) -> Self {
        Self {
            head: Box::default(),
            noise: length,
        }
    }

    /// Exactly these bytes.
    pub(super) fn bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self {
            head: bytes.into(),
            noise: 0,
        }
    }

    /// `head` filled up with noise to `length` bytes.
    pub(super) fn headed(head: impl Into<Box<[u8]>>, length: u32) -> Self {
        let head = head.into();
        let noise = length.saturating_sub(head.len() as u32);
        Self { head, noise }
    }

    /// All bytes.
    pub(super) fn len(&self) -> u32 {
        self.head.len() as u32 + self.noise
    }

    fn write(&self, salt: u64) -> Vec<u8> {
        let whole = self.len() as usize;
        let mut bytes = Vec::with_capacity(whole + 8);
        bytes.extend_from_slice(&self.head);
        // Marsaglia's xorshift64: this needs to look like ciphertext, not to be any.
        let mut state = salt | 1;
        while bytes.len() < whole {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(whole);
        bytes
    }
}

/// Bytes of a frame before the IP header.
const ETHERNET_HEADER: usize = 14;
/// A host quotes a datagram as far as its own message stays within 576 bytes (RFC 1812 4.3.2.3).
const MAX_QUOTE: usize = 548;

impl Packet {
    /// The message that tells the sender of this packet that nobody listens at its port.
    pub(super) fn port_unreachable(&self) -> Self {
        self.error_of(self.to, Cause::Port)
    }

    /// What `from` tells the sender of this packet of why it could not be served.
    pub(super) fn error_of(&self, from: Host, cause: Cause) -> Self {
        let frame = self.frame();
        let quoted = &frame[ETHERNET_HEADER..frame.len().min(ETHERNET_HEADER + MAX_QUOTE)];
        Self {
            from,
            to: self.from,
            body: Body::Error {
                cause,
                quoted: quoted.into(),
            },
            salt: !self.salt,
        }
    }

    /// The Ethernet frame, with all lengths and checksums.
    pub(super) fn frame(&self) -> Vec<u8> {
        let ip = PacketBuilder::ethernet2(self.from.mac, self.to.mac).ip(self.ip_header());
        match &self.body {
            Body::Tcp { segment, payload } => {
                let payload = payload.write(self.salt);
                written(payload.len(), |frame| {
                    ip.tcp_header(segment.header(self.from.ip))
                        .write_to_vec(frame, &payload)
                })
            }
            Body::Udp {
                source_port,
                destination_port,
                payload,
            } => {
                let payload = payload.write(self.salt);
                written(payload.len(), |frame| {
                    ip.udp(*source_port, *destination_port)
                        .write_to_vec(frame, &payload)
                })
            }
            // A reply returns the request's bytes, so they must not vary with the packet.
            Body::Echo {
                request,
                id,
                sequence,
                payload,
            } => icmp::echo(
                ip,
                (self.from.ip, *request, *id, *sequence),
                &payload.write(u64::from(*id)),
            ),
            Body::Error { cause, quoted } => icmp::error(ip, self.from.ip, *cause, quoted),
            Body::Other { protocol, payload } => {
                let payload = payload.write(self.salt);
                written(payload.len(), |frame| {
                    ip.write_to_vec(frame, IpNumber(*protocol), &payload)
                })
            }
            Body::WhoHas { wanted } => self.neighbour(ip, *wanted, true),
            Body::IsAt => self.neighbour(ip, self.from.ip, false),
        }
    }

    fn ip_header(&self) -> IpHeaders {
        // Lengths, checksums and protocol numbers are filled in by the builder.
        match (self.from.ip, self.to.ip) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let header = Ipv4Header {
                    source: from.octets(),
                    destination: to.octets(),
                    time_to_live: self.from.ttl,
                    identification: self.salt as u16,
                    dont_fragment: true,
                    ..Ipv4Header::default()
                };
                IpHeaders::Ipv4(header, Default::default())
            }
            (from, to) => {
                let octets = |ip: IpAddr| match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                };
                let header = Ipv6Header {
                    source: octets(from),
                    destination: octets(to),
                    hop_limit: if matches!(self.body, Body::WhoHas { .. } | Body::IsAt) {
                        255
                    } else {
                        self.from.ttl
                    },
                    ..Ipv6Header::default()
                };
                IpHeaders::Ipv6(header, Default::default())
            }
        }
    }

    /// ARP (RFC 826), or neighbour discovery with the link-layer address option (RFC 4861 4.3, 4.4).
    fn neighbour(&self, ip: PacketBuilderStep<IpHeaders>, subject: IpAddr, asks: bool) -> Vec<u8> {
        let (IpAddr::V4(sender), IpAddr::V4(subject)) = (self.from.ip, subject) else {
            let IpAddr::V6(subject) = subject else {
                unreachable!("a scenario has one address family")
            };
            let (kind, flags, option) = if asks { (135, 0, 1) } else { (136, 0x60, 2) };
            let body = [subject.octets().as_slice(), &[option, 1], &self.from.mac].concat();
            return written(body.len(), |frame| {
                ip.icmpv6_raw(kind, 0, [flags, 0, 0, 0])
                    .write_to_vec(frame, &body)
            });
        };
        let (operation, target_mac) = if asks {
            (ArpOperation::REQUEST, [0; 6])
        } else {
            (ArpOperation::REPLY, self.to.mac)
        };
        let target = match self.to.ip {
            IpAddr::V4(asker) if !asks => asker,
            _ => subject,
        };
        let arp = ArpPacket::new(
            ArpHardwareId::ETHERNET,
            EtherType::IPV4,
            operation,
            &self.from.mac,
            &sender.octets(),
            &target_mac,
            &target.octets(),
        )
        .expect("hardware and protocol addresses have equal lengths on both sides");
        written(0, |frame| {
            PacketBuilder::ethernet2(self.from.mac, self.to.mac)
                .arp(arp)
                .write_to_vec(frame)
        })
    }
}

impl Segment {
    fn header(&self, sender: IpAddr) -> TcpHeader {
        let has = |flag| self.flags & flag != 0;
        let mut header = TcpHeader::new(
            self.source_port,
            self.destination_port,
            self.sequence,
            self.window,
        );
        header.acknowledgment_number = self.acknowledgment;
        header.fin = has(tcp::FIN);
        header.syn = has(tcp::SYN);
        header.rst = has(tcp::RST);
        header.psh = has(tcp::PSH);
        header.ack = has(tcp::ACK);
        header.urg = has(tcp::URG);
        header.options = self.options.written(largest_segment(sender));
        header
    }
}

/// Most bytes above the TCP header in an Ethernet frame (RFC 6691): 1500 less the headers of IP and TCP.
pub(super) fn largest_segment(sender: IpAddr) -> u16 {
    if sender.is_ipv4() { 1460 } else { 1440 }
}

impl Options {
    fn written(self, largest: u16) -> TcpOptions {
        use TcpOptionElement::{
            MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted, Timestamp as Clock,
            WindowScale,
        };
        let elements: &[TcpOptionElement] = match self {
            Self::None => &[],
            Self::SegmentSize => &[MaximumSegmentSize(largest)],
            Self::Opening { clock, echo } => &[
                MaximumSegmentSize(largest),
                SelectiveAcknowledgementPermitted,
                Clock(clock, echo),
                Noop,
                WindowScale(7),
            ],
            Self::Clock { clock, echo } => &[Noop, Noop, Clock(clock, echo)],
        };
        TcpOptions::try_from_elements(elements).expect("20 bytes of options fit the 40 of a header")
    }
}

pub(super) fn written<E: std::fmt::Debug>(
    payload: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Vec<u8> {
    // Ethernet, IPv6 and a TCP header with options: 14 + 40 + 40.
    let mut frame = Vec::with_capacity(payload + 94);
    write(&mut frame).expect("a frame within Ethernet's size fits every length field");
    frame
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn a_payload_has_its_head_first_and_its_length() {
        let bytes = Payload::headed(*b"SSH", 11).write(7);
        assert_eq!((bytes.len(), &bytes[..3]), (11, b"SSH".as_slice()));
        assert_ne!(bytes, Payload::headed(*b"SSH", 11).write(9));
    }
}
