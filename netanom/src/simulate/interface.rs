//! Which interfaces traffic may be sent on: those that lead nowhere but to this machine.
//!
//! The kernel is asked over netlink for the kind of the interface. /sys/class/net would show the interfaces of the
//! namespace in which it was mounted, which need not be the one that the process is in.

use nix::errno::Errno;
use thiserror::Error;

use crate::source::netlink::Link;

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
        judge(&ask(name)?, name, owned)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn judge(link: &Link, name: &str, owned: bool) -> Result<TestInterface, InterfaceError> {
    if !owned && !link.is_loopback && !KINDS.contains(&link.kind.as_str()) {
        let kind = if link.kind.is_empty() {
            "a network card".to_owned()
        } else {
            format!("kind {}", link.kind)
        };
        return Err(InterfaceError::NotForTests {
            interface: name.to_owned(),
            kind,
        });
    }
    if !link.is_up {
        return Err(InterfaceError::Down(name.to_owned()));
    }
    Ok(TestInterface {
        name: name.to_owned(),
    })
}

/// The longest name of an interface (IFNAMSIZ less the final zero).
const LONGEST_NAME: usize = 15;

fn ask(name: &str) -> Result<Link, InterfaceError> {
    // The kernel would look for the name's beginning.
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(InterfaceError::Missing(name.to_owned()));
    }
    Link::named(name).map_err(|error| match error.raw_os_error() {
        Some(number) if Errno::from_raw(number) == Errno::ENODEV => {
            InterfaceError::Missing(name.to_owned())
        }
        number => InterfaceError::Ask {
            interface: name.to_owned(),
            // What is no answer of the kernel's is one that cannot be read.
            source: number.map_or(Errno::EBADMSG, Errno::from_raw),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether traffic may be sent on an interface of this kind that is up.
    fn allowed(kind: &str, is_loopback: bool, owned: bool) -> bool {
        let link = Link {
            kind: kind.to_owned(),
            is_loopback,
            is_up: true,
        };
        judge(&link, "if0", owned).is_ok()
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
        let error = judge(&link, "eth0", false).unwrap_err().to_string();
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
        let error = judge(&link, "v0", false).unwrap_err().to_string();
        assert!(error.contains("`ip link set v0 up`"), "{error}");
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
