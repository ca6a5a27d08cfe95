//! Who takes part in an incident: addresses and ports by name as far as there is room, further ones by a sketch.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use netanom_common::overflow::Sources;
use netanom_common::packet::RawAddress;

use super::Party;
use crate::flow::{Crowd, distinct};

/// How many names a case may keep. All open incidents share one room, so that an attack on a thousand hosts at once takes
/// no more memory than one on a single host.
#[derive(Debug)]
pub(super) struct Room {
    /// Names of one tally at most.
    each: usize,
    /// Names of all tallies that may still come.
    left: usize,
}

impl Room {
    /// What a case has that may become an incident: enough to tell one host from many.
    pub(super) const fn of_candidate() -> Self {
        Self {
            each: 14,
            left: usize::MAX,
        }
    }

    /// What all open incidents have together: about 4 MiB.
    pub(super) const fn of_incidents() -> Self {
        Self {
            each: 4096,
            left: 65_536,
        }
    }

    /// Takes back the names of an incident that has ended.
    pub(super) fn take_back(&mut self, names: usize) {
        self.left = self.left.saturating_add(names);
    }
}

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
    /// All values, once some have no name.
    every: Option<Box<Sources>>,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self {
            named: HashMap::default(),
            first: None,
            total: 0,
            unnamed: 0,
            every: None,
        }
    }
}

impl<T: Ord + Hash + Copy + Word> Tally<T> {
    fn add(&mut self, value: T, amount: u64, room: &mut Room) {
        self.total += amount;
        let known = self.named.len();
        let count = match self.named.get_mut(&value) {
            Some(count) => count,
            None if known < room.each && room.left > 0 => {
                room.left -= 1;
                self.named.entry(value).or_default()
            }
            None => {
                self.unnamed += amount;
                self.every().note(&value.words());
                return;
            }
        };
        *count += amount;
        self.first = self.first.max(Some((*count, value)));
        if known != self.named.len()
            && let Some(every) = &mut self.every
        {
            every.note(&value.words());
        }
    }

    fn add_unnamed(&mut self, amount: u64) {
        self.total += amount;
        self.unnamed += amount;
        self.every();
    }

    fn every(&mut self) -> &mut Sources {
        self.every.get_or_insert_with(|| {
            let mut every = Box::<Sources>::default();
            for value in self.named.keys() {
                every.note(&value.words());
            }
            every
        })
    }

    fn merge(&mut self, other: &Self, room: &mut Room) {
        for (value, count) in &other.named {
            self.add(*value, *count, room);
        }
        if let Some(every) = &other.every {
            self.add_unnamed(other.unnamed);
            self.every().merge(every);
        }
    }

    /// Distinct values: exact while all are known by name, else estimated with a standard error of 9 %.
    fn distinct(&self) -> usize {
        let named = self.named.len();
        self.every
            .as_ref()
            .map_or(named, |every| named.max(distinct(every) as usize))
    }

    /// The value that stands out: it has at least half of all.
    fn dominant(&self) -> Option<T> {
        let (count, value) = self.first?;
        (count * 2 >= self.total).then_some(value)
    }
}

/// What a sketch of addresses can note.
trait Word {
    fn words(self) -> RawAddress;
}

impl Word for IpAddr {
    /// As packets carry it.
    fn words(self) -> RawAddress {
        let bytes = match self {
            Self::V4(host) => host.to_ipv6_mapped().octets(),
            Self::V6(host) => host.octets(),
        };
        let (words, _) = bytes.as_chunks();
        std::array::from_fn(|n| u32::from_ne_bytes(words[n]))
    }
}

impl Word for u16 {
    fn words(self) -> RawAddress {
        [u32::from(self), 0, 0, 0]
    }
}

/// The sources or the targets of an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    hosts: Tally<IpAddr>,
    ports: Tally<u16>,
}

impl Parties {
    /// Counts `flows` flows of `host` at `port`.
    pub(super) fn add(&mut self, host: IpAddr, port: u16, flows: u64, room: &mut Room) {
        if host.is_unspecified() {
            // Whoever it was: many hosts that are counted as one flow.
            self.hosts.add_unnamed(flows);
        } else {
            self.hosts.add(host, flows, room);
        }
        self.ports.add(port, flows, room);
    }

    /// Counts `flows` flows of `host`, of whose ports nothing is known.
    pub(super) fn add_host(&mut self, host: IpAddr, flows: u64, room: &mut Room) {
        self.hosts.add(host, flows, room);
    }

    /// Counts the flows of a crowd's sources, of which only a sketch is known.
    pub(super) fn add_crowd(&mut self, crowd: &Crowd) {
        self.hosts.add_unnamed(crowd.flows);
        self.hosts.every().merge(&crowd.counters.sources);
        self.ports.add_unnamed(crowd.flows);
    }

