//! From lines of access logs to alerts: rows, verdicts, incidents. No I/O, no clock, no threads; it cannot fail.
//!
//! A row is a client's minute. It is judged whenever lines were added to it, so that an alert does not wait for the
//! minute's end, and its newest verdict takes the place of the earlier ones.

use std::time::Duration;

use super::JudgeStage;
use super::access_words::Words;
use crate::alert::{
    Alert, EvidenceSettings, IncidentSettings, Incidents, Interfaces, NearMiss, Verdict,
};
use crate::detect::Judges;
use crate::feature::Features;
use crate::feature::access::{AccessRows, MAX_ROWS, Request, RowKey};
use crate::flow::{Timestamp, Window};
use crate::model::Evidence;

/// Rows that may change before they are judged.
const BATCH: usize = MAX_ROWS / 4;

/// The way from lines to alerts.
#[derive(Debug)]
pub struct AccessStage {
    rows: AccessRows,
    judge: JudgeStage,
    words: Words,
    /// Time of the latest line.
    now: Timestamp,
    taken: Features,
    keys: Vec<RowKey>,
    verdicts: Vec<Verdict>,
}

/// How evidence of rows adds up. A row stands for a minute of a client and not for one flow of many, so few of them are
/// enough: a minute that surely is an attack counts 1, and more for each 100 requests (20 log-ins).
#[must_use]
pub fn access_settings(of_model: &Evidence) -> IncidentSettings {
    IncidentSettings {
        evidence: EvidenceSettings {
            bar: of_model.bar.unwrap_or(2.0),
            half_life: of_model
                .half_life
                .map_or(Duration::from_mins(5), Duration::from_secs_f64),
        },
        quiet: Duration::from_mins(5),
        update: Duration::from_secs(1),
    }
}

impl AccessStage {
    /// A stage that has seen nothing; `logs` says what the log of each number is called.
    #[must_use]
    pub fn new(judges: Judges, settings: IncidentSettings, logs: Interfaces) -> Self {
        Self {
            rows: AccessRows::default(),
            judge: JudgeStage::new(judges, Incidents::new(settings, logs)),
            words: Words::default(),
            now: Timestamp::default(),
            taken: Features::default(),
            keys: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Counts distinct things with this seed; without it, with one that is always the same.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.rows = AccessRows::seeded(seed);
        self
    }

    /// Alerts call the log with this number so.
    pub fn name_log(&mut self, log: u32, name: String) {
        self.judge
            .incidents_mut()
            .interfaces_mut()
            .insert(log, name);
    }

    /// Takes in a line of the log with this number.
    pub fn add(&mut self, log: u32, request: &Request<'_>) {
        self.now = self.now.max(request.at);
        self.rows.add(log, request);
    }

    /// Whether so many rows have changed that they have to be judged before more lines come.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows.changed() >= BATCH
    }

    /// Time of the latest line.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Judges the rows that have changed and returns the alerts that began, changed or ended until `now`, which is not
    /// before the latest line.
    pub fn step(&mut self, now: Timestamp) -> Vec<Alert> {
        let start = self.now.min(now);
        self.now = self.now.max(now);
        (self.taken, self.keys) = self.rows.take(self.now);
        let window = Window {
            start,
            end: self.now,
            ..Window::default()
        };
        let alerts = self
            .judge
            .step(&window, &self.taken, &Features::default(), &[]);
        self.verdicts.clear();
        let verdicts = self
            .judge
            .judgements()
            .iter()
            .map(|judgement| judgement.verdict);
        self.verdicts.extend(verdicts);
        for &(row, memory) in self.judge.incidents().memories() {
            self.rows
                .remember(&self.keys[row], memory, self.verdicts[row]);
        }
        self.words.all(alerts)
    }

    /// The rows that the last step judged, with the key and the verdict of each.
    pub fn judged(&self) -> impl Iterator<Item = (RowKey, &[f32], Verdict)> + '_ {
        let values = self.taken.rows.as_slice().unwrap_or_default();
        let width = self.taken.rows.ncols().max(1);
        let rows = self.keys.iter().zip(values.chunks(width));
        let rows = rows.zip(&self.verdicts);
        rows.map(|((key, values), verdict)| (*key, values, *verdict))
    }

    /// The rows that the last step judged.
    #[must_use]
    pub fn rows(&self) -> &Features {
        &self.taken
    }

    /// The cases that came nearest to an alert and raised none.
    #[must_use]
    pub fn near_misses(&self) -> Vec<NearMiss> {
        self.judge.incidents().near_misses()
    }

    /// Ends all incidents, as at the end of a log.
    pub fn end(&mut self) -> Vec<Alert> {
        let alerts = self.judge.end();
        self.words.all(alerts)
    }
}
