//! Interfaces that left lately: whoever reads the counters once a minute is to see the last ones.

use std::collections::VecDeque;

use crate::flow::Timestamp;
use crate::source::Interface;

/// How long one is remembered: five minutes.
const REMEMBERED: u64 = 300_000_000_000;
/// How many are; further ones push out the oldest. A quarter of the interfaces that have series of their own, so that
/// those that left do not take the places of those that come.
const MOST: usize = 16;

/// An interface that left, under the name that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The interface.
    pub interface: Interface,
    /// Whether it was asked for by its whole name.
    pub is_missed: bool,
}

/// The oldest first.
#[derive(Default)]
pub(super) struct Departed(VecDeque<(Timestamp, Gone)>);

impl Departed {
    /// Remembers one that left.
    pub(super) fn push(&mut self, now: Timestamp, gone: Gone) {
        self.0.push_back((now, gone));
    }

    /// One came. If it is one of these, under the name that it had, it is not to be forgotten.
    pub(super) fn came(&mut self, interface: &Interface) {
        self.0.retain(|(_, gone)| gone.interface != *interface);
    }

    /// Those that are to be forgotten now.
    pub(super) fn forget(&mut self, now: Timestamp) -> Vec<Gone> {
        let mut forgotten = Vec::new();
        while self.0.len() > MOST || self.0.front().is_some_and(|(when, _)| is_over(*when, now)) {
            forgotten.extend(self.0.pop_front().map(|(_, gone)| gone));
        }
        forgotten
    }
}

fn is_over(left: Timestamp, now: Timestamp) -> bool {
    now.as_nanos() > left.as_nanos() + REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(index: u32) -> Gone {
        Gone {
            interface: Interface {
                name: format!("veth{index}"),
                index,
            },
            is_missed: false,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn one_that_left_is_forgotten_after_five_minutes() {
        let mut departed = Departed::default();
        departed.push(at(0), gone(1));
        departed.push(at(10), gone(2));
        assert_eq!(departed.forget(at(300)), []);
        assert_eq!(departed.forget(at(301)), [gone(1)]);
        assert_eq!(departed.forget(at(311)), [gone(2)]);
    }

    #[test]
    fn one_that_came_back_is_not_forgotten() {
        let mut departed = Departed::default();
        departed.push(at(0), gone(1));
        departed.push(at(0), gone(2));
        departed.came(&gone(1).interface);
        assert_eq!(departed.forget(at(301)), [gone(2)]);
    }

    #[test]
    fn of_many_the_oldest_are_forgotten_early() {
        let mut departed = Departed::default();
        for index in 0..20 {
            departed.push(at(0), gone(index));
        }
        let oldest: Vec<_> = (0..4).map(gone).collect();
        assert_eq!(departed.forget(at(0)), oldest);
    }
}
