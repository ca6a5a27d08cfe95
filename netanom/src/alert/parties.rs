//! Who takes part in an incident: addresses and ports, counted up to a bound.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Party;

/// Distinct values that are told apart; more are only known to be more.
const MAX_DISTINCT: usize = 4096;

/// Distinct values with how often each came.
#[derive(Clone, Debug)]
struct Tally<T>(BTreeMap<T, u64>);

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord + Copy> Tally<T> {
    fn add(&mut self, value: T, amount: u64) {
        if self.0.len() < MAX_DISTINCT {
            *self.0.entry(value).or_default() += amount;
        } else if let Some(count) = self.0.get_mut(&value) {
            *count += amount;
        }
    }

    /// The value that stands out: it has at least half of all.
    fn dominant(&self) -> Option<T> {
        let total: u64 = self.0.values().sum();
        let (value, count) = self.0.iter().max_by_key(|(_, count)| **count)?;
        (count * 2 >= total).then_some(*value)
    }
}

/// The sources or the targets of an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    hosts: Tally<IpAddr>,
    ports: Tally<u16>,
}

impl Parties {
    /// Counts a flow of `host` at `port`.
    pub(super) fn add(&mut self, host: IpAddr, port: u16) {
        self.hosts.add(host, 1);
        self.ports.add(port, 1);
    }

    /// Distinct hosts, at most 4,096.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.0.len()
    }

    /// Distinct ports, at most 4,096.
    pub(super) fn ports(&self) -> usize {
        self.ports.0.len()
    }

    /// Distinct ports in words.
    pub(super) fn ports_text(&self) -> String {
        match self.ports() {
            1 => "1 port".to_owned(),
            MAX_DISTINCT => format!("{MAX_DISTINCT} or more ports"),
            ports => format!("{ports} ports"),
        }
    }

    /// As an alert shows it: an address or port only when one stands out.
    pub(super) fn party(&self) -> Party {
        Party {
            ip: self.hosts.dominant(),
            port: self.ports.dominant().filter(|port| *port != 0),
            count: self.hosts() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_single_host_is_named() {
        let mut parties = Parties::default();
        parties.add(host(1), 80);
        parties.add(host(1), 81);
        parties.add(host(1), 82);
        assert_eq!(
            parties.party(),
            Party {
                ip: Some(host(1)),
                port: None,
                count: 1
            }
        );
    }

    #[test]
    fn among_many_equal_hosts_none_is_named() {
        let mut parties = Parties::default();
        for last in 0..200 {
            parties.add(host(last), 80);
        }
        assert_eq!(
            parties.party(),
            Party {
                ip: None,
                port: Some(80),
                count: 200
            }
        );
    }

    #[test]
    fn a_million_spoofed_sources_take_bounded_room() {
        let mut parties = Parties::default();
        for n in 0..1_000_000_u32 {
            parties.add(IpAddr::from(n.to_be_bytes()), 80);
        }
        assert_eq!(parties.hosts(), MAX_DISTINCT);
    }
}
