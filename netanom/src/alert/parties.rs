//! Who takes part in an incident: addresses and ports by name up to a bound, further addresses by a sketch.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use netanom_common::overflow::Sources;
use netanom_common::packet::RawAddress;

use super::Party;
use crate::flow::{Crowd, distinct};

/// Distinct values that are told apart; more are only known to be more.
const MAX_DISTINCT: usize = 4096;

/// Distinct values with how often each came.
#[derive(Clone, Debug)]
struct Tally<T> {
    named: HashMap<T, u64, RandomState>,
    /// The value that came most often, and how often; of equals the greatest.
    first: Option<(u64, T)>,
    /// How often any value came, by name or not.
    total: u64,
    /// What came without a name, or when there was no more room for names.
    unnamed: u64,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self {
            named: HashMap::default(),
            first: None,
            total: 0,
            unnamed: 0,
        }
    }
}

impl<T: Ord + Hash + Copy> Tally<T> {
    fn add(&mut self, value: T, amount: u64) {
        let count = if self.named.len() < MAX_DISTINCT {
            self.named.entry(value).or_default()
        } else if let Some(count) = self.named.get_mut(&value) {
            count
        } else {
            return self.add_unnamed(amount);
        };
        *count += amount;
        self.total += amount;
        self.first = self.first.max(Some((*count, value)));
    }

    fn add_unnamed(&mut self, amount: u64) {
        self.total += amount;
        self.unnamed += amount;
    }

    /// The value that stands out: it has at least half of all.
    fn dominant(&self) -> Option<T> {
        let (count, value) = self.first?;
        (count * 2 >= self.total).then_some(value)
    }
}

/// The sources or the targets of an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    hosts: Tally<IpAddr>,
    ports: Tally<u16>,
    every_host: Sources,
}

impl Parties {
    /// Counts a flow of `host` at `port`.
    pub(super) fn add(&mut self, host: IpAddr, port: u16) {
        self.add_many(host, port, 1);
    }

    /// Counts `flows` flows of `host` at `port`.
    pub(super) fn add_many(&mut self, host: IpAddr, port: u16, flows: u64) {
        self.hosts.add(host, flows);
        self.ports.add(port, flows);
        self.every_host.note(&raw(host));
    }

    /// Counts the flows of a crowd's sources, of which only a sketch is known.
    pub(super) fn add_crowd(&mut self, crowd: &Crowd) {
        self.hosts.add_unnamed(crowd.flows);
        self.ports.add_unnamed(crowd.flows);
        self.every_host.merge(&crowd.counters.sources);
    }

    /// Distinct hosts: exact while all are known by name, else estimated with a standard error of 9 %.
    pub(super) fn hosts(&self) -> usize {
        let named = self.hosts.named.len();
        if self.hosts.unnamed == 0 {
            named
        } else {
            named.max(distinct(&self.every_host) as usize)
        }
    }

    /// Distinct ports, at most 4,096.
    pub(super) fn ports(&self) -> usize {
        self.ports.named.len()
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

/// An address as packets carry it.
fn raw(host: IpAddr) -> RawAddress {
    let bytes = match host {
        IpAddr::V4(host) => host.to_ipv6_mapped().octets(),
        IpAddr::V6(host) => host.octets(),
    };
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|n| u32::from_ne_bytes(words[n]))
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
    fn of_two_halves_the_greater_address_is_named_in_any_order() {
        for order in [[1, 2], [2, 1]] {
            let mut parties = Parties::default();
            for last in order {
                parties.add(host(last), 80);
            }
            assert_eq!(parties.party().ip, Some(host(2)));
        }
    }

    #[test]
    fn flows_without_a_name_weigh_against_the_one_that_has_one() {
        let mut tally = Tally::default();
        tally.add(80_u16, 3);
        tally.add_unnamed(3);
        assert_eq!(tally.dominant(), Some(80));
        tally.add_unnamed(1);
        assert_eq!(tally.dominant(), None);
    }

    #[test]
    fn a_million_spoofed_sources_take_bounded_room_and_are_counted_roughly() {
        let mut parties = Parties::default();
        for n in 0..1_000_000_u32 {
            parties.add(IpAddr::from(n.to_be_bytes()), 80);
        }
        assert_eq!(parties.hosts.named.len(), MAX_DISTINCT);
        let count = parties.hosts();
        assert!((750_000..1_250_000).contains(&count), "{count}");
    }
}
