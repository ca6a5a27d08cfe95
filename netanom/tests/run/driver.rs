//! Ioctls that the tests need: what a driver does with VLAN tags, and an interface without Ethernet header.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `struct ifreq` (netdevice(7)); of its union what an ioctl uses, in the machine's byte order.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    value: [u64; 3],
}

impl Request {
    fn of(interface: &str, value: u64) -> Self {
        let mut name = [0; libc::IFNAMSIZ];
        name[..interface.len()].copy_from_slice(interface.as_bytes());
        Self {
            name,
            value: [value, 0, 0],
        }
    }
}

/// Leaves VLAN tags in the frames that come in (`ethtool -K X rxvlan off`), or has them beside the frame, as a veth has
/// it; in the calling thread's network namespace.
pub(crate) fn keep_tags_in_frames(interface: &str, keep: bool) {
    const ETHTOOL: libc::c_ulong = 0x8946;
    const GET_FLAGS: u32 = 0x25;
    const SET_FLAGS: u32 = 0x26;
    const TAGS_BESIDE: u32 = 1 << 8;
    let any = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    let mut value = [GET_FLAGS, 0];
    for command in [GET_FLAGS, SET_FLAGS] {
        value[0] = command;
        if command == SET_FLAGS {
            value[1] = if keep {
                value[1] & !TAGS_BESIDE
            } else {
                value[1] | TAGS_BESIDE
            };
        }
        let mut request = Request::of(interface, value.as_mut_ptr() as u64);
        // SAFETY: the request is as long as `struct ifreq`, and its pointer is of a live `struct ethtool_value`.
        let answer = unsafe { libc::ioctl(any.as_raw_fd(), ETHTOOL as _, &raw mut request) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    }
}

/// An interface whose frames begin with IP; what is written comes in, what leaves can be read. It goes with the file.
/// In the calling thread's network namespace; `None` where the kernel has none.
pub(crate) fn tun(interface: &str) -> Option<File> {
    const SET: libc::c_ulong = 0x4004_54ca;
    /// `IFF_TUN | IFF_NO_PI` (include/uapi/linux/if_tun.h).
    const TUN_WITHOUT_HEADER: u64 = 0x1001;
    let mut options = OpenOptions::new();
    let device = options.read(true).write(true).open("/dev/net/tun").ok()?;
    let mut request = Request::of(interface, TUN_WITHOUT_HEADER);
    // SAFETY: the request is as long as `struct ifreq`, and holds no address.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), SET as _, &raw mut request) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    Some(device)
}
