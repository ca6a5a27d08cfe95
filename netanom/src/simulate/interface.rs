//! Which interfaces traffic may be sent on: those that lead nowhere but to this machine.
//!
//! The kernel is asked over netlink for the kind of the interface. /sys/class/net would show the interfaces of the
//! namespace in which it was mounted, which need not be the one that the process is in.

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use thiserror::Error;

/// Kinds of interfaces that stay inside the machine.
const KINDS: [&str; 2] = ["veth", "dummy"];

/// An interface on which traffic may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestInterface {
    name: String,
}

/// Why no traffic is sent on an interface.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InterfaceError {
    /// There is none of this name in this network namespace.
    #[error("there is no interface `{0}` in this network namespace; `ip link` lists them")]
    Missing(String),
    /// Other machines could see the traffic.
    #[error(
        "interface `{interface}` ({kind}) may lead to other machines, so no traffic is sent on it; take a veth, a \
         dummy or the loopback, or add --i-own-this-network if all that is reachable there is yours"
    )]
    NotForTests {
        /// Which interface.
        interface: String,
        /// What the kernel says it is.
        kind: String,
    },
    /// It is switched off.
    #[error("interface `{0}` is down; `ip link set {0} up` switches it on")]
    Down(String),
    /// The kernel did not answer as expected.
    #[error("cannot ask the kernel about interface `{interface}`")]
    Ask {
        /// Which interface.
        interface: String,
        /// Why.
        source: Errno,
    },
}

impl TestInterface {
    /// The interface `name` if it is a veth, a dummy or the loopback and is up; with `owned`, any that is up.
    ///
    /// # Errors
    /// Why it is not.
    pub fn find(name: &str, owned: bool) -> Result<Self, InterfaceError> {
        ask(name)?.judge(name, owned)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// `veth`, `bridge`, …; empty for network cards.
    kind: String,
    is_loopback: bool,
    is_up: bool,
}

impl Link {
    fn judge(&self, name: &str, owned: bool) -> Result<TestInterface, InterfaceError> {
        if !owned && !self.is_loopback && !KINDS.contains(&self.kind.as_str()) {
            let kind = if self.kind.is_empty() {
                "a network card".to_owned()
            } else {
                format!("kind {}", self.kind)
            };
            return Err(InterfaceError::NotForTests {
                interface: name.to_owned(),
                kind,
            });
        }
        if !self.is_up {
            return Err(InterfaceError::Down(name.to_owned()));
        }
        Ok(TestInterface {
            name: name.to_owned(),
        })
    }
}

// linux/rtnetlink.h, linux/netlink.h, linux/if_link.h, linux/if.h, linux/if_arp.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const IFF_UP: u32 = 1;
/// Flags in the upper bits of an attribute's type.
const TYPE_MASK: u16 = 0x3fff;

/// Length of the message header, and of it with what is said of every link (`struct ifinfomsg`).
const HEADER: usize = 16;
const LINK_HEADER: usize = 32;
/// The longest name of an interface (IFNAMSIZ less the final zero).
const LONGEST_NAME: usize = 15;

fn ask(name: &str) -> Result<Link, InterfaceError> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(InterfaceError::Missing(name.to_owned()));
    }
    let answer = exchange(&request(name)).map_err(|source| InterfaceError::Ask {
        interface: name.to_owned(),
        source,
    })?;
    match read(&answer) {
        Ok(link) => Ok(link),
        Err(Errno::ENODEV) => Err(InterfaceError::Missing(name.to_owned())),
        Err(source) => Err(InterfaceError::Ask {
            interface: name.to_owned(),
            source,
        }),
    }
}

fn exchange(request: &[u8]) -> Result<Vec<u8>, Errno> {
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    send(netlink.as_raw_fd(), request, MsgFlags::empty())?;
    // One answer of one link; its statistics and attributes are some 2 KiB.
    let mut answer = vec![0; 1 << 16];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(length);
    Ok(answer)
}

