//! Who is there beside an attack: kinds of places, each with the habits of its people.

use super::network::Addresses;
use super::people::Habit;
use crate::random::Random;

/// Habits that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowd {
    Nobody,
    /// People at their desks.
    Office,
    /// Many people at one machine, which has one address.
    Behind,
    /// Many people with addresses of their own, which a router translates to one (NAT, RFC 3022).
    Nat,
    /// Machines: health checks, clocks, messages, logs.
    Devices,
    /// Peer-to-peer users, of whose peers most do not answer.
    Peers,
    /// Films, calls, tunnels and downloads.
    Media,
    /// Backups and copies.
    Backups,
    /// Busy servers: load tests, crawlers, proxies.
    Load,
    Mail,
}

impl Crowd {
    fn habits(self) -> &'static [Habit] {
        use Habit::{
            Apps, Backup, Browse, Bulk, Copy, Crawl, Download, Film, Ftp, Health, Load, Messages,
            Mistype, Names, Ping, Poll, Program, Proxy, Type,
        };
        match self {
            Self::Nobody => &[],
            Self::Office => &[
                Browse,
                Browse,
                Browse,
                Apps,
                Poll,
                Type,
                Names,
                Names,
                Download,
                Ftp,
                Mistype,
                Proxy,
                Program("mail"),
                Program("chat"),
                Copy,
                Film,
                Ping,
                Program("clock"),
            ],
            Self::Behind | Self::Nat => &[
                Browse,
                Browse,
                Browse,
                Names,
                Poll,
                Apps,
                Program("mail"),
                Program("chat"),
                Film,
            ],
            Self::Devices => &[
                Health,
                Health,
                Health,
                Poll,
                Messages,
                Messages,
                Names,
                Ping,
                Program("clock"),
                Program("clock"),
                Program("log"),
                Program("chat"),
            ],
            Self::Peers => &[Program("peers"), Program("peers"), Browse, Names],
            Self::Media => &[
                Film,
                Download,
                Download,
                Bulk,
                Program("tunnel"),
                Program("tunnel"),
                Program("voice"),
                Program("voice"),
            ],
            Self::Backups => &[Backup, Backup, Copy, Copy, Type, Ftp, Ping],
            Self::Load => &[Load, Load, Crawl, Crawl, Proxy, Proxy, Poll, Health],
            Self::Mail => &[
                Program("mail"),
                Program("mail"),
                Program("mail"),
                Names,
                Browse,
                Mistype,
            ],
        }
    }

    /// Who does what: addresses with habits.
    pub(super) fn draw(self, addresses: &Addresses, random: &mut Random) -> Vec<(String, Habit)> {
        let habits = self.habits();
        if habits.is_empty() {
            return Vec::new();
        }
        let people = match self {
            Self::Behind => random.between(10, 20),
            Self::Nat => random.between(15, 30),
            Self::Media | Self::Peers => random.between(2, 6),
            Self::Office => random.between(8, 18),
            _ => random.between(4, 12),
        };
        (0..people)
            .map(|person| {
                let host = if self == Self::Behind {
                    1
                } else {
                    2 + person * 3
                };
                (addresses.user(host), *random.pick(habits))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_people_behind_one_address_have_that_address() {
        let mut random = Random::new(3, 0);
        let addresses = Addresses::draw(&mut random);
        let people = Crowd::Behind.draw(&addresses, &mut random);
        assert!(people.len() >= 10);
        assert!(
            people
                .iter()
                .all(|(address, _)| *address == addresses.user(1))
        );
    }
}
