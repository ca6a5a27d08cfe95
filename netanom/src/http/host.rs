//! Which names the sensor may be asked by.
//!
//! A page of a stranger can have its own name resolve to this machine (DNS rebinding), and then reads what is here as
//! if it were its own: the browser compares names alone. Its requests carry that name in `Host`. So names are refused
//! that are neither of the loopback nor in the configuration; an address as name cannot be led elsewhere.

use std::net::IpAddr;

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};

use super::in_force::Settings;
use super::reply::{self, Reply};

/// What a request may name as its host.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// Where the server listens; unspecified for all addresses of the machine.
    address: IpAddr,
    /// With further names.
    settings: Settings,
}

impl Hosts {
    pub(super) fn new(address: IpAddr, settings: Settings) -> Self {
        Self { address, settings }
    }

    /// The refusal of a request that names no host of ours.
    pub(super) fn refusal<B>(&self, request: &Request<B>) -> Option<Reply> {
        let mut named: Vec<&str> = Vec::new();
        for header in request.headers().get_all(HOST) {
            match header.to_str() {
                Ok(text) => named.push(text),
                Err(_) => return Some(malformed()),
            }
        }
        // RFC 9112 3.2: one and no more, and none only before HTTP/1.1, which no browser speaks.
        if named.len() > 1 || (named.is_empty() && request.version() >= Version::HTTP_11) {
            return Some(malformed());
        }
        named.extend(request.uri().authority().map(Authority::as_str));
        for name in named {
            let Ok(authority) = name.parse::<Authority>() else {
                return Some(malformed());
            };
            if name.contains('@') {
                return Some(malformed());
            }
            if !self.knows(authority.host()) {
                let message = format!(
                    "`{}` is no name of this sensor: ask it by its address or as localhost, or list the name under \
                     `hosts` in its configuration",
                    authority.host()
                );
                return Some(reply::error(StatusCode::MISDIRECTED_REQUEST, message));
            }
        }
        None
    }

    fn knows(&self, host: &str) -> bool {
        let host = plain(host);
        let literal = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&host);
        match literal.parse::<IpAddr>() {
            Ok(address) => {
                let address = address.to_canonical();
                address.is_loopback()
                    || self.address.is_unspecified()
                    || address == self.address.to_canonical()
            }
            Err(_) => {
                let settings = self.settings.get();
                host == "localhost" || settings.hosts.iter().any(|name| plain(name) == host)
            }
        }
    }
}

/// In lower case, and without the dot that ends a full name.
fn plain(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

fn malformed() -> Reply {
    reply::error(
        StatusCode::BAD_REQUEST,
        "a request has one Host header with a name or an address",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::InForce;

    fn knows(listening: &str, names: &[&str], host: &str) -> bool {
        let settings = Settings::new(InForce {
            hosts: names.iter().map(|name| (*name).to_owned()).collect(),
            ..InForce::default()
        });
        Hosts::new(listening.parse().unwrap(), settings).knows(host)
    }

    #[test]
    fn loopback_and_the_address_that_is_listened_on_are_known() {
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.8.7", "[::1]"] {
            assert!(knows("127.0.0.1", &[], host), "{host}");
            assert!(knows("192.0.2.1", &[], host), "{host}");
        }
        assert!(knows("192.0.2.1", &[], "192.0.2.1"));
        assert!(knows("2001:db8::1", &[], "[2001:DB8:0::1]"));
        assert!(!knows("192.0.2.1", &[], "192.0.2.2"));
    }

    #[test]
    fn any_address_will_do_where_all_are_listened_on_but_no_name() {
        for address in ["0.0.0.0", "::"] {
            assert!(knows(address, &[], "192.0.2.7"));
            assert!(!knows(address, &[], "sensor.example"));
        }
    }

    #[test]
    fn a_name_is_known_when_it_is_listed() {
        assert!(knows("0.0.0.0", &["Sensor.example."], "sensor.EXAMPLE"));
        assert!(!knows(
            "0.0.0.0",
            &["sensor.example"],
            "evil.sensor.example"
        ));
        assert!(!knows("127.0.0.1", &[], "localhost.evil.example"));
        assert!(!knows("127.0.0.1", &[], "127.0.0.1.evil.example"));
    }
}
