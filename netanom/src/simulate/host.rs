//! One end of a conversation: its addresses as the tap sees them.

use std::net::IpAddr;

use thiserror::Error;

/// An Ethernet hardware address.
pub type Mac = [u8; 6];

/// A text that is no hardware address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no hardware address; write six pairs of hexadecimal digits such as 02:00:5e:10:00:01"
)]
pub struct NotAMac(pub String);

/// Reads a hardware address as `ip link` shows it.
///
/// # Errors
/// When it is none.
pub fn parse_mac(text: &str) -> Result<Mac, NotAMac> {
    let not = || NotAMac(text.to_owned());
    let mut mac = Mac::default();
    let mut pairs = text.split(':');
    for byte in &mut mac {
        let pair = pairs
            .next()
            .filter(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()));
        *byte = u8::from_str_radix(pair.ok_or_else(not)?, 16).map_err(|_| not())?;
    }
    if pairs.next().is_some() {
        Err(not())
    } else {
        Ok(mac)
    }
}

/// One end of a conversation, as the tap sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) ip: IpAddr,
    pub(super) mac: Mac,
    /// What is left of the IP time to live when its packets pass the tap.
    pub(super) ttl: u8,
}

impl Host {
    /// A host on the tapped network, with a locally administered hardware address made of its IP address.
    pub(super) fn near(ip: IpAddr) -> Self {
        let last: [u8; 4] = match ip {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(ip) => (ip.to_bits() as u32).to_be_bytes(),
        };
        Self {
            ip,
            mac: [0x02, 0, last[0], last[1], last[2], last[3]],
            ttl: 64,
        }
    }

    /// A host `hops` routers away, seen with the hardware address of the gateway.
    pub(super) fn far(ip: IpAddr, gateway: Mac, hops: u8) -> Self {
        Self {
            ip,
            mac: gateway,
            ttl: 64 - hops.min(63),
        }
    }

    /// The same host with the hardware address `mac`, where one was given.
    pub(super) fn with_mac(self, mac: Option<Mac>) -> Self {
        Self {
            mac: mac.unwrap_or(self.mac),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_mac;

    #[test]
    fn a_hardware_address_is_read_as_ip_link_shows_it() {
        assert_eq!(
            parse_mac("02:00:5e:10:00:fF"),
            Ok([0x02, 0, 0x5e, 0x10, 0, 0xff])
        );
        for wrong in [
            "",
            "02:00:5e:10:00",
            "02:00:5e:10:00:01:02",
            "2:0:5e:10:0:1",
            "02:00:5e:10:00:+1",
        ] {
            assert!(parse_mac(wrong).is_err(), "{wrong}");
        }
    }
}
