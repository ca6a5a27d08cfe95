//! The reading seam of the parser, and what parsing yields.

use crate::parse::{Answer, Part, Walk};
pub use crate::tunnels::{TunnelSettings, Tunnels, VxlanPorts};

/// Where the parser reads a frame: a slice in user space, a packet context in the kernel.
///
/// A header is checked against the frame's end once and then read without further checks, as the kernel's verifier
/// wants it.
pub trait PacketBytes {
    /// A header of `N` bytes whose presence was checked.
    type Header<'a, const N: usize>: HeaderBytes
    where
        Self: 'a;

    /// The `N` bytes from `offset` on, or `None` when the frame ends before.
    fn header<const N: usize>(&self, offset: u32) -> Option<Self::Header<'_, N>>;

    /// Length of the frame on the wire, in bytes; a capture may hold less of it.
    fn wire_length(&self) -> u32;

    /// A VLAN tag that the interface took out of the frame (tag control information), when there was one.
    fn offloaded_vlan(&self) -> Option<u16> {
        None
    }

    /// Which packet of a tunnel is the flow's.
    fn tunnels(&self) -> Tunnels {
        Tunnels::Inner
    }

    /// Which UDP ports carry VXLAN.
    fn vxlan_ports(&self) -> VxlanPorts {
        VxlanPorts::default()
    }

    /// Goes through a part of the parser that few packets come to.
    #[inline(always)]
    fn apart(&self, part: Part, walk: &mut Walk) -> Answer
    where
        Self: Sized,
    {
        part.run(self, walk)
    }

    /// The value itself, of which the kernel's verifier knows nothing any more. Ways through the parser that differ in
    /// it alone are then one to the verifier from here on.
    #[inline(always)]
    fn forget(&self, value: u64) -> u64 {
        value
    }
}

/// Big-endian reads inside a checked header. Callers pass constant offsets inside of it.
pub trait HeaderBytes {
    /// The byte at `at`.
    fn u8(&self, at: usize) -> u8;
    /// The 16-bit number at `at`, in host order.
    fn u16(&self, at: usize) -> u16;
    /// The 32-bit number at `at`, in host order.
    fn u32(&self, at: usize) -> u32;
}

/// A frame in memory, with the length that it had on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    wire_length: u32,
    tunnels: TunnelSettings,
}

impl<'a> Frame<'a> {
    /// A frame of which `bytes` were captured and which had `wire_length` bytes on the wire.
    #[must_use]
    pub fn captured(bytes: &'a [u8], wire_length: u32) -> Self {
        Self {
            bytes,
            wire_length,
            tunnels: TunnelSettings::default(),
        }
    }

    /// The same frame, with these settings for its tunnels.
    #[must_use]
    pub fn with(self, tunnels: impl Into<TunnelSettings>) -> Self {
        Self {
            tunnels: tunnels.into(),
            ..self
        }
    }

    /// A frame that was captured whole.
    #[must_use]
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self::captured(bytes, bytes.len() as u32)
    }
}

impl PacketBytes for Frame<'_> {
    type Header<'a, const N: usize>
        = &'a [u8; N]
    where
        Self: 'a;

    fn header<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.bytes.get(offset as usize..)?.first_chunk()
    }

    fn wire_length(&self) -> u32 {
        self.wire_length
    }

    #[inline(always)]
    fn tunnels(&self) -> Tunnels {
        self.tunnels.follow
    }

    #[inline(always)]
    fn vxlan_ports(&self) -> VxlanPorts {
        self.tunnels.vxlan_ports
    }
}

impl<const N: usize> HeaderBytes for &[u8; N] {
    #[inline(always)]
    fn u8(&self, at: usize) -> u8 {
        self[at]
    }

    #[inline(always)]
    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self[at], self[at + 1]])
    }

    #[inline(always)]
    fn u32(&self, at: usize) -> u32 {
        u32::from_be_bytes([self[at], self[at + 1], self[at + 2], self[at + 3]])
    }
}

/// IP protocol numbers that the parser knows (IANA, Assigned Internet Protocol Numbers).
pub mod protocol {
    /// Internet Control Message Protocol (RFC 792).
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003, RFC 2473).
    pub const IPV4: u8 = 4;
    /// Transmission Control Protocol (RFC 9293).
    pub const TCP: u8 = 6;
    /// User Datagram Protocol (RFC 768).
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 4213, RFC 2473).
    pub const IPV6: u8 = 41;
    /// Generic Routing Encapsulation (RFC 2784, RFC 2890).
    pub const GRE: u8 = 47;
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: u8 = 58;
    /// Stream Control Transmission Protocol (RFC 9260).
    pub const SCTP: u8 = 132;

    /// 1 for a protocol whose bit is set in `bits`, which tell of those below 64; 0 for any other.
    #[inline(always)]
    pub(crate) fn is_one_of(protocol: u8, bits: u64) -> u16 {
        let beyond = protocol >> 6 | protocol >> 7;
        (bits >> (protocol & 63)) as u16 & 1 & u16::from(!beyond)
    }
}

