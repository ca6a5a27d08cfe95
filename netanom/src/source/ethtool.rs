//! What a driver says of itself (`SIOCETHTOOL`, ethtool(8)): whether it takes VLAN tags out of the frames that come in.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Of include/uapi/linux/sockios.h, and two of include/uapi/linux/ethtool.h.
const ETHTOOL: libc::c_ulong = 0x8946;
const GET_FLAGS: u32 = 0x25;
/// `NETIF_F_HW_VLAN_CTAG_RX`: `rx-vlan-offload` of `ethtool -k`.
const TAKES_TAGS_OUT: u32 = 1 << 8;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// `struct ifreq` (netdevice(7)), of whose union a pointer is used.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    value: *mut Value,
    unused: [u8; 16],
}

/// Whether the interface of this name keeps VLAN tags beside the frames that come in. Needs no privilege.
///
/// # Errors
/// What the kernel answers: `ENODEV` when there is no such interface.
pub(super) fn takes_tags_out(interface: &str) -> io::Result<bool> {
    let mut name = [0; libc::IFNAMSIZ];
    // The last byte stays 0.
    for (place, byte) in name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
        *place = byte;
    }
    let mut value = Value {
        command: GET_FLAGS,
        data: 0,
    };
    let mut request = Request {
        name,
        value: &raw mut value,
        unused: [0; 16],
    };
    let any = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: the request is as long as `struct ifreq` at least, its name ends with a zero, and the value that it points
    // to lives until the call is over; the kernel writes the value's second half.
    let answer = unsafe { libc::ioctl(any.as_fd().as_raw_fd(), ETHTOOL as _, &raw mut request) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value.data & TAKES_TAGS_OUT != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_takes_no_tags_out_and_what_is_missing_is_told() {
        const _: () = assert!(size_of::<Request>() >= size_of::<libc::ifreq>());
        assert!(!takes_tags_out("lo").unwrap());
        let missing = takes_tags_out("nosuch0").unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENODEV));
    }
}
