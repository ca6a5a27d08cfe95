//! Where traffic comes from: one address, or the hosts of a prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use rand::RngExt;
use thiserror::Error;

use super::chance::Rng;

/// An address with a prefix length; a plain address is a prefix of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPrefix {
    network: IpAddr,
    length: u8,
}

/// Why a text is no [`IpPrefix`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PrefixError {
    /// The part before the slash is not an address.
    #[error("`{0}` is not an IP address; write 192.0.2.7, 10.0.0.0/24 or 2001:db8::/64")]
    Address(String),
    /// The part after the slash is not a length that this family has.
    #[error("`/{length}` is not a prefix length; it is a number from 0 to {most} here")]
    Length {
        /// What was written.
        length: String,
        /// The longest prefix of the address's family.
        most: u8,
    },
}

impl IpPrefix {
    /// The prefix of `length` bits that `address` lies in; a length beyond the family's is the family's.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Self {
        let length = length.min(bits_of(address));
        let network = from_bits(address, to_bits(address) & !host_mask(address, length));
        Self { network, length }
    }

    /// Whether it holds one address only.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.length == bits_of(self.network)
    }

    /// Whether it holds IPv4 addresses.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.network.is_ipv4()
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_ipv4() && Self::new(address, self.length) == *self
    }

    /// How many hosts it has: without the network's and the broadcast address where IPv4 reserves them.
    #[must_use]
    pub fn hosts(&self) -> u128 {
        let addresses = host_mask(self.network, self.length).saturating_add(1);
        if self.reserves_ends() {
            addresses - 2
        } else {
            addresses
        }
    }

    /// Its `index`th host, counted round.
    #[must_use]
    pub fn host(&self, index: u128) -> IpAddr {
        let first = u128::from(self.reserves_ends());
        from_bits(
            self.network,
            to_bits(self.network) | (first + index % self.hosts()),
        )
    }

    /// Any of its hosts, each as likely.
    pub(super) fn random_host(&self, rng: &mut Rng) -> IpAddr {
        if self.is_single() {
            self.network
        } else {
            self.host(rng.random())
        }
    }

    fn reserves_ends(&self) -> bool {
        self.is_ipv4() && self.length < 31
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn host_mask(address: IpAddr, length: u8) -> u128 {
    let host_bits = u32::from(bits_of(address) - length);
    u128::MAX.checked_shr(128 - host_bits).unwrap_or(0)
}

fn to_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn from_bits(family: IpAddr, bits: u128) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

impl From<IpAddr> for IpPrefix {
    fn from(address: IpAddr) -> Self {
        Self::new(address, u8::MAX)
    }
}

impl FromStr for IpPrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| PrefixError::Address(address.to_owned()))?;
        let most = bits_of(address);
        let length = match length {
            None => most,
            Some(written) => written
                .parse()
                .ok()
                .filter(|length| *length <= most)
                .ok_or_else(|| PrefixError::Length {
                    length: written.to_owned(),
                    most,
                })?,
        };
        Ok(Self::new(address, length))
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() {
            write!(f, "{}", self.network)
        } else {
            write!(f, "{}/{}", self.network, self.length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IpPrefix, PrefixError};

    fn prefix(text: &str) -> IpPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_plain_address_is_a_prefix_of_one() {
        let one = prefix("192.0.2.7");
        assert!(one.is_single());
        assert_eq!(
            (one.hosts(), one.host(5).to_string()),
            (1, "192.0.2.7".to_owned())
        );
    }

    #[test]
    fn network_and_broadcast_addresses_are_no_hosts() {
        let lan = prefix("10.1.2.99/30");
        assert_eq!(lan.hosts(), 2);
        assert_eq!(
            [0, 1, 2].map(|index| lan.host(index).to_string()),
            ["10.1.2.97", "10.1.2.98", "10.1.2.97"]
        );
        assert_eq!(prefix("10.1.2.0/31").hosts(), 2);
    }

    #[test]
    fn the_whole_of_either_family_is_a_prefix() {
        assert_eq!(prefix("0.0.0.0/0").hosts(), (1 << 32) - 2);
        assert_eq!(prefix("::/0").host(1).to_string(), "::1");
    }

    #[test]
    fn only_what_shares_the_leading_bits_is_contained() {
        let lan = prefix("2001:db8::/64");
        assert!(lan.contains("2001:db8::9".parse().unwrap()));
        assert!(!lan.contains("2001:db8:0:1::9".parse().unwrap()));
        assert!(!lan.contains("32.1.13.184".parse().unwrap()));
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["10.0.0.0/24", "10.0.0.7", "2001:db8::/64"] {
            assert_eq!(prefix(text).to_string(), text);
        }
    }

    #[test]
    fn wrong_texts_are_named() {
        assert_eq!(
            "10.0.0/24".parse::<IpPrefix>(),
            Err(PrefixError::Address("10.0.0".to_owned()))
        );
        let length = PrefixError::Length {
            length: "33".to_owned(),
            most: 32,
        };
        assert_eq!("10.0.0.0/33".parse::<IpPrefix>(), Err(length));
    }
}
