//! The kernel stamps packets by its monotonic clock; a window has the time of the wall.

use netanom_common::flow::{DirectionCounters, FlowCounters};
use rustix::time::{ClockId, clock_gettime};

use crate::flow::Timestamp;

/// Nanoseconds by which the wall's clock may differ from what it was: beyond, somebody has set it. Two readings differ by
/// less, and a time server makes both clocks faster or slower alike.
const SET: i64 = 100_000_000;

/// A reading takes about a tenth of a microsecond.
const CLOCK_READINGS: usize = 16;

/// The distance from the kernel's monotonic clock, which stamps packets, to the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    epoch: u64,
    /// By how many nanoseconds it is ahead of a clock that was set back.
    ahead: i64,
}

impl Clock {
    /// Reads one clock between two readings of the other. The closest pair of several counts: between others this thread
    /// may have waited for a CPU, and all times would be off by that.
    pub(super) fn now() -> Self {
        let nanos = |id| {
            let time = clock_gettime(id);
            time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
        };
        let reading = |_| {
            let before = nanos(ClockId::Monotonic);
            let wall = nanos(ClockId::Realtime);
            let width = nanos(ClockId::Monotonic) - before;
            (width, wall.wrapping_sub(before + width / 2))
        };
        let closest = (0..CLOCK_READINGS).map(reading).min();
        Self {
            epoch: closest.unwrap_or_default().1,
            ahead: 0,
        }
    }

    /// Takes over that the clock was set forward, as after a suspend, or when a machine without a battery has asked a time
    /// server. When it was set back the times stay ahead: time never goes back for what comes after.
    pub(super) fn follow(&mut self) {
        let seconds = |nanos: i64| nanos as f64 / 1e9;
        match self.see(&Self::now()) {
            Some(by) if by > 0 => {
                log::info!(
                    "the clock was set forward by {:.1} s, and times with it",
                    seconds(by)
                );
            }
            Some(by) => log::warn!(
                "the clock was set back: times are {:.1} s ahead until it has caught up or the sensor is started again",
                seconds(-by)
            ),
            None => {}
        }
    }

    /// By how much the clock was set, when it was not told yet.
    fn see(&mut self, wall: &Self) -> Option<i64> {
        let by = wall.epoch.wrapping_sub(self.epoch).cast_signed();
        if by > SET {
            self.epoch = wall.epoch;
            self.ahead = 0;
            return Some(by);
        }
        let is_news = -by > SET && (by + self.ahead).abs() > SET;
        self.ahead = -by;
        is_news.then_some(by)
    }

    pub(super) fn wall_time(self) -> Timestamp {
        let time = clock_gettime(ClockId::Monotonic);
        Timestamp::from_nanos(
            (time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64).wrapping_add(self.epoch),
        )
    }

    /// A time that the kernel stamped; 0 stays 0.
    pub(super) fn to_wall_time(self, time: u64) -> u64 {
        if time == 0 {
            0
        } else {
            time.wrapping_add(self.epoch)
        }
    }

    pub(super) fn to_wall(self, counters: &FlowCounters) -> FlowCounters {
        let shift = |sent: &DirectionCounters| DirectionCounters {
            first: self.to_wall_time(sent.first),
            last: self.to_wall_time(sent.last),
            first_payload: self.to_wall_time(sent.first_payload),
            ..*sent
        };
        FlowCounters {
            low: shift(&counters.low),
            high: shift(&counters.high),
            noted: 0,
            ..*counters
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn set_to(seconds: u64) -> Clock {
        Clock {
            epoch: seconds * SECOND,
            ahead: 0,
        }
    }

    #[test]
    fn two_readings_agree() {
        assert_eq!(Clock::now().see(&Clock::now()), None);
    }

    #[test]
    fn a_clock_that_was_set_forward_is_followed() {
        let mut clock = set_to(100);
        assert_eq!(clock.see(&set_to(160)), Some(60 * SECOND as i64));
        assert_eq!(clock.to_wall_time(SECOND), 161 * SECOND);
        assert_eq!(clock.see(&set_to(160)), None);
    }

    #[test]
    fn time_does_not_go_back_with_the_clock_and_that_is_told_once() {
        let mut clock = set_to(100);
        assert_eq!(clock.see(&set_to(70)), Some(-30 * SECOND as i64));
        assert_eq!(clock.see(&set_to(70)), None);
        assert_eq!(clock.see(&set_to(60)), Some(-40 * SECOND as i64));
        assert_eq!(clock.to_wall_time(SECOND), 101 * SECOND);
        assert_eq!(clock.see(&set_to(100)), None);
        assert_eq!(clock.see(&set_to(70)), Some(-30 * SECOND as i64));
    }
}
