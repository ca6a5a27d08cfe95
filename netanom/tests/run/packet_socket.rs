//! Raw frames out of an interface (`man 7 packet`).

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, bind, send, socket};

/// A veth with native XDP drops what exceeds its ring of 256 frames; the receiver gets a moment after this many.
const BURST: usize = 64;

pub(crate) struct PacketSocket(OwnedFd);

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

fn link_address(interface: &str) -> LinkAddr {
    let mut addresses = getifaddrs()
        .unwrap()
        .filter(|address| address.interface_name == interface);
    let link = addresses.find_map(|address| address.address?.as_link_addr().copied());
    link.unwrap_or_else(|| panic!("no interface `{interface}`"))
}
