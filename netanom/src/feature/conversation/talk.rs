//! Statistics over the flows of a conversation.

use super::member::{Deed, Member, Number};
use crate::flow::Timestamp;

/// Forward packets with payload, and seconds, from which a flow was a session.
const SESSION: (f32, f32) = (10.0, 5.0);

/// The flows of a conversation that still count, in the order in which they began, as they are at `now`.
#[derive(Debug)]
pub(super) struct Talk<'a> {
    pub(super) members: &'a [Member],
    pub(super) now: Timestamp,
    /// Flows so far, fading.
    pub(super) flows: f32,
}

impl Talk<'_> {
    fn count(&self) -> f32 {
        self.members.len().max(1) as f32
    }

    fn values(&self, number: Number) -> impl Iterator<Item = f32> {
        self.members
            .iter()
            .map(move |member| member.number(number, self.now))
    }

    pub(super) fn share(&self, deed: Deed) -> f32 {
        let holds = self.members.iter().filter(|member| member.did(deed));
        holds.count() as f32 / self.count()
    }

    pub(super) fn median(&self, number: Number) -> f32 {
        median(self.values(number).collect())
    }

    pub(super) fn most(&self, number: Number) -> f32 {
        self.values(number).fold(0.0, f32::max)
    }

    pub(super) fn variation(&self, number: Number) -> f32 {
        variation(self.values(number))
    }

    /// Share of the members within `near` of the value that most are near to.
    pub(super) fn commonest(&self, number: Number, near: f32) -> f32 {
        let mut values: Vec<f32> = self.values(number).collect();
        values.sort_by(f32::total_cmp);
        let mut most = 0;
        let mut first = 0;
        for last in 0..values.len() {
            while values[last] - values[first] > near {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most as f32 / self.count()
    }

    pub(super) fn distinct(&self, number: Number) -> f32 {
        let mut values: Vec<f32> = self.values(number).collect();
        values.sort_by(f32::total_cmp);
        values.dedup();
        values.len() as f32 / self.count()
    }

    /// Share of the members that are like the one before in bytes and packets of payload.
    pub(super) fn copies(&self, payload: Number, packets: Number) -> f32 {
        let is_near = |number, near: f32, pair: &[Member]| {
            (pair[0].number(number, self.now) - pair[1].number(number, self.now)).abs() <= near
        };
        let pairs = self.members.windows(2);
        let alike = pairs.filter(|pair| is_near(payload, 8.0, pair) && is_near(packets, 1.0, pair));
        alike.count() as f32 / (self.count() - 1.0).max(1.0)
    }

    fn start_gaps(&self) -> impl Iterator<Item = f32> {
        let pairs = self.members.windows(2);
        pairs.map(|pair| pair[1].first.since(pair[0].first).as_secs_f32())
    }

    /// Median and variation of the time between two beginnings.
    pub(super) fn gaps(&self) -> (f32, f32) {
        (
            median(self.start_gaps().collect()),
            variation(self.start_gaps()),
        )
    }

    /// Seconds from the first beginning to the last.
    fn span(&self) -> f32 {
        match (self.members.first(), self.members.last()) {
            (Some(first), Some(last)) => last.first.since(first.first).as_secs_f32(),
            _ => 0.0,
        }
    }

    pub(super) fn flow_rate(&self) -> f32 {
        (self.count() - 1.0) / self.span().max(0.001)
    }

    pub(super) fn pause(&self) -> f32 {
        let pairs = self.members.windows(2);
        median(
            pairs
                .map(|pair| pair[1].first.since(pair[0].last).as_secs_f32())
                .collect(),
        )
    }

    pub(super) fn open_at_once(&self) -> f32 {
        let (Some(first), Some(last)) = (
            self.members.first(),
            self.members.iter().map(|member| member.last).max(),
        ) else {
            return 0.0;
        };
        let open: f32 = self.values(Number::Duration).sum();
        open / last.since(first.first).as_secs_f32().max(0.001)
    }

    pub(super) fn lasted(&self) -> f32 {
        let (packets, seconds) = SESSION;
        let sessions = self.members.iter().filter(|member| {
            member.number(Number::PayloadPacketsFwd, self.now) >= packets
                && member.number(Number::Duration, self.now) >= seconds
        });
        sessions.count() as f32 / self.count()
    }

    /// 1 where nothing was answered in one of the halves.
    pub(super) fn answer_slowing(&self) -> f32 {
        let (earlier, later) = self.members.split_at(self.members.len() / 2);
        let of = |members: &[Member]| {
            let answered = members.iter().filter(|member| member.did(Deed::Answered));
            median(
                answered
                    .map(|member| member.number(Number::FirstPayloadBwd, self.now))
                    .collect(),
            )
        };
        let (earlier, later) = (of(earlier), of(later));
        if earlier > 0.0 && later > 0.0 {
            (later / earlier).min(1000.0)
        } else {
            1.0
        }
    }
}

/// 0 of nothing.
fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Standard deviation over mean; 0 where the mean is.
fn variation(values: impl Iterator<Item = f32>) -> f32 {
    let (mut count, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    for value in values {
        let value = f64::from(value);
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    if sum <= 0.0 {
        return 0.0;
    }
    let mean = sum / count;
    ((squares / count - mean * mean).max(0.0).sqrt() / mean) as f32
}
