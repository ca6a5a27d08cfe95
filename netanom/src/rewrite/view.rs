//! What a rewriting has to know of a packet, and where in the frame it stands: addresses, ports, lengths, TCP's numbers.
//!
//! Tunnels are left as they are: their outer flow is moved, and what is inside moves along.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netanom_common::packet::protocol;

/// Ethernet types.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLANS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Bytes of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

/// One end of a conversation.
pub(super) type End = (IpAddr, u16);

/// A parsed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Where the IP header begins.
    pub(super) ip: usize,
    /// Where the header above it begins.
    pub(super) transport: usize,
    pub(super) from: End,
    pub(super) to: End,
    pub(super) protocol: u8,
    /// Bytes above the transport header, by the lengths in the headers.
    pub(super) payload: u32,
    pub(super) tcp: Option<Tcp>,
    /// ICMP type.
    pub(super) kind: u8,
}

/// What of a TCP header counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tcp {
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) flags: u8,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl View {
    /// Reads an Ethernet frame; none for what is no IP, or a later fragment, or cut before its ports.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut ip = ETHERNET;
        let mut kind = u16_at(bytes, 12)?;
        while VLANS.contains(&kind) {
            kind = u16_at(bytes, ip + 2)?;
            ip += 4;
        }
        match kind {
            IPV4 => Self::of_ipv4(bytes, ip),
            IPV6 => Self::of_ipv6(bytes, ip),
            _ => None,
        }
    }

    fn of_ipv4(bytes: &[u8], ip: usize) -> Option<Self> {
        let header = bytes.get(ip..ip + 20)?;
        let length = usize::from(header[0] & 0xf) * 4;
        // RFC 791: the lower 13 bits are the fragment's place.
        if length < 20 || u16_at(header, 6)? & 0x1fff != 0 {
            return None;
        }
        let whole = usize::from(u16_at(header, 2)?);
        let address =
            |at: usize| IpAddr::from(Ipv4Addr::from_bits(u32_at(header, at).unwrap_or(0)));
        Self::above(
            bytes,
            (ip, ip + length),
            (address(12), address(16)),
            header[9],
            whole.saturating_sub(length),
        )
    }

    fn of_ipv6(bytes: &[u8], ip: usize) -> Option<Self> {
        let header = bytes.get(ip..ip + 40)?;
        let mut rest = usize::from(u16_at(header, 4)?);
        let mut next = header[6];
        let mut at = ip + 40;
        // RFC 8200 4: hop-by-hop options, routing, destination options.
        while matches!(next, 0 | 43 | 60) {
            let length = (usize::from(*bytes.get(at + 1)?) + 1) * 8;
            next = *bytes.get(at)?;
            at += length;
            rest = rest.saturating_sub(length);
        }
        let address = |from: usize| {
            let octets: [u8; 16] = header[from..from + 16].try_into().unwrap_or_default();
            IpAddr::from(Ipv6Addr::from(octets))
        };
        Self::above(bytes, (ip, at), (address(8), address(24)), next, rest)
    }

    fn above(
        bytes: &[u8],
        (ip, at): (usize, usize),
        (source, destination): (IpAddr, IpAddr),
        number: u8,
        rest: usize,
    ) -> Option<Self> {
        let mut view = Self {
            ip,
            transport: at,
            from: (source, 0),
            to: (destination, 0),
            protocol: number,
            payload: rest as u32,
            tcp: None,
            kind: 0,
        };
        match number {
            protocol::TCP => {
                let header = bytes.get(at..at + 20)?;
                view.from.1 = u16_at(header, 0)?;
                view.to.1 = u16_at(header, 2)?;
                view.payload = rest.saturating_sub(usize::from(header[12] >> 4) * 4) as u32;
                view.tcp = Some(Tcp {
                    sequence: u32_at(header, 4)?,
                    acknowledgment: u32_at(header, 8)?,
                    flags: header[13],
                });
            }
            protocol::UDP => {
                view.from.1 = u16_at(bytes, at)?;
                view.to.1 = u16_at(bytes, at + 2)?;
                view.payload = rest.saturating_sub(8) as u32;
            }
            protocol::ICMP | protocol::ICMPV6 => view.kind = *bytes.get(at)?,
            _ => {}
        }
        Some(view)
    }

    pub(super) fn is_ipv4(&self) -> bool {
        self.from.0.is_ipv4()
    }

    /// Whether it tells of another packet, which it quotes.
    pub(super) fn is_error(&self) -> bool {
        match self.protocol {
            // Unreachable, source quench, redirect, time exceeded, parameter problem.
            protocol::ICMP => matches!(self.kind, 3 | 4 | 5 | 11 | 12),
            protocol::ICMPV6 => matches!(self.kind, 1..=4),
            _ => false,
        }
    }
}

/// Changes the ends of the packet at `ip`, and of the one that an ICMP error there quotes.
pub(super) fn rename(bytes: &mut [u8], view: &View, new: &impl Fn(End) -> End) {
    put(bytes, view.ip, view, (new(view.from), new(view.to)));
    if !view.is_error() {
        return;
    }
    let at = view.transport + 8;
    let inner = bytes.get(at).and_then(|first| match first >> 4 {
        4 => View::of_ipv4(bytes, at),
        6 => View::of_ipv6(bytes, at),
        _ => None,
    });
    if let Some(inner) = inner {
        put(bytes, at, &inner, (new(inner.from), new(inner.to)));
    }
}

fn put(bytes: &mut [u8], ip: usize, view: &View, (from, to): (End, End)) {
    match (from.0, to.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) if view.is_ipv4() => {
            bytes[ip + 12..ip + 16].copy_from_slice(&from.octets());
            bytes[ip + 16..ip + 20].copy_from_slice(&to.octets());
            check(bytes, ip);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) if !view.is_ipv4() => {
            bytes[ip + 8..ip + 24].copy_from_slice(&from.octets());
            bytes[ip + 24..ip + 40].copy_from_slice(&to.octets());
        }
        // An address of the other family has no room here.
        _ => return,
    }
    if matches!(view.protocol, protocol::TCP | protocol::UDP) {
        bytes[view.transport..view.transport + 2].copy_from_slice(&from.1.to_be_bytes());
        bytes[view.transport + 2..view.transport + 4].copy_from_slice(&to.1.to_be_bytes());
    }
}

/// Sets the IPv4 header's length and checksum (RFC 1071).
pub(super) fn set_ipv4_length(bytes: &mut [u8], ip: usize, length: u16) {
    bytes[ip + 2..ip + 4].copy_from_slice(&length.to_be_bytes());
    check(bytes, ip);
}

fn check(bytes: &mut [u8], ip: usize) {
    let length = usize::from(bytes[ip] & 0xf) * 4;
    bytes[ip + 10..ip + 12].fill(0);
    let Some(header) = bytes.get(ip..ip + length) else {
        return;
    };
    let mut sum: u32 = header
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[ip + 10..ip + 12].copy_from_slice(&(!sum as u16).to_be_bytes());
}
