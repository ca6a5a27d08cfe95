//! Link types: what stands before the IP header in a capture's frames, and so where the parser enters them.

use netanom_common::counter::Ignored;
use netanom_common::packet::{Frame, HeaderBytes, Packet, PacketBytes};
use netanom_common::parse::{TYPE_IPV4, TYPE_IPV6, parse, parse_network};

/// A link layer whose frames are read. Numbers and layouts: <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet: LINKTYPE_ETHERNET (1).
    Ethernet,
    /// What Linux gives for the device `any`: LINKTYPE_LINUX_SLL (113).
    LinuxCooked,
    /// Its second version: LINKTYPE_LINUX_SLL2 (276).
    LinuxCooked2,
    /// IP from the first byte on, whichever version: LINKTYPE_RAW (101), DLT_RAW (12, 14), LINKTYPE_IPV4 (228),
    /// LINKTYPE_IPV6 (229).
    Raw,
    /// An address family in four bytes, of either byte order, or an Ethernet type in its place: LINKTYPE_NULL (0),
    /// LINKTYPE_LOOP (108).
    Loopback,
    /// One that is not read: its packets are counted under a reason.
    Unread(UnknownLink),
}

/// A link type that is not read, with its name where that is widely known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLink(pub u16);

impl LinkType {
    /// The link type with this number in a file.
    #[must_use]
    pub fn of(number: u16) -> Self {
        match number {
            1 => Self::Ethernet,
            113 => Self::LinuxCooked,
            276 => Self::LinuxCooked2,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            0 | 108 => Self::Loopback,
            other => Self::Unread(UnknownLink(other)),
        }
    }

    /// Parses a frame of this link type.
    ///
    /// # Errors
    /// The reason under which the packet is counted when it belongs to no flow.
    #[inline]
    pub fn parse(self, frame: &Frame<'_>) -> Result<Packet, Ignored> {
        match self {
            Self::Ethernet => parse(frame),
            Self::LinuxCooked => {
                let header = frame.header::<16>(0).ok_or(Ignored::Truncated)?;
                parse_network(frame, header.u16(14), 16)
            }
            Self::LinuxCooked2 => {
                let header = frame.header::<20>(0).ok_or(Ignored::Truncated)?;
                parse_network(frame, header.u16(0), 20)
            }
            Self::Raw => {
                let first = frame.header::<1>(0).ok_or(Ignored::Truncated)?;
                match first.u8(0) >> 4 {
                    4 => parse_network(frame, TYPE_IPV4, 0),
                    6 => parse_network(frame, TYPE_IPV6, 0),
                    _ => Err(Ignored::BadHeader),
                }
            }
            Self::Loopback => {
                let family = frame.header::<4>(0).ok_or(Ignored::Truncated)?.u32(0);
                // The capturing machine's byte order, which the file does not tell; families are small numbers.
                let family = if family > 0xffff {
                    family.swap_bytes()
                } else {
                    family
                };
                match family {
                    2 => parse_network(frame, TYPE_IPV4, 4),
                    // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
                    10 | 24 | 28 | 30 => parse_network(frame, TYPE_IPV6, 4),
                    // What no family is, Wireshark takes for an Ethernet type too (packet-null.c).
                    ether_type @ 0x600..=0xffff => parse_network(frame, ether_type as u16, 4),
                    _ => Err(Ignored::NotIp),
                }
            }
            Self::Unread(_) => Err(Ignored::LinkType),
        }
    }
}

impl UnknownLink {
    fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            6 => "Token Ring",
            9 => "PPP",
            50 => "PPP in HDLC framing",
            104 => "Cisco HDLC",
            105 => "IEEE 802.11",
            119 => "IEEE 802.11 with a Prism header",
            127 => "IEEE 802.11 with a radiotap header",
            163 => "IEEE 802.11 with an AVS header",
            187 | 201 => "Bluetooth HCI",
            189 | 220 => "USB",
            195 | 230 => "IEEE 802.15.4",
            227 => "CAN bus",
            239 => "Linux netfilter log",
            253 => "Linux netlink",
            _ => return None,
        })
    }
}

