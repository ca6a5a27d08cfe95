//! What the kernel says of interfaces over netlink (rtnetlink(7)).

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
#[cfg(feature = "live")]
use netlink_packet_route::link::LinkXdp;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// `veth`, `bridge`, …; empty for network cards and the loopback.
    pub(crate) kind: String,
    pub(crate) is_loopback: bool,
    pub(crate) is_up: bool,
}

impl Link {
    /// What the interface of this name is, in the network namespace of this thread.
    ///
    /// # Errors
    /// When the kernel does not answer; ENODEV when there is none.
    pub(crate) fn named(name: &str) -> io::Result<Self> {
        let mut asked = LinkMessage::default();
        asked
            .attributes
            .push(LinkAttribute::IfName(name.to_owned()));
        Ok(Self::of(&ask(asked)?))
    }

    fn of(message: &LinkMessage) -> Self {
        let infos = message.attributes.iter().find_map(|one| match one {
            LinkAttribute::LinkInfo(infos) => Some(infos),
            _ => None,
        });
        let kind = infos.into_iter().flatten().find_map(|info| match info {
            LinkInfo::Kind(kind) => Some(kind.to_string()),
            _ => None,
        });
        Self {
            kind: kind.unwrap_or_default(),
            is_loopback: message.header.link_layer_type == LinkLayerType::Loopback,
            is_up: message.header.flags.contains(LinkFlags::Up),
        }
    }
}

/// `RTNLGRP_LINK` (include/uapi/linux/rtnetlink.h) as a bit of the socket's groups.
#[cfg(feature = "live")]
const LINK_GROUP: u32 = 1;
/// Events that are read at once; further ones wait for the next look.
#[cfg(feature = "live")]
const MOST_EVENTS: usize = 4096;

/// What happens to interfaces: they come, go, are renamed, go up or down.
#[cfg(feature = "live")]
pub(super) struct LinkEvents(Socket);

#[cfg(feature = "live")]
impl LinkEvents {
    /// Listens from now on, in the network namespace of this thread. Needs no privilege.
    ///
    /// # Errors
    /// When the kernel has no netlink socket for us.
    pub(super) fn listen() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, LINK_GROUP))?;
        socket.set_non_blocking(true)?;
        Ok(Self(socket))
    }

    /// Whether anything happened since the last call. What it was, a look at the interfaces tells: events may be lost
    /// when there are many, and the kernel then says so (ENOBUFS), which counts as one.
    pub(super) fn any(&self) -> bool {
        let mut message = Vec::new();
        let mut any = false;
        for _ in 0..MOST_EVENTS {
            // Without room for it the rest of a message is thrown away.
            message.clear();
            match self.0.recv(&mut message, 0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                _ => any = true,
            }
        }
        any
    }
}

/// An XDP program on an interface.
#[cfg(feature = "live")]
pub(super) struct XdpProgram {
    /// The kernel's number for it.
    pub(super) id: u32,
    /// What iproute2 calls its place: `ip link set dev X xdpdrv off` takes it off.
    pub(super) place: &'static str,
}

/// The XDP program that is attached to the interface of this index; `None` when there is none.
///
/// # Errors
/// When the kernel does not answer, or there is no such interface.
#[cfg(feature = "live")]
pub(super) fn xdp_program(interface: u32) -> io::Result<Option<XdpProgram>> {
    let link = link(interface)?;
    let xdp = link
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => Some(xdp),
            _ => None,
        });
    Ok(xdp.into_iter().flatten().find_map(|part| match *part {
        LinkXdp::DrvProgId(id) => Some(XdpProgram {
            id,
            place: "xdpdrv",
        }),
        LinkXdp::SkbProgId(id) => Some(XdpProgram {
            id,
            place: "xdpgeneric",
        }),
        LinkXdp::HwProgId(id) => Some(XdpProgram {
            id,
            place: "xdpoffload",
        }),
        _ => None,
    }))
}

/// The number of the interface's link layer (`ARPHRD_…`, include/uapi/linux/if_arp.h).
///
/// # Errors
/// When the kernel does not answer, or there is no such interface.
#[cfg(feature = "live")]
pub(super) fn link_layer(interface: u32) -> io::Result<u16> {
    Ok(link(interface)?.header.link_layer_type.into())
}

#[cfg(feature = "live")]
fn link(interface: u32) -> io::Result<LinkMessage> {
    let mut asked = LinkMessage::default();
    asked.header.index = interface;
    ask(asked)
}

/// The kernel's answer to which link is meant.
fn ask(asked: LinkMessage) -> io::Result<LinkMessage> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let asked = NetlinkPayload::from(RouteNetlinkMessage::GetLink(asked));
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), asked);
    message.header.flags = NLM_F_REQUEST;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    match NetlinkMessage::deserialize(&answer)
        .map_err(io::Error::other)?
        .payload
    {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::Error::other(
            "the kernel's answer is about something else",
        )),
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::InfoKind;

    use super::*;

    #[test]
    fn the_kind_is_read_from_the_nested_attribute() {
        let mut message = LinkMessage::default();
        message.header.flags = LinkFlags::Up;
        message.header.link_layer_type = LinkLayerType::Ether;
        let infos = vec![LinkInfo::Kind(InfoKind::Other("vethx".to_owned()))];
        message.attributes = vec![
            LinkAttribute::IfName("v0".to_owned()),
            LinkAttribute::LinkInfo(infos),
        ];
        let expected = Link {
            kind: "vethx".to_owned(),
            is_loopback: false,
            is_up: true,
        };
        assert_eq!(Link::of(&message), expected);
    }

    #[test]
    fn the_loopback_is_recognised_by_the_running_kernel() {
        let loopback = Link::named("lo").unwrap();
        assert!(loopback.is_loopback && loopback.kind.is_empty());
    }

    #[test]
    fn an_interface_that_is_not_there_is_no_device() {
        let error = Link::named("no-such-if").unwrap_err();
        // ENODEV
        assert_eq!(error.raw_os_error(), Some(19));
    }
}
