//! Label rules of a drawn capture, in the format that docs/training.md has.

use std::net::IpAddr;

use netanom_common::packet::protocol;
use serde::Serialize;

use super::super::host::Host;
use crate::alert::Class;

/// The label of what is neither trained on nor counted.
const IGNORE: &str = "ignore";

/// What some flows of a capture are: those for which all that it gives holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Either end is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host: Vec<IpAddr>,
    /// And the other end one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    peer: Vec<IpAddr>,
    /// IP protocol numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proto: Vec<u8>,
    /// Either end's port is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    port: Vec<u16>,
    /// What they are: a class, or `ignore`.
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'static str>,
}

impl Rule {
    pub(super) fn of(class: Class) -> Self {
        Self {
            host: Vec::new(),
            peer: Vec::new(),
            proto: Vec::new(),
            port: Vec::new(),
            class: class.name(),
            sub: None,
        }
    }

    /// ICMP errors that an attack provokes: neither attack nor normal traffic.
    pub(super) fn errors(hosts: &[Host]) -> Self {
        let mut rule = Self::of(Class::Normal).hosts(hosts);
        rule.class = IGNORE;
        rule.proto = vec![protocol::ICMP, protocol::ICMPV6];
        rule
    }

    /// Whether it names no attack.
    #[cfg(test)]
    pub(super) fn is_harmless(&self) -> bool {
        matches!(self.class, "normal" | IGNORE)
    }

    pub(super) fn kind(mut self, sub: &'static str) -> Self {
        self.sub = Some(sub);
        self
    }

    pub(super) fn hosts(mut self, hosts: &[Host]) -> Self {
        self.host = hosts.iter().map(|host| host.ip).collect();
        self
    }

    pub(super) fn peer(mut self, peer: Host) -> Self {
        self.peer = vec![peer.ip];
        self
    }

    pub(super) fn tcp(self, port: u16) -> Self {
        self.protocol(protocol::TCP).ports(vec![port])
    }

    pub(super) fn protocol(mut self, number: u8) -> Self {
        self.proto = vec![number];
        if number == protocol::ICMP {
            self.proto.push(protocol::ICMPV6);
        }
        self
    }

    pub(super) fn ports(mut self, ports: Vec<u16>) -> Self {
        self.port = ports;
        self
    }
}
