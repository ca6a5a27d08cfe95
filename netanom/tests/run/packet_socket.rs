//! Raw frames out of an interface, and those that come in (`man 7 packet`).

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind,
    recvmsg, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeSpec, TimeVal, TimeValLike};

/// A veth with native XDP drops what exceeds its ring of 256 frames; the receiver gets a moment after this many.
const BURST: usize = 64;

pub(crate) struct PacketSocket(pub(crate) OwnedFd);

impl PacketSocket {
    /// Opens a socket on an interface of the calling thread's network namespace.
    pub(crate) fn open(interface: &str) -> Self {
        // Without a protocol it receives nothing.
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .unwrap();
        bind(socket.as_raw_fd(), &link_address(interface)).unwrap();
        Self(socket)
    }

    /// Sends every frame, as fast as the other end takes them.
    pub(crate) fn send<'a>(&self, frames: impl IntoIterator<Item = &'a [u8]>) {
        for (number, frame) in frames.into_iter().enumerate() {
            let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty());
            assert_eq!(sent, Ok(frame.len()), "{frame:02x?}");
            if number % BURST == BURST - 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Sees what comes in by an interface, after XDP: what tcpdump would see.
pub(crate) struct Tap(OwnedFd);

impl Tap {
    /// Opens it on an interface of the calling thread's network namespace.
    pub(crate) fn open(interface: &str) -> Self {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )
        .unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        // Only a lost frame takes so long.
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(30)).unwrap();
        bind(socket.as_raw_fd(), &link_address(interface)).unwrap();
        Self(socket)
    }

    /// The next frame, with the time at which the kernel took it in: nanoseconds since the Unix epoch.
    pub(crate) fn receive(&self) -> (Vec<u8>, u64) {
        let mut frame = vec![0; 1 << 16];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut buffers = [IoSliceMut::new(&mut frame)];
        let message = recvmsg::<LinkAddr>(
            self.0.as_raw_fd(),
            &mut buffers,
            Some(&mut control),
            MsgFlags::empty(),
        );
        let message = message.expect("a frame that was sent did not arrive");
        let stamp = message.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
            _ => None,
        });
        let stamp = stamp.expect("a frame without a time");
        let length = message.bytes;
        frame.truncate(length);
        let nanos = stamp.tv_sec() * 1_000_000_000 + stamp.tv_nsec();
        (frame, nanos as u64)
    }
}

fn link_address(interface: &str) -> LinkAddr {
    let mut addresses = getifaddrs()
        .unwrap()
        .filter(|address| address.interface_name == interface);
    let link = addresses.find_map(|address| address.address?.as_link_addr().copied());
    link.unwrap_or_else(|| panic!("no interface `{interface}`"))
}
