//! What carries packets that nobody looks into: they are counted in the flow between its ends, or as not IP, and besides
//! by kind, so that an operator knows what the sensor cannot see.

use crate::flow::{FlowCounters, FlowKey, Side};
use crate::packet::{HeaderBytes, PacketBytes, VxlanPorts, protocol};

/// A kind of encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Encapsulation {
    /// A PPPoE session with a network protocol that is not IP, such as compressed or encrypted packets.
    Pppoe = 0,
    /// Ethernet over MPLS, and what else does not begin with IP under labels (RFC 4448).
    Pseudowire = 1,
    /// Encrypted Ethernet (IEEE 802.1AE).
    Macsec = 2,
    /// Ethernet in Ethernet (IEEE 802.1ah).
    ProviderBackbone = 3,
    /// A network service header (RFC 8300).
    Nsh = 4,
    /// The mesh of B.A.T.M.A.N. (net/batman-adv).
    Batman = 5,
    /// IP in IP that is not sound, or is a later fragment; so with all that are entered.
    IpInIp = 6,
    /// GRE with routing, of version 1 (PPTP), or with another protocol than IP.
    Gre = 7,
    /// Encrypted IP (RFC 4303), also in UDP (RFC 3948).
    Esp = 8,
    /// IP with a checksum over it (RFC 4302), where it is in IPv4.
    Ah = 9,
    /// Ethernet in IP (RFC 3378).
    EtherIp = 10,
    /// Compressed IP (RFC 3173).
    IpComp = 11,
    /// L2TP of version 2 (RFC 2661) and 3 (RFC 3931).
    L2tp = 12,
    /// VXLAN with something else than IP inside, such as ARP.
    Vxlan = 13,
    /// Geneve (RFC 8926), likewise.
    Geneve = 14,
    /// GTP-U (3GPP TS 29.281), likewise.
    GtpU = 15,
    /// IPv6 in UDP (RFC 4380).
    Teredo = 16,
    /// What wireless access points carry to their controller (RFC 5415).
    Capwap = 17,
    /// WireGuard at its usual port: encrypted.
    WireGuard = 18,
    /// OpenVPN at its usual port: encrypted.
    OpenVpn = 19,
}

impl Encapsulation {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Pppoe,
        Self::Pseudowire,
        Self::Macsec,
        Self::ProviderBackbone,
        Self::Nsh,
        Self::Batman,
        Self::IpInIp,
        Self::Gre,
        Self::Esp,
        Self::Ah,
        Self::EtherIp,
        Self::IpComp,
        Self::L2tp,
        Self::Vxlan,
        Self::Geneve,
        Self::GtpU,
        Self::Teredo,
        Self::Capwap,
        Self::WireGuard,
        Self::OpenVpn,
    ];

    /// The first so many of all are seen by their frame, the others by their flow.
    pub const OF_FRAMES: usize = 6;

    /// The kind's name in metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pppoe => "pppoe",
            Self::Pseudowire => "pseudowire",
            Self::Macsec => "macsec",
            Self::ProviderBackbone => "provider_backbone",
            Self::Nsh => "nsh",
            Self::Batman => "batman",
            Self::IpInIp => "ip_in_ip",
            Self::Gre => "gre",
            Self::Esp => "esp",
            Self::Ah => "ah",
            Self::EtherIp => "etherip",
            Self::IpComp => "ipcomp",
            Self::L2tp => "l2tp",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp_u",
            Self::Teredo => "teredo",
            Self::Capwap => "capwap",
            Self::WireGuard => "wireguard",
            Self::OpenVpn => "openvpn",
        }
    }

    /// The kind of a flow, and how many of its packets are of it.
    #[must_use]
    pub fn of_flow(
        key: &FlowKey,
        counters: &FlowCounters,
        vxlan: VxlanPorts,
    ) -> Option<(Self, u64)> {
        let kind = match key.protocol() {
            protocol::TCP => return None,
            protocol::UDP => return Self::of_datagrams(key, counters, vxlan),
            protocol::IPV4 | protocol::IPV6 => Self::IpInIp,
            protocol::GRE => Self::Gre,
            50 => Self::Esp,
            51 => Self::Ah,
            97 => Self::EtherIp,
            108 => Self::IpComp,
            115 => Self::L2tp,
            _ => return None,
        };
        Some((kind, counters.packets()))
    }

    /// Packets to a tunnel's port, from the same one or from one that a tunnel may draw: an answer of a well-known
    /// service to a client that has drawn such a port is none.
    fn of_datagrams(
        key: &FlowKey,
        counters: &FlowCounters,
        vxlan: VxlanPorts,
    ) -> Option<(Self, u64)> {
        const FIRST_DRAWN: u16 = 1024;
        [Side::Low, Side::High].into_iter().find_map(|to| {
            let from = to.other();
            let kind = Self::of_port(key.port(to), vxlan)?;
            let is_tunnel = key.port(from) >= FIRST_DRAWN || key.port(from) == key.port(to);
            let packets = counters.sent_by(from).total.packets;
            (is_tunnel && packets > 0).then_some((kind, packets))
        })
    }

    fn of_port(port: u16, vxlan: VxlanPorts) -> Option<Self> {
        Some(match port {
            1194 => Self::OpenVpn,
            1701 => Self::L2tp,
            2152 => Self::GtpU,
            3544 => Self::Teredo,
            4500 => Self::Esp,
            4790 => Self::Vxlan,
            5247 => Self::Capwap,
            6081 => Self::Geneve,
            51_820 => Self::WireGuard,
            port if vxlan.has(port) => Self::Vxlan,
            _ => return None,
        })
    }

    /// The kind of an Ethernet frame that the parser found to be [`crate::counter::Ignored::NotIp`].
    #[inline(always)]
    pub fn of_frame<B: PacketBytes>(frame: &B) -> Option<Self> {
        let mut ether_type = frame.header::<2>(12)?.u16(0);
        let mut offset = 14;
        for _ in 0..2 {
            if matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
                ether_type = frame.header::<4>(offset)?.u16(2);
                offset += 4;
            }
        }
        match ether_type {
            0x8847 | 0x8848 => Some(Self::Pseudowire),
            0x8864 => {
                /// Those of the network layer are below (RFC 1661 2); above are those that set a session up.
                const FIRST_CONTROL: u16 = 0x4000;
                let protocol = frame.header::<8>(offset)?.u16(6);
                (protocol < FIRST_CONTROL).then_some(Self::Pppoe)
            }
            0x88e5 => Some(Self::Macsec),
            0x88e7 => Some(Self::ProviderBackbone),
            0x894f => Some(Self::Nsh),
            0x4305 => Some(Self::Batman),
            _ => None,
        }
    }

    /// Where the kernel's programs count it, if by its frame: behind the messages ([`crate::counter::slot`]).
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> u32 {
        crate::counter::slot::ENCAPSULATED + self as u32
    }
}
