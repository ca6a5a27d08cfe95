//! What the kernel says of interfaces over netlink (rtnetlink(7)).

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage, LinkXdp};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// The id of the XDP program that is attached to the interface of this index; `None` when there is none.
///
/// # Errors
/// When the kernel does not answer, or there is no such interface.
pub(super) fn xdp_program(interface: u32) -> io::Result<Option<u32>> {
    let link = link(interface)?;
    let xdp = link
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => Some(xdp),
            _ => None,
        });
    let id = xdp.into_iter().flatten().find_map(|part| match part {
        LinkXdp::ProgId(id) => Some(*id),
        _ => None,
    });
    Ok(id.filter(|id| *id != 0))
}

fn link(interface: u32) -> io::Result<LinkMessage> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut asked = LinkMessage::default();
    asked.header.index = interface;
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