    /// Takes in what another case has counted.
    pub(super) fn merge(&mut self, other: &Self, room: &mut Room) {
        self.hosts.merge(&other.hosts, room);
        self.ports.merge(&other.ports, room);
    }

    /// Names that it keeps.
    pub(super) fn names(&self) -> usize {
        self.hosts.named.len() + self.ports.named.len()
    }

    /// Whether the host is one of them, as far as they are known by name.
    pub(super) fn has(&self, host: IpAddr) -> bool {
        self.hosts.named.contains_key(&host)
    }

    /// The host that stands out.
    pub(super) fn host(&self) -> Option<IpAddr> {
        self.hosts.dominant()
    }

    /// The port that stands out.
    pub(super) fn port(&self) -> Option<u16> {
        self.ports.dominant().filter(|port| *port != 0)
    }

    /// Distinct hosts.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.distinct()
    }

    /// Distinct ports.
    pub(super) fn ports(&self) -> usize {
        self.ports.distinct()
    }

    /// Distinct ports in words.
    pub(super) fn ports_text(&self) -> String {
        let about = if self.ports.every.is_some() {
            "about "
        } else {
            ""
        };
        match self.ports() {
            1 => "1 port".to_owned(),
            ports => format!("{about}{ports} ports"),
        }
    }

    /// As an alert shows it: an address or port only when one stands out.
    pub(super) fn party(&self) -> Party {
        Party {
            ip: self.host(),
            prefix: None,
            port: self.port(),
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

    fn parties(of: impl IntoIterator<Item = (IpAddr, u16)>) -> Parties {
        let mut parties = Parties::default();
        let mut room = Room::of_incidents();
        for (host, port) in of {
            parties.add(host, port, 1, &mut room);
        }
        parties
    }

    #[test]
    fn a_single_host_is_named() {
        let party = parties([80, 81, 82].map(|port| (host(1), port))).party();
        assert_eq!(
            (party.ip, party.port, party.count),
            (Some(host(1)), None, 1)
        );
    }

    #[test]
    fn among_many_equal_hosts_none_is_named() {
        let party = parties((0..200).map(|last| (host(last), 80))).party();
        assert_eq!((party.ip, party.port, party.count), (None, Some(80), 200));
    }

    #[test]
    fn of_two_halves_the_greater_address_is_named_in_any_order() {
        for order in [[1, 2], [2, 1]] {
            let of = order.map(|last| (host(last), 80));
            assert_eq!(parties(of).party().ip, Some(host(2)));
        }
    }

    #[test]
    fn flows_without_a_name_weigh_against_the_one_that_has_one() {
        let mut tally = Tally::default();
        tally.add(80_u16, 3, &mut Room::of_candidate());
        tally.add_unnamed(3);
        assert_eq!(tally.dominant(), Some(80));
        tally.add_unnamed(1);
        assert_eq!(tally.dominant(), None);
    }

    #[test]
    fn a_million_spoofed_sources_take_bounded_room_and_are_counted_roughly() {
        let of = (0..1_000_000_u32).map(|n| (IpAddr::from(n.to_be_bytes()), 80));
        let parties = parties(of);
        assert_eq!(parties.hosts.named.len(), Room::of_incidents().each);
        let count = parties.hosts();
        assert!((750_000..1_250_000).contains(&count), "{count}");
    }

    #[test]
    fn a_candidate_names_few_ports_and_counts_all() {
        let mut parties = Parties::default();
        for port in 0..10_000 {
            parties.add(host(1), port, 1, &mut Room::of_candidate());
        }
        assert_eq!(parties.names(), 15);
        assert!(
            (7500..12_500).contains(&parties.ports()),
            "{}",
            parties.ports()
        );
        assert!(
            parties.ports_text().starts_with("about "),
            "{}",
            parties.ports_text()
        );
    }

    #[test]
    fn incidents_share_one_room_and_give_it_back() {
        let mut room = Room {
            each: 4096,
            left: 10,
        };
        let mut parties = Parties::default();
        for port in 0..100 {
            parties.add(host(1), port, 1, &mut room);
        }
        assert_eq!((parties.names(), room.left), (10, 0));
        room.take_back(parties.names());
        assert_eq!(room.left, 10);
    }

    #[test]
    fn what_two_cases_have_counted_is_counted_once_together() {
        let mut one = parties([(host(1), 80), (host(2), 80)]);
        one.merge(&parties([(host(2), 81)]), &mut Room::of_incidents());
        assert_eq!((one.hosts(), one.ports()), (2, 2));
    }
}
