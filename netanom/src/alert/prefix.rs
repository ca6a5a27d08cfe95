//! Prefixes of addresses: what a flood of a whole network, or a botnet of one, has in common.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UnknownName;

/// The network of an IPv4 host, as most are routed and assigned: /24.
const LENGTH_V4: u8 = 24;
/// That of an IPv6 host: /48, what a site gets (RFC 6177).
const LENGTH_V6: u8 = 48;

/// An address and how many of its first bits count; the others are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix {
    network: IpAddr,
    length: u8,
}

impl Prefix {
    /// The first `length` bits of `ip`, at most as many as it has.
    #[must_use]
    pub fn new(ip: IpAddr, length: u8) -> Self {
        match ip {
            IpAddr::V4(ip) => {
                let length = length.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Self {
                    network: Ipv4Addr::from_bits(ip.to_bits() & mask).into(),
                    length,
                }
            }
            IpAddr::V6(ip) => {
                let length = length.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Self {
                    network: Ipv6Addr::from_bits(ip.to_bits() & mask).into(),
                    length,
                }
            }
        }
    }

    /// The network that `ip` is of: its /24, or its /48.
    #[must_use]
    pub fn network_of(ip: IpAddr) -> Self {
        Self::new(ip, if ip.is_ipv4() { LENGTH_V4 } else { LENGTH_V6 })
    }

    /// Whether every address of its IP version begins with it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.length == 0
    }

    /// Whether it is a wider network around `inner`.
    #[must_use]
    pub fn is_around(&self, inner: &Self) -> bool {
        self.length < inner.length && self.contains(inner.network)
    }

    /// Whether `ip` begins with it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.network.is_ipv4() && Self::new(ip, self.length) == *self
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl FromStr for Prefix {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let wrong = || UnknownName::new(text, &["an address, a slash and a number of bits"]);
        let (network, length) = text.split_once('/').ok_or_else(wrong)?;
        let network: IpAddr = network.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        (length <= most)
            .then(|| Self::new(network, length))
            .ok_or_else(wrong)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl TryFrom<String> for Prefix {
    type Error = UnknownName;

    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_of_its_network_and_of_no_other() {
        let network = Prefix::network_of(IpAddr::from([192, 0, 2, 77]));
        assert_eq!(network.to_string(), "192.0.2.0/24");
        assert!(network.contains(IpAddr::from([192, 0, 2, 255])));
        assert!(!network.contains(IpAddr::from([192, 0, 3, 1])));
        let site = Prefix::network_of("2001:db8:1:2::3".parse().unwrap());
        assert_eq!(site.to_string(), "2001:db8:1::/48");
        assert!(!site.contains(IpAddr::from([192, 0, 2, 1])));
    }

    #[test]
    fn the_ends_of_the_range_are_everything_and_one_host() {
        let ip = IpAddr::from([192, 0, 2, 77]);
        assert_eq!(Prefix::new(ip, 0).to_string(), "0.0.0.0/0");
        assert_eq!(Prefix::new(ip, 32).to_string(), "192.0.2.77/32");
    }

    #[test]
    fn text_reads_back_and_nonsense_is_refused() {
        let prefix: Prefix = "192.0.2.0/24".parse().unwrap();
        assert_eq!(prefix, Prefix::network_of(IpAddr::from([192, 0, 2, 1])));
        for wrong in ["192.0.2.0", "192.0.2.0/33", "x/24", "2001:db8::/129", "/"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