/// TCP control bits (RFC 9293 3.1), as they stand in byte 13 of the header.
pub mod tcp {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push buffered data to the receiver.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment field counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// An echo of congestion that a router reported (RFC 3168).
    pub const ECE: u8 = 0x40;
}

/// What an ICMP message is for, in the bit positions of the TCP flags; both share the flow's eight flag counters.
pub mod icmp {
    /// Echo request: ICMP type 8, ICMPv6 type 128.
    pub const ECHO_REQUEST: u8 = 0x01;
    /// Echo reply: ICMP type 0, ICMPv6 type 129.
    pub const ECHO_REPLY: u8 = 0x02;
    /// Destination unreachable: ICMP type 3, ICMPv6 type 1.
    pub const UNREACHABLE: u8 = 0x04;
    /// Time exceeded: ICMP type 11, ICMPv6 type 3.
    pub const TIME_EXCEEDED: u8 = 0x08;
    /// Router and neighbour discovery, multicast listener discovery: ICMP 9 and 10, ICMPv6 130 to 137 and 143.
    pub const DISCOVERY: u8 = 0x10;
    /// Every other message.
    pub const OTHER: u8 = 0x80;
}

/// What an ICMP error says that quotes a packet.
pub mod error {
    /// The packet is no error.
    pub const NONE: u8 = 0;
    /// The destination cannot be reached: ICMP type 3 but for code 4, ICMPv6 type 1.
    pub const UNREACHABLE: u8 = 1;
    /// Time exceeded: ICMP type 11, ICMPv6 type 3.
    pub const TIME_EXCEEDED: u8 = 2;
    /// Packet too big (ICMP type 3 code 4, ICMPv6 type 2), parameter problem (ICMP type 12, ICMPv6 type 4).
    pub const OTHER: u8 = 3;
}

/// An IP address as it stands in the packet, read as four native numbers; IPv4 is mapped (RFC 4291 2.5.5.2).
pub type RawAddress = [u32; 4];

/// Whether a packet is a fragment, and what names its fellows (RFC 791 3.2, RFC 8200 4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// Which part of the packet it is.
    pub portion: Portion,
    /// The protocol that the fragmented packet carries, by the header that says so: the same in every fragment.
    pub protocol: u8,
    /// Where it begins in what the packet carries, in units of 8 bytes.
    pub offset: u16,
    /// The number that the sender gave to the packet.
    pub identification: u32,
}

/// Which part of a packet a fragment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Portion {
    /// All of it.
    #[default]
    Whole = 0,
    /// The first part, with the transport header.
    First = 1,
    /// A part behind it.
    Later = 2,
}

/// What the parser says of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sender's address.
    pub source: RawAddress,
    /// Receiver's address.
    pub destination: RawAddress,
    /// Sender's port; 0 where the protocol has none or a later fragment does not show it ([`crate::fragment::join`]).
    pub source_port: u16,
    /// Receiver's port, with the same meaning of 0.
    pub destination_port: u16,
    /// IP protocol number, after IPv6 extension headers.
    pub protocol: u8,
    /// TCP control bits ([`tcp`]) or kind of ICMP message ([`icmp`]); 0 for other protocols.
    pub flags: u8,
    /// VLAN identifier of the outer tag, 0 without a tag or for a priority tag.
    pub outer_vlan: u16,
    /// VLAN identifier of the inner tag of a doubly tagged frame, else 0.
    pub inner_vlan: u16,
    /// TCP receive window as sent (unscaled), 0 for other protocols.
    pub window: u16,
    /// Bytes above the transport header, without Ethernet padding.
    pub payload: u32,
    /// Frame bytes on the wire.
    pub length: u32,
    /// Whether it is a fragment.
    pub fragment: Fragment,
    /// Other than [`error::NONE`] for an ICMP error of that kind that quotes a packet of the opposite direction. Addresses, ports and protocol are then of the flow that is quoted, the length is the error's, and
    /// flags, window and payload are 0.
    pub error: u8,
}
