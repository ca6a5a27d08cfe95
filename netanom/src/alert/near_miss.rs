//! Cases that came nearest to an alert and raised none: what a replay says beside its alerts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Class;
use crate::flow::Timestamp;

/// How many are told.
const TOLD: usize = 3;
/// Less of the bar than this is nothing worth telling.
const WORTH_TELLING: f64 = 0.25;

/// A case that has stayed below the bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NearMiss {
    /// Whom it is about: an address, a prefix.
    pub subject: String,
    /// What it looked like.
    pub class: Class,
    /// The most evidence that it had.
    pub evidence: f64,
    /// What an alert needs.
    pub needed: f64,
    /// Its flows.
    pub flows: u64,
    /// First packet.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Last packet.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
}

/// The strongest near misses, each of a case of its own.
#[derive(Debug, Default)]
pub(super) struct NearMisses(Vec<(u64, NearMiss)>);

impl NearMisses {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a case with so much evidence is among the strongest.
    pub(super) fn is_worth(&self, evidence: f64, needed: f64) -> bool {
        evidence >= WORTH_TELLING * needed
            && (self.0.len() < TOLD || self.0.iter().any(|(_, known)| known.evidence < evidence))
    }

    /// Takes in what the case with this number has reached.
    pub(super) fn take(&mut self, case: u64, miss: NearMiss) {
        match self.0.iter_mut().find(|(number, _)| *number == case) {
            Some((_, known)) if known.evidence <= miss.evidence => *known = miss,
            Some(_) => {}
            None => self.0.push((case, miss)),
        }
        self.0
            .sort_by(|(_, a), (_, b)| b.evidence.total_cmp(&a.evidence));
        self.0.truncate(TOLD);
    }

    /// Forgets a case that was raised after all.
    pub(super) fn forget(&mut self, case: u64) {
        self.0.retain(|(number, _)| *number != case);
    }

    pub(super) fn all(&self) -> Vec<NearMiss> {
        self.0.iter().map(|(_, miss)| miss.clone()).collect()
    }
}