impl std::fmt::Display for UnknownLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.0;
        match self.name() {
            Some(name) => write!(f, "its link type is {number} ({name})")?,
            None => write!(f, "its link type is {number}")?,
        }
        write!(
            f,
            "; Ethernet, Linux cooked, raw IP and loopback captures are read"
        )
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use netanom_common::packet::protocol;

    use super::*;

    fn ipv4() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1000, 53)
            .write(&mut bytes, b"question")
            .unwrap();
        bytes
    }

    fn ipv6() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64)
            .udp(1000, 53)
            .write(&mut bytes, b"question")
            .unwrap();
        bytes
    }

    #[track_caller]
    fn check(number: u16, header: &[u8], packet: &[u8]) {
        let frame = [header, packet].concat();
        let parsed = LinkType::of(number).parse(&Frame::whole(&frame)).unwrap();
        let told = (
            parsed.protocol,
            parsed.source_port,
            parsed.destination_port,
            parsed.payload,
            parsed.length as usize,
        );
        assert_eq!(told, (protocol::UDP, 1000, 53, 8, frame.len()));
    }

    #[test]
    fn cooked_frames_have_the_protocol_at_the_end_or_at_the_begin() {
        check(
            113,
            &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0],
            &ipv4(),
        );
        check(
            276,
            &[
                0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0,
            ],
            &ipv6(),
        );
    }

    #[test]
    fn a_cooked_frame_may_have_a_vlan_tag() {
        let header = [
            0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0, 5, 8, 0,
        ];
        let frame = [&header[..], &ipv4()].concat();
        let parsed = LinkType::LinuxCooked.parse(&Frame::whole(&frame)).unwrap();
        assert_eq!(parsed.outer_vlan, 5);
    }

    #[test]
    fn raw_frames_begin_with_ip() {
        for number in [12, 14, 101] {
            check(number, &[], &ipv4());
            check(number, &[], &ipv6());
        }
        check(228, &[], &ipv4());
        check(229, &[], &ipv6());
    }

    #[test]
    fn loopback_frames_have_a_family_in_either_byte_order() {
        check(0, &[2, 0, 0, 0], &ipv4());
        check(0, &[0, 0, 0, 2], &ipv4());
        check(108, &[0, 0, 0, 2], &ipv4());
        for family in [10, 24, 28, 30] {
            check(0, &[family, 0, 0, 0], &ipv6());
            check(108, &[0, 0, 0, family], &ipv6());
        }
    }

    #[test]
    fn a_loopback_frame_may_have_an_ethernet_type() {
        check(0, &[0, 0x08, 0, 0], &ipv4());
        check(0, &[0, 0, 0x86, 0xdd], &ipv6());
        check(108, &[0, 0, 0x08, 0], &ipv4());
        check(108, &[0, 0, 0x81, 0, 0, 5, 0x08, 0], &ipv4());
    }

    #[test]
    fn a_cooked_frame_may_have_an_802_2_header() {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0];
        check(
            113,
            &[&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0, 4], &snap[..]].concat(),
            &ipv4(),
        );
    }

    #[test]
    fn what_is_no_ip_or_too_short_is_told_apart() {
        let told = |number, bytes: &[u8]| {
            LinkType::of(number)
                .parse(&Frame::whole(bytes))
                .unwrap_err()
        };
        assert_eq!(told(0, &[7, 0, 0, 0]), Ignored::NotIp);
        assert_eq!(told(127, &ipv4()), Ignored::LinkType);
        assert_eq!(told(101, &[0x50]), Ignored::BadHeader);
        for (number, length) in [(0, 3), (101, 0), (113, 15), (276, 19)] {
            assert_eq!(told(number, &vec![0; length]), Ignored::Truncated);
        }
    }

    #[test]
    fn a_refusal_names_the_link_type() {
        assert_eq!(
            UnknownLink(127).to_string(),
            "its link type is 127 (IEEE 802.11 with a radiotap header); Ethernet, Linux cooked, raw IP and loopback \
             captures are read"
        );
    }
}
