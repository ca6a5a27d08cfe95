//! Frames to try the parser with, in user space and in the kernel: written by etherparse, which shares no code with
//! it, and then made wrong byte by byte.

pub(crate) mod crafted;

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    Ethernet2Header, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IpAuthHeader,
    IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader,
    SingleVlanHeader, TcpHeader, UdpHeader,
};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const CLIENT_PORT: u16 = 40_000;

/// A frame from 10.0.0.1 or 2001:db8::1 (port 40000) to the host with the next address, until [`FrameBuilder::answer`].
pub(crate) fn frame() -> FrameBuilder {
    FrameBuilder {
        tags: Vec::new(),
        network: Network::Other {
            ether_type: 0,
            bytes: Vec::new(),
        },
        transport: Vec::new(),
        protocol: IpNumber(0),
        payload: 0,
        is_answer: false,
        changes: Vec::new(),
        padded_to: 0,
    }
}

/// Builds a frame from the outside in; lengths are right unless bytes are changed.
pub(crate) struct FrameBuilder {
    tags: Vec<(u16, u16)>,
    network: Network,
    transport: Vec<u8>,
    protocol: IpNumber,
    payload: usize,
    is_answer: bool,
    changes: Vec<(usize, u8)>,
    padded_to: usize,
}

enum Network {
    Other {
        ether_type: u16,
        bytes: Vec<u8>,
    },
    V4 {
        options: Vec<u8>,
        fragment: (u16, bool),
    },
    V6 {
        extensions: Vec<Extension>,
    },
}

/// An IPv6 extension header.
#[derive(Clone, Copy)]
pub(crate) enum Extension {
    /// Hop-by-hop (0), routing (43), destination options (60), mobility (135), with this many bytes altogether.
    Raw(u8, usize),
    /// Fragment: offset in units of 8 bytes, and whether more follow.
    Fragment(u16, bool),
    /// Authentication, with this many bytes of integrity check value.
    Authentication(usize),
}

impl FrameBuilder {
    /// Adds a VLAN tag with its type and tag control information inside those that are there.
    pub(crate) fn tag(mut self, ether_type: u16, control: u16) -> Self {
        self.tags.push((ether_type, control));
        self
    }

    /// Adds an 802.1Q tag.
    pub(crate) fn vlan(self, id: u16) -> Self {
        self.tag(0x8100, id)
    }

    /// Carries neither IPv4 nor IPv6.
    pub(crate) fn other(mut self, ether_type: u16, bytes: &[u8]) -> Self {
        self.network = Network::Other {
            ether_type,
            bytes: bytes.to_vec(),
        };
        self
    }

    pub(crate) fn ipv4(mut self) -> Self {
        self.network = Network::V4 {
            options: Vec::new(),
            fragment: (0, false),
        };
        self
    }

    /// IPv4 with this many bytes of options, which do nothing.
    pub(crate) fn ipv4_options(mut self, length: usize) -> Self {
        self.network = Network::V4 {
            options: vec![1; length],
            fragment: (0, false),
        };
        self
    }

    /// A fragment of an IPv4 packet: offset in units of 8 bytes, and whether more follow.
    pub(crate) fn ipv4_fragment(mut self, offset: u16, more: bool) -> Self {
        self.network = Network::V4 {
            options: Vec::new(),
            fragment: (offset, more),
        };
        self
    }

    pub(crate) fn ipv6(self) -> Self {
        self.ipv6_with(&[])
    }

    /// IPv6 with extension headers, in this order.
    pub(crate) fn ipv6_with(mut self, extensions: &[Extension]) -> Self {
        self.network = Network::V6 {
            extensions: extensions.to_vec(),
        };
        self
    }

    /// TCP to a port, with control bits as they stand in byte 13 and this many bytes of options.
    pub(crate) fn tcp(self, port: u16, flags: u8, options: usize) -> Self {
        let mut header = TcpHeader::new(CLIENT_PORT, port, 1000, 64_240);
        header.set_options_raw(&vec![1; options]).unwrap();
        let mut bytes = header.to_bytes().to_vec();
        bytes[13] = flags;
        self.protocol(6, &bytes)
    }

    pub(crate) fn udp(self, port: u16) -> Self {
        let header = UdpHeader {
            source_port: CLIENT_PORT,
            destination_port: port,
            length: 8,
            checksum: 0,
        };
        self.protocol(17, &header.to_bytes())
    }

    pub(crate) fn sctp(self, port: u16) -> Self {
        let ports = [CLIENT_PORT.to_be_bytes(), port.to_be_bytes()].concat();
        self.protocol(132, &[&ports[..], &[0; 8]].concat())
    }

    pub(crate) fn icmp(self, kind: u8) -> Self {
        let kind = Icmpv4Type::Unknown {
            type_u8: kind,
            code_u8: 0,
            bytes5to8: [0, 1, 0, 1],
        };
        self.protocol(1, &Icmpv4Header::new(kind).to_bytes())
    }

