//! What a client did in the minutes before: the quiet minute of a scan is told by the loud one before it.

/// Minutes that are kept, the running one among them.
const KEPT: usize = 16;
/// Minutes before the row's own that count.
const COUNTED: u64 = 10;

/// What counts of a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Before {
    pub(super) requests: f32,
    /// Answers from 400 on.
    pub(super) errors: f32,
    pub(super) posts: f32,
    /// Requests with a character that no ordinary address has.
    pub(super) odd: f32,
    /// Minutes with a request.
    pub(super) minutes: f32,
}

/// A client's last minutes, each in the place that its number gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Past([(u64, Before); KEPT]);

impl Past {
    /// Adds to a minute; to none that is older than those kept.
    pub(super) fn add(&mut self, minute: u64, is_error: bool, is_post: bool, is_odd: bool) {
        let place = &mut self.0[minute as usize % KEPT];
        if place.0 > minute {
            return;
        }
        if place.0 < minute {
            *place = (minute, Before::default());
        }
        let amounts = &mut place.1;
        amounts.requests += 1.0;
        amounts.errors += f32::from(u8::from(is_error));
        amounts.posts += f32::from(u8::from(is_post));
        amounts.odd += f32::from(u8::from(is_odd));
    }

    /// The sum over the ten minutes before `minute`.
    pub(super) fn before(&self, minute: u64) -> Before {
        let mut sum = Before::default();
        for (number, amounts) in &self.0 {
            if *number < minute && *number + COUNTED >= minute && amounts.requests > 0.0 {
                sum.requests += amounts.requests;
                sum.errors += amounts.errors;
                sum.posts += amounts.posts;
                sum.odd += amounts.odd;
                sum.minutes += 1.0;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_before_count_and_the_running_one_does_not() {
        let mut past = Past::default();
        for minute in [89, 90, 99, 100] {
            past.add(minute, true, false, false);
        }
        let before = past.before(100);
        assert_eq!(
            (before.requests, before.errors, before.minutes),
            (2.0, 2.0, 2.0)
        );
    }

    #[test]
    fn a_late_line_counts_in_its_own_minute_while_that_is_kept() {
        let mut past = Past::default();
        past.add(100, false, false, false);
        past.add(95, false, true, true);
        past.add(84, false, true, true);
        let before = past.before(100);
        assert_eq!((before.requests, before.posts, before.odd), (1.0, 1.0, 1.0));
    }
}
