//! ICMP of both families: echoes, and errors about packets that could not be served.

use std::net::IpAddr;

use etherparse::{IcmpEchoHeader, Icmpv4Type, Icmpv6Type, IpHeaders, PacketBuilderStep};

use super::packet::written;

/// Why a packet could not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody listens at that UDP port.
    Port,
    /// A router knows no way there.
    NoRoute,
    /// It passed as many routers as it may.
    Expired,
}

/// An echo request or reply of `sender`, with identifier and sequence number.
pub(super) fn echo(
    ip: PacketBuilderStep<IpHeaders>,
    (sender, request, id, seq): (IpAddr, bool, u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let header = IcmpEchoHeader { id, seq };
    written(payload.len(), |frame| match (sender, request) {
        (IpAddr::V4(_), true) => ip
            .icmpv4(Icmpv4Type::EchoRequest(header))
            .write_to_vec(frame, payload),
        (IpAddr::V4(_), false) => ip
            .icmpv4(Icmpv4Type::EchoReply(header))
            .write_to_vec(frame, payload),
        (IpAddr::V6(_), true) => ip
            .icmpv6(Icmpv6Type::EchoRequest(header))
            .write_to_vec(frame, payload),
        (IpAddr::V6(_), false) => ip
            .icmpv6(Icmpv6Type::EchoReply(header))
            .write_to_vec(frame, payload),
    })
}

/// An error message (RFC 792, RFC 4443 3).
pub(super) fn error(
    ip: PacketBuilderStep<IpHeaders>,
    reporter: IpAddr,
    cause: Cause,
    quoted: &[u8],
) -> Vec<u8> {
    written(quoted.len(), |frame| {
        let (kind, code) = match (reporter, cause) {
            (IpAddr::V4(_), Cause::Port) => (3, 3),
            (IpAddr::V4(_), Cause::NoRoute) => (3, 0),
            (IpAddr::V4(_), Cause::Expired) => (11, 0),
            (IpAddr::V6(_), Cause::Port) => (1, 4),
            (IpAddr::V6(_), Cause::NoRoute) => (1, 0),
            (IpAddr::V6(_), Cause::Expired) => (3, 0),
        };
        match reporter {
            IpAddr::V4(_) => ip
                .icmpv4_raw(kind, code, [0; 4])
                .write_to_vec(frame, quoted),
            IpAddr::V6(_) => ip
                .icmpv6_raw(kind, code, [0; 4])
                .write_to_vec(frame, quoted),
        }
    })
}