    pub(crate) fn icmpv6(self, kind: u8) -> Self {
        let kind = Icmpv6Type::Unknown {
            type_u8: kind,
            code_u8: 0,
            bytes5to8: [0, 1, 0, 1],
        };
        self.protocol(58, &Icmpv6Header::new(kind).to_bytes())
    }

    /// Any protocol, with its header.
    pub(crate) fn protocol(mut self, number: u8, header: &[u8]) -> Self {
        self.protocol = IpNumber(number);
        self.transport = header.to_vec();
        self
    }

    pub(crate) fn payload(mut self, length: usize) -> Self {
        self.payload = length;
        self
    }

    /// The same from the server to the client.
    pub(crate) fn answer(mut self) -> Self {
        self.is_answer = true;
        self
    }

    /// Fills the frame up with zeros, as Ethernet does up to 60 bytes.
    pub(crate) fn padded(mut self, length: usize) -> Self {
        self.padded_to = length;
        self
    }

    /// Changes a byte of the finished frame.
    pub(crate) fn with(mut self, at: usize, byte: u8) -> Self {
        self.changes.push((at, byte));
        self
    }

    pub(crate) fn build(mut self) -> Vec<u8> {
        self.transport
            .resize(self.transport.len() + self.payload, 0x55);
        if self.is_answer && matches!(self.protocol.0, 6 | 17 | 132) {
            self.transport[..4].rotate_left(2);
        }
        let (ether_type, packet) = self.packet();
        let mut types = self
            .tags
            .iter()
            .map(|(ether_type, _)| *ether_type)
            .chain([ether_type]);
        let (client, server) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let (source, destination) = if self.is_answer {
            (server, client)
        } else {
            (client, server)
        };
        let ethernet = Ethernet2Header {
            source,
            destination,
            ether_type: types.next().unwrap().into(),
        };
        let mut bytes = ethernet.to_bytes().to_vec();
        for ((_, control), inner) in self.tags.iter().zip(types) {
            let ([a, b], [c, d]) = (control.to_be_bytes(), inner.to_be_bytes());
            bytes.extend(SingleVlanHeader::from_bytes([a, b, c, d]).to_bytes());
        }
        bytes.extend(packet);
        if bytes.len() < self.padded_to {
            bytes.resize(self.padded_to, 0);
        }
        for (at, byte) in self.changes {
            bytes[at] = byte;
        }
        bytes
    }

    fn packet(&self) -> (u16, Vec<u8>) {
        match &self.network {
            Network::Other { ether_type, bytes } => (*ether_type, bytes.clone()),
            Network::V4 { options, fragment } => {
                let (source, destination) = if self.is_answer {
                    (SERVER, CLIENT)
                } else {
                    (CLIENT, SERVER)
                };
                let (source, destination) = (source.octets(), destination.octets());
                let mut header =
                    Ipv4Header::new(0, 64, self.protocol, source, destination).unwrap();
                header.options = options.as_slice().try_into().unwrap();
                header.set_payload_len(self.transport.len()).unwrap();
                header.fragment_offset = IpFragOffset::try_new(fragment.0).unwrap();
                header.more_fragments = fragment.1;
                header.header_checksum = header.calc_header_checksum();
                (0x0800, [&header.to_bytes(), &self.transport[..]].concat())
            }
            Network::V6 { extensions } => {
                let (source, destination) = if self.is_answer {
                    (SERVER_V6, CLIENT_V6)
                } else {
                    (CLIENT_V6, SERVER_V6)
                };
                let (next, carried) = self.extended(extensions);
                let mut header = Ipv6Header {
                    source: source.octets(),
                    destination: destination.octets(),
                    next_header: next,
                    hop_limit: 64,
                    ..Ipv6Header::default()
                };
                header.set_payload_length(carried.len()).unwrap();
                (0x86dd, [&header.to_bytes()[..], &carried].concat())
            }
        }
    }

    /// The extension headers before the transport header, from the inside out, and the first one's number.
    fn extended(&self, extensions: &[Extension]) -> (IpNumber, Vec<u8>) {
        let mut next = self.protocol;
        let mut bytes = self.transport.clone();
        for extension in extensions.iter().rev() {
            let (number, header) = match *extension {
                Extension::Raw(number, length) => {
                    let header = Ipv6RawExtHeader::new_raw(next, &vec![0; length - 2]).unwrap();
                    (number, header.to_bytes().to_vec())
                }
                Extension::Fragment(offset, more) => {
                    let offset = IpFragOffset::try_new(offset).unwrap();
                    (
                        44,
                        Ipv6FragmentHeader::new(next, offset, more, 7)
                            .to_bytes()
                            .to_vec(),
                    )
                }
                Extension::Authentication(check) => (
                    51,
                    IpAuthHeader::new(next, 1, 1, &vec![0; check])
                        .unwrap()
                        .to_bytes()
                        .to_vec(),
                ),
            };
            next = IpNumber(number);
            bytes.splice(0..0, header);
        }
        (next, bytes)
    }
}