fn request(name: &str) -> Vec<u8> {
    let mut attribute = Vec::new();
    attribute.extend((4 + name.len() as u16 + 1).to_ne_bytes());
    attribute.extend(IFLA_IFNAME.to_ne_bytes());
    attribute.extend(name.bytes());
    attribute.push(0);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    let mut message = Vec::new();
    message.extend(((LINK_HEADER + attribute.len()) as u32).to_ne_bytes());
    message.extend(RTM_GETLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence number, port, and an empty link: the name says which.
    message.resize(LINK_HEADER, 0);
    message.extend(attribute);
    message
}

fn read(answer: &[u8]) -> Result<Link, Errno> {
    let cut = Errno::EBADMSG;
    match u16_at(answer, 4).ok_or(cut)? {
        RTM_NEWLINK => {}
        NLMSG_ERROR => {
            let code = u32_at(answer, HEADER).ok_or(cut)? as i32;
            return Err(Errno::from_raw(-code));
        }
        _ => return Err(cut),
    }
    let attributes = answer.get(LINK_HEADER..).ok_or(cut)?;
    let kind = attribute(attributes, IFLA_LINKINFO)
        .and_then(|info| attribute(info, IFLA_INFO_KIND))
        .unwrap_or_default();
    Ok(Link {
        kind: String::from_utf8_lossy(kind)
            .trim_end_matches('\0')
            .to_owned(),
        is_loopback: u16_at(answer, HEADER + 2).ok_or(cut)? == ARPHRD_LOOPBACK,
        is_up: u32_at(answer, HEADER + 8).ok_or(cut)? & IFF_UP != 0,
    })
}

/// The value of the first attribute of a type; lengths count the attribute's own four bytes.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(4..length)?;
        if u16_at(attributes, 2)? & TYPE_MASK == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::{InterfaceError, LINK_HEADER, Link, RTM_NEWLINK, TestInterface, ask, read};

    /// An answer of the kernel with the given hardware type and nested kind.
    fn answer(hardware: u16, flags: u32, kind: &[u8]) -> Vec<u8> {
        let nested = [
            &(4 + kind.len() as u16).to_ne_bytes()[..],
            &1_u16.to_ne_bytes(),
            kind,
        ]
        .concat();
        let mut bytes = vec![0; LINK_HEADER];
        bytes[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
        bytes[18..20].copy_from_slice(&hardware.to_ne_bytes());
        bytes[24..28].copy_from_slice(&flags.to_ne_bytes());
        // An attribute before it, of an odd length.
        bytes.extend([&7_u16.to_ne_bytes()[..], &3_u16.to_ne_bytes(), b"ab\0\0"].concat());
        bytes.extend(
            [
                &(4 + nested.len() as u16).to_ne_bytes()[..],
                &(18 | 0x8000_u16).to_ne_bytes(),
                &nested,
            ]
            .concat(),
        );
        bytes
    }

    #[test]
    fn the_kind_is_read_from_the_nested_attribute() {
        let link = read(&answer(1, 1, b"veth\0")).unwrap();
        assert_eq!(
            link,
            Link {
                kind: "veth".to_owned(),
                is_loopback: false,
                is_up: true
            }
        );
    }

    /// Whether traffic may be sent on an interface of this kind that is up.
    fn allowed(kind: &str, is_loopback: bool, owned: bool) -> bool {
        let link = Link {
            kind: kind.to_owned(),
            is_loopback,
            is_up: true,
        };
        link.judge("if0", owned).is_ok()
    }

    #[test]
    fn only_interfaces_that_lead_nowhere_are_taken() {
        assert!(
            allowed("veth", false, false)
                && allowed("dummy", false, false)
                && allowed("", true, false)
        );
        for kind in [
            "",
            "bridge",
            "bond",
            "vlan",
            "macvlan",
            "tun",
            "wireguard",
            "ifb",
            "vethx",
        ] {
            assert!(!allowed(kind, false, false), "{kind}");
        }
    }

    #[test]
    fn every_interface_is_taken_from_its_owner() {
        assert!(allowed("", false, true));
    }

    #[test]
    fn a_refusal_names_the_flag_that_lifts_it() {
        let link = Link {
            kind: String::new(),
            is_loopback: false,
            is_up: true,
        };
        let error = link.judge("eth0", false).unwrap_err().to_string();
        assert!(
            error.contains("`eth0` (a network card)") && error.contains("--i-own-this-network"),
            "{error}"
        );
    }

    #[test]
    fn an_interface_that_is_down_is_answered_with_the_command_that_helps() {
        let link = Link {
            kind: "veth".to_owned(),
            is_loopback: false,
            is_up: false,
        };
        let error = link.judge("v0", false).unwrap_err().to_string();
        assert!(error.contains("`ip link set v0 up`"), "{error}");
    }

    #[test]
    fn no_cut_of_an_answer_panics() {
        let whole = answer(1, 1, b"veth\0");
        for length in 0..whole.len() {
            // A cut within the attributes leaves the kind unknown, which is refused; never `veth`.
            if let Ok(link) = read(&whole[..length]) {
                assert_eq!(link.kind, "", "{length}");
            }
        }
    }

    #[test]
    fn the_loopback_is_recognised_by_the_running_kernel() {
        assert!(ask("lo").unwrap().is_loopback);
    }

    #[test]
    fn a_missing_interface_is_named() {
        let error = TestInterface::find("no-such-if", false).unwrap_err();
        assert_eq!(error, InterfaceError::Missing("no-such-if".to_owned()));
        let long = "a-name-that-is-far-too-long";
        assert_eq!(
            TestInterface::find(long, false).unwrap_err(),
            InterfaceError::Missing(long.to_owned())
        );
    }
}
