//! A bridge carries a VLAN tag beside the frame, and a segmentation-offload frame as one: what leaves is counted as it
//! is on the wire.

use std::os::fd::AsRawFd;

use etherparse::{PacketBuilder, VlanId};
use netanom::source::{Direction, FlowSource};
use netanom_common::counter::Tally;
use nix::sys::socket::{MsgFlags, send, setsockopt};
use nix::{setsockopt_impl, sockopt_impl};

use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::wait_until;
use crate::watch::watch;

sockopt_impl!(
    /// `PACKET_VNET_HDR` (packet(7)): a `virtio_net_hdr` stands before each frame.
    VirtioHeader,
    SetOnly,
    libc::SOL_PACKET,
    libc::PACKET_VNET_HDR,
    bool
);

/// Ethernet, an 802.1Q tag, IPv4, TCP.
const HEADERS: u16 = 14 + 4 + 20 + 20;
const SEGMENT: u16 = 1000;
/// Four whole segments and a half one.
const PAYLOAD: u64 = 4500;
const SEGMENTS: u64 = 5;
const VLAN: VlanId = match VlanId::try_new(7) {
    Ok(id) => id,
    Err(_) => VlanId::ZERO,
};

#[test]
fn each_segment_of_a_tagged_frame_counts_with_its_headers_and_its_tag() {
    let test = "each_segment_of_a_tagged_frame_counts_with_its_headers_and_its_tag";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let bridge = "ip link add b0 type bridge mcast_snooping 0";
    let mut bridge = bridge.split(' ');
    let mut made = pair.sensor.command(bridge.next().unwrap());
    if !made.args(bridge).output().unwrap().status.success() {
        return crate::common::skip(test, "needs a kernel with bridges");
    }
    let pair_of_bridge = format!(
        "ip link add w0 type veth peer name w1 netns {}",
        pair.sender.name()
    );
    for command in [
        pair_of_bridge.as_str(),
        "ip link set w0 master b0 up",
        "ip link set v0 master b0 up",
        "ip link set b0 up",
    ] {
        pair.sensor.run(&command.split(' ').collect::<Vec<_>>());
    }
    pair.sender.run(&["ip", "link", "set", "w1", "up"]);
    let mut source = watch(&pair.sensor, Direction::Both);
    pair.sender.inside(|| send_for_segmentation("w1"));

    let mut left = Tally::default();
    wait_until("it left", || {
        let window = source.next_window().unwrap().unwrap();
        for (key, counters) in window.flows {
            assert_eq!(key.vlans(), (VLAN.value(), 0), "{key:?}");
            left.add(counters.egress.packets, counters.egress.bytes);
        }
        left.packets > 0
    });
    let bytes = PAYLOAD + SEGMENTS * u64::from(HEADERS);
    assert_eq!((left.packets, left.bytes), (SEGMENTS, bytes));
}

/// Hands the kernel one long TCP frame to cut.
fn send_for_segmentation(interface: &str) {
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` and `VIRTIO_NET_HDR_GSO_TCPV4` (include/uapi/linux/virtio_net.h).
    const NEEDS_CHECKSUM: u8 = 1;
    const TCPV4: u8 = 1;
    /// Where TCP begins, and its checksum within.
    const TCP: u16 = HEADERS - 20;
    const CHECKSUM: u16 = 16;
    let mut bytes = vec![NEEDS_CHECKSUM, TCPV4];
    for number in [HEADERS, SEGMENT, TCP, CHECKSUM] {
        bytes.extend(number.to_ne_bytes());
    }
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .single_vlan(VLAN)
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1024, 80, 1, 64_240)
        .ack(1)
        .write(&mut bytes, &[0; PAYLOAD as usize])
        .unwrap();
    let socket = PacketSocket::open(interface);
    setsockopt(&socket.0, VirtioHeader, &true).unwrap();
    let sent = send(socket.0.as_raw_fd(), &bytes, MsgFlags::empty());
    assert_eq!(sent, Ok(bytes.len()));
}
