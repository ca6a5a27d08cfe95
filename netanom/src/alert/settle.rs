//! What becomes of cases that have reached the bar: alerts, parts of alerts that explain them, or part of the one alert
//! for what is over the budget.

use std::net::IpAddr;

use super::Rate;
use super::Severity;
use super::case::{Anchor, Case, Key};
use super::explained::Open;
use super::incident::Incidents;
use super::raised::Raised;
use crate::flow::Timestamp;

/// Incidents that are open at most; what comes then is told as more of the same.
const MAX_OPEN: usize = 1024;

impl Incidents {
    /// Makes alerts of the cases that have reached the bar, unless others explain them.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let mut hot = std::mem::take(&mut self.hot);
        let is_wide = |number: &u64| self.open.get(number).is_some_and(|open| open.key.is_wide());
        let evidence = |number: &u64| {
            let case = self.open.get(number).map(|open| &open.case);
            case.map_or(0.0, |case| {
                case.evidence.at(now, self.settings.evidence.half_life)
            })
        };
        // Wide ones first, as they absorb others; then the strongest.
        hot.sort_by(|a, b| {
            let by_scope = is_wide(b).cmp(&is_wide(a));
            by_scope.then(evidence(b).total_cmp(&evidence(a)))
        });
        for number in hot.drain(..) {
            let Some(open) = self.open.get(&number) else {
                continue;
            };
            if let Some(explaining) = self.explaining(open, now) {
                self.fold(number, explaining, now);
                continue;
            }
            let severity = open.case.severity(open.key.class);
            if self.open.len() <= MAX_OPEN && self.surge.allows(severity, now) {
                self.raise(number, now);
            } else {
                self.fold_into_rest(number, now);
            }
        }
        self.hot = hot;
        self.rename(now);
        self.release(now);
    }

    /// The alert that explains a case: one of a wider scope, or of a near class on the same hosts.
    fn explaining(&self, open: &Open, now: Timestamp) -> Option<u64> {
        let host = match open.key.anchor {
            Anchor::Source(ip) | Anchor::Target(ip) => Some(ip),
            _ => None,
        };
        let target = open.case.targets.host();
        let of_network = host.and_then(|ip| {
            let wider = open.key.wider(target.unwrap_or(ip));
            let numbers = wider.into_iter().flatten();
            let mut numbers = numbers.filter_map(|key| self.by_key.get(&key));
            numbers
                .find(|number| {
                    self.open
                        .get(number)
                        .is_some_and(|wide| wide.raised.is_some())
                })
                .copied()
        });
        of_network.or_else(|| {
            let mut others = self.open.iter();
            others
                .find(|(number, other)| **number != open.case.number && other.explains(open, now))
                .map(|(number, _)| *number)
        })
    }

    /// Adds a case to an alert that explains it; what else comes for it goes there, too.
    fn fold(&mut self, number: u64, into: u64, now: Timestamp) {
        let Some(open) = self.remove(number) else {
            return;
        };
        if let Some(alert) = self.open.get_mut(&into) {
            alert.case.merge(&open.case, now, &mut self.room);
            // A network's alert finds what belongs to it by itself.
            if !alert.key.is_wide() {
                self.by_key.insert(open.key, into);
            }
        }
    }

    /// Adds a case to the one alert for what is over the budget.
    fn fold_into_rest(&mut self, number: u64, now: Timestamp) {
        let Some(open) = self.remove(number) else {
            return;
        };
        let rest = match self.rest {
            Some(rest) => rest,
            None => {
                let key = Key {
                    anchor: Anchor::Rest,
                    service: 0,
                    ..open.key
                };
                self.cases += 1;
                let rest = self.cases;
                let mut case = Case::default();
                case.number = rest;
                self.open.insert(
                    rest,
                    Open {
                        key,
                        case,
                        raised: None,
                    },
                );
                self.rest = Some(rest);
                self.raise(rest, now);
                rest
            }
        };
        if let Some(alert) = self.open.get_mut(&rest) {
            alert.case.merge(&open.case, now, &mut self.room);
            if let Some(class) = alert.case.likeliest() {
                alert.key.class = class;
            }
        }
    }

    fn raise(&mut self, number: u64, now: Timestamp) {
        let Some(open) = self.open.get_mut(&number) else {
            return;
        };
        self.raised += 1;
        let begun = match open.case.first_seen {
            // Of what is over the budget, which begins empty.
            none if none == Timestamp::default() => now,
            first_seen => first_seen,
        };
        open.raised = Some(Raised {
            id: format!("{:x}-{}", begun.as_nanos() / 1000, self.raised),
            at: now,
            told: (Timestamp::default(), 0, 0),
            explanation: Vec::new(),
            began: None,
            rate: Rate::default(),
            is_absorbed: false,
        });
        let (key, anchor) = (open.key, open.key.anchor);
        let (Anchor::Sources(prefix) | Anchor::Targets(prefix)) = anchor else {
            return;
        };
        // What a network explains was its hosts' before, or that of networks in it.
        let absorbed: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, other)| {
                let is_inside = match (other.key.anchor, anchor) {
                    (Anchor::Source(host), Anchor::Sources(_))
                    | (Anchor::Target(host), Anchor::Targets(_)) => prefix.contains(host),
                    (Anchor::Targets(inner), Anchor::Targets(_)) => prefix.is_around(&inner),
                    _ => false,
                };
                is_inside
                    && other.raised.is_some()
                    && Key {
                        anchor,
                        ..other.key
                    } == key
                    && other.case.severity(key.class) < Severity::High
            })
            .map(|(number, _)| *number)
            .collect();
        for other in absorbed {
            let Some(absorbed) = self.open.get_mut(&other) else {
                continue;
            };
            if let Some(raised) = &mut absorbed.raised {
                raised.is_absorbed = true;
            }
            let case = absorbed.case.clone();
            if let Some(open) = self.open.get_mut(&number) {
                open.case.merge(&case, now, &mut self.room);
            }
        }
    }

    /// Gives young alerts the name that most of their evidence is of.
    fn rename(&mut self, now: Timestamp) {
        let renamed: Vec<_> = self
            .open
            .iter()
            .filter_map(|(number, open)| Some((*number, open.better_name(now)?)))
            .collect();
        for (number, class) in renamed {
            let Some(open) = self.open.get_mut(&number) else {
                continue;
            };
            let (old, case) = (open.key, &open.case);
            let hosts = (case.sources.host(), case.targets.host());
            let unknown = IpAddr::from([0, 0, 0, 0]);
            let key = Key::of(
                class,
                old.interface,
                hosts.0.unwrap_or(unknown),
                hosts.1.unwrap_or(unknown),
                case.targets.port().unwrap_or_default(),
            );
            let is_unknown =
                matches!(key.anchor, Anchor::Source(ip) | Anchor::Target(ip) if ip == unknown);
            let is_taken = self.by_key.get(&key).is_some_and(|other| *other != number);
            if is_unknown || is_taken {
                continue;
            }
            open.key = key;
            // Explained again from the next row on, for the new name.
            if let Some(raised) = &mut open.raised {
                raised.told.0 = Timestamp::default();
            }
            self.by_key.insert(key, number);
        }
    }

    /// Lets go of classes that an alert explained and that have outgrown it.
    fn release(&mut self, now: Timestamp) {
        let open = &self.open;
        self.by_key.retain(|key, number| {
            open.get(number).is_some_and(|alert| {
                key.class == alert.key.class
                    || alert.still_explains(key.class, alert.case.recent(key.class), now)
            })
        });
    }
}
