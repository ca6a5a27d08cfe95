//! Sums over stretches of time: by second, by minute, by hour, each so far back.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flow::Timestamp;

/// What happened in a stretch of time. Stretches without a packet are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Slice {
    /// Where it begins.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Packets, those in no flow too.
    pub packets: u64,
    /// Their frame bytes.
    pub bytes: u64,
    /// Flows that were judged for the first time.
    pub flows: u64,
    /// Of them, flows judged an attack.
    pub anomalous: u64,
    /// Alerts that began.
    pub alerts: u64,
    /// How unlike normal traffic its flows were: the mean over all judgements, 0 to 1.
    pub score: f64,
    /// Judgements that the mean is over.
    pub judgements: u64,
}

impl Slice {
    /// Adds another one to it.
    pub(super) fn add(&mut self, more: &Self) {
        let judgements = self.judgements + more.judgements;
        if judgements > 0 {
            let sum = self.score * self.judgements as f64 + more.score * more.judgements as f64;
            self.score = sum / judgements as f64;
        }
        self.judgements = judgements;
        self.packets += more.packets;
        self.bytes += more.bytes;
        self.flows += more.flows;
        self.anomalous += more.anomalous;
        self.alerts += more.alerts;
    }
}

/// The slices of late, all of one width.
#[derive(Debug)]
pub(super) struct Series {
    /// Nanoseconds of a slice.
    width: u64,
    most: usize,
    slices: VecDeque<Slice>,
}

impl Series {
    /// So many slices of so many seconds.
    pub(super) fn new(seconds: u64, most: usize) -> Self {
        Self {
            width: seconds * 1_000_000_000,
            most,
            slices: VecDeque::new(),
        }
    }

    /// Adds what happened to the slice of its time. Time does not go back.
    pub(super) fn add(&mut self, happened: &Slice) {
        let began = happened.time.as_nanos() / self.width * self.width;
        let time = Timestamp::from_nanos(began);
        match self.slices.back_mut() {
            Some(last) if last.time >= time => last.add(happened),
            _ => {
                if self.slices.len() >= self.most {
                    self.slices.pop_front();
                }
                let mut slice = Slice {
                    time,
                    ..Slice::default()
                };
                slice.add(happened);
                self.slices.push_back(slice);
            }
        }
    }

    pub(super) fn all(&self) -> Vec<Slice> {
        self.slices.iter().copied().collect()
    }

    pub(super) fn last(&self) -> Option<Slice> {
        self.slices.back().copied()
    }

    /// Puts slices of an earlier run before those of this one.
    pub(super) fn restore(&mut self, earlier: Vec<Slice>) {
        for slice in earlier.into_iter().rev() {
            let is_room = self.slices.len() < self.most;
            match self.slices.front_mut() {
                Some(first) if first.time == slice.time => first.add(&slice),
                Some(first) if first.time < slice.time => {}
                _ if is_room => self.slices.push_front(slice),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64, packets: u64, score: f64) -> Slice {
        Slice {
            time: Timestamp::from_nanos(second * 1_000_000_000),
            packets,
            score,
            judgements: 1,
            ..Slice::default()
        }
    }

    fn shown(series: &Series) -> Vec<(u64, u64)> {
        let slices = series.slices.iter();
        slices
            .map(|slice| (slice.time.as_nanos() / 1_000_000_000, slice.packets))
            .collect()
    }

    #[test]
    fn what_happens_in_a_slice_adds_up_and_the_oldest_slice_goes() {
        let mut series = Series::new(60, 2);
        for slice in [
            at(59, 1, 0.0),
            at(60, 2, 0.5),
            at(119, 3, 1.0),
            at(300, 4, 0.0),
        ] {
            series.add(&slice);
        }
        assert_eq!(shown(&series), [(60, 5), (300, 4)]);
        assert!((series.slices[0].score - 0.75).abs() < 1e-9);
    }

    #[test]
    fn an_earlier_run_stands_before_this_one() {
        let mut series = Series::new(3600, 3);
        series.add(&at(7300, 1, 0.0));
        series.restore(vec![at(0, 9, 0.0), at(3600, 2, 0.0), at(7200, 4, 0.0)]);
        assert_eq!(shown(&series), [(0, 9), (3600, 2), (7200, 5)]);
        series.restore(vec![at(0, 7, 0.0)]);
        assert_eq!(shown(&series)[0], (0, 16));
    }
}
